// The engine in Python, as snnp._core: the same objects, NumPy arrays for memory. No physics here.
#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <memory>

#include "snnp/density.h"
#include "snnp/design.h"
#include "snnp/engine.h"
#include "snnp/error.h"
#include "snnp/potential_file.h"
#include "snnp/training.h"

namespace py = pybind11;
using namespace snnp;

namespace {

template <class T> using Array = py::array_t<T, py::array::c_style | py::array::forcecast>;

void require(bool condition, const char *sentence)
{
  if (!condition) throw Error(sentence);
}

Array<double> zeros(std::vector<py::ssize_t> shape)
{
  Array<double> a(shape);
  std::fill_n(a.mutable_data(), a.size(), 0.0);
  return a;
}

// A batch that keeps its arrays alive, and whose indices have been checked.
struct Structures {
  Array<std::ptrdiff_t> offsets;
  Array<int> indices, elements, structure;
  Array<double> vectors;
  int n_structures;

  Structures(Array<std::ptrdiff_t> offsets_, Array<int> indices_, Array<double> vectors_, Array<int> elements_,
             Array<int> structure_, int n_structures_)
      : offsets(offsets_), indices(indices_), elements(elements_), structure(structure_), vectors(vectors_),
        n_structures(n_structures_)
  {
    const py::ssize_t n = elements.size(), neighbors = indices.size();
    require(offsets.size() == n + 1, "offsets: expected one more than atoms");
    require(structure.size() == n, "structure: expected one number per atom");
    require(vectors.size() == 3 * neighbors, "vectors: expected neighbours x 3");
    require(offsets.data()[0] == 0 && offsets.data()[n] == neighbors,
            "offsets: expected to start at 0 and end at the number of neighbours");
    for (py::ssize_t i = 0; i < n; ++i) {
      require(offsets.data()[i] <= offsets.data()[i + 1], "offsets: expected not to decrease");
      require(0 <= structure.data()[i] && structure.data()[i] < n_structures, "structure: index out of range");
      require(i == 0 || structure.data()[i - 1] <= structure.data()[i], "structure: expected not to decrease");
    }
    for (py::ssize_t k = 0; k < neighbors; ++k)
      require(0 <= indices.data()[k] && indices.data()[k] < n, "indices: index out of range");
  }

  int n_atoms() const { return static_cast<int>(elements.size()); }
  Batch batch(int n_elements, int threads) const
  {
    require(threads > 0, "threads: expected a positive number");
    for (int i = 0; i < n_atoms(); ++i)
      require(0 <= elements.data()[i] && elements.data()[i] < n_elements,
              "elements: index beyond the elements of the potential");
    return {{n_atoms(), offsets.data(), indices.data(), vectors.data(), elements.data(), n_elements == 1},
            structure.data(),
            n_structures,
            threads};
  }
};

Array<double> evaluate_spline(const Spline &spline, const Array<double> &x, int derivative)
{
  require(0 <= derivative && derivative <= 3, "derivative: expected 0 to 3");
  Array<double> y(std::vector<py::ssize_t>(x.shape(), x.shape() + x.ndim()));
  for (py::ssize_t i = 0; i < x.size(); ++i) y.mutable_data()[i] = evaluate(spline, x.data()[i], derivative);
  return y;
}

py::dict evaluate_structures(const Engine &engine, const Structures &s, int threads)
{
  const Batch batch = s.batch(engine.potential().size(), threads);
  Array<double> forces = zeros({s.n_atoms(), 3}), energies = zeros({s.n_atoms()}), virials = zeros({s.n_atoms(), 3, 3});
  Array<double> filters = zeros({s.n_atoms(), engine.columns()}), virial(6);
  Results results;
  results.forces = forces.mutable_data();
  results.energies = energies.mutable_data();
  results.virials = virials.mutable_data();
  results.filters = filters.mutable_data();
  {
    py::gil_scoped_release release;
    engine.evaluate(batch.neighbors, s.n_atoms(), s.n_atoms(), threads, results);
  }
  std::copy(results.virial, results.virial + 6, virial.mutable_data());
  py::dict d;
  d["energy"] = results.energy;
  d["virial"] = virial;
  d["forces"] = forces;
  d["energies"] = energies;
  d["virials"] = virials;
  d["filters"] = filters;
  return d;
}

// Tables: one array of coefficients (intervals × 4 × columns) per table.
using Coefficients = std::vector<Array<double>>;
using Knots = std::vector<std::vector<double>>;

void set_tables(std::vector<Table> &tables, const Coefficients &coefficients)
{
  require(tables.size() == coefficients.size(), "coefficients: expected one array per table");
  for (std::size_t n = 0; n < tables.size(); ++n) {
    Table &table = tables[n];
    require(coefficients[n].size() == 4L * table.grid().intervals() * table.columns(),
            "coefficients: expected intervals x 4 x columns");
    const double *c = coefficients[n].data();
    for (int row = 0; row < 4 * table.grid().intervals(); ++row)
      std::copy(c + row * table.columns(), c + (row + 1) * table.columns(), table.at(0) + row * table.stride());
  }
}

Coefficients get_tables(const std::vector<Table> &tables)
{
  Coefficients all;
  for (const Table &table : tables) {
    Array<double> a({table.grid().intervals(), 4, table.columns()});
    for (int row = 0; row < 4 * table.grid().intervals(); ++row)
      std::copy_n(table.at(0) + row * table.stride(), table.columns(), a.mutable_data() + row * table.columns());
    all.push_back(a);
  }
  return all;
}

std::vector<Table> make_tables(const Knots &knots, std::size_t count, int columns, const char *sentence)
{
  require(knots.size() == count, sentence);
  std::vector<Table> tables;
  for (const auto &k : knots) {
    require(k.size() >= 2, "knots: expected at least 2");
    tables.emplace_back(Grid(k), columns);
  }
  return tables;
}

Filters make_filters(int elements, int n2, int n3, std::array<int, 3> columns, const Knots &pair, const Knots &radial,
                     const Knots &angle)
{
  Filters f(elements, n2, n3);
  f.pair = make_tables(pair, f.pair.size(), columns[0], "pair knots: expected one set per ordered pair of elements");
  if (columns[1] > 0) {
    f.radial =
        make_tables(radial, f.radial.size(), columns[1], "radial knots: expected one set per ordered pair of elements");
    f.angle = make_tables(angle, f.angle.size(), columns[2],
                          "angle knots: expected one set per centre and pair of neighbours");
  }
  f.set_cutoffs();
  return f;
}

Array<double> checked(Array<double> a, long size, const char *sentence)
{
  require(a.size() == size, sentence);
  return a;
}

// The filters as a fit sees them.
struct Trainer {
  Filters filters;

  Trainer(int elements, int n2, int n3, const Knots &pair, const Knots &radial, const Knots &angle)
      : filters(make_filters(elements, n2, n3, {1 + n2, n3, n3}, pair, radial, angle))
  {
  }
  void set(const Coefficients &pair, const Coefficients &radial, const Coefficients &angle)
  {
    set_tables(filters.pair, pair);
    if (filters.n3 == 0) return;
    set_tables(filters.radial, radial);
    set_tables(filters.angle, angle);
  }
  Array<double> values(const Structures &s, int threads) const
  {
    Array<double> G = zeros({s.n_atoms(), filters.columns()});
    batch_values(filters, s.batch(filters.elements, threads), G.mutable_data());
    return G;
  }
  py::tuple forces(const Structures &s, const Array<double> &A, int threads) const
  {
    checked(A, static_cast<long>(s.n_atoms()) * filters.columns(), "A: expected atoms x columns");
    Array<double> F = zeros({s.n_atoms(), 3}), W = zeros({s.n_structures, 3, 3});
    batch_forces(filters, s.batch(filters.elements, threads), A.data(), F.mutable_data(), W.mutable_data());
    return py::make_tuple(F, W);
  }
  static Movement movement(const Structures &s, const Array<double> &atoms, const Array<double> &strains)
  {
    checked(atoms, 3L * s.n_atoms(), "movement: expected atoms x 3");
    checked(strains, 9L * s.n_structures, "strains: expected structures x 3 x 3");
    return {atoms.data(), strains.data()};
  }
  Array<double> tangent(const Structures &s, const Array<double> &atoms, const Array<double> &strains,
                        int threads) const
  {
    Array<double> Gd = zeros({s.n_atoms(), filters.columns()});
    batch_tangent(filters, s.batch(filters.elements, threads), movement(s, atoms, strains), Gd.mutable_data());
    return Gd;
  }
  py::tuple parameters(const Structures &s, const Array<double> &atoms, const Array<double> &strains,
                       const Array<double> &A, const Array<double> &B, int threads) const
  {
    const long size = static_cast<long>(s.n_atoms()) * filters.columns();
    checked(A, size, "A: expected atoms x columns");
    checked(B, size, "B: expected atoms x columns");
    Filters sums = filters;
    for (std::vector<Table> *tables : {&sums.pair, &sums.radial, &sums.angle})
      for (Table &t : *tables) std::fill(t.data().begin(), t.data().end(), 0.0);
    batch_parameters(filters, s.batch(filters.elements, threads), movement(s, atoms, strains), A.data(), B.data(),
                     sums);
    return py::make_tuple(get_tables(sums.pair), get_tables(sums.radial), get_tables(sums.angle));
  }
};

std::vector<BSplines> make_bases(const Knots &knots, std::size_t count, const char *sentence)
{
  require(knots.size() == count, sentence);
  std::vector<BSplines> bases;
  for (const auto &k : knots) {
    require(k.size() >= 2, "knots: expected at least 2");
    require(k.size() == knots[0].size(), "knots: expected as many for all elements");
    bases.emplace_back(k);
  }
  return bases;
}

// Pair, radial and third (angle) knots of a model; without three-body terms there is no third.
template <class Model>
void set_bases(Model &model, std::vector<BSplines> &third, const Knots &pair, const Knots &radial,
               const Knots &third_knots)
{
  const std::size_t E = model.elements;
  model.pair = make_bases(pair, E * E, "pair knots: expected one set per ordered pair of elements");
  model.radial =
      make_bases(radial, radial.empty() ? 0 : E * E, "radial knots: expected one set per ordered pair of elements");
  third = make_bases(third_knots, radial.empty() ? 0 : E * E * (E + 1) / 2,
                     "third knots: expected one set per centre and pair of neighbours");
}

// A design matrix as arrays.
struct Matrix {
  Array<double> energies, virials, forces;

  Matrix(const Structures &s, py::ssize_t columns)
      : energies(zeros({s.n_structures, columns})), virials(zeros({s.n_structures, 6, columns})),
        forces(zeros({s.n_atoms(), 3, columns}))
  {
  }
  DesignMatrix rows()
  {
    return {energies.mutable_data(), virials.mutable_data(), forces.mutable_data(), energies.shape(1)};
  }
};

// Linear models. The last columns, one per element, are left for the energies of elements.
struct Design {
  Basis basis;
  long columns;

  // column_ranges: kinds of triplets x functions x functions x (first column, begin, end).
  Design(int elements, const Knots &pair, const Knots &radial, const Knots &third, bool distance,
         std::array<int, 2> functions, const Array<long> &column_ranges, long columns)
      : columns(columns)
  {
    basis.elements = elements;
    set_bases(basis, basis.third, pair, radial, third);
    basis.coordinate = distance ? ThirdCoordinate::distance : ThirdCoordinate::cosine;
    basis.pair_functions = functions[0];
    basis.radial_functions = functions[1];
    const long blocks = static_cast<long>(basis.third.size()) * functions[1] * functions[1];
    require(column_ranges.size() == 3 * blocks, "column_ranges: expected kinds x functions x functions x 3");
    for (long n = 0; n < blocks; ++n) {
      const long *s = column_ranges.data() + 3 * n;
      require(s[1] >= s[2] || (0 <= s[0] + s[1] && s[0] + s[2] <= columns), "column_ranges: column out of range");
      basis.column_ranges.push_back({s[0], static_cast<int>(s[1]), static_cast<int>(s[2])});
    }
    require(columns >= static_cast<long>(elements) * (elements + 1) / 2 * functions[0], "columns: expected more");
  }
  py::tuple rows(const Structures &s, int threads) const
  {
    Matrix matrix(s, columns);
    design_rows(basis, s.batch(basis.elements, threads), matrix.rows());
    return py::make_tuple(matrix.energies, matrix.virials, matrix.forces);
  }
};

// The model of EAM and s-MEAM in linear approximation, with the same last columns.
struct Density {
  DensityModel model;

  Density(int elements, const Knots &pair, const Knots &rho, const Knots &radial, const Knots &angle,
          const Knots &embedding, std::array<int, 3> functions)
  {
    model.elements = elements;
    set_bases(model, model.angle, pair, radial, angle);
    model.rho = make_bases(rho, model.pair.size(), "rho knots: expected one set per ordered pair of elements");
    model.embedding = make_bases(embedding, elements, "embedding knots: expected one set per element");
    model.pair_functions = functions[0];
    model.rho_functions = functions[1];
    model.radial_functions = functions[2];
  }
  py::tuple rows(const Structures &s, const Array<double> &coefficients, int threads) const
  {
    checked(coefficients, model.columns(), "coefficients: expected one per column");
    Matrix matrix(s, model.columns() + model.elements);
    Array<double> densities = zeros({s.n_atoms()});
    density_rows(model, coefficients.data(), s.batch(model.elements, threads), matrix.rows(), densities.mutable_data());
    return py::make_tuple(matrix.energies, matrix.virials, matrix.forces, densities);
  }
};

}  // namespace

PYBIND11_MODULE(_core, m)
{
  m.doc() = "The C++ engine of snnp. Units: eV, Å; arrays are C-contiguous.";
  py::register_exception<Error>(m, "Error", PyExc_ValueError);

  py::class_<Spline>(m, "Spline",
                     "Clamped cubic B-spline: n knots, n + 2 coefficients; `open`: may end with another value than 0.")
      .def(py::init<>())
      .def(py::init([](std::vector<double> k, std::vector<double> c, bool open) {
             return Spline{std::move(k), std::move(c), open};
           }),
           py::arg("knots"), py::arg("coefficients"), py::arg("open") = false)
      .def_readonly("knots", &Spline::knots)
      .def_readonly("coefficients", &Spline::coefficients)
      .def_readonly("open", &Spline::open)
      .def("__call__", &evaluate_spline, py::arg("x"), py::arg("derivative") = 0,
           "Value or derivative inside the knots.");
  py::class_<Network::Layer>(m, "Layer", "Weights (outputs x inputs, flat) and biases of a layer.")
      .def(py::init([](int i, int o, std::vector<double> w, std::vector<double> b) {
             return Network::Layer{i, o, std::move(w), std::move(b)};
           }),
           py::arg("inputs"), py::arg("outputs"), py::arg("weights"), py::arg("biases"))
      .def_readonly("inputs", &Network::Layer::inputs)
      .def_readonly("outputs", &Network::Layer::outputs)
      .def_readonly("weights", &Network::Layer::weights)
      .def_readonly("biases", &Network::Layer::biases);
  py::class_<Network>(m, "Network", "Multilayer perceptron; activation 'none' means that there is none.")
      .def(py::init<>())
      .def_readwrite("activation", &Network::activation)
      .def_readwrite("layers", &Network::layers);
  py::class_<Element>(m, "Element",
                      "What belongs to one element; `lowest`, `highest`: range of the filters in the training data.")
      .def(py::init<>())
      .def_readwrite("name", &Element::name)
      .def_readwrite("e0", &Element::e0)
      .def_readwrite("linear", &Element::linear)
      .def_readwrite("network", &Element::network)
      .def_readwrite("density", &Element::density)
      .def_readwrite("U", &Element::U)
      .def_readwrite("lowest", &Element::lowest)
      .def_readwrite("highest", &Element::highest);
  py::class_<Pair>(m, "Pair", "What belongs to an unordered pair of elements; distances in Å.")
      .def(py::init<>())
      .def_readwrite("phi", &Pair::phi)
      .def_readwrite("zbl_inner", &Pair::zbl_inner)
      .def_readwrite("zbl_outer", &Pair::zbl_outer)
      .def_readwrite("shortest", &Pair::shortest);
  py::class_<Tensor>(m, "Tensor",
                     "Three-body term V(r_ij, r_ik, r_jk): knots of each direction, coefficients of shape (n_ij + 2, "
                     "n_ik + 2, n_jk + 2), flat; without knots there is no such term.")
      .def(py::init<>())
      .def(py::init([](std::vector<double> ij, std::vector<double> ik, std::vector<double> jk, const Array<double> &c) {
             return Tensor{std::move(ij), std::move(ik), std::move(jk), {c.data(), c.data() + c.size()}};
           }),
           py::arg("knots_ij"), py::arg("knots_ik"), py::arg("knots_jk"), py::arg("coefficients"))
      .def_readonly("knots_ij", &Tensor::knots_ij)
      .def_readonly("knots_ik", &Tensor::knots_ik)
      .def_readonly("knots_jk", &Tensor::knots_jk)
      .def_readonly("coefficients", &Tensor::coefficients);
  py::class_<Potential>(m, "Potential", "A potential as data; lists are copied on access and on assignment.")
      .def(py::init<>())
      .def_readwrite("comment", &Potential::comment)
      .def_readwrite("n2", &Potential::n2)
      .def_readwrite("n3", &Potential::n3)
      .def_readwrite("elements", &Potential::elements)
      .def_readwrite("pairs", &Potential::pairs)
      .def_readwrite("rho", &Potential::rho)
      .def_readwrite("f", &Potential::f)
      .def_readwrite("g", &Potential::g)
      .def_readwrite("V", &Potential::V)
      .def("pair_index", &Potential::pair_index)
      .def("ordered_index", &Potential::ordered_index)
      .def("triplet_index", &Potential::triplet_index)
      .def("cutoff", &Potential::cutoff, "Largest cutoff, Å.")
      .def("check", &check, "Raises Error if the potential is not complete and consistent.");
  m.def("parse_potential", &parse_potential, py::arg("text"), py::arg("name"));
  m.def("format_potential", &format_potential);
  m.def("read_potential", &read_potential);
  m.def("write_potential", &write_potential, py::arg("potential"), py::arg("path"));

  py::class_<Structures>(m, "Structures", "Atoms of one or more structures with full neighbour lists.")
      .def(py::init<Array<std::ptrdiff_t>, Array<int>, Array<double>, Array<int>, Array<int>, int>(),
           py::arg("offsets"), py::arg("indices"), py::arg("vectors"), py::arg("elements"), py::arg("structure"),
           py::arg("n_structures"))
      .def_readonly("offsets", &Structures::offsets)
      .def_readonly("indices", &Structures::indices)
      .def_readonly("vectors", &Structures::vectors)
      .def_readonly("elements", &Structures::elements)
      .def_readonly("structure", &Structures::structure)
      .def_readonly("n_structures", &Structures::n_structures)
      .def("__len__", &Structures::n_atoms);
  py::enum_<Precision>(m, "Precision", "How an engine computes; see cpp/snnp/engine.h.")
      .value("plain", Precision::plain)
      .value("full", Precision::full)
      .value("mixed", Precision::mixed);
  py::class_<Engine>(m, "Engine", "A potential made ready to be evaluated.")
      .def(py::init([](const Potential &p, Precision precision) { return Engine(p, 1, precision); }),
           py::arg("potential"), py::arg("precision") = Precision::full)
      .def_property_readonly("potential", &Engine::potential)
      .def_property_readonly("cutoff", &Engine::cutoff)
      .def("evaluate", &evaluate_structures, py::arg("structures"), py::arg("threads") = 1,
           "energy (eV), virial (6, eV), forces (n x 3, eV/Å), energies (n, eV), virials (n x 3 x 3, eV), filters (n x "
           "columns).");
  py::class_<Trainer>(m, "Trainer", "The filters as a fit sees them; see cpp/snnp/training.h.")
      .def(py::init<int, int, int, Knots, Knots, Knots>(), py::arg("elements"), py::arg("n2"), py::arg("n3"),
           py::arg("pair_knots"), py::arg("radial_knots"), py::arg("angle_knots"))
      .def("set", &Trainer::set, py::arg("pair"), py::arg("radial"), py::arg("angle"))
      .def("values", &Trainer::values, py::arg("structures"), py::arg("threads"))
      .def("forces", &Trainer::forces, py::arg("structures"), py::arg("A"), py::arg("threads"))
      .def("tangent", &Trainer::tangent, py::arg("structures"), py::arg("movement"), py::arg("strains"),
           py::arg("threads"))
      .def("parameters", &Trainer::parameters, py::arg("structures"), py::arg("movement"), py::arg("strains"),
           py::arg("A"), py::arg("B"), py::arg("threads"));
  py::class_<Design>(m, "Design", "Design matrix of a linear model; see cpp/snnp/design.h.")
      .def(py::init<int, Knots, Knots, Knots, bool, std::array<int, 2>, Array<long>, long>(), py::arg("elements"),
           py::arg("pair_knots"), py::arg("radial_knots"), py::arg("third_knots"), py::arg("distance"),
           py::arg("functions"), py::arg("column_ranges"), py::arg("columns"))
      .def("rows", &Design::rows, py::arg("structures"), py::arg("threads"),
           "energies (structures x columns), virials (structures x 6 x columns), forces (atoms x 3 x columns).");
  py::class_<Density>(m, "Density", "EAM and s-MEAM in linear approximation; see cpp/snnp/density.h.")
      .def(py::init<int, Knots, Knots, Knots, Knots, Knots, std::array<int, 3>>(), py::arg("elements"),
           py::arg("pair_knots"), py::arg("rho_knots"), py::arg("radial_knots"), py::arg("angle_knots"),
           py::arg("embedding_knots"), py::arg("functions"))
      .def_property_readonly("columns", [](const Density &d) { return d.model.columns(); })
      .def("rows", &Density::rows, py::arg("structures"), py::arg("coefficients"), py::arg("threads"),
           "Rows like those of Design, and densities (atoms).");
}
