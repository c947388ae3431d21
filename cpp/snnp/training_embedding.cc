#include "snnp/training_embedding.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "snnp/kernels/kernel.h"
#include "snnp/parallel.h"
#include "snnp/training_tables.h"

namespace snnp {

int Embedding::network_size() const
{
  if (widths.empty()) return 0;
  int size = 0, from = inputs;
  for (int width : widths) {
    size += width * (from + 1);
    from = width;
  }
  return size + from + 1;
}

// What BatchEmbedding keeps: atoms in blocks of one element each.
class BatchEmbedding::State {
 public:
  // Its atoms are numbers first … first + lanes − 1 of the batch's order; −1 stands for the isolated atom.
  struct Block {
    int element;
    const int *atoms;
    double *x, *y, *slope;  // inputs, output, and a slope by inputs
    double *w, *change;     // see `gradient`
    NetworkNodes nodes;
  };

  Embedding model;
  int n_atoms = 0, threads = 0, lanes = 0;
  const NetworkKernels *run = nullptr;
  std::vector<Block> blocks;
  std::vector<NetworkView> networks;  // by element

  void begin(Embedding embedding, int atoms, const int *elements, int n_threads)
  {
    model = std::move(embedding);
    n_atoms = atoms;
    threads = n_threads;
    run = &kernels(best_isa()).network;
    lanes = run->block;
    networks.clear();
    for (int a = 0; a < model.elements; ++a) networks.push_back(network(a));
    // Atoms of each element, and behind them the isolated one until the block is full.
    order_.assign(model.elements, {});
    for (int i = 0; i < n_atoms; ++i) order_[elements[i]].push_back(i);
    blocks.clear();
    memory_.clear();
    for (int a = 0; a < model.elements; ++a) {
      if (order_[a].empty()) continue;
      order_[a].resize((order_[a].size() / lanes + 1) * lanes, -1);
      for (std::size_t first = 0; first < order_[a].size(); first += lanes)
        blocks.push_back(block(networks[a], a, &order_[a][first]));
    }
  }

  bool fixed(int a) const { return !std::isnan(model.fixed_e0[a]); }
  // Whether this block is the last one of its element: its last atom is the isolated one.
  bool last(const Block &b) const { return b.atoms[lanes - 1] < 0; }
  // Where the weights of element a begin among the parameters.
  int linear_at(int a) const { return model.elements + a * model.inputs; }
  int network_at(int a) const { return linear_at(model.elements) + a * model.network_size(); }

  // visit(thread, block)
  template <class Visit> void for_blocks(Visit visit)
  {
    for_shares(static_cast<int>(blocks.size()), threads, [&](int t, int begin, int end) {
      for (int n = begin; n < end; ++n) visit(t, blocks[n]);
    });
  }

 private:
  std::vector<std::vector<int>> order_;  // of atoms, by element
  Arena memory_;

  NetworkView network(int a) const
  {
    int nodes = 0, widest = 0;
    for (int width : model.widths) {
      nodes += width;
      widest = std::max(widest, width);
    }
    const double *p = model.parameters.data();
    return {model.inputs,
            static_cast<int>(model.widths.size()),
            model.activation,
            model.widths.data(),
            nodes,
            widest,
            p + linear_at(a),
            p + network_at(a)};
  }

  Block block(const NetworkView &net, int a, const int *atoms)
  {
    const auto vectors = [&](int n) { return memory_.take<double>(static_cast<std::size_t>(n) * lanes); };
    const int M = net.inputs;
    Block b{a, atoms, vectors(M), vectors(1), vectors(M), vectors(1), vectors(M), {}};
    NetworkNodes &n = b.nodes;
    for (double **of : {&n.h, &n.first, &n.second, &n.s, &n.z_change, &n.h_change}) *of = vectors(net.nodes);
    n.scratch = vectors(2 * net.widest);
    return b;
  }
};

BatchEmbedding::BatchEmbedding() : state_(std::make_unique<State>()) {}
BatchEmbedding::~BatchEmbedding() = default;

void BatchEmbedding::values(Embedding embedding, int n_atoms, const int *elements, const double *G, int threads,
                            double *energies, double *A)
{
  State &s = *state_;
  s.begin(std::move(embedding), n_atoms, elements, threads);
  const int M = s.model.inputs, C = s.lanes;
  const double unit = s.model.unit;
  s.for_blocks([&](int, State::Block &b) {
    const double *mean = &s.model.mean[b.element * M], *scale = &s.model.scale[b.element * M];
    for (int l = 0; l < C; ++l) {
      const double *g = b.atoms[l] < 0 ? nullptr : G + b.atoms[l] * (1L + M) + 1;
      for (int m = 0; m < M; ++m) b.x[m * C + l] = ((g ? g[m] : 0) - mean[m]) / scale[m];
    }
    s.run->values(s.networks[b.element], b.x, b.nodes, b.y, b.slope);
    for (int l = 0; l < C; ++l) {
      const int i = b.atoms[l];
      if (i < 0) continue;
      double *a = A + i * (1L + M);
      energies[i] = 0.5 * G[i * (1L + M)] + unit * b.y[l];
      a[0] = 0.5;
      for (int m = 0; m < M; ++m) a[1 + m] = unit * b.slope[m * C + l] / scale[m];
    }
  });
  std::vector<double> constants(s.model.parameters.begin(), s.model.parameters.begin() + s.model.elements);
  for (double &constant : constants) constant *= unit;
  for (const State::Block &b : s.blocks)
    if (s.last(b) && s.fixed(b.element)) constants[b.element] = s.model.fixed_e0[b.element] - unit * b.y[C - 1];
  for (int i = 0; i < n_atoms; ++i) energies[i] += constants[elements[i]];
}

void BatchEmbedding::gradient(const double *w, const double *Gd, double *B, double *sums)
{
  State &s = *state_;
  const int M = s.model.inputs, C = s.lanes, E = s.model.elements, size = s.model.size();
  const double unit = s.model.unit;
  std::vector<double> total(E, 0.0);  // of w, by element
  for (const State::Block &b : s.blocks)
    for (int l = 0; l < C && b.atoms[l] >= 0; ++l) total[b.element] += unit * w[b.atoms[l]];
  for (int a = 0; a < E; ++a)
    if (!s.fixed(a)) sums[a] += total[a];

  std::vector<std::vector<double>> by_thread(s.threads);  // a number for each parameter and atom of a block
  s.for_blocks([&](int t, State::Block &b) {
    if (by_thread[t].empty()) by_thread[t].assign(static_cast<std::size_t>(size) * C, 0.0);
    double *mine = by_thread[t].data();
    const double *scale = &s.model.scale[b.element * M];
    for (int l = 0; l < C; ++l) {
      const int i = b.atoms[l];
      b.w[l] = i < 0 ? 0 : unit * w[i];
      for (int m = 0; m < M; ++m) b.change[m * C + l] = i < 0 ? 0 : unit * Gd[i * (1L + M) + 1 + m] / scale[m];
    }
    if (s.last(b) && s.fixed(b.element)) b.w[C - 1] = -total[b.element];
    s.run->gradient(s.networks[b.element], b.x, b.nodes, b.w, b.change, b.slope,
                    {mine + s.linear_at(b.element) * C, mine + s.network_at(b.element) * C});
    for (int l = 0; l < C && b.atoms[l] >= 0; ++l) {
      double *to = B + b.atoms[l] * (1L + M);
      to[0] = 0.5 * w[b.atoms[l]];
      for (int m = 0; m < M; ++m) to[1 + m] = b.slope[m * C + l] / scale[m];
    }
  });
  for (const std::vector<double> &mine : by_thread)
    for (std::size_t n = 0; n < mine.size(); ++n) sums[n / C] += mine[n];
}

}  // namespace snnp
