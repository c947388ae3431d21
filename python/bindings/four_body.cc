#include "snnp/training_four_body.h"

#include <mutex>

#include "bindings.h"
#include "copies.h"
#include "long_call.h"
#include "rows.h"
#include "structures.h"

#include <pybind11/stl.h>

namespace snnp::bindings {

namespace {

void check_all(const std::vector<FourBody> &terms)
{
  require(!terms.empty(), "terms: expected those of each element");
  for (const FourBody &t : terms) check_four_body(t, static_cast<int>(terms.size()), "four-body terms");
}

class TrainedFourBody {
 public:
  Numbers values(const std::vector<FourBody> &terms, const Structures &structures, int threads)
  {
    check_all(terms);
    const Batch batch = structures.batch(static_cast<int>(terms.size()), threads);
    Numbers energies = zeros({structures.n_atoms()});
    double *to = energies.mutable_data();
    long_call([&] {
      const std::lock_guard<std::mutex> lock(mutex_);
      sizes_ = {};  // in case that this fails
      batch_.values(terms, batch, to);
      sizes_ = {structures.n_atoms(), structures.n_structures(), 0};
      for (const FourBody &t : terms) sizes_.coefficients += static_cast<int>(t.coefficients.size());
    });
    return energies;
  }

  py::tuple forces()
  {
    const Sizes sizes = sizes_of_batch();
    Numbers F = zeros({sizes.atoms, 3}), W = zeros({sizes.structures, 3, 3});
    double *f = F.mutable_data(), *w = W.mutable_data();
    with_batch(sizes, [&] { batch_.forces(f, w); });
    return py::make_tuple(F, W);
  }

  Numbers gradient(const Numbers &weights, const Numbers &atoms, const Numbers &strains)
  {
    const Sizes sizes = sizes_of_batch();
    const double *w = checked(weights, {sizes.atoms}, "weights");
    const Movement along{checked(atoms, {sizes.atoms, 3}, "movement"),
                         checked(strains, {sizes.structures, 3, 3}, "strains")};
    Numbers sums = zeros({sizes.coefficients});
    double *to = sums.mutable_data();
    with_batch(sizes, [&] { batch_.gradient(w, along, to); });
    return sums;
  }

 private:
  struct Sizes {
    int atoms = -1, structures = 0, coefficients = 0;
    bool operator==(const Sizes &other) const { return atoms == other.atoms && structures == other.structures; }
  };
  std::mutex mutex_;
  BatchFourBody batch_;
  Sizes sizes_;  // of the last `values`

  Sizes sizes_of_batch() const
  {
    require(sizes_.atoms >= 0, "FourBodyTrainer: expected a call of `values` before");
    return sizes_;
  }

  template <class Call> void with_batch(const Sizes &sizes, Call call)
  {
    long_call([&] {
      const std::lock_guard<std::mutex> lock(mutex_);
      require(sizes == sizes_, "FourBodyTrainer: `values` was called by another thread meanwhile");
      call();
    });
  }
};

py::tuple rows(const std::vector<FourBody> &terms, const Structures &s, int columns, int threads)
{
  check_all(terms);
  Rows rows(s, columns);
  const Batch batch = s.batch(static_cast<int>(terms.size()), threads);
  const DesignMatrix matrix = rows.matrix();
  long_call([&] { four_body_rows(terms, batch, matrix); });
  return py::make_tuple(rows.energies, rows.virials, rows.forces);
}

}  // namespace

void bind_four_body(py::module_ &m)
{
  py::class_<FourBody> terms(
      m, "FourBody",
      "The four-body terms of atoms of one element (R. Drautz, Phys. Rev. B 99, 014104 (2019)):\n"
      "E4 = S tanh(c·B / S), B = Σ_mm'm'' ⟨Y_lm Y_l'm' Y_l''m''⟩ A_αlm A_α'l'm' A_α''l''m'',\n"
      "A_αlm = Σ_j w_kβ(j) R_n(r_ij) Y_lm(r̂_ij), α = k · radial + n, R_n(r) = T_n(x) (1 − u²/cutoff²)², x linear in "
      "1/(1 + 2 u/cutoff); u is r, but below `outer` it falls less, and below `inner` not at all.");
  terms.def(py::init<>())
      .def_readwrite("degree", &FourBody::degree, "Largest l.")
      .def_readwrite("radial", &FourBody::radial, "Number of R_n; 0: there are no four-body terms.")
      .def_readwrite("mixtures", &FourBody::mixtures, "Number of mixtures w_k of elements.")
      .def_readwrite("inner", &FourBody::inner, "Distance below which R_n are constant, Å.")
      .def_readwrite("outer", &FourBody::outer, "Distance below which R_n begin to be constant, Å.")
      .def_readwrite("cutoff", &FourBody::cutoff, "Distance at which R_n end, Å.")
      .def_readwrite("bound", &FourBody::bound, "S, what |E4| is less than, eV.")
      .def_readwrite("weights", &FourBody::weights, "w: (mixtures · elements,), those of one mixture after the other.")
      .def_readwrite("coefficients", &FourBody::coefficients, "c, eV, (four_body_count(degree, radial · mixtures),).");
  copied(terms);
  pickled(terms, &FourBody::degree, &FourBody::radial, &FourBody::mixtures, &FourBody::inner, &FourBody::outer,
          &FourBody::cutoff, &FourBody::bound, &FourBody::weights, &FourBody::coefficients);
  m.def("four_body_count", &four_body_count, py::arg("degree"), py::arg("channels"),
        "Number of invariants B with l ≤ degree of so many channels.");
  m.def(
      "four_body_rows", &rows, py::arg("terms"), py::arg("structures"), py::arg("columns"), py::arg("threads"),
      "Energies, virials and forces of four-body terms without a bound, per unit of each coefficient.\n\n"
      "terms: by element; some may be empty.\n"
      "columns: number of columns; those after the coefficients of all elements stay 0.\n"
      "Returns energies (structures, columns), virials (structures, 6, columns; xx yy zz xy xz yz), forces (atoms, 3, "
      "columns; 1/Å). Raises Error for terms that break a rule.");
  py::class_<TrainedFourBody>(m, "FourBodyTrainer", "Four-body terms as a fit sees them, of one batch at a time.")
      .def(py::init<>())
      .def("values", &TrainedFourBody::values, py::arg("terms"), py::arg("structures"), py::arg("threads"),
           "E4 of all atoms, (atoms,), eV. The methods below are for these structures and terms.\n\n"
           "terms: by element; some may be empty. Raises Error for terms that break a rule.")
      .def("forces", &TrainedFourBody::forces,
           "Forces (atoms, 3; eV/Å) and virials (structures, 3, 3; Σ r_ij ⊗ F_j, eV). Raises Error before `values`.")
      .def("gradient", &TrainedFourBody::gradient, py::arg("weights"), py::arg("movement"), py::arg("strains"),
           "Derivatives of Σ_i (w_i E4_i + Ė4_i) by the coefficients of all elements, one element after the other.\n\n"
           "weights: (atoms,); w.\n"
           "movement: (atoms, 3); v, Å, and strains: (structures, 3, 3); ε: Ė4 is ∂E4/∂r · (v_j − v_i + ε r_ij).\n"
           "Raises Error before `values`.");
}

}  // namespace snnp::bindings
