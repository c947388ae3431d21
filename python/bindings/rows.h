// A design matrix as arrays.
#pragma once

#include "snnp/design.h"
#include "structures.h"

namespace snnp::bindings {

/// Zeros at first: energies (structures, columns), virials (structures, 6, columns), forces (atoms, 3, columns).
struct Rows {
  Numbers energies, virials, forces;

  Rows(const Structures &s, py::ssize_t columns)
      : energies(zeros({s.n_structures(), columns})), virials(zeros({s.n_structures(), 6, columns})),
        forces(zeros({s.n_atoms(), 3, columns}))
  {
  }
  DesignMatrix matrix()
  {
    return {energies.mutable_data(), virials.mutable_data(), forces.mutable_data(), energies.shape(1)};
  }
};

}  // namespace snnp::bindings
