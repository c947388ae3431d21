#include "snnp/kernels/tensor_plan.h"

namespace snnp {

namespace {

// All basis functions of a direction.
struct Basis {
  Intervals intervals;
  int functions;
  std::vector<double> cubics;  // as `centred` has them

  Basis(Memory &memory, const std::vector<double> &knots) : functions(static_cast<int>(knots.size()) + 2)
  {
    std::vector<Spline> splines(functions, Spline{knots, std::vector<double>(functions, 0.0)});
    std::vector<const Spline *> columns;
    for (int f = 0; f < functions; ++f) {
      splines[f].coefficients[f] = 1;
      columns.push_back(&splines[f]);
    }
    intervals = make_intervals(memory, knots, true);
    cubics = centred(Table(columns), intervals, true);
  }
  // The first of the four functions that may not vanish in an interval.
  int first(int interval) const { return std::min(std::max(interval - 1, 0), functions - 4); }
  double cubic(int interval, int power, int f) const
  {
    return cubics[(4L * interval + power) * functions + first(interval) + f];
  }
};

TensorBasis make_basis(Memory &memory, const Basis &basis, int stride)
{
  const int n = basis.intervals.count();
  double *cubics = memory.array<double>(16L * n);
  for (int i = 0; i < n; ++i)
    for (int power = 0; power < 4; ++power)
      for (int f = 0; f < 4; ++f) cubics[16 * i + 4 * power + f] = basis.cubic(i, power, f);
  return {basis.intervals.axis, cubics, stride};
}

}  // namespace

template <class Real> TensorPlan<Real> make_tensor_plan(Memory &memory, const Tensor &t, double scale)
{
  const Basis ij(memory, t.knots_ij), ik(memory, t.knots_ik), jk(memory, t.knots_jk);
  const int n = ij.intervals.count(), m = ik.intervals.count(), l = jk.intervals.count();
  TensorPlan<Real> plan;
  plan.ik = make_basis(memory, ik, 64 * l);
  plan.ij = make_basis(memory, ij, 64 * l * m);
  plan.jk = jk.intervals.axis;
  Real *cell = memory.array<Real>(64L * l * m * n);
  plan.cells = cell;
  for (int i = 0; i < n; ++i)
    for (int k = 0; k < m; ++k)
      for (int d = 0; d < l; ++d, cell += 64)
        for (int a = 0; a < 4; ++a)
          for (int b = 0; b < 4; ++b) {
            const long ab = static_cast<long>(ij.first(i) + a) * ik.functions + ik.first(k) + b;
            const double *v = &t.coefficients[ab * jk.functions + jk.first(d)];
            for (int power = 0; power < 4; ++power) {
              double sum = 0;
              for (int f = 0; f < 4; ++f) sum += v[f] * jk.cubic(d, power, f);
              cell[16 * power + 4 * a + b] = static_cast<Real>(scale * sum);
            }
          }
  return plan;
}

template TensorPlan<double> make_tensor_plan(Memory &, const Tensor &, double);
template TensorPlan<float> make_tensor_plan(Memory &, const Tensor &, double);

}  // namespace snnp
