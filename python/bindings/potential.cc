#include "potential.h"

#include <pybind11/stl.h>
#include <pybind11/stl/filesystem.h>

#include <filesystem>

#include "arrays.h"
#include "bindings.h"
#include "copies.h"
#include "long_call.h"
#include "snnp/potential_file.h"
#include "snnp/zbl.h"
#include "text.h"

namespace py = pybind11;

namespace snnp::bindings {

namespace {

template <class T> std::vector<std::shared_ptr<T>> shared(const std::vector<T> &values)
{
  std::vector<std::shared_ptr<T>> objects;
  for (const T &value : values) objects.push_back(std::make_shared<T>(value));
  return objects;
}

template <class T> std::vector<T> values(const std::vector<std::shared_ptr<T>> &objects)
{
  std::vector<T> copies;
  for (const auto &object : objects) copies.push_back(*object);
  return copies;
}

// work(copy of the potential) as a long call: others may edit the potential meanwhile.
template <class Work> auto with_copy(const EditablePotential &potential, Work work)
{
  const Potential copy = potential.value();
  return long_call([&] { return work(copy); });
}

// A spline, which cannot be changed, is copied.
template <class T> auto value(Spline T::*member)
{
  return [=](const T &object) { return object.*member; };
}

template <class T> auto set_value(Spline T::*member)
{
  return [=](T &object, const Spline &spline) { object.*member = spline; };
}

// A list of splines or tensors, which cannot be changed, is copied; elements and pairs are the potential's own.
template <class T> auto list(std::vector<T> EditablePotential::*member)
{
  return [=](const EditablePotential &p) { return p.*member; };
}

template <class T> auto set(std::vector<T> EditablePotential::*member)
{
  return [=](EditablePotential &p, std::vector<T> some) { p.*member = std::move(some); };
}

template <class T> auto set(std::vector<std::shared_ptr<T>> EditablePotential::*member)
{
  return [=](EditablePotential &p, const std::vector<std::shared_ptr<T>> &some) {
    for (const auto &object : some)
      if (!object) throw py::type_error("expected no None in the list");
    p.*member = shared(values(some));
  };
}

// A potential of the same elements, for its indices.
Potential indexed(const EditablePotential &p, std::initializer_list<int> elements)
{
  Potential same;
  same.elements.resize(p.elements.size());
  for (const int e : elements)
    if (e < 0 || e >= same.size()) throw py::index_error("element " + std::to_string(e) + " is out of range");
  return same;
}

// ZBL(r) s(r) of two elements and its slope.
py::tuple repulsion(const EditablePotential &p, int a, int b, const Numbers &r)
{
  const std::size_t index = indexed(p, {a, b}).pair_index(a, b);
  require(index < p.pairs.size(), "potential: there are fewer pairs than its elements have");
  const Pair &pair = *p.pairs[index];
  const Zbl zbl(atomic_number(p.elements[a]->name), atomic_number(p.elements[b]->name), pair.zbl_inner, pair.zbl_outer);
  const Shape shape(r.shape(), r.shape() + r.ndim());
  Numbers values = zeros(shape), slopes = zeros(shape);
  for (py::ssize_t i = 0; i < r.size(); ++i)
    if (r.data()[i] < zbl.outer()) values.mutable_data()[i] = zbl(r.data()[i], slopes.mutable_data()[i]);
  return py::make_tuple(values, slopes);
}

void bind_networks(py::module_ &m)
{
  using Layer = Network::Layer;
  py::class_<Layer> layer(m, "Layer",
                          "A layer of a network: weights · inputs + biases. It cannot be changed.\n\n"
                          "inputs, outputs: numbers of nodes.\n"
                          "weights: (outputs · inputs,), those of one output after the other.\n"
                          "biases: (outputs,).");
  layer
      .def(py::init([](int inputs, int outputs, std::vector<double> weights, std::vector<double> biases) {
             return Layer{inputs, outputs, std::move(weights), std::move(biases)};
           }),
           py::arg("inputs"), py::arg("outputs"), py::arg("weights"), py::arg("biases"))
      .def_readonly("inputs", &Layer::inputs, "Number of inputs.")
      .def_readonly("outputs", &Layer::outputs, "Number of outputs.")
      .def_readonly("weights", &Layer::weights, "Weights: (outputs · inputs,), those of one output after the other.")
      .def_readonly("biases", &Layer::biases, "Biases of the outputs: (outputs,).");
  immutable(layer);
  pickled(layer, &Layer::inputs, &Layer::outputs, &Layer::weights, &Layer::biases);
  py::class_<Network> network(
      m, "Network",
      "A multilayer perceptron of the filters with one output, eV; every layer but the last is followed "
      "by the activation.");
  network.def(py::init<>())
      .def_readwrite("activation", &Network::activation,
                     "Name of the activation: 'tanh', 'silu', 'squareplus', or 'none' for no network.")
      .def_property(
          "layers", [](const Network &n) { return n.layers; },
          [](Network &n, std::vector<Layer> layers) { n.layers = std::move(layers); },
          "Its layers; the list is copied on access and on assignment.");
  copied(network);
  pickled(network, &Network::activation, &Network::layers);
}

void bind_floor(py::module_ &m)
{
  py::class_<Floor> floor(m, "Floor",
                          "What keeps the energy M of an atom, all of it that depends on its filters G, from falling "
                          "where there are no data:\n"
                          "E = M + o h(C(d·G) − M), o = D² / (D² + width²), D² = Σ_k max(|y_k| − 1, 0)², y = P G + q,\n"
                          "with h(x) = 0 below −softness, x above it, and (x + softness)² / (4 softness) between.");
  floor.def(py::init<>())
      .def_readwrite("directions", &Floor::directions, "P: (directions · filters,); empty: there is no floor.")
      .def_readwrite("centres", &Floor::centres, "The offsets q of the directions: (directions,).")
      .def_readwrite("width", &Floor::width, "Distance from the domain at which half of the floor acts.")
      .def_readwrite("softness", &Floor::softness, "Half width of the range of C − M where the floor sets in, eV.")
      .def_readwrite("density", &Floor::density, "d: (filters,).")
      .def_property("C", value(&Floor::C), set_value(&Floor::C),
                    "The floor, eV over the density d·G; continues linearly on both sides.");
  copied(floor);
  pickled(floor, &Floor::directions, &Floor::centres, &Floor::width, &Floor::softness, &Floor::density, &Floor::C);
}

void bind_elements(py::module_ &m)
{
  py::class_<EnergyRange> range(m, "EnergyRange",
                                "Energies of atoms, less e0, in the training data that have so many neighbours.");
  range
      .def(py::init<int, int, double, double>(), py::arg("first") = 0, py::arg("last") = 0, py::arg("lowest") = 0.0,
           py::arg("highest") = 0.0)
      .def_readwrite("first", &EnergyRange::from, "Lowest number of neighbours, within `Potential.cutoff_of` a pair.")
      .def_readwrite("last", &EnergyRange::to, "Highest number of neighbours.")
      .def_readwrite("lowest", &EnergyRange::lowest, "Lowest energy, eV.")
      .def_readwrite("highest", &EnergyRange::highest, "Highest energy, eV.");
  pickled(range, &EnergyRange::from, &EnergyRange::to, &EnergyRange::lowest, &EnergyRange::highest);
  py::class_<Element, std::shared_ptr<Element>> element(m, "Element",
                                                        "What belongs to one element; filters = n2 + n3.");
  element.def(py::init<>())
      .def_readwrite("name", &Element::name, "Chemical symbol.")
      .def_readwrite("e0", &Element::e0, "Energy of an isolated atom, eV.")
      .def_readwrite("linear", &Element::linear, "The linear term of the energy: (filters,), eV.")
      .def_readwrite("network", &Element::network, "The network of the filters.")
      .def_readwrite("density", &Element::density,
                     "Weights of the filters in the density: (filters,); empty: there is no U.")
      .def_property("U", value(&Element::U), set_value(&Element::U),
                    "Embedding, eV over the density; continues linearly on both sides.")
      .def_readwrite("floor", &Element::floor, "What keeps energies from falling where there are no data.")
      .def_readwrite("four_body", &Element::four_body, "Its four-body terms.")
      .def_readwrite("lowest", &Element::lowest,
                     "Lowest value of each filter in the training data: (filters,); empty: not known.")
      .def_readwrite("highest", &Element::highest,
                     "Highest value of each filter in the training data: (filters,); empty: not known.")
      .def_readwrite("energies", &Element::energies,
                     "Energies in the training data by numbers of neighbours, in rising order; empty: not known.");
  copied(element);
  pickled(element, &Element::name, &Element::e0, &Element::linear, &Element::network, &Element::density, &Element::U,
          &Element::floor, &Element::lowest, &Element::highest, &Element::energies, &Element::four_body);
  py::class_<Pair, std::shared_ptr<Pair>> pair(m, "Pair", "What belongs to two elements, in any order.");
  pair.def(py::init<>())
      .def_property("phi", value(&Pair::phi), set_value(&Pair::phi), "Pair potential, eV over Å.")
      .def_readwrite("zbl_inner", &Pair::zbl_inner, "Below this distance all of the ZBL repulsion acts, Å.")
      .def_readwrite("zbl_outer", &Pair::zbl_outer, "Above this distance none of it acts, Å; 0: there is none.")
      .def_readwrite("shortest", &Pair::shortest, "Shortest distance in the training data, Å; 0: not known.");
  copied(pair);
  pickled(pair, &Pair::phi, &Pair::zbl_inner, &Pair::zbl_outer, &Pair::shortest);
}

void bind_files(py::module_ &m)
{
  using Path = std::filesystem::path;
  m.def(
      "parse_potential",
      [](const std::string &text, const std::string &name) {
        return EditablePotential(long_call([&] { return parse_potential(text, name); }));
      },
      py::arg("text"), py::arg("name"),
      "The potential that the text of a potential file describes. Raises Error 'name:line: found …, expected …' for "
      "anything that is not as documented.");
  m.def(
      "format_potential", [](const EditablePotential &potential) { return with_copy(potential, format_potential); },
      py::arg("potential"),
      "The text of a potential file; every number reads back as the same double. Raises Error if the potential is not "
      "complete and consistent.");
  m.def(
      "read_potential",
      [](const Path &path) { return EditablePotential(long_call([&] { return read_potential(path.string()); })); },
      py::arg("path"),
      "Reads a potential file. Raises Error with file and line if the file cannot be read or is not valid.");
  m.def(
      "write_potential",
      [](const EditablePotential &potential, const Path &path) {
        with_copy(potential, [&](const Potential &p) { write_potential(p, path.string()); });
      },
      py::arg("potential"), py::arg("path"),
      "Writes a potential file, whole or not at all. Raises Error if the potential is not complete and consistent, or "
      "the file cannot be written.");
}

}  // namespace

EditablePotential::EditablePotential(const Potential &p)
    : comment(text(p.comment).cast<std::string>()), n2(p.n2), n3(p.n3), elements(shared(p.elements)),
      pairs(shared(p.pairs)), rho(p.rho), f(p.f), g(p.g), V(p.V)
{
}

Potential EditablePotential::value() const { return {comment, n2, n3, values(elements), values(pairs), rho, f, g, V}; }

void bind_potential(py::module_ &m)
{
  bind_networks(m);
  bind_floor(m);
  bind_elements(m);
  using P = EditablePotential;
  py::class_<P> potential(
      m, "Potential",
      "A potential as data: what stands in a potential file. Lists are copied on access and on assignment; "
      "the elements and pairs in them may be changed, and belong to this potential.\n\n"
      "E = Σ_i E_i + ½ Σ_{i≠j} φ(r_ij) + ½ Σ_{i≠j} ZBL(r_ij) s(r_ij)\n"
      "E_i = e0 + a·G_i + [N(G_i) − N(0)] + [U(d·G_i) − U(0)] + Σ_{j<k} V(r_ij, r_ik, r_jk)\n"
      "G_i = (Σ_j ρ_m(r_ij), m = 1…n2; Σ_{j<k} f_m(r_ij) f_m(r_ik) g_m(cos θ_jik), m = 1…n3)");
  potential.def(py::init<>())
      .def_readwrite("comment", &P::comment, "First line of the file without '#'.")
      .def_readwrite("n2", &P::n2, "Number of two-body filters.")
      .def_readwrite("n3", &P::n3, "Number of three-body filters.")
      .def_property("elements", list(&P::elements), set(&P::elements), "Its elements.")
      .def_property("pairs", list(&P::pairs), set(&P::pairs), "Pairs of elements, by pair_index.")
      .def_property("rho", list(&P::rho), set(&P::rho), "Splines ρ over Å, by ordered_index · n2 + m.")
      .def_property("f", list(&P::f), set(&P::f), "Splines f over Å, by ordered_index · n3 + m.")
      .def_property("g", list(&P::g), set(&P::g), "Splines g over cosines, by triplet_index · n3 + m.")
      .def_property(
          "V", list(&P::V), set(&P::V),
          "Three-body terms by triplet_index; ij is the first neighbour, ik the second; empty: there are none.")
      .def(
          "pair_index", [](const P &p, int a, int b) { return indexed(p, {a, b}).pair_index(a, b); }, py::arg("a"),
          py::arg("b"), "Index of two elements in any order: (0,0) (0,1) … (0,n−1) (1,1) …; raises IndexError.")
      .def(
          "ordered_index",
          [](const P &p, int centre, int b) { return indexed(p, {centre, b}).ordered_index(centre, b); },
          py::arg("centre"), py::arg("neighbor"),
          "Index of the elements of a centre and a neighbour; raises IndexError.")
      .def(
          "triplet_index",
          [](const P &p, int centre, int b, int c) { return indexed(p, {centre, b, c}).triplet_index(centre, b, c); },
          py::arg("centre"), py::arg("b"), py::arg("c"),
          "Index of the elements of a centre and of two neighbours in any order; raises IndexError.")
      .def("repulsion", &repulsion, py::arg("a"), py::arg("b"), py::arg("r"),
           "ZBL(r) s(r) of two elements, the universal repulsion of Ziegler, Biersack and Littmark (1985).\n\n"
           "r: distances > 0 in any shape, Å.\n"
           "Returns values (eV) and slopes (eV/Å) in the shape of r. Raises IndexError for an element that is not "
           "there.")
      .def(
          "cutoff",
          [](const P &p) {
            return with_copy(p, [](const Potential &copy) {
              check(copy);
              return copy.cutoff();
            });
          },
          "Largest cutoff, Å. Raises Error if the potential is not complete and consistent.")
      .def(
          "cutoff_of",
          [](const P &p, int a, int b) {
            indexed(p, {a, b});
            return with_copy(p, [a, b](const Potential &copy) {
              check(copy);
              return copy.cutoff(a, b);
            });
          },
          py::arg("a"), py::arg("b"),
          "Largest cutoff of two elements in any order, Å. Raises IndexError; Error if the potential is not complete.")
      .def(
          "check", [](const P &p) { with_copy(p, check); },
          "Raises Error if the potential is not complete and consistent.");
  copied(potential);
  pickled(potential, &P::comment, &P::n2, &P::n3, &P::elements, &P::pairs, &P::rho, &P::f, &P::g, &P::V);
  bind_files(m);
}

}  // namespace snnp::bindings
