#include "snnp/training.h"

#include "snnp/parallel.h"

namespace snnp {

namespace {

// visit(thread, workspace, atom) for all atoms, with the neighbourhood gathered and the filters evaluated to G.
template <class Visit> void for_atoms(const Filters &filters, const Batch &batch, Visit visit)
{
  for_shares(batch.neighbors.n_atoms, batch.threads, [&](int t, int begin, int end) {
    Workspace w;
    std::vector<double> G(filters.columns());
    for (int i = begin; i < end; ++i) {
      const int first = batch.neighbors.element(i) * filters.elements;
      w.near.gather(batch.neighbors, i, &filters.pair_cutoffs[first], &filters.three_body_cutoffs[first]);
      filter_values(filters, w, G.data());
      visit(t, w, i, G.data());
    }
  });
}

void set_movement(const Batch &batch, const Movement &movement, int i, Workspace &w)
{
  const double *strain = movement.strains + 9L * batch.structure[i];
  const Neighborhood &near = w.near;
  if (w.along.size() < 3u * near.count) w.along.resize(3 * near.count);
  for (int j = 0; j < near.count; ++j)
    for (int d = 0; d < 3; ++d) {
      double v = movement.atoms[3L * near.index[j] + d] - movement.atoms[3L * i + d];
      for (int e = 0; e < 3; ++e) v += strain[3 * d + e] * near.r[j] * near.unit[3 * j + e];
      w.along[3 * j + d] = v;
    }
}

void add(std::vector<Table> &target, const std::vector<Table> &source)
{
  for (std::size_t n = 0; n < target.size(); ++n)
    for (std::size_t c = 0; c < target[n].data().size(); ++c) target[n].data()[c] += source[n].data()[c];
}

void clear(Filters &sums)
{
  for (std::vector<Table> *tables : {&sums.pair, &sums.radial, &sums.angle})
    for (Table &table : *tables) table.data().assign(table.data().size(), 0.0);
}

}  // namespace

void batch_values(const Filters &filters, const Batch &batch, double *G)
{
  const long columns = filters.columns();
  for_atoms(filters, batch,
            [&](int, Workspace &, int i, const double *Gi) { std::copy(Gi, Gi + columns, G + columns * i); });
}

void batch_forces(const Filters &filters, const Batch &batch, const double *A, double *forces, double *virials)
{
  SharedSum all_forces(forces, 3L * batch.neighbors.n_atoms, batch.threads);
  SharedSum all_virials(virials, 9L * batch.n_structures, batch.threads);
  std::vector<double *> F(batch.threads), W(batch.threads);  // a batch is small: who allocates does not matter
  for (int t = 0; t < batch.threads; ++t) {
    F[t] = all_forces.of(t);
    W[t] = all_virials.of(t);
  }
  for_atoms(filters, batch, [&](int t, Workspace &w, int i, const double *) {
    filter_gradient(filters, w, A + static_cast<long>(filters.columns()) * i);
    double *Ws = W[t] + 9L * batch.structure[i];
    for (int j = 0; j < w.near.count; ++j) {
      const double *g = &w.gradient[3 * j], *u = &w.near.unit[3 * j], r = w.near.r[j];
      for (int a = 0; a < 3; ++a) {
        F[t][3L * i + a] += g[a];
        F[t][3L * w.near.index[j] + a] -= g[a];
        for (int b = 0; b < 3; ++b) Ws[3 * a + b] -= r * u[a] * g[b];
      }
    }
  });
  all_forces.add_up(batch.threads);
  all_virials.add_up(batch.threads);
}

void batch_tangent(const Filters &filters, const Batch &batch, const Movement &movement, double *Gd)
{
  for_atoms(filters, batch, [&](int, Workspace &w, int i, const double *) {
    set_movement(batch, movement, i, w);
    filter_tangent(filters, w, Gd + static_cast<long>(filters.columns()) * i);
  });
}

void batch_parameters(const Filters &filters, const Batch &batch, const Movement &movement, const double *A,
                      const double *B, Filters &sums)
{
  const long columns = filters.columns();
  std::vector<Filters> of_thread(batch.threads, sums);
  for (Filters &f : of_thread) clear(f);
  for_atoms(filters, batch, [&](int t, Workspace &w, int i, double *G) {
    set_movement(batch, movement, i, w);
    filter_tangent(filters, w, G);  // for fd and Q; the values themselves are not needed any more
    filter_parameters(filters, w, A + columns * i, B + columns * i, of_thread[t]);
  });
  for (const Filters &f : of_thread) {
    add(sums.pair, f.pair);
    add(sums.radial, f.radial);
    add(sums.angle, f.angle);
  }
}

}  // namespace snnp
