#include "snnp/training.h"

#include <algorithm>
#include <vector>

#include "snnp/error.h"
#include "snnp/kernels/kernel.h"
#include "snnp/parallel.h"
#include "snnp/training_tables.h"

namespace snnp {

namespace {

// One atom of a batch: what kernels keep of it, and its neighbours.
template <class Real> struct Visited {
  TrainingWork<Real> work;
  const int *index;
};

// The memory of one thread.
template <class Real> class Workspace {
 public:
  std::vector<Visited<Real>> atoms;  // of the share of this thread

  void clear()
  {
    atoms.clear();
    kept_.clear();
  }

  // Atom i joins `atoms`.
  void gather(const Filters &filters, const FilterTables<Real> &tables, const VectorNeighbors &neighbors, int i)
  {
    const int first = element(neighbors, i) * filters.elements;
    near_.gather(neighbors, i, &filters.pair_cutoffs[first], &filters.three_body_cutoffs[first]);
    const int count = near_.count, n = near_.n_three_body, step = (count + 7) / 8 * 8;
    TrainingWork<Real> w{};
    w.element = near_.element;
    w.count = count;
    w.n_three_body = n;
    w.step = step;
    w.elements = copied(near_.elements);
    w.r = copied(near_.r);
    double *unit = kept_.take<double>(3 * step);
    for (int j = 0; j < count; ++j)
      for (int d = 0; d < 3; ++d) unit[d * step + j] = near_.unit[3 * j + d];
    w.unit = unit;
    w.pair_position = kept_.take<GridPosition>(count);
    w.radial_position = kept_.take<GridPosition>(n);
    w.angle_at = kept_.take<int>(pairs(n));
    w.angle_t = kept_.take<Real>(pairs(n));
    w.f = kept_.take<Real>(rows(tables, n));
    w.P = kept_.take<Real>(rows(tables, n));
    atoms.push_back({w, copied(near_.index)});
  }

  // Room for what `tangent` leaves.
  void keep_changes(const FilterTables<Real> &tables, TrainingWork<Real> &w)
  {
    if (w.r_change) return;
    w.r_change = kept_.take<double>(w.count);
    w.cosine_change = kept_.take<Real>(pairs(w.n_three_body));
    w.f_change = kept_.take<Real>(rows(tables, w.n_three_body));
    w.P_change = kept_.take<Real>(rows(tables, w.n_three_body));
  }

  // The work of an atom with the arrays that are not kept.
  TrainingWork<Real> equipped(const FilterTables<Real> &tables, const TrainingWork<Real> &work)
  {
    TrainingWork<Real> w = work;
    passing_.clear();
    const int n = w.n_three_body, stride = tables.radial.stride;
    for (double **vectors : {&w.movement, &w.gradient, &w.vectors}) *vectors = passing_.take<double>(3 * w.step);
    for (double **weights : {&w.pair_A, &w.pair_B}) *weights = passing_.take<double>(tables.pair.stride);
    for (Real **weights : {&w.A, &w.B}) *weights = passing_.take<Real>(stride);
    w.rows = passing_.take<Real>(rows(tables, n));
    w.by_pair = passing_.take<Real>(pairs(n));
    for (; numbered_ < n; ++numbered_)
      for (int k = 0; k < numbered_; ++k) {
        row_j_.push_back(numbered_ * stride);
        row_k_.push_back(k * stride);
      }
    w.row_j = row_j_.data();
    w.row_k = row_k_.data();
    return w;
  }

  // To be called when the stride of tables may be another one.
  void forget_rows()
  {
    numbered_ = 0;
    row_j_.clear();
    row_k_.clear();
  }

 private:
  Neighborhood near_;
  Arena kept_, passing_;
  int numbered_ = 0;                // neighbours j whose pairs are in the arrays below
  std::vector<int> row_j_, row_k_;  // by pair: where rows begin

  static std::size_t pairs(std::size_t n) { return n * (n + 1) / 2; }
  static std::size_t rows(const FilterTables<Real> &tables, std::size_t n) { return n * tables.radial.stride; }

  template <class T> const T *copied(const std::vector<T> &all)
  {
    T *copy = kept_.take<T>(near_.count);
    std::copy_n(all.data(), near_.count, copy);
    return copy;
  }
};

// Movement of each neighbour of atom i relative to it.
template <class Real>
void set_movement(const Movement &movement, int structure, int i, const Visited<Real> &atom, TrainingWork<Real> &w)
{
  const double *strain = movement.strains + 9L * structure, *own = movement.atoms + 3L * i;
  for (int j = 0; j < w.count; ++j) {
    const double *v = movement.atoms + 3L * atom.index[j];
    for (int d = 0; d < 3; ++d) {
      double x = v[d] - own[d];
      for (int e = 0; e < 3; ++e) x += strain[3 * d + e] * w.r[j] * w.unit[e * w.step + j];
      w.movement[d * w.step + j] = x;
    }
  }
}

// Adds what the gradient of the energy of atom i gives to the forces and to the virial of its structure.
template <class Real>
void add_forces(const Visited<Real> &atom, const TrainingWork<Real> &w, int i, double *F, double *virial)
{
  double *own = F + 3L * i;
  for (int j = 0; j < w.count; ++j)
    for (int a = 0; a < 3; ++a) {
      const double g = w.gradient[a * w.step + j];
      own[a] += g;
      F[3L * atom.index[j] + a] -= g;
      for (int b = 0; b < 3; ++b) virial[3 * b + a] -= w.r[j] * w.unit[b * w.step + j] * g;
    }
}

}  // namespace

// What BatchFilters keeps.
template <class Real> class BatchFilters<Real>::State {
 public:
  std::shared_ptr<const Filters> filters;
  std::unique_ptr<TrainingTables<Real>> tables;
  std::vector<int> structure;  // of each atom
  int n_structures = 0, threads = 0;
  std::vector<Workspace<Real>> workspaces;  // by thread
  bool moved = false;
  const FilterKernels<Real> *run = nullptr;

  int n_atoms() const { return static_cast<int>(structure.size()); }
  long columns() const { return filters->columns(); }

  // visit(thread, atom, Visited, work with the arrays that are not kept) for all atoms.
  template <class Visit> void for_atoms(Visit visit)
  {
    for_shares(n_atoms(), threads, [&](int t, int begin, int) {
      int i = begin;
      for (const Visited<Real> &atom : workspaces[t].atoms) {
        TrainingWork<Real> w = workspaces[t].equipped(tables->view, atom.work);
        visit(t, i++, atom, w);
      }
    });
  }
};

template <class Real> BatchFilters<Real>::BatchFilters() : state_(std::make_unique<State>()) {}
template <class Real> BatchFilters<Real>::~BatchFilters() = default;
template <class Real> BatchFilters<Real>::BatchFilters(BatchFilters &&) noexcept = default;
template <class Real> BatchFilters<Real> &BatchFilters<Real>::operator=(BatchFilters &&) noexcept = default;

template <class Real>
void BatchFilters<Real>::values(std::shared_ptr<const Filters> filters, const Batch &batch, double *G)
{
  State &s = *state_;
  s.run = &filter_kernels<Real>(kernels(best_isa()));
  s.filters = std::move(filters);
  s.tables = std::make_unique<TrainingTables<Real>>(*s.filters);
  s.structure.assign(batch.structure, batch.structure + batch.neighbors.n_atoms);
  s.n_structures = batch.n_structures;
  s.threads = batch.threads;
  s.moved = false;
  s.workspaces.resize(s.threads);
  for_shares(s.n_atoms(), s.threads, [&](int t, int begin, int end) {
    Workspace<Real> &memory = s.workspaces[t];
    memory.clear();
    memory.forget_rows();
    for (int i = begin; i < end; ++i) {
      memory.gather(*s.filters, s.tables->view, batch.neighbors, i);
      const TrainingWork<Real> w = memory.equipped(s.tables->view, memory.atoms.back().work);
      s.run->values(s.tables->view, w, G + s.columns() * i);
    }
  });
}

template <class Real> void BatchFilters<Real>::forces(const double *A, double *forces, double *virials)
{
  State &s = *state_;
  SharedSum all_forces(forces, 3L * s.n_atoms(), s.threads), all_virials(virials, 9L * s.n_structures, s.threads);
  std::vector<double *> F(s.threads), W(s.threads);  // a batch is small: who allocates does not matter
  for (int t = 0; t < s.threads; ++t) {
    F[t] = all_forces.of(t);
    W[t] = all_virials.of(t);
  }
  s.for_atoms([&](int t, int i, const Visited<Real> &atom, TrainingWork<Real> &w) {
    s.run->gradient(s.tables->view, w, A + s.columns() * i);
    add_forces(atom, w, i, F[t], W[t] + 9L * s.structure[i]);
  });
  all_forces.add_up(s.threads);
  all_virials.add_up(s.threads);
}

template <class Real> void BatchFilters<Real>::tangent(const Movement &movement, double *Gd)
{
  State &s = *state_;
  for_shares(s.n_atoms(), s.threads, [&](int t, int, int) {
    for (Visited<Real> &atom : s.workspaces[t].atoms) s.workspaces[t].keep_changes(s.tables->view, atom.work);
  });
  s.for_atoms([&](int, int i, const Visited<Real> &atom, TrainingWork<Real> &w) {
    set_movement(movement, s.structure[i], i, atom, w);
    s.run->tangent(s.tables->view, w, Gd + s.columns() * i);
  });
  s.moved = true;
}

template <class Real> void BatchFilters<Real>::parameters(const double *A, const double *B, Filters &sums)
{
  State &s = *state_;
  if (!s.moved) throw Error("Trainer: expected a call of `tangent` before `parameters`");
  std::vector<std::unique_ptr<TrainingSums<Real>>> of_thread;
  for (int t = 0; t < s.threads; ++t) of_thread.push_back(std::make_unique<TrainingSums<Real>>(*s.filters));
  s.for_atoms([&](int t, int i, const Visited<Real> &, TrainingWork<Real> &w) {
    s.run->parameters(s.tables->view, w, A + s.columns() * i, B + s.columns() * i, of_thread[t]->view());
  });
  for (const std::unique_ptr<TrainingSums<Real>> &of : of_thread) of->add_to(sums);
}

template class BatchFilters<double>;
template class BatchFilters<float>;

}  // namespace snnp
