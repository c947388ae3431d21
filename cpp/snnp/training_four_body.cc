#include "snnp/training_four_body.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "snnp/error.h"
#include "snnp/kernels/kernel.h"
#include "snnp/kernels/tables.h"
#include "snnp/parallel.h"
#include "snnp/rows.h"
#include "snnp/training_tables.h"

namespace snnp {

namespace {

// Neighbours of an atom, which the arena keeps.
struct Gathered {
  FourBodyNeighbors near;
  const int *index;
  const double *r;
};

// Those within the cutoff of its terms.
Gathered gather(const FourBodyPlan &plan, const VectorNeighbors &neighbors, int i, int lanes, Arena &memory)
{
  int count = 0;
  const double square = plan.cutoff * plan.cutoff;
  for_each_neighbor(neighbors, i, [&](int, int b, double x, double y, double z) {
    count += b >= 0 && x * x + y * y + z * z < square ? 1 : 0;
  });
  const int step = (count + lanes - 1) / lanes * lanes;
  double *u[3], *inverse, *r, *weights = memory.take<double>(static_cast<std::size_t>(plan.mixtures) * step);
  int *index = memory.take<int>(step);
  for (double **of : {&u[0], &u[1], &u[2], &inverse, &r}) std::fill_n(*of = memory.take<double>(step), step, 0.0);
  std::fill_n(weights, static_cast<std::size_t>(plan.mixtures) * step, 0.0);
  int n = 0;
  for_each_neighbor(neighbors, i, [&](int j, int b, double x, double y, double z) {
    const double squared = x * x + y * y + z * z;
    if (b < 0 || !(squared < square)) return;
    const double distance = std::sqrt(squared);
    index[n] = j;
    r[n] = distance;
    inverse[n] = 1 / distance;
    u[0][n] = x / distance;
    u[1][n] = y / distance;
    u[2][n] = z / distance;
    for (int k = 0; k < plan.mixtures; ++k)
      weights[static_cast<long>(k) * step + n] = plan.weights[b * plan.mixtures + k];
    ++n;
  });
  return {{count, step, u[0], u[1], u[2], inverse, weights}, index, r};
}

// Terms of all elements, laid out, and where the coefficients of each begin.
struct Terms {
  Memory memory;
  std::vector<FourBodyPlan> plans;
  std::vector<int> first{0};

  explicit Terms(const std::vector<FourBody> &terms)
  {
    const int elements = static_cast<int>(terms.size());
    for (const FourBody &t : terms) {
      check_four_body(t, elements, "four-body terms");
      plans.push_back(make_four_body_plan(memory, t, elements));
      first.push_back(first.back() + plans.back().count);
    }
  }
};

}  // namespace

// What BatchFourBody keeps: atoms in blocks of one element each.
class BatchFourBody::State {
 public:
  struct Block {
    const FourBodyPlan *plan;
    int first;                   // of its coefficients
    std::vector<int> atoms;      // as many as there are lanes, or fewer
    std::vector<Gathered> near;  // by atom
    double *A, *slopes, *b;      // slopes: of b
  };

  std::unique_ptr<Terms> terms;
  std::vector<int> structure;
  int n_structures = 0, threads = 0, lanes = 0;
  const FourBodyKernels *run = nullptr;
  std::vector<Block> blocks;

  void begin(const std::vector<FourBody> &all, const Batch &batch)
  {
    terms = std::make_unique<Terms>(all);
    run = &kernels(best_isa()).four_body;
    lanes = run->block;
    structure.assign(batch.structure, batch.structure + batch.neighbors.n_atoms);
    n_structures = batch.n_structures;
    threads = batch.threads;
    memories_.resize(std::max<std::size_t>(memories_.size(), threads));
    blocks.clear();
    for (std::size_t a = 0; a < all.size(); ++a) {
      if (all[a].empty()) continue;
      Block block{&terms->plans[a], terms->first[a], {}, {}, nullptr, nullptr, nullptr};
      for (int i = 0; i < batch.neighbors.n_atoms; ++i) {
        if (batch.neighbors.elements[i] != static_cast<int>(a)) continue;
        block.atoms.push_back(i);
        if (static_cast<int>(block.atoms.size()) < lanes) continue;
        blocks.push_back(block);
        block.atoms.clear();
      }
      if (!block.atoms.empty()) blocks.push_back(block);
    }
    for_shares(static_cast<int>(blocks.size()), threads, [&](int t, int begin, int end) {
      Arena &memory = memories_[t];
      memory.clear();
      for (int n = begin; n < end; ++n) {
        Block &b = blocks[n];
        const std::size_t size = static_cast<std::size_t>(b.plan->sums) * lanes;
        std::fill_n(b.A = memory.take<double>(size), size, 0.0);
        b.slopes = memory.take<double>(size);
        b.b = memory.take<double>(lanes);
        for (int i : b.atoms) b.near.push_back(gather(*b.plan, batch.neighbors, i, lanes, memory));
      }
    });
  }

  // visit(thread, block, memory for the moment)
  template <class Visit> void for_blocks(Visit visit)
  {
    for_shares(static_cast<int>(blocks.size()), threads, [&](int t, int begin, int end) {
      Arena passing;
      for (int n = begin; n < end; ++n) {
        passing.clear();
        visit(t, blocks[n], passing);
      }
    });
  }

 private:
  std::vector<Arena> memories_;  // by thread
};

BatchFourBody::BatchFourBody() : state_(std::make_unique<State>()) {}
BatchFourBody::~BatchFourBody() = default;
BatchFourBody::BatchFourBody(BatchFourBody &&) noexcept = default;
BatchFourBody &BatchFourBody::operator=(BatchFourBody &&) noexcept = default;

void BatchFourBody::values(std::vector<FourBody> terms, const Batch &batch, double *energies)
{
  State &s = *state_;
  s.begin(terms, batch);
  s.for_blocks([&](int, State::Block &b, Arena &) {
    for (std::size_t l = 0; l < b.atoms.size(); ++l) s.run->sums(*b.plan, b.near[l].near, b.A + l);
    s.run->values(*b.plan, b.A, b.b, b.slopes);
    for (std::size_t l = 0; l < b.atoms.size(); ++l)
      energies[b.atoms[l]] += b.plan->bound * std::tanh(b.b[l] / b.plan->bound);
  });
}

void BatchFourBody::forces(double *forces, double *virials)
{
  State &s = *state_;
  SharedSum all_forces(forces, 3L * s.structure.size(), s.threads),
      all_virials(virials, 9L * s.n_structures, s.threads);
  std::vector<double *> F(s.threads), W(s.threads);
  for (int t = 0; t < s.threads; ++t) F[t] = all_forces.of(t), W[t] = all_virials.of(t);
  s.for_blocks([&](int t, State::Block &b, Arena &passing) {
    for (std::size_t l = 0; l < b.atoms.size(); ++l) {
      const Gathered &g = b.near[l];
      const int i = b.atoms[l], step = g.near.step;
      const double bounded = std::tanh(b.b[l] / b.plan->bound), factor = 1 - bounded * bounded;
      double *gradient = passing.take<double>(3 * step);
      s.run->gradient(*b.plan, g.near, b.slopes + l, gradient);
      const double *u[3] = {g.near.x, g.near.y, g.near.z};
      double *own = F[t] + 3L * i, *virial = W[t] + 9L * s.structure[i];
      for (int j = 0; j < g.near.count; ++j)
        for (int a = 0; a < 3; ++a) {
          const double x = factor * gradient[a * step + j];
          own[a] += x;
          F[t][3L * g.index[j] + a] -= x;
          for (int d = 0; d < 3; ++d) virial[3 * d + a] -= g.r[j] * u[d][j] * x;
        }
    }
  });
  all_forces.add_up(s.threads);
  all_virials.add_up(s.threads);
}

void BatchFourBody::gradient(const double *w, const Movement &movement, double *sums)
{
  State &s = *state_;
  const int lanes = s.lanes;
  std::vector<std::vector<double>> by_thread(s.threads);  // a number for each coefficient and atom of a block
  s.for_blocks([&](int t, State::Block &b, Arena &passing) {
    if (by_thread[t].empty()) by_thread[t].assign(static_cast<std::size_t>(s.terms->first.back()) * lanes, 0.0);
    const FourBodyPlan &plan = *b.plan;
    const std::size_t size = static_cast<std::size_t>(plan.sums) * lanes;
    double *change = passing.take<double>(size), *p = passing.take<double>(lanes), *q = passing.take<double>(lanes);
    std::fill_n(change, size, 0.0);
    std::fill_n(p, lanes, 0.0);
    std::fill_n(q, lanes, 0.0);
    for (std::size_t l = 0; l < b.atoms.size(); ++l) {
      const Gathered &g = b.near[l];
      const int i = b.atoms[l], step = g.near.step;
      const double *strain = movement.strains + 9L * s.structure[i], *own = movement.atoms + 3L * i;
      const double *u[3] = {g.near.x, g.near.y, g.near.z};
      double *v = passing.take<double>(3 * step);
      std::fill_n(v, 3 * step, 0.0);
      for (int j = 0; j < g.near.count; ++j)
        for (int d = 0; d < 3; ++d) {
          double x = movement.atoms[3L * g.index[j] + d] - own[d];
          for (int e = 0; e < 3; ++e) x += strain[3 * d + e] * g.r[j] * u[e][j];
          v[d * step + j] = x;
        }
      s.run->tangent(plan, g.near, v, change + l);
      // E4 = S tanh(b/S): its change is slope ḃ, and that of the slope −2 slope tanh(b/S) ḃ / S.
      const double bounded = std::tanh(b.b[l] / plan.bound), slope = 1 - bounded * bounded;
      double b_change = 0;
      for (int k = 0; k < plan.sums; ++k) b_change += b.slopes[k * lanes + l] * change[k * lanes + l];
      p[l] = w[i] * slope - 2 * slope * bounded * b_change / plan.bound;
      q[l] = slope;
    }
    s.run->parameters(plan, b.A, change, p, q, by_thread[t].data() + static_cast<std::size_t>(b.first) * lanes);
  });
  for (const std::vector<double> &mine : by_thread)
    for (std::size_t n = 0; n < mine.size(); ++n) sums[n / lanes] += mine[n];
}

namespace {

// B of one atom as rows: of each coefficient only the derivatives by the sums that it has.
void add_rows(const FourBodyPlan &plan, const FourBodyKernels &run, const Gathered &g, int i, int first_column,
              double *energy, double *virial, double *forces, long columns, Arena &memory)
{
  const int lanes = run.block, step = g.near.step, sums = plan.sums, n = g.near.count;
  double *blocked = memory.take<double>(static_cast<std::size_t>(sums) * lanes), *A = memory.take<double>(sums);
  double *one = memory.take<double>(static_cast<std::size_t>(sums) * lanes);
  double *slopes = memory.take<double>(static_cast<std::size_t>(sums) * 3 * step);  // ∂A/∂r_j
  std::fill_n(one, static_cast<std::size_t>(sums) * lanes, 0.0);
  run.sums(plan, g.near, blocked);
  for (int k = 0; k < sums; ++k) {
    A[k] = blocked[k * lanes];
    one[k * lanes] = 1;
    run.gradient(plan, g.near, one, slopes + static_cast<std::size_t>(k) * 3 * step);
    one[k * lanes] = 0;
  }
  double *by_sum = memory.take<double>(sums), *gradient = memory.take<double>(3 * step);
  std::fill_n(by_sum, sums, 0.0);
  const double *u[3] = {g.near.x, g.near.y, g.near.z};
  std::vector<int> used;
  const int channels = plan.channels;
  for (const CouplingPlan &coupling : plan.couplings)
    for (int at = 0; at < channels * channels * channels; ++at) {
      if (coupling.coefficients[at] < 0) continue;
      const long column = first_column + coupling.coefficients[at];
      const int first = at / (channels * channels), second = at / channels % channels, last = at % channels;
      used.clear();
      double value = 0;
      const auto add = [&](int sum, double x) {
        by_sum[sum] += x;
        used.push_back(sum);
      };
      for (const CouplingPlan::Third &third : coupling.thirds)
        for (const CouplingPlan::Mean &mean : third.means) {
          const int x = mean.first + first, y = mean.second + second, z = third.sum + last;
          value += mean.value * A[x] * A[y] * A[z];
          add(x, mean.value * A[y] * A[z]);
          add(y, mean.value * A[x] * A[z]);
          add(z, mean.value * A[x] * A[y]);
        }
      std::sort(used.begin(), used.end());
      used.erase(std::unique(used.begin(), used.end()), used.end());
      std::fill_n(gradient, 3 * step, 0.0);
      for (int at : used) {
        const double *slope = slopes + static_cast<std::size_t>(at) * 3 * step, x = by_sum[at];
        for (int k = 0; k < 3 * step; ++k) gradient[k] += x * slope[k];
        by_sum[at] = 0;
      }
      energy[column] += value;
      for (int j = 0; j < n; ++j)
        for (int d = 0; d < 3; ++d) {
          forces[(3L * i + d) * columns + column] += gradient[d * step + j];
          forces[(3L * g.index[j] + d) * columns + column] -= gradient[d * step + j];
        }
      for (int v = 0; v < 6; ++v)
        for (int j = 0; j < n; ++j)
          virial[v * columns + column] -= g.r[j] * u[voigt_row[v]][j] * gradient[voigt_column[v] * step + j];
    }
}

}  // namespace

void four_body_rows(const std::vector<FourBody> &terms, const Batch &batch, const DesignMatrix &matrix)
{
  const Terms all(terms);
  if (matrix.columns < all.first.back()) throw Error("columns: expected at least " + std::to_string(all.first.back()));
  const FourBodyKernels &run = kernels(best_isa()).four_body;
  const std::vector<int> start = first_atoms(batch);  // the rows of a structure belong to one thread
  for_shares(batch.n_structures, batch.threads, [&](int, int begin, int end) {
    Arena memory;
    for (int s = begin; s < end; ++s)
      for (int i = start[s]; i < start[s + 1]; ++i) {
        const int a = batch.neighbors.elements[i];
        if (all.plans[a].radial == 0) continue;
        memory.clear();
        const Gathered g = gather(all.plans[a], batch.neighbors, i, run.block, memory);
        add_rows(all.plans[a], run, g, i, all.first[a], matrix.energies + s * matrix.columns,
                 matrix.virials + 6L * s * matrix.columns, matrix.forces, matrix.columns, memory);
      }
  });
}

}  // namespace snnp
