// A potential as Python holds it.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "snnp/potential.h"

namespace snnp::bindings {

/// A potential that can be edited: its elements and pairs are objects that Python may keep, whatever happens to the
/// potential. The engine works with a `value()` that nobody else has.
struct EditablePotential {
  std::string comment;
  int n2 = 0, n3 = 0;
  std::vector<std::shared_ptr<Element>> elements;
  std::vector<std::shared_ptr<Pair>> pairs;
  std::vector<Spline> rho, f, g;
  std::vector<Tensor> V;

  EditablePotential() = default;
  EditablePotential(const Potential &potential);
  EditablePotential(const EditablePotential &other) : EditablePotential(other.value()) {}
  EditablePotential &operator=(EditablePotential &&) = default;
  Potential value() const;
};

}  // namespace snnp::bindings
