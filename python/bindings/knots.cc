#include "knots.h"

#include <cmath>

namespace snnp::bindings {

void check_knots(const Knots &knots, std::size_t count, const std::string &name, const char *combination)
{
  require(knots.size() == count, name + ": expected " + std::to_string(count) + " sequences, one per " + combination +
                                     ", found " + std::to_string(knots.size()));
  for (const std::vector<double> &k : knots) {
    require(k.size() >= 2, name + ": expected at least 2");
    bool increase = std::isfinite(k.front()) && std::isfinite(k.back());
    for (std::size_t n = 1; n < k.size(); ++n) increase = increase && k[n - 1] < k[n];
    require(increase, name + ": expected finite numbers that increase");
  }
}

std::vector<BSplines> make_bases(const Knots &knots, std::size_t count, const std::string &name,
                                 const char *combination)
{
  check_knots(knots, count, name, combination);
  std::vector<BSplines> bases;
  for (const std::vector<double> &k : knots) {
    require(k.size() == knots[0].size(), name + ": expected as many for all elements");
    bases.emplace_back(k);
  }
  return bases;
}

void check_functions(int count, const std::vector<BSplines> &bases, const char *name)
{
  const int most = bases.empty() ? 0 : bases[0].functions();
  require(0 <= count && count <= most, std::string("functions: expected 0 to ") + std::to_string(most) + " of " + name +
                                           ", found " + std::to_string(count));
}

}  // namespace snnp::bindings
