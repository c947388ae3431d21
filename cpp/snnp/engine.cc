#include "snnp/engine.h"

#include <algorithm>

#include "snnp/parallel.h"

namespace snnp {

namespace {

Filters make_filters(const Potential &p)
{
  Filters filters(p.size(), p.n2, p.n3);
  const auto columns = [](const std::vector<Spline> &all, int first, int count) {
    std::vector<const Spline *> some;
    for (int m = 0; m < count; ++m) some.push_back(&all[first + m]);
    return some;
  };
  for (int a = 0; a < p.size(); ++a)
    for (int b = 0; b < p.size(); ++b) {
      const int ab = p.ordered_index(a, b);
      std::vector<const Spline *> pair = columns(p.rho, ab * p.n2, p.n2);
      pair.insert(pair.begin(), &p.pairs[p.pair_index(a, b)].phi);
      filters.pair[ab] = Table(pair);
      if (p.n3 == 0) continue;
      filters.radial[ab] = Table(columns(p.f, ab * p.n3, p.n3));
      for (int c = b; c < p.size(); ++c)
        filters.angle[filters.triplet_index(a, b, c)] = Table(columns(p.g, p.triplet_index(a, b, c) * p.n3, p.n3));
    }
  filters.set_cutoffs();
  return filters;
}

}  // namespace

Engine::Engine(const Potential &potential, double unit, Precision precision, Isa isa)
    : potential_(potential), cutoff_(0), unit_(unit), precision_(precision), isa_(isa)
{
  check(potential_);
  if (precision == Precision::full) full_ = std::make_shared<Fast<double>>(potential_, unit, isa);
  if (precision == Precision::mixed) mixed_ = std::make_shared<Fast<float>>(potential_, unit, isa);
  domain_ = Domain(potential_);
  cutoff_ = potential_.cutoff();
  filters_ = make_filters(potential_);
  tensors_ = TensorTerms(potential_);
  for (const Element &e : potential_.elements) embeddings_.emplace_back(e);
  for (int a = 0; a < potential_.size(); ++a)
    for (int b = 0; b < potential_.size(); ++b) {
      const Pair &p = potential_.pairs[potential_.pair_index(a, b)];
      zbl_.emplace_back(atomic_number(potential_.elements[a].name), atomic_number(potential_.elements[b].name),
                        p.zbl_inner, p.zbl_outer);
      cutoffs_.push_back(std::max(potential_.pair_cutoff(a, b), potential_.tensor_cutoff(a, b)));
    }
}

double Engine::zbl(Workspace &w) const
{
  const Neighborhood &near = w.near;
  double energy = 0;
  for (int j = 0; j < near.count; ++j) {
    const Zbl &zbl = zbl_[near.element * potential_.size() + near.elements[j]];
    if (near.r[j] >= zbl.outer()) continue;
    double slope;
    energy += 0.5 * zbl(near.r[j], slope);
    for (int d = 0; d < 3; ++d) w.gradient[3 * j + d] += unit_ * 0.5 * slope * near.unit[3 * j + d];
  }
  return energy;
}

// Energy of the atom whose neighbourhood is in w; leaves ∂E_i/∂r_j in w.gradient.
double Engine::atom(Workspace &w, double *G, double *A, std::vector<double> &scratch) const
{
  filter_values(filters_, w, G);
  A[0] = 0.5;
  const double energy = 0.5 * G[0] + embeddings_[w.near.element](G + 1, A + 1, scratch);
  for (int m = 0; m < columns(); ++m) A[m] *= unit_;
  filter_gradient(filters_, w, A);
  const double tensors = tensors_.empty() ? 0 : tensors_(w.near, unit_, w.gradient.data());
  return unit_ * (energy + tensors + zbl(w));
}

template <class Source>
void Engine::evaluate(const Source &source, int n_centers, int n_atoms, int threads, Results &results) const
{
  if (precision_ == Precision::plain) return evaluate_plain(source, n_centers, n_atoms, threads, results);
  if (precision_ == Precision::full) return evaluate_fast(*full_, source, n_centers, n_atoms, threads, results);
  evaluate_fast(*mixed_, source, n_centers, n_atoms, threads, results);
}

namespace {

// Positions and elements packed by four, which kernels load at once.
template <class Real>
const double *pack_positions(const IndexedNeighbors &source, int n_atoms, int threads, Scratch<Real> &scratch)
{
  scratch.reserve_packed(n_atoms);
  double *packed = scratch.packed_positions;
#pragma omp parallel for num_threads(threads) schedule(static)
  for (int i = 0; i < n_atoms; ++i) {
    for (int d = 0; d < 3; ++d) packed[4L * i + d] = source.positions[3L * i + d];
    packed[4L * i + 3] = source.single ? 0 : source.element(i);
  }
  return packed;
}

template <class Real>
NeighborLists lists_of(const IndexedNeighbors &source, int n_atoms, int threads, Scratch<Real> &scratch)
{
  NeighborLists lists{};
  lists.packed_positions = pack_positions(source, n_atoms, threads, scratch);
  lists.counts = source.counts;
  lists.lists = source.lists;
  lists.mask = source.mask;
  lists.single = source.single;
  return lists;
}

template <class Real> NeighborLists lists_of(const VectorNeighbors &source, int, int, Scratch<Real> &)
{
  NeighborLists lists{};
  lists.vectors = source.vectors;
  lists.offsets = source.offsets;
  lists.indices = source.indices;
  lists.elements = source.elements;
  lists.single = source.single;
  return lists;
}

}  // namespace

// Each thread takes the centres of its share by element, since kernels work on centres of one element.
template <class Source, class Real>
void Engine::evaluate_fast(Fast<Real> &fast, const Source &source, int n_centers, int n_atoms, int threads,
                           Results &results) const
{
  const Kernel<Real> run = kernel<Real>(isa_);
  std::vector<std::unique_ptr<Scratch<Real>>> scratch;
  for (int t = 0; t < threads; ++t) scratch.push_back(fast.scratch.take());
  const NeighborLists lists = lists_of(source, n_atoms, threads, *scratch[0]);
  SharedSum forces(results.forces, 3L * n_atoms, threads), virials(results.virials, 9L * n_atoms, threads);
  std::vector<Work> done(threads);

  for_shares(n_centers, threads, [&](int t, int begin, int end) {
    Work work{};  // on this thread's stack: no cache line is shared while adding
    work.lists = lists;
    work.forces = forces.of(t, scratch[t]->forces);
    work.virials = virials.of(t, scratch[t]->virials);
    work.energies = results.energies;
    work.filters = results.filters;
    work.outside = results.outside;
    work.with_virial = results.with_virial;
    std::vector<int> centers;
    for (int element = 0; element < fast.plan.elements; ++element) {
      centers.clear();
      for (int n = begin; n < end; ++n)
        if (source.element(source.center(n)) == element) centers.push_back(source.center(n));
      work.centers = centers.data();
      work.n_centers = static_cast<int>(centers.size());
      work.element = element;
      run(fast.plan, *scratch[t], work);
    }
    done[t] = work;
  });

  forces.add_up(threads);
  virials.add_up(threads);
  // In this order each thread gets its own memory again.
  for (int t = threads; t-- > 0;) fast.scratch.give(std::move(scratch[t]));
  for (const Work &work : done) {
    results.energy += work.energy;
    results.n_outside += work.n_outside;
    for (int k = 0; k < 6; ++k) results.virial[k] += work.virial[k];
  }
}

template <class Source>
void Engine::evaluate_plain(const Source &source, int n_centers, int n_atoms, int threads, Results &results) const
{
  SharedSum forces(results.forces, 3L * n_atoms, threads), virials(results.virials, 9L * n_atoms, threads);
  std::vector<Results> sums(threads);

  for_shares(n_centers, threads, [&](int t, int begin, int end) {
    double *F = forces.of(t), *W = virials.of(t);
    Results sum;  // on this thread's stack: no cache line is shared while adding
    Workspace w;
    std::vector<double> G(columns()), A(columns()), scratch;
    for (int n = begin; n < end; ++n) {
      const int i = source.center(n);
      const int element = source.element(i);
      if (element < 0) continue;
      w.near.gather(source, i, &cutoffs_[element * potential_.size()],
                    &filters_.three_body_cutoffs[element * potential_.size()]);
      const double energy = atom(w, G.data(), A.data(), scratch);
      sum.energy += energy;
      if (results.energies) results.energies[i] += energy;
      const int outside = domain_.outside(w.near, G.data() + 1);
      if (outside) ++sum.n_outside;
      if (results.outside) results.outside[i] = outside;
      if (results.filters) std::copy(G.begin(), G.end(), results.filters + static_cast<long>(columns()) * i);

      for (int j = 0; j < w.near.count; ++j) {
        const int atom_j = w.near.index[j];
        const double *g = &w.gradient[3 * j], *u = &w.near.unit[3 * j], r = w.near.r[j];
        if (F)
          for (int d = 0; d < 3; ++d) {
            F[3L * i + d] += g[d];
            F[3L * atom_j + d] -= g[d];
          }
        sum.virial[0] -= r * u[0] * g[0];
        sum.virial[1] -= r * u[1] * g[1];
        sum.virial[2] -= r * u[2] * g[2];
        sum.virial[3] -= r * u[0] * g[1];
        sum.virial[4] -= r * u[0] * g[2];
        sum.virial[5] -= r * u[1] * g[2];
        if (W)
          for (int a = 0; a < 3; ++a)
            for (int b = 0; b < 3; ++b) W[9L * atom_j + 3 * a + b] -= r * u[a] * g[b];
      }
    }
    sums[t] = sum;
  });

  forces.add_up(threads);
  virials.add_up(threads);
  for (const Results &sum : sums) {
    results.energy += sum.energy;
    results.n_outside += sum.n_outside;
    for (int k = 0; k < 6; ++k) results.virial[k] += sum.virial[k];
  }
}

template void Engine::evaluate(const IndexedNeighbors &, int, int, int, Results &) const;
template void Engine::evaluate(const VectorNeighbors &, int, int, int, Results &) const;

}  // namespace snnp
