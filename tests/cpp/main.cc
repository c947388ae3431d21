#include <exception>

#include "check.h"

int main()
{
  if (testing::tests().empty()) testing::fail(__FILE__, __LINE__, "there are no tests");
  for (const testing::Test &test : testing::tests()) {
    const int before = testing::failures();
    try {
      test.run();
    } catch (const std::exception &error) {
      testing::fail(__FILE__, __LINE__, std::string("unexpected exception: ") + error.what());
    }
    std::cout << (testing::failures() == before ? "passed  " : "FAILED  ") << test.name << '\n';
  }
  return testing::failures() == 0 ? 0 : 1;
}
