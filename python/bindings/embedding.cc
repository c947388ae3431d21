#include "snnp/training_embedding.h"

#include <mutex>

#include "bindings.h"
#include "long_call.h"
#include "snnp/activations.h"
#include "structures.h"

#include <pybind11/stl.h>

namespace snnp::bindings {

namespace {

constexpr int max_width = 100000;

class TrainedEmbedding {
 public:
  TrainedEmbedding(int elements, int inputs, const std::vector<int> &widths, const std::string &activation)
  {
    require(elements > 0, "elements: expected a positive number");
    require(inputs >= 0, "inputs: expected a number that is not negative");
    for (int width : widths)
      require(0 < width && width <= max_width, "widths: expected numbers from 1 to " + std::to_string(max_width));
    model_.activation = activation_index(activation);
    require(model_.activation >= 0, "activation: found '" + activation + "', expected " + activation_names());
    model_.elements = elements;
    model_.inputs = inputs;
    model_.widths = widths;
  }

  int size() const { return model_.size(); }

  py::tuple values(const Numbers &parameters, const Numbers &mean, const Numbers &scale, double unit,
                   const Numbers &fixed_e0, const Numbers &G, const Structures &structures, int threads)
  {
    const Shape by_element{model_.elements, model_.inputs};
    Embedding model = model_;
    const auto copy = [](std::vector<double> &to, const Numbers &from, const Shape &shape, const char *name) {
      const double *p = checked(from, shape, name);
      to.assign(p, p + from.size());
    };
    copy(model.parameters, parameters, {model_.size()}, "parameters");
    copy(model.mean, mean, by_element, "mean");
    copy(model.scale, scale, by_element, "scale");
    copy(model.fixed_e0, fixed_e0, {model_.elements}, "fixed_e0");
    model.unit = unit;
    const Batch batch = structures.batch(model_.elements, threads);
    const int n = batch.neighbors.n_atoms;
    const double *g = checked(G, {n, 1 + model_.inputs}, "G");
    Numbers energies(Shape{n}), A(Shape{n, 1 + model_.inputs});
    double *e = energies.mutable_data(), *a = A.mutable_data();
    long_call([&] {
      const std::lock_guard<std::mutex> lock(mutex_);
      atoms_ = -1;  // in case that this fails
      batch_.values(std::move(model), n, batch.neighbors.elements, g, threads, e, a);
      atoms_ = n;
    });
    return py::make_tuple(energies, A);
  }

  py::tuple gradient(const Numbers &weights, const Numbers &Gd)
  {
    const int n = atoms_;
    require(n >= 0, "Embedding: expected a call of `values` before");
    const double *w = checked(weights, {n}, "weights"), *change = checked(Gd, {n, 1 + model_.inputs}, "Gd");
    Numbers B(Shape{n, 1 + model_.inputs}), sums = zeros({model_.size()});
    double *b = B.mutable_data(), *to = sums.mutable_data();
    long_call([&] {
      const std::lock_guard<std::mutex> lock(mutex_);
      require(n == atoms_, "Embedding: `values` was called by another thread meanwhile");
      batch_.gradient(w, change, b, to);
    });
    return py::make_tuple(B, sums);
  }

 private:
  Embedding model_;  // without numbers
  std::mutex mutex_;
  BatchEmbedding batch_;
  int atoms_ = -1;  // of the last `values`
};

}  // namespace

void bind_embedding(py::module_ &m)
{
  py::class_<TrainedEmbedding>(
      m, "Embedding",
      "What a fit needs of the energies behind the filters, with derivatives:\n"
      "E_i = unit (constant + linear·x + N(x)) + ½ G_0, x = (G − mean) / scale, N a perceptron for each element.\n\n"
      "elements, inputs: their number, and the number n2 + n3 of filters.\n"
      "widths: of the hidden layers; none: N = 0.\n"
      "activation: as in potential files.\n\n"
      "Raises Error for numbers or a word that make no sense.")
      .def(py::init<int, int, const std::vector<int> &, const std::string &>(), py::arg("elements"), py::arg("inputs"),
           py::arg("widths"), py::arg("activation"))
      .def_property_readonly("size", &TrainedEmbedding::size, "Number of parameters.")
      .def("values", &TrainedEmbedding::values, py::arg("parameters"), py::arg("mean"), py::arg("scale"),
           py::arg("unit"), py::arg("fixed_e0"), py::arg("G"), py::arg("structures"), py::arg("threads"),
           "Energies of all atoms and their derivatives by G.\n\n"
           "parameters: (size,); constants by element, `linear` by element, and by element W (outputs × inputs) and b "
           "of each layer.\n"
           "mean, scale: (elements, n2 + n3), as G.\n"
           "unit: eV.\n"
           "fixed_e0: (elements,); energies of isolated atoms, eV, in place of the constant; NaN: free.\n"
           "G: (atoms, 1 + n2 + n3), of the atoms of `structures`.\n"
           "Returns energies (atoms,), eV, and A = ∂E/∂G, (atoms, 1 + n2 + n3), eV.")
      .def("gradient", &TrainedEmbedding::gradient, py::arg("weights"), py::arg("Gd"),
           "Derivatives of S = Σ_i (w_i E_i + A_i·Gd_i) for the atoms of the last `values`.\n\n"
           "weights: (atoms,); w.\n"
           "Gd: (atoms, 1 + n2 + n3); a change of G.\n"
           "Returns B = ∂S/∂G, (atoms, 1 + n2 + n3), and ∂S by all parameters, (size,). Raises Error before `values`.");
}

}  // namespace snnp::bindings
