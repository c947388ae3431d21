// The domain of the training data, as far as a potential file tells it.
#pragma once

#include <vector>

#include "snnp/potential.h"

namespace snnp {

/// Tells atoms in surroundings like those of the training data from atoms that are extrapolated to.
class Domain {
 public:
  Domain() = default;
  /// Of the data that the potential was fitted to, with a margin for rounding.
  explicit Domain(const Potential &potential);

  /// In what way an atom is outside; the sum of those that apply, 0 for an atom inside. With a file that does not say
  /// how far its data went no atom is outside.
  enum {
    close = 1,   ///< a neighbour is closer than the training data have two atoms of these elements
    filter = 2,  ///< a filter value is beyond those in the training data
    energy = 4,  ///< no atom in the training data with about as many neighbours has about this energy
  };

  /// A distance between atoms of these elements that is shorter is outside, Å.
  double shortest(int a, int b) const { return shortest_[a * elements_ + b]; }
  /// A filter value below or above these, n2 + n3 numbers each, is outside.
  const double *lowest(int element) const { return lowest_.data() + element * filters_; }
  const double *highest(int element) const { return highest_.data() + element * filters_; }
  /// For numbers of neighbours from 0 on: E_i - e0 below the first or above the second is outside, eV.
  struct Energies {
    std::vector<double> lowest, highest;
  };
  /// Numbers of neighbours beyond the last are outside, too, unless there are none at all: then nothing is known.
  const Energies &energies(int element) const { return energies_[element]; }

 private:
  int elements_ = 0, filters_ = 0;
  std::vector<Energies> energies_;
  std::vector<double> shortest_;          // element × element, Å
  std::vector<double> lowest_, highest_;  // element × filter
};

}  // namespace snnp
