// Random splines and potentials.
#pragma once

#include <random>
#include <string>
#include <vector>

#include "snnp/potential.h"

namespace testing {

class Random {
 public:
  explicit Random(unsigned seed) : engine_(seed) {}

  double uniform(double low, double high)
  {
    // Not std::uniform_real_distribution: its numbers differ between standard libraries.
    return low + (high - low) * (engine_() / 4294967296.0);
  }
  std::vector<double> numbers(std::size_t count, double scale = 1)
  {
    std::vector<double> v(count);
    for (double &x : v) x = uniform(-scale, scale);
    return v;
  }

  enum Knots { even, uneven };
  snnp::Spline spline(double first, double last, int n, Knots knots)
  {
    snnp::Spline s;
    const double width = (last - first) / (n - 1);
    for (int i = 0; i < n; ++i) s.knots.push_back(i == n - 1 ? last : first + i * (last - first) / (n - 1));
    if (knots == uneven)
      for (int i = 1; i < n - 1; ++i) s.knots[i] += uniform(-0.3, 0.3) * width;
    s.coefficients = numbers(n + 2, 0.3);
    return s;
  }
  /// Ends with value, slope and curvature zero.
  snnp::Spline radial(double last, Knots knots = uneven)
  {
    snnp::Spline s = spline(uniform(1.3, 1.6), last * uniform(0.8, 1.0), 8, knots);
    for (int k = 0; k < 3; ++k) s.coefficients[s.coefficients.size() - 1 - k] = 0;
    return s;
  }

  snnp::Potential potential(const std::vector<std::string> &names, int n2, int n3, const std::string &activation,
                            double cutoff = 4, Knots knots = uneven)
  {
    snnp::Potential p;
    p.comment = " DATE: 2026-01-01 UNITS: metal CONTRIBUTOR: tests CITATION: none";
    p.n2 = n2;
    p.n3 = n3;
    for (const std::string &name : names) p.elements.push_back(element(name, n2 + n3, activation));
    const int E = p.size();
    for (int n = 0; n < p.n_pairs(); ++n) p.pairs.push_back({radial(cutoff, knots), 1.0, 2.0, 1.9});
    for (int n = 0; n < E * E * n2; ++n) p.rho.push_back(radial(cutoff, knots));
    for (int n = 0; n < E * E * n3; ++n) p.f.push_back(radial(0.8 * cutoff, knots));
    for (int n = 0; n < E * p.n_pairs() * n3; ++n) p.g.push_back(spline(-1, 1, 5, n % 2 ? even : knots));
    return p;
  }
  /// With the terms that no network needs: U of a density, tensors, splines that end open and have a double knot.
  snnp::Potential classical(const std::vector<std::string> &names, int n2, int n3, Knots knots = uneven)
  {
    snnp::Potential p = potential(names, n2, n3, "none");
    for (snnp::Element &e : p.elements) {
      if (n2 + n3 == 0) break;  // a density of nothing
      e.density = numbers(n2 + n3);
      e.U = spline(-1, 2, 6, uneven);
      e.floor = {numbers(3 * (n2 + n3)), numbers(3), 0.5, 0.1, numbers(n2 + n3), spline(-1, 2, 6, uneven)};
      const snnp::Spline &C = e.floor.C;
      const double above = snnp::evaluate(C, 0) + e.floor.softness - e.e0 + 0.1;
      for (double &c : e.floor.C.coefficients) c -= above;
    }
    for (snnp::Element &e : p.elements) {
      e.four_body = {3, 2, 2, 1.2, 1.9, 3.3, 1.5, numbers(2 * p.elements.size()), {}};
      e.four_body.coefficients = numbers(snnp::four_body_count(3, 4), 0.02);
    }
    for (snnp::Pair &pair : p.pairs) {
      pair.phi = spline(1.4, 3.9, 9, uneven);
      pair.phi.knots[4] = pair.phi.knots[5];
      pair.phi.open = true;
    }
    for (int a = 0; a < p.size(); ++a)
      for (int b = 0; b < p.size(); ++b)
        for (int c = b; c < p.size(); ++c) p.V.push_back(tensor(b == c, knots));
    return p;
  }

 private:
  std::mt19937 engine_;

  snnp::Tensor tensor(bool symmetric, Knots knots)
  {
    snnp::Tensor t{
        spline(1.5, 3.2, 8, knots).knots, spline(1.4, 3.7, 8, knots).knots, spline(1, 7, 6, knots).knots, {}};
    if (symmetric) t.knots_ik = t.knots_ij;
    const int ij = static_cast<int>(t.knots_ij.size()) + 2, ik = static_cast<int>(t.knots_ik.size()) + 2, jk = 8;
    t.coefficients = numbers(static_cast<std::size_t>(ij) * ik * jk, 0.3);
    for (int a = 0; a < ij; ++a)
      for (int b = 0; b < ik; ++b)
        for (int c = 0; c < jk; ++c) {
          double &x = t.coefficients[(a * ik + b) * jk + c];
          if (a >= ij - 3 || b >= ik - 3 || c >= jk - 3) x = 0;
          if (symmetric && b < a) x = t.coefficients[(b * ik + a) * jk + c];
        }
    return t;
  }

  snnp::Element element(const std::string &name, int filters, const std::string &activation)
  {
    snnp::Element e;
    e.name = name;
    e.e0 = uniform(-1, 1);
    e.linear = numbers(filters, 0.3);
    e.lowest = std::vector<double>(filters, -1.0);
    e.highest = std::vector<double>(filters, 1.0);
    e.energies = {{0, 9, -0.5, 0.5}, {11, 30, -0.25, 1}};
    e.network.activation = activation;
    int inputs = filters;
    if (activation != "none")
      for (const int outputs : {5, 4, 1}) {
        e.network.layers.push_back(
            {inputs, outputs, numbers(static_cast<std::size_t>(inputs) * outputs), numbers(outputs, 0.3)});
        inputs = outputs;
      }
    return e;
  }
};

}  // namespace testing
