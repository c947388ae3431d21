// Knots as they come from Python: one sequence for each combination of elements.
#pragma once

#include <pybind11/stl.h>

#include <string>
#include <vector>

#include "arrays.h"
#include "snnp/basis.h"

namespace snnp::bindings {

using Knots = std::vector<std::vector<double>>;

/// Raises Error if there are not `count` sequences of at least 2 finite, increasing knots.
void check_knots(const Knots &knots, std::size_t count, const std::string &name, const char *combination);

/// The bases of as many knots as `check_knots` demands, all of one length.
std::vector<BSplines> make_bases(const Knots &knots, std::size_t count, const std::string &name,
                                 const char *combination);

/// Raises Error unless 0 ≤ count ≤ functions of the bases.
void check_functions(int count, const std::vector<BSplines> &bases, const char *name);

// What a combination of elements is called in messages.
constexpr const char *ordered_pair = "ordered pair of elements";
constexpr const char *angle = "centre and unordered pair of neighbours";

/// Pair, radial and third (angle) bases of a model; without three-body terms there is no third.
template <class Model>
void set_bases(Model &model, std::vector<BSplines> &third, const Knots &pair, const Knots &radial,
               const Knots &third_knots, const char *third_name)
{
  require(model.elements > 0, "elements: expected a positive number");
  const std::size_t E = model.elements;
  model.pair = make_bases(pair, E * E, "pair_knots", ordered_pair);
  model.radial = make_bases(radial, radial.empty() ? 0 : E * E, "radial_knots", ordered_pair);
  third = make_bases(third_knots, radial.empty() ? 0 : E * E * (E + 1) / 2, third_name, angle);
}

}  // namespace snnp::bindings
