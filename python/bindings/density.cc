#include "snnp/density.h"

#include "bindings.h"
#include "knots.h"
#include "long_call.h"
#include "rows.h"

namespace snnp::bindings {

namespace {

struct Density {
  DensityModel model;

  Density(int elements, const Knots &pair, const Knots &rho, const Knots &radial, const Knots &angles,
          const Knots &embedding, std::array<int, 3> functions)
  {
    model.elements = elements;
    set_bases(model, model.angle, pair, radial, angles, "angle_knots");
    model.rho = make_bases(rho, model.pair.size(), "rho_knots", ordered_pair);
    model.embedding = make_bases(embedding, elements, "embedding_knots", "element");
    model.pair_functions = functions[0];
    model.rho_functions = functions[1];
    model.radial_functions = functions[2];
    check_functions(functions[0], model.pair, "pairs");
    check_functions(functions[1], model.rho, "densities");
    if (!model.radial.empty()) check_functions(functions[2], model.radial, "radial functions");
  }

  py::tuple rows(const Structures &s, const Numbers &coefficients, int threads) const
  {
    const double *x = checked(coefficients, {model.columns()}, "coefficients");
    Rows rows(s, model.columns() + model.elements);
    Numbers densities = zeros({s.n_atoms()});
    const Batch batch = s.batch(model.elements, threads);
    const DesignMatrix matrix = rows.matrix();
    double *n = densities.mutable_data();
    long_call([&] { density_rows(model, x, batch, matrix, n); });
    return py::make_tuple(rows.energies, rows.virials, rows.forces, densities);
  }
};

}  // namespace

void bind_density(py::module_ &m)
{
  py::class_<Density>(
      m, "Density",
      "EAM and s-MEAM, made linear in small changes of all coefficients:\n"
      "E_i = ½ Σ_j φ(r_ij) + U(n_i) − U(0), n_i = Σ_j ρ(r_ij) + Σ_{j<k} f(r_ij) f(r_ik) g(cos θ_jik)\n"
      "(Lenosky et al., Model. Simul. Mater. Sci. Eng. 8, 825, 2000). Coefficients stand in the order φ (by unordered "
      "pair), ρ, f (by ordered pair), g (by centre and unordered pair), U (by element).\n\n"
      "elements: their number.\n"
      "pair_knots, rho_knots, radial_knots: one increasing sequence per ordered pair of elements, Å; no radial_knots: "
      "no "
      "three-body term.\n"
      "angle_knots: one per centre and unordered pair of neighbours, cosines.\n"
      "embedding_knots: one per element, densities.\n"
      "functions: how many of the B-splines of φ, ρ and f are in use; those left out are fixed at 0.\n\n"
      "Raises Error for numbers that contradict each other.")
      .def(py::init<int, const Knots &, const Knots &, const Knots &, const Knots &, const Knots &,
                    std::array<int, 3>>(),
           py::arg("elements"), py::arg("pair_knots"), py::arg("rho_knots"), py::arg("radial_knots"),
           py::arg("angle_knots"), py::arg("embedding_knots"), py::arg("functions"))
      .def_property_readonly(
          "columns", [](const Density &d) { return d.model.columns(); }, "Number of coefficients.")
      .def(
          "rows", &Density::rows, py::arg("structures"), py::arg("coefficients"), py::arg("threads"),
          "Energies, virials and forces per unit change of each coefficient, and densities.\n\n"
          "coefficients: (columns,); those of φ and U in eV.\n"
          "Returns energies (structures, c), virials (structures, 6, c; xx yy zz xy xz yz), forces (atoms, 3, c; 1/Å), "
          "where c is columns + elements and the last columns stay 0, and densities (atoms,).");
}

}  // namespace snnp::bindings
