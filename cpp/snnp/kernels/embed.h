// Embeddings of a block of atoms: vectors run across atoms.
#pragma once

#include "snnp/activations.h"
#include "snnp/kernels/kernel.h"
#include "snnp/kernels/spline_at.h"

namespace snnp {
namespace SNNP_ISA {

/// Adds a vector of atoms to the one at `to`.
SNNP_INLINE void add_block(double *to, D v) { store(to, load<D>(to) + v); }

/// eˣ to a rounding error or two; beyond ±700 as at ±700.
SNNP_INLINE D exponential(D x)
{
  x = smaller(larger(x, broadcast<D>(-700.0)), broadcast<D>(700.0));
  const D big = x * 1.4426950408889634 + Magic<double>::value, n = big - Magic<double>::value;
  const D r = (x - n * 0.6931471803691238) - n * 1.9082149292705877e-10;  // ln 2 in two parts
  // Taylor series: |r| ≤ 0.35, so that the next term is below 1e-16.
  static constexpr double inverse[] = {
      1. / 479001600, 1. / 39916800, 1. / 3628800, 1. / 362880, 1. / 40320, 1. / 5040, 1. / 720,
      1. / 120,       1. / 24,       1. / 6,       0.5,         1,          1};
  D p = broadcast<D>(1. / 6227020800);
  SNNP_UNROLL
  for (const double c : inverse) p = p * r + c;
  return (D)((L)p + (((L)big - Magic<double>::bits) << 52));
}

/// What activations ask for.
struct VectorMath {
  static SNNP_INLINE D exp(D x) { return exponential(x); }
  static SNNP_INLINE D inverse_sqrt(D x) { return SNNP_ISA::inverse_sqrt(x); }
};

/// E(G) = e0 + a·G + [N(G) − N(0)] + [U(d·G) − U(0)], kept above a floor (see Floor), and A = ∂E/∂G of C atoms, one in
/// each lane. Filters of an atom are `step` apart, so that a filter of C atoms is one vector:
///
///     G, A    | m = 0: atoms 0 … step − 1 | m = 1: … |
///     nodes   | outputs of all layers × C | slopes of all layers × C | δ × C | next δ × C |
///
/// with δ = ∂N/∂(output of a layer).
class BlockEmbedding {
 public:
  explicit BlockEmbedding(const EmbeddingPlan &plan, int inputs, int step) : net_(plan), inputs_(inputs), step_(step) {}

  /// Takes N(0) by the same operations as any N(G), so that an isolated atom has exactly e0. `G` is scratch memory.
  void set_zero(double *G, double *nodes)
  {
    for (int m = 0; m < inputs_; ++m) store(G + m * step_, D{});
    if (net_.density) U_at_zero_ = evaluate(net_.U, D{}).value;
    if (net_.layers.count > 0) at_zero_ = forward(G, nodes, nodes + C * net_.nodes);
  }

  D operator()(const double *G, double *A, double *nodes) const
  {
    const D energy = without_floor(G, A, nodes);
    return net_.floor.directions ? above_floor(energy, G, A, nodes) : energy;
  }

 private:
  const EmbeddingPlan &net_;
  int inputs_, step_;
  D at_zero_ = D{}, U_at_zero_ = D{};

  D without_floor(const double *G, double *A, double *nodes) const
  {
    D energy = broadcast<D>(net_.e0);
    for (int m = 0; m < inputs_; ++m) {
      energy += net_.linear[m] * load<D>(G + m * step_);
      store(A + m * step_, broadcast<D>(net_.linear[m]));
    }
    if (net_.density) energy += spline(G, A) - U_at_zero_;
    if (net_.layers.count == 0) return energy;
    double *slopes = nodes + C * net_.nodes, *delta = slopes + C * net_.nodes;
    energy += forward(G, nodes, slopes) - at_zero_;
    backward(A, slopes, delta, delta + C * net_.widest);
    return energy;
  }

  // Most atoms are inside the domain: then directions are all there is to do.
  D above_floor(D M, const double *G, double *A, double *half) const
  {
    const auto &f = net_.floor;
    D square = D{};
    for (int m = 0; m < inputs_; ++m) store(half + C * m, D{});  // half the gradient of D²
    for (int k = 0; k < f.directions; ++k) {
      const double *P = f.P + static_cast<long>(k) * inputs_;
      D y = broadcast<D>(f.q[k]);
      for (int m = 0; m < inputs_; ++m) y += P[m] * load<D>(G + m * step_);
      const D x = larger(y - 1.0, D{}) + smaller(y + 1.0, D{});
      if (!any(x * x > D{})) continue;
      square += x * x;
      for (int m = 0; m < inputs_; ++m) store(half + C * m, load<D>(half + C * m) + P[m] * x);
    }
    if (!any(square > D{})) return M;
    D density = D{};
    for (int m = 0; m < inputs_; ++m) density += f.density[m] * load<D>(G + m * step_);
    const ValueAndSlope floor = evaluate(f.C, density);
    const D sum = square + f.width * f.width, outside = square / sum, gap = floor.value - M;
    const D u = smaller(larger(gap + f.softness, D{}), broadcast<D>(2 * f.softness));
    const D h = u * u * (0.25 / f.softness) + larger(gap - f.softness, D{});
    const D raised = outside * u * (0.5 / f.softness), out = 2 * f.width * f.width * h / (sum * sum);
    for (int m = 0; m < inputs_; ++m) {
      const D a = load<D>(A + m * step_);
      store(A + m * step_, a + raised * (f.density[m] * floor.slope - a) + out * load<D>(half + C * m));
    }
    return M + outside * h;
  }

  D spline(const double *G, double *A) const
  {
    D density = D{};
    for (int m = 0; m < inputs_; ++m) density += net_.density[m] * load<D>(G + m * step_);
    const ValueAndSlope U = evaluate(net_.U, density);
    for (int m = 0; m < inputs_; ++m) store(A + m * step_, load<D>(A + m * step_) + net_.density[m] * U.slope);
    return U.value;
  }

  D forward(const double *G, double *outputs, double *slopes) const
  {
    const double *in = G;
    int step = step_;
    D x = D{};
    for (const EmbeddingPlan::Layer &layer : net_.layers) {
      const bool last = &layer == net_.layers.end() - 1;
      for (int o = 0; o < layer.outputs; o += 4) {
        D sums[4];
        four_outputs(layer, in, step, o, sums);
        for (int a = 0; a < 4 && o + a < layer.outputs; ++a) {
          x = sums[a] + layer.biases[o + a];
          D slope = broadcast<D>(1.0);
          if (!last) Activations::apply(net_.activation, x, slope, VectorMath());
          store(outputs + C * (o + a), x);
          store(slopes + C * (o + a), slope);
        }
      }
      in = outputs;
      step = C;
      outputs += C * layer.outputs;
      slopes += C * layer.outputs;
    }
    return x;
  }

  // Four outputs of a layer at once, so that sums do not wait for each other; those beyond the last repeat it.
  static SNNP_INLINE void four_outputs(const EmbeddingPlan::Layer &layer, const double *in, int step, int o, D *sums)
  {
    const double *weights[4];
    for (int a = 0; a < 4; ++a) {
      weights[a] = layer.weights + static_cast<long>(o + a < layer.outputs ? o + a : layer.outputs - 1) * layer.inputs;
      sums[a] = D{};
    }
    const EmbeddingPlan::Range used = layer.from[o / 4];
    for (int i = used.begin; i < used.end; ++i) {
      const D x = load<D>(in + i * step);
      SNNP_UNROLL
      for (int a = 0; a < 4; ++a) sums[a] += weights[a][i] * x;
    }
  }

  void backward(double *A, const double *slopes, double *delta, double *next) const
  {
    store(delta, broadcast<D>(1.0));
    const double *slope = slopes + C * net_.nodes;
    for (const EmbeddingPlan::Layer *layer = net_.layers.end(); layer-- != net_.layers.begin();) {
      slope -= C * layer->outputs;
      for (int o = 0; o < layer->outputs; ++o) store(delta + C * o, load<D>(delta + C * o) * load<D>(slope + C * o));
      for (int i = 0; i < layer->inputs; i += 4) {
        D sums[4] = {};
        const int some = layer->inputs - i < 4 ? layer->inputs - i : 4;
        const EmbeddingPlan::Range range = layer->to[i / 4];
        if (some == 4)
          for (int o = range.begin; o < range.end; ++o) {
            const D d = load<D>(delta + C * o);
            const double *w = layer->weights + static_cast<long>(o) * layer->inputs + i;
            SNNP_UNROLL
            for (int a = 0; a < 4; ++a) sums[a] += w[a] * d;
          }
        else
          for (int o = range.begin; o < range.end; ++o)
            for (int a = 0; a < some; ++a)
              sums[a] += layer->weights[static_cast<long>(o) * layer->inputs + i + a] * load<D>(delta + C * o);
        for (int a = 0; a < some; ++a) store(next + C * (i + a), sums[a]);
      }
      double *const swap = delta;
      delta = next;
      next = swap;
    }
    for (int m = 0; m < inputs_; ++m) store(A + m * step_, load<D>(A + m * step_) + load<D>(delta + C * m));
  }
};

}  // namespace SNNP_ISA
}  // namespace snnp
