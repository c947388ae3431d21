#include "snnp/tensor.h"

#include <algorithm>
#include <cmath>

namespace snnp {

TensorTerms::TensorTerms(const Potential &p) : elements_(p.size())
{
  if (std::all_of(p.V.begin(), p.V.end(), [](const Tensor &t) { return t.empty(); })) return;
  for (const Tensor &t : p.V) {
    terms_.emplace_back();
    if (t.empty()) continue;
    const int ik = static_cast<int>(t.knots_ik.size()) + 2, jk = static_cast<int>(t.knots_jk.size()) + 2;
    terms_.back() = std::make_shared<const Term>(
        Term{BSplines(t.knots_ij), BSplines(t.knots_ik), BSplines(t.knots_jk), ik * jk, jk, t.coefficients});
  }
  for (int a = 0; a < elements_; ++a)
    for (int b = 0; b < elements_; ++b) cutoffs_.push_back(p.tensor_cutoff(a, b));
}

namespace {

// V and its derivatives with respect to r_ij, r_ik, r_jk.
struct Contraction {
  double value = 0, ij = 0, ik = 0, jk = 0;

  Contraction(const double *c, int stride_ij, int stride_ik, const LocalBasis &j, const LocalBasis &k,
              const LocalBasis &d)
  {
    c += j.first * stride_ij + k.first * stride_ik + d.first;
    for (int a = 0; a < 4; ++a)
      for (int b = 0; b < 4; ++b) {
        const double *w = c + a * stride_ij + b * stride_ik;
        double s = 0, t = 0;
        for (int n = 0; n < 4; ++n) {
          s += w[n] * d.value[n];
          t += w[n] * d.slope[n];
        }
        value += j.value[a] * k.value[b] * s;
        ij += j.slope[a] * k.value[b] * s;
        ik += j.value[a] * k.slope[b] * s;
        jk += j.value[a] * k.value[b] * t;
      }
  }
};

}  // namespace

double TensorTerms::operator()(const Neighborhood &near, double unit, double *gradient) const
{
  double energy = 0;
  const double *cutoffs = &cutoffs_[near.element * elements_];
  for (int j = 0; j < near.count; ++j) {
    if (near.r[j] >= cutoffs[near.elements[j]]) continue;
    for (int k = 0; k < near.count; ++k) {
      const int bj = near.elements[j], bk = near.elements[k];
      // j is the neighbour whose element comes first; among equals each pair counts once.
      if (bj > bk || (bj == bk && k >= j) || near.r[k] >= cutoffs[bk]) continue;
      const Term *term = terms_[triplet_index(elements_, near.element, bj, bk)].get();
      if (!term || near.r[j] >= term->ij.back() || near.r[k] >= term->ik.back()) continue;
      double d[3], squared = 0;  // from j to k
      for (int x = 0; x < 3; ++x) {
        d[x] = near.r[k] * near.unit[3 * k + x] - near.r[j] * near.unit[3 * j + x];
        squared += d[x] * d[x];
      }
      const double distance = std::sqrt(squared);
      if (distance >= term->jk.back()) continue;
      const Contraction V(term->coefficients.data(), term->stride_ij, term->stride_ik, term->ij.at(near.r[j]),
                          term->ik.at(near.r[k]), term->jk.at(distance));
      energy += V.value;
      for (int x = 0; x < 3; ++x) {
        const double across = distance > 0 ? V.jk * d[x] / distance : 0;
        gradient[3 * j + x] += unit * (V.ij * near.unit[3 * j + x] - across);
        gradient[3 * k + x] += unit * (V.ik * near.unit[3 * k + x] + across);
      }
    }
  }
  return energy;
}

}  // namespace snnp
