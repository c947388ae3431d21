// A test framework in one page: TEST(name) { CHECK(…); } registers itself; main.cc runs all tests of a program.
#pragma once

#include <cmath>
#include <iostream>
#include <string>
#include <vector>

namespace testing {

struct Test {
  const char *name;
  void (*run)();
};

inline std::vector<Test> &tests()
{
  static std::vector<Test> all;
  return all;
}

inline int &failures()
{
  static int count = 0;
  return count;
}

inline void fail(const char *file, int line, const std::string &what)
{
  ++failures();
  std::cerr << file << ':' << line << ": " << what << '\n';
}

inline void check_near(double a, double b, double tolerance, const char *what, const char *file, int line)
{
  // Written so that a NaN fails.
  if (!(std::abs(a - b) <= tolerance)) {
    std::cerr.precision(17);
    std::cerr << a << " and " << b << " differ by more than " << tolerance << '\n';
    fail(file, line, what);
  }
}

/// The text of the exception that `work` throws, or nothing.
template <class Exception, class Work> std::string message(Work work)
{
  try {
    work();
  } catch (const Exception &error) {
    return error.what();
  }
  return "";
}

}  // namespace testing

#define TEST(name)                              \
  static void name();                           \
  static const bool name##_is_registered = [] { \
    testing::tests().push_back({#name, name});  \
    return true;                                \
  }();                                          \
  static void name()

#define CHECK(condition) ((condition) ? void() : testing::fail(__FILE__, __LINE__, #condition))
#define CHECK_NEAR(a, b, tolerance) testing::check_near(a, b, tolerance, #a " = " #b, __FILE__, __LINE__)
