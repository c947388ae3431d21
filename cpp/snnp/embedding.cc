#include "snnp/embedding.h"

#include <algorithm>
#include <cmath>

namespace snnp {

namespace {

// Replaces x by the activation of x, and gives its slope.
void activate(const std::string &kind, double &x, double &slope)
{
  if (kind == "tanh") {
    x = std::tanh(x);
    slope = 1 - x * x;
  } else {  // silu: x / (1 + exp(−x))
    const double s = 1 / (1 + std::exp(-x));
    slope = s * (1 + x * (1 - s));
    x *= s;
  }
}

}  // namespace

Embedding::Embedding(const Element &element)
    : e0_(element.e0), linear_(element.linear), density_(element.density), network_(element.network)
{
  for (const Network::Layer &layer : network_.layers) {
    nodes_ += layer.outputs;
    widest_ = std::max({widest_, layer.inputs, layer.outputs});
  }
  const std::vector<double> zero(linear_.size(), 0.0);
  std::vector<double> outputs(nodes_), slopes(nodes_);
  N_at_zero_ = forward(zero.data(), outputs.data(), slopes.data());
  if (density_.empty()) return;
  U_ = Table({&element.U});
  double slope;
  U_at_zero_ = U(0, slope);
}

// The table knows how to continue below; beyond the last knot it is done here.
double Embedding::U(double n, double &slope) const
{
  const GridPosition position = U_.grid().find(std::min(n, U_.grid().back()));
  const double *c = U_.at(position.interval), t = position.t;
  const int S = U_.stride();
  slope = c[S] + t * (2 * c[2 * S] + t * 3 * c[3 * S]);
  const double value = c[0] + t * (c[S] + t * (c[2 * S] + t * c[3 * S]));
  return value + std::max(n - U_.grid().back(), 0.0) * slope;
}

double Embedding::forward(const double *G, double *outputs, double *slopes) const
{
  if (network_.layers.empty()) return 0;
  const double *in = G;
  for (const Network::Layer &layer : network_.layers) {
    const bool last = &layer == &network_.layers.back();
    for (int o = 0; o < layer.outputs; ++o) {
      const double *row = &layer.weights[static_cast<std::size_t>(o) * layer.inputs];
      double x = 0;
#pragma omp simd reduction(+ : x)
      for (int i = 0; i < layer.inputs; ++i) x += row[i] * in[i];
      outputs[o] = x + layer.biases[o];
      slopes[o] = 1;
      if (!last) activate(network_.activation, outputs[o], slopes[o]);
    }
    in = outputs;
    outputs += layer.outputs;
    slopes += layer.outputs;
  }
  return in[0];
}

double Embedding::operator()(const double *G, double *A, std::vector<double> &scratch) const
{
  const int inputs = static_cast<int>(linear_.size());
  double energy = e0_;
  for (int m = 0; m < inputs; ++m) {
    energy += linear_[m] * G[m];
    A[m] = linear_[m];
  }
  if (!density_.empty()) {
    double n = 0, slope;
    for (int m = 0; m < inputs; ++m) n += density_[m] * G[m];
    energy += U(n, slope) - U_at_zero_;
    for (int m = 0; m < inputs; ++m) A[m] += slope * density_[m];
  }
  if (network_.layers.empty()) return energy;

  scratch.resize(2 * nodes_ + 2 * widest_);
  double *outputs = scratch.data(), *slopes = outputs + nodes_, *delta = slopes + nodes_, *next = delta + widest_;
  energy += forward(G, outputs, slopes) - N_at_zero_;

  delta[0] = 1;  // ∂N/∂(output of the last layer)
  int end = nodes_;
  for (auto layer = network_.layers.rbegin(); layer != network_.layers.rend(); ++layer) {
    end -= layer->outputs;
    std::fill(next, next + layer->inputs, 0.0);
    for (int o = 0; o < layer->outputs; ++o) {
      const double d = delta[o] * slopes[end + o];
      const double *row = &layer->weights[static_cast<std::size_t>(o) * layer->inputs];
#pragma omp simd
      for (int i = 0; i < layer->inputs; ++i) next[i] += d * row[i];
    }
    std::swap(delta, next);
  }
  for (int m = 0; m < inputs; ++m) A[m] += delta[m];
  return energy;
}

}  // namespace snnp
