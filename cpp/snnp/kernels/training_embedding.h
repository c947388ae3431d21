// Networks of a fit with their derivatives, for a block of C atoms: vectors run across atoms.
//
// Forward, layer by layer:   z = W h + b,  h = σ(z);  and back  s = ∂N/∂h:  s ← Wᵀ (s σ'(z)).
// The gradient of w·N(x) + (∂N/∂x)·ẋ comes from carrying the derivative along ẋ beside the values,
//   ż = W ḣ,  ḣ = ż σ'(z),
// and one pass back, with p = ∂/∂h of the sum:
//   ∂/∂z = p σ'(z) + s ż σ''(z),  ∂/∂ż = s σ'(z),  p ← Wᵀ ∂/∂z.
#pragma once

#include "snnp/kernels/embed.h"
#include "snnp/kernels/training_plan.h"

namespace snnp {
namespace SNNP_ISA {

/// done(n, Σ_k M[n · step + k · along] v_k) for n = 0 … rows − 1; eight sums at once, so that none waits for another.
template <class Done>
SNNP_INLINE void products(const double *M, int rows, int step, int columns, int along, const double *v, Done done)
{
  for (int n = 0; n < rows; n += 8) {
    const double *m[8];
    D sums[8] = {};
    SNNP_UNROLL
    for (int a = 0; a < 8; ++a) m[a] = M + static_cast<long>(n + a < rows ? n + a : rows - 1) * step;
    for (int k = 0; k < columns; ++k) {
      const D x = load<D>(v + C * k);
      SNNP_UNROLL
      for (int a = 0; a < 8; ++a) sums[a] += m[a][k * along] * x;
    }
    for (int a = 0; a < 8 && n + a < rows; ++a) done(n + a, sums[a]);
  }
}

/// See NetworkKernels.
static void network_values(const NetworkView &net, const double *x, const NetworkNodes &at, double *y, double *slope)
{
  const double *in = x, *W = net.layers;
  int inputs = net.inputs, first = 0;  // number of inputs of a layer, and of nodes before its own
  for (int l = 0; l < net.hidden; ++l) {
    const int outputs = net.widths[l];
    products(W, outputs, inputs, inputs, 1, in, [&](int o, D z) __attribute__((always_inline)) {
      D slope_z = {}, second = {};
      z += W[outputs * inputs + o];
      Activations::apply(net.activation, z, slope_z, second, VectorMath());
      store(at.h + C * (first + o), z);
      store(at.first + C * (first + o), slope_z);
      store(at.second + C * (first + o), second);
    });
    W += outputs * (inputs + 1);
    in = at.h + C * first;
    first += inputs = outputs;
  }
  D sum = {};
  for (int m = 0; m < net.inputs; ++m) {
    sum += net.linear[m] * load<D>(x + C * m);
    store(slope + C * m, broadcast<D>(net.linear[m]));
  }
  if (net.hidden > 0) {
    sum += W[inputs];
    for (int i = 0; i < inputs; ++i) {
      sum += W[i] * load<D>(in + C * i);
      store(at.s + C * (first - inputs + i), broadcast<D>(W[i]));
    }
  }
  store(y, sum);
  for (int l = net.hidden; l-- > 0;) {
    const int outputs = net.widths[l];
    inputs = l > 0 ? net.widths[l - 1] : net.inputs;
    first -= outputs;
    W -= outputs * (inputs + 1);
    double *s_z = at.scratch;
    for (int o = 0; o < outputs; ++o)
      store(s_z + C * o, load<D>(at.s + C * (first + o)) * load<D>(at.first + C * (first + o)));
    products(W, inputs, 1, outputs, inputs, s_z, [&](int i, D s) __attribute__((always_inline)) {
      l > 0 ? store(at.s + C * (first - inputs + i), s) : add_block(slope + C * i, s);
    });
  }
}

/// See NetworkKernels.
static void network_gradient(const NetworkView &net, const double *x, const NetworkNodes &at, const double *w,
                             const double *change, double *B, const NetworkSums &sums)
{
  const D weight = load<D>(w);
  for (int m = 0; m < net.inputs; ++m) {
    add_block(sums.linear + C * m, weight * load<D>(x + C * m) + load<D>(change + C * m));
    store(B + C * m, weight * net.linear[m]);
  }
  if (net.hidden == 0) return;
  const double *W = net.layers, *in = change;
  int inputs = net.inputs, first = 0;
  for (int l = 0; l < net.hidden; ++l) {
    const int outputs = net.widths[l];
    products(W, outputs, inputs, inputs, 1, in, [&](int o, D z_change) __attribute__((always_inline)) {
      store(at.z_change + C * (first + o), z_change);
      store(at.h_change + C * (first + o), z_change * load<D>(at.first + C * (first + o)));
    });
    W += outputs * (inputs + 1);
    in = at.h_change + C * first;
    first += inputs = outputs;
  }
  double *to = sums.layers + C * (W - net.layers), *p = at.scratch, *by_z = p + C * net.widest;
  for (int i = 0; i < inputs; ++i) {
    const int n = first - inputs + i;
    add_block(to + C * i, weight * load<D>(at.h + C * n) + load<D>(at.h_change + C * n));
    store(p + C * i, weight * W[i]);
  }
  add_block(to + C * inputs, weight);
  for (int l = net.hidden; l-- > 0;) {
    const int outputs = net.widths[l];
    inputs = l > 0 ? net.widths[l - 1] : net.inputs;
    first -= outputs;
    W -= outputs * (inputs + 1);
    to -= C * outputs * (inputs + 1);
    const double *h = l > 0 ? at.h + C * (first - inputs) : x;
    const double *h_change = l > 0 ? at.h_change + C * (first - inputs) : change;
    for (int o = 0; o < outputs; ++o) {
      const int n = C * (first + o);
      const D s = load<D>(at.s + n), slope = load<D>(at.first + n);
      const D by_value = load<D>(p + C * o) * slope + s * load<D>(at.z_change + n) * load<D>(at.second + n);
      const D by_change = s * slope;
      double *row = to + C * (o * inputs);
      for (int i = 0; i < inputs; ++i)
        add_block(row + C * i, by_value * load<D>(h + C * i) + by_change * load<D>(h_change + C * i));
      add_block(to + C * (outputs * inputs + o), by_value);
      store(by_z + C * o, by_value);
    }
    products(W, inputs, 1, outputs, inputs, by_z, [&](int i, D sum) __attribute__((always_inline)) {
      l > 0 ? store(p + C * i, sum) : add_block(B + C * i, sum);
    });
  }
}

}  // namespace SNNP_ISA
}  // namespace snnp
