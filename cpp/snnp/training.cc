#include "snnp/training.h"

#include <algorithm>
#include <memory>
#include <vector>

#include "snnp/kernels/kernel.h"
#include "snnp/parallel.h"

namespace snnp {

namespace {

// The tables of filters as kernels see them.
class Views {
 public:
  explicit Views(const Filters &filters)
      : pair_(of(filters.pair)), radial_(of(filters.radial)), angle_(of(filters.angle))
  {
    const int E = filters.elements;
    for (int abc = 0; abc < E * E * E; ++abc) triplet_.push_back(triplet_index(E, abc / (E * E), abc / E % E, abc % E));
    tables = {E, filters.n2, filters.n3, pair_.data(), radial_.data(), angle_.data(), triplet_.data()};
  }
  Views(const Views &) = delete;
  Views &operator=(const Views &) = delete;

  FilterTables tables;

 private:
  std::vector<TableView> pair_, radial_, angle_;
  std::vector<int> triplet_;

  static std::vector<TableView> of(const std::vector<Table> &all)
  {
    std::vector<TableView> views;
    for (const Table &t : all) views.push_back({t.grid().view(), t.data().data(), t.stride()});
    return views;
  }
};

// The same for the sums of one thread, zero at first.
class Sums {
 public:
  explicit Sums(const Filters &shape)
      : filters_(shape), pair_(cleared(filters_.pair)), radial_(cleared(filters_.radial)),
        angle_(cleared(filters_.angle))
  {
  }
  Sums(const Sums &) = delete;
  Sums &operator=(const Sums &) = delete;

  FilterSums view() const { return {pair_.data(), radial_.data(), angle_.data()}; }
  void add_to(Filters &target) const
  {
    add(target.pair, filters_.pair);
    add(target.radial, filters_.radial);
    add(target.angle, filters_.angle);
  }

 private:
  Filters filters_;
  std::vector<double *> pair_, radial_, angle_;

  static std::vector<double *> cleared(std::vector<Table> &tables)
  {
    std::vector<double *> all;
    for (Table &t : tables) {
      std::fill(t.data().begin(), t.data().end(), 0.0);
      all.push_back(t.data().data());
    }
    return all;
  }
  static void add(std::vector<Table> &target, const std::vector<Table> &source)
  {
    for (std::size_t n = 0; n < target.size(); ++n)
      for (std::size_t c = 0; c < target[n].data().size(); ++c) target[n].data()[c] += source[n].data()[c];
  }
};

// The memory of one thread behind TrainingWork.
class Workspace {
 public:
  Neighborhood near;
  std::vector<double> movement;  // neighbours × 3, Å
  std::vector<double> gradient;  // neighbours × 3, eV/Å

  // To be called when `near` is filled; what was in the arrays may be lost.
  TrainingWork work(const FilterTables &tables)
  {
    const std::size_t n = near.count, stride = tables.n3 > 0 ? tables.radial[0].stride : 0;
    const std::size_t three_body = near.n_three_body * stride;
    for (std::vector<double> *v : {&movement, &gradient, &unit_change_}) grow(*v, 3 * n);
    for (std::vector<double> *v : {&f_, &P_, &weighted_, &f_change_, &P_change_}) grow(*v, three_body);
    for (std::vector<double> *v : {&A3_, &B3_}) grow(*v, stride);
    grow(r_change_, n);
    grow(pair_position_, n);
    grow(radial_position_, n);
    return {near.element,
            near.count,
            near.n_three_body,
            near.elements.data(),
            near.r.data(),
            near.unit.data(),
            movement.data(),
            pair_position_.data(),
            radial_position_.data(),
            f_.data(),
            P_.data(),
            weighted_.data(),
            f_change_.data(),
            P_change_.data(),
            r_change_.data(),
            unit_change_.data(),
            A3_.data(),
            B3_.data(),
            gradient.data()};
  }

 private:
  std::vector<GridPosition> pair_position_, radial_position_;
  std::vector<double> f_, P_, weighted_, f_change_, P_change_, r_change_, unit_change_, A3_, B3_;

  template <class T> static void grow(std::vector<T> &v, std::size_t size)
  {
    if (v.size() < size) v.resize(size);
  }
};

// One atom of a batch while it is visited: everything that the kernels after `values` need.
struct Visit {
  int thread, atom;
  Workspace &memory;
  const FilterTables &tables;
  TrainingWork &work;
  double *G;  // filter values; may be overwritten
};

// visit(Visit) for all atoms, with the neighbourhood gathered and the filters evaluated.
template <class Function>
void for_atoms(const Filters &filters, const Batch &batch, const TrainingKernels &run, Function visit)
{
  const Views views(filters);
  for_shares(batch.neighbors.n_atoms, batch.threads, [&](int t, int begin, int end) {
    Workspace memory;
    std::vector<double> G(filters.columns());
    for (int i = begin; i < end; ++i) {
      const int first = element(batch.neighbors, i) * filters.elements;
      memory.near.gather(batch.neighbors, i, &filters.pair_cutoffs[first], &filters.three_body_cutoffs[first]);
      TrainingWork work = memory.work(views.tables);
      run.values(views.tables, work, G.data());
      visit(Visit{t, i, memory, views.tables, work, G.data()});
    }
  });
}

// Movement of each neighbour of atom i relative to it.
void set_movement(const Batch &batch, const Movement &movement, int i, Workspace &w)
{
  const double *strain = movement.strains + 9L * batch.structure[i];
  const Neighborhood &near = w.near;
  for (int j = 0; j < near.count; ++j)
    for (int d = 0; d < 3; ++d) {
      double v = movement.atoms[3L * near.index[j] + d] - movement.atoms[3L * i + d];
      for (int e = 0; e < 3; ++e) v += strain[3 * d + e] * near.r[j] * near.unit[3 * j + e];
      w.movement[3 * j + d] = v;
    }
}

const TrainingKernels &best_kernels() { return kernels(best_isa()).training; }

}  // namespace

void batch_values(const Filters &filters, const Batch &batch, double *G)
{
  const long columns = filters.columns();
  for_atoms(filters, batch, best_kernels(),
            [&](const Visit &v) { std::copy(v.G, v.G + columns, G + columns * v.atom); });
}

void batch_forces(const Filters &filters, const Batch &batch, const double *A, double *forces, double *virials)
{
  const TrainingKernels &run = best_kernels();
  SharedSum all_forces(forces, 3L * batch.neighbors.n_atoms, batch.threads);
  SharedSum all_virials(virials, 9L * batch.n_structures, batch.threads);
  std::vector<double *> F(batch.threads), W(batch.threads);  // a batch is small: who allocates does not matter
  for (int t = 0; t < batch.threads; ++t) {
    F[t] = all_forces.of(t);
    W[t] = all_virials.of(t);
  }
  for_atoms(filters, batch, run, [&](const Visit &v) {
    run.gradient(v.tables, v.work, A + static_cast<long>(filters.columns()) * v.atom);
    const Neighborhood &near = v.memory.near;
    double *own = F[v.thread] + 3L * v.atom, *virial = W[v.thread] + 9L * batch.structure[v.atom];
    for (int j = 0; j < near.count; ++j) {
      const double *g = &v.memory.gradient[3 * j], *u = &near.unit[3 * j], r = near.r[j];
      for (int a = 0; a < 3; ++a) {
        own[a] += g[a];
        F[v.thread][3L * near.index[j] + a] -= g[a];
        for (int b = 0; b < 3; ++b) virial[3 * a + b] -= r * u[a] * g[b];
      }
    }
  });
  all_forces.add_up(batch.threads);
  all_virials.add_up(batch.threads);
}

void batch_tangent(const Filters &filters, const Batch &batch, const Movement &movement, double *Gd)
{
  const TrainingKernels &run = best_kernels();
  for_atoms(filters, batch, run, [&](const Visit &v) {
    set_movement(batch, movement, v.atom, v.memory);
    run.tangent(v.tables, v.work, Gd + static_cast<long>(filters.columns()) * v.atom);
  });
}

void batch_parameters(const Filters &filters, const Batch &batch, const Movement &movement, const double *A,
                      const double *B, Filters &sums)
{
  const TrainingKernels &run = best_kernels();
  const long columns = filters.columns();
  std::vector<std::unique_ptr<Sums>> of_thread;
  for (int t = 0; t < batch.threads; ++t) of_thread.push_back(std::make_unique<Sums>(sums));
  for_atoms(filters, batch, run, [&](const Visit &v) {
    set_movement(batch, movement, v.atom, v.memory);
    run.tangent(v.tables, v.work, v.G);  // for the changes of f and P; the values are not needed any more
    run.parameters(v.tables, v.work, A + columns * v.atom, B + columns * v.atom, of_thread[v.thread]->view());
  });
  for (const std::unique_ptr<Sums> &s : of_thread) s->add_to(sums);
}

}  // namespace snnp
