#include <pybind11/stl.h>

#include <memory>

#include "arrays.h"
#include "bindings.h"
#include "copies.h"
#include "long_call.h"
#include "snnp/potential.h"

namespace snnp::bindings {

namespace {

// The spline, if it is empty or has as many coefficients as knots demand.
Spline checked(Spline spline)
{
  const std::size_t n = spline.knots.size(), coefficients = spline.coefficients.size();
  require((n == 0 && coefficients == 0) || (n >= 2 && coefficients == n + 2),
          "found a spline of " + std::to_string(n) + " knots and " + std::to_string(coefficients) +
              " coefficients, expected 2 or more knots and two coefficients more than that");
  return spline;
}

using Curves = std::vector<std::shared_ptr<Spline>>;

std::vector<double> weights(const Spline &spline)
{
  std::vector<double> all;
  for (const Spline::Term &term : spline.terms) all.push_back(term.weight);
  return all;
}

// Nothing in Python can change a spline, so that it does not matter that these are no longer constant.
Curves curves(const Spline &spline)
{
  Curves all;
  for (const Spline::Term &term : spline.terms) all.push_back(std::const_pointer_cast<Spline>(term.curve));
  return all;
}

std::vector<Spline::Term> terms(const std::vector<double> &weights, const Curves &curves)
{
  require(weights.size() == curves.size(), "found " + std::to_string(weights.size()) +
                                               " weights, expected one for each of " + std::to_string(curves.size()) +
                                               " curves");
  std::vector<Spline::Term> all;
  for (std::size_t k = 0; k < curves.size(); ++k) all.push_back({weights[k], curves[k]});
  return all;
}

Numbers evaluate_spline(const Spline &spline, const Numbers &x, int derivative)
{
  require(0 <= derivative && derivative <= 3, "derivative: expected 0 to 3");
  require(!spline.knots.empty(), "the spline is empty and has no values");
  Numbers y(Shape(x.shape(), x.shape() + x.ndim()));
  const double *from = x.data();
  double *to = y.mutable_data();
  const py::ssize_t n = x.size();
  long_call([&] {
    for (py::ssize_t i = 0; i < n; ++i) to[i] = evaluate(spline, from[i], derivative);
  });
  return y;
}

}  // namespace

void bind_splines(py::module_ &m)
{
  using Knots = std::vector<double>;
  py::class_<Spline, std::shared_ptr<Spline>> spline(
      m, "Spline",
      "A cubic spline as a clamped cubic B-spline (de Boor, A Practical Guide to Splines, 1978). It "
      "cannot be changed; without arguments it is empty, which means that there is no such spline.\n\n"
      "knots: (n,), increasing; Å, or a cosine, or a density.\n"
      "coefficients: (n + 2,), in the unit of the value.\n"
      "open: a radial one may end with another value or slope than 0.\n\n"
      "Raises Error if the numbers of knots and coefficients do not belong together.");
  spline
      .def(py::init([](Knots knots, Knots coefficients, bool open) {
             return checked({std::move(knots), std::move(coefficients), open});
           }),
           py::arg("knots") = Knots(), py::arg("coefficients") = Knots(), py::arg("open") = false)
      .def_readonly("knots", &Spline::knots, "Knots: (n,); Å, or a cosine, or a density.")
      .def_readonly("coefficients", &Spline::coefficients,
                    "Coefficients of the B-splines: (n + 2,), in the unit of the value.")
      .def_readonly("open", &Spline::open, "Whether it may end with another value or slope than 0.")
      .def_property_readonly("weights", &weights, "Weights of its curves: (curves,); none if it is no combination.")
      .def_property_readonly("curves", &curves, "The curves that it is a combination of.")
      .def("__call__", &evaluate_spline, py::arg("x"), py::arg("derivative") = 0,
           "Values of the spline or of a derivative.\n\n"
           "x: any shape, between the first and the last knot; the first and the last piece are continued beyond.\n"
           "derivative: 0 to 3.\n"
           "Returns an array of the shape of x. Raises Error for another derivative or if the spline is empty.");
  immutable(spline);
  spline.def(
      py::pickle([](const Spline &s) { return py::make_tuple(s.knots, s.coefficients, s.open, weights(s), curves(s)); },
                 [](const py::tuple &state) {
                   require(state.size() == 5, other_version);
                   Spline s = checked({state[0].cast<Knots>(), state[1].cast<Knots>(), state[2].cast<bool>()});
                   s.terms = terms(state[3].cast<Knots>(), state[4].cast<Curves>());
                   return s;
                 }));
  m.def(
      "combination", [](const Knots &weights, const Curves &curves) { return combination(terms(weights, curves)); },
      py::arg("weights"), py::arg("curves"),
      "The spline Σ_k w_k · curve_k, which remembers of what it is made: a potential file has each curve once, and of "
      "such a spline the weights.\n\n"
      "weights: (curves,).\n"
      "curves: one or more splines with the same knots.\n\n"
      "Raises Error if there are not as many weights as curves, or curves have different knots.");
  py::class_<Tensor> tensor(
      m, "Tensor",
      "A three-body term V(r_ij, r_ik, r_jk) = Σ_abc c_abc B_a(r_ij) B_b(r_ik) B_c(r_jk) of clamped "
      "cubic B-splines (Xie, Rupp and Hennig, npj Comput. Mater. 9, 162, 2023). It cannot be changed; "
      "without arguments it is empty, which means that there is no such term.\n\n"
      "knots_ij, knots_ik, knots_jk: increasing, Å.\n"
      "coefficients: (n_ij + 2) × (n_ik + 2) × (n_jk + 2) numbers in any shape, eV.");
  tensor
      .def(py::init([](Knots ij, Knots ik, Knots jk, const Numbers &c) {
             return Tensor{std::move(ij), std::move(ik), std::move(jk), {c.data(), c.data() + c.size()}};
           }),
           py::arg("knots_ij") = Knots(), py::arg("knots_ik") = Knots(), py::arg("knots_jk") = Knots(),
           py::arg("coefficients") = Numbers(0))
      .def_readonly("knots_ij", &Tensor::knots_ij, "Knots along r_ij: (n_ij,), Å.")
      .def_readonly("knots_ik", &Tensor::knots_ik, "Knots along r_ik: (n_ik,), Å.")
      .def_readonly("knots_jk", &Tensor::knots_jk, "Knots along r_jk: (n_jk,), Å.")
      .def_readonly("coefficients", &Tensor::coefficients,
                    "Coefficients: ((n_ij + 2) (n_ik + 2) (n_jk + 2),), eV; the index of r_jk runs fastest.");
  immutable(tensor);
  pickled(tensor, &Tensor::knots_ij, &Tensor::knots_ik, &Tensor::knots_jk, &Tensor::coefficients);
}

}  // namespace snnp::bindings
