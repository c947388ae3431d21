#include "snnp/training.h"

#include <memory>
#include <mutex>

#include "bindings.h"
#include "knots.h"
#include "long_call.h"
#include "structures.h"

namespace snnp::bindings {

namespace {

constexpr int max_filters = 10000;  // as in potential files

// One array of coefficients (intervals, 4, columns) per table.
using Coefficients = std::vector<Numbers>;

std::vector<Table> make_tables(const Knots &knots, std::size_t count, int columns, const char *name,
                               const char *combination)
{
  check_knots(knots, count, name, combination);
  std::vector<Table> tables;
  for (const auto &k : knots) tables.emplace_back(Grid(k), columns);
  return tables;
}

void set_tables(std::vector<Table> &tables, const Coefficients &coefficients, const char *name)
{
  require(tables.size() == coefficients.size(), std::string(name) + ": expected " + std::to_string(tables.size()) +
                                                    " arrays, found " + std::to_string(coefficients.size()));
  for (std::size_t n = 0; n < tables.size(); ++n) {
    Table &table = tables[n];
    const double *c = checked(coefficients[n], {table.grid().intervals(), 4, table.columns()}, name);
    for (int row = 0; row < 4 * table.grid().intervals(); ++row)
      std::copy_n(c + row * table.columns(), table.columns(), table.at(0) + row * table.stride());
  }
}

Coefficients get_tables(const std::vector<Table> &tables)
{
  Coefficients all;
  for (const Table &table : tables) {
    Numbers a(Shape{table.grid().intervals(), 4, table.columns()});
    for (int row = 0; row < 4 * table.grid().intervals(); ++row)
      std::copy_n(table.at(0) + row * table.stride(), table.columns(), a.mutable_data() + row * table.columns());
    all.push_back(a);
  }
  return all;
}

class Trainer {
 public:
  Trainer(int elements, int n2, int n3, const Knots &pair, const Knots &radial, const Knots &angles)
  {
    require(elements > 0, "elements: expected a positive number");
    require(0 <= n2 && n2 <= max_filters, "n2: expected a number from 0 to " + std::to_string(max_filters));
    require(0 <= n3 && n3 <= max_filters, "n3: expected a number from 0 to " + std::to_string(max_filters));
    check_knots(pair, static_cast<std::size_t>(elements) * elements, "pair_knots", ordered_pair);
    Filters f(elements, n2, n3, angles.size() == static_cast<std::size_t>(elements));
    f.pair = make_tables(pair, f.pair.size(), 1 + n2, "pair_knots", ordered_pair);
    if (n3 > 0) {
      f.radial = make_tables(radial, f.radial.size(), n3, "radial_knots", ordered_pair);
      f.angle = make_tables(angles, f.angle.size(), n3, "angle_knots", angle);
    }
    f.set_cutoffs();
    filters_ = std::make_shared<const Filters>(std::move(f));
  }

  void set(const Coefficients &pair, const Coefficients &radial, const Coefficients &angles)
  {
    auto filters = std::make_shared<Filters>(*filters_);
    set_tables(filters->pair, pair, "pair");
    if (filters->n3 > 0) {
      set_tables(filters->radial, radial, "radial");
      set_tables(filters->angle, angles, "angle");
    }
    filters_ = std::move(filters);
  }

  Numbers values(const Structures &s, int threads, bool single)
  {
    const auto filters = filters_;
    const Batch batch = s.batch(filters->elements, threads);
    Numbers G = zeros({s.n_atoms(), filters->columns()});
    double *to = G.mutable_data();
    long_call([&] {
      const std::lock_guard<std::mutex> lock(mutex_);
      sizes_ = {};  // in case that this fails
      single_ = single;
      with_precision([&](auto &kept) { kept.values(filters, batch, to); });
      sizes_ = {++number_, batch.neighbors.n_atoms, batch.n_structures, filters->columns()};
    });
    return G;
  }

  py::tuple forces(const Numbers &A)
  {
    const Sizes sizes = sizes_of_batch();
    const double *a = checked(A, sizes.filters(), "A");
    Numbers F = zeros({sizes.atoms, 3}), W = zeros({sizes.structures, 3, 3});
    double *f = F.mutable_data(), *w = W.mutable_data();
    with_batch(sizes, [&](auto &batch) { batch.forces(a, f, w); });
    return py::make_tuple(F, W);
  }

  Numbers tangent(const Numbers &atoms, const Numbers &strains)
  {
    const Sizes sizes = sizes_of_batch();
    const Movement along{checked(atoms, {sizes.atoms, 3}, "movement"),
                         checked(strains, {sizes.structures, 3, 3}, "strains")};
    Numbers Gd = zeros(sizes.filters());
    double *to = Gd.mutable_data();
    with_batch(sizes, [&](auto &batch) { batch.tangent(along, to); });
    return Gd;
  }

  py::tuple parameters(const Numbers &A, const Numbers &B)
  {
    const Sizes sizes = sizes_of_batch();
    const double *a = checked(A, sizes.filters(), "A"), *b = checked(B, sizes.filters(), "B");
    Filters sums = *filters_;
    for (std::vector<Table> *tables : {&sums.pair, &sums.radial, &sums.angle})
      for (Table &t : *tables) std::fill(t.data().begin(), t.data().end(), 0.0);
    with_batch(sizes, [&](auto &batch) { batch.parameters(a, b, sums); });
    return py::make_tuple(get_tables(sums.pair), get_tables(sums.radial), get_tables(sums.angle));
  }

 private:
  // Of the batch of the last `values`, with its number.
  struct Sizes {
    long batch = 0;
    py::ssize_t atoms = 0, structures = 0, columns = 0;
    Shape filters() const { return {atoms, columns}; }
  };

  // What `set` replaces and nobody changes.
  std::shared_ptr<const Filters> filters_;
  std::mutex mutex_;
  BatchFilters<double> double_;
  BatchFilters<float> float_;
  bool single_ = false;  // in the last `values`
  Sizes sizes_;
  long number_ = 0;

  Sizes sizes_of_batch() const
  {
    require(sizes_.batch > 0, "Trainer: expected a call of `values` before");
    return sizes_;
  }

  // Other threads of Python go on, and may call `values` for another batch before this one's turn comes.
  template <class Call> void with_batch(const Sizes &sizes, Call call)
  {
    long_call([&] {
      const std::lock_guard<std::mutex> lock(mutex_);
      require(sizes.batch == sizes_.batch, "Trainer: `values` was called by another thread meanwhile");
      with_precision(call);
    });
  }

  template <class Call> void with_precision(Call call) { single_ ? call(float_) : call(double_); }
};

}  // namespace

void bind_training(py::module_ &m)
{
  py::class_<Trainer>(
      m, "Trainer",
      "The filters as a fit sees them: values, forces, and derivatives with respect to their coefficients.\n"
      "G = (Σ_j φ(r_ij); Σ_j ρ_m(r_ij), m = 1…n2; Σ_{j<k} f_m(r_ij) f_m(r_ik) g_m(cos θ_jik), m = 1…n3)\n\n"
      "elements: their number.\n"
      "n2, n3: numbers of two- and three-body filters.\n"
      "pair_knots, radial_knots: one increasing sequence per ordered pair of elements, Å.\n"
      "angle_knots: one per centre and unordered pair of neighbours, or one per centre; cosines.\n\n"
      "All coefficients are 0 at first. Raises Error for numbers that contradict each other.")
      .def(py::init<int, int, int, const Knots &, const Knots &, const Knots &>(), py::arg("elements"), py::arg("n2"),
           py::arg("n3"), py::arg("pair_knots"), py::arg("radial_knots"), py::arg("angle_knots"))
      .def("set", &Trainer::set, py::arg("pair"), py::arg("radial"), py::arg("angle"),
           "Sets the coefficients, copied: Σ_k c[i, k, m] t^k, where interval 0 is below the first knot, interval i "
           "begins at knot i − 1, and t is the distance from there (from the first knot for 0).\n\n"
           "pair: one array (knots, 4, 1 + n2) for each of pair_knots.\n"
           "radial, angle: one array (knots, 4, n3) for each of radial_knots and angle_knots.")
      .def("values", &Trainer::values, py::arg("structures"), py::arg("threads"), py::arg("single") = false,
           "G of all atoms: (atoms, 1 + n2 + n3). The methods below are for these structures and the coefficients of "
           "this moment, and run on as many threads.\n\n"
           "single: f, g and sums of them over one neighbourhood in single precision, also below.")
      .def("forces", &Trainer::forces, py::arg("A"),
           "Forces and virials of an energy.\n\n"
           "A: (atoms, 1 + n2 + n3); ∂E/∂G, eV.\n"
           "Returns forces (atoms, 3; eV/Å) and virials (structures, 3, 3; Σ r_ij ⊗ F_j, eV). Raises Error before "
           "`values`.")
      .def("tangent", &Trainer::tangent, py::arg("movement"), py::arg("strains"),
           "Change of G along a movement: ∂G/∂r · (v_j − v_i + ε r_ij).\n\n"
           "movement: (atoms, 3); v, Å.\n"
           "strains: (structures, 3, 3); ε.\n"
           "Returns Gd, (atoms, 1 + n2 + n3). Raises Error before `values`.")
      .def(
          "parameters", &Trainer::parameters, py::arg("A"), py::arg("B"),
          "Derivatives of Σ_i (B_i·G_i + A_i·Gd_i) with respect to all coefficients, Gd that of the last `tangent`.\n\n"
          "A, B: (atoms, 1 + n2 + n3).\n"
          "Returns three lists of arrays: pair, radial, angle, of the shapes that `set` takes. Raises Error before "
          "`tangent`.");
}

}  // namespace snnp::bindings
