#include "snnp/design.h"

#include "bindings.h"
#include "knots.h"
#include "long_call.h"
#include "rows.h"

namespace snnp::bindings {

namespace {

using Integers = py::array_t<long, py::array::c_style>;

struct Design {
  Basis basis;
  long columns;

  Design(int elements, const Knots &pair, const Knots &radial, const Knots &third, bool distance,
         std::array<int, 2> functions, const Integers &column_ranges, long columns)
      : columns(columns)
  {
    basis.elements = elements;
    set_bases(basis, basis.third, pair, radial, third, "third_knots");
    basis.coordinate = distance ? ThirdCoordinate::distance : ThirdCoordinate::cosine;
    basis.pair_functions = functions[0];
    basis.radial_functions = functions[1];
    check_functions(functions[0], basis.pair, "pairs");
    check_functions(functions[1], basis.radial, "radial functions");
    set_column_ranges(column_ranges);
    require(columns >= static_cast<long>(elements) * (elements + 1) / 2 * functions[0], "columns: expected more");
  }

  void set_column_ranges(const Integers &column_ranges)
  {
    const py::ssize_t kinds = basis.third.size(), n = basis.radial_functions;
    const long *s = checked(column_ranges, {kinds, n, n, 3}, "column_ranges");
    const long most = basis.third.empty() ? 0 : basis.third[0].functions();
    for (const long *end = s + column_ranges.size(); s != end; s += 3) {
      const bool none = s[1] >= s[2];
      require(none || (0 <= s[1] && s[2] <= most && 0 <= s[0] + s[1] && s[0] + s[2] <= columns),
              "column_ranges: column out of range");
      basis.column_ranges.push_back(none ? ColumnRange{0, 0, 0}
                                         : ColumnRange{s[0], static_cast<int>(s[1]), static_cast<int>(s[2])});
    }
  }

  py::tuple rows(const Structures &s, int threads) const
  {
    Rows rows(s, columns);
    const Batch batch = s.batch(basis.elements, threads);
    const DesignMatrix matrix = rows.matrix();
    long_call([&] { design_rows(basis, batch, matrix); });
    return py::make_tuple(rows.energies, rows.virials, rows.forces);
  }
};

}  // namespace

void bind_design(py::module_ &m)
{
  py::class_<Design>(
      m, "Design",
      "Design matrix of a linear model: a pair spline and a tensor-product three-body spline,\n"
      "E = Σ_i [½ Σ_j Σ_a x_a B_a(r_ij) + Σ_{j<k} Σ_abc y_abc B_a(r_ij) B_b(r_ik) C_c(t)],\n"
      "where t is r_jk (UF3: Xie, Rupp and Hennig, npj Comput. Mater. 9, 162, 2023) or cos θ_jik.\n\n"
      "elements: their number E.\n"
      "pair_knots, radial_knots: one increasing sequence per ordered pair of elements, Å; no radial_knots: no "
      "three-body "
      "term.\n"
      "third_knots: one per centre and unordered pair of neighbours, Å or cosines.\n"
      "distance: whether t is r_jk.\n"
      "functions: how many of the B-splines of a pair and of a radial function are in use; those left out are fixed at "
      "0.\n"
      "column_ranges: (kinds of triplets, radial functions, radial functions, 3); coefficients of c = begin … end − 1 "
      "stand at the columns first + c: (first, begin, end).\n"
      "columns: number of columns of the matrix; those after the coefficients stay 0.\n\n"
      "Raises Error for numbers that contradict each other.")
      .def(py::init<int, const Knots &, const Knots &, const Knots &, bool, std::array<int, 2>, const Integers &,
                    long>(),
           py::arg("elements"), py::arg("pair_knots"), py::arg("radial_knots"), py::arg("third_knots"),
           py::arg("distance"), py::arg("functions"), py::arg("column_ranges"), py::arg("columns"))
      .def(
          "rows", &Design::rows, py::arg("structures"), py::arg("threads"),
          "Energies, virials and forces per unit of each coefficient.\n\n"
          "Returns energies (structures, columns), virials (structures, 6, columns; xx yy zz xy xz yz), forces (atoms, "
          "3, columns; 1/Å).");
}

}  // namespace snnp::bindings
