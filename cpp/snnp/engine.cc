#include "snnp/engine.h"

#include "snnp/parallel.h"

namespace snnp {

Engine::Engine(const Potential &potential, double unit, Precision precision, Isa isa)
    : potential_(potential), cutoff_(0), isa_(isa)
{
  check(potential_);
  if (precision == Precision::full) full_ = std::make_shared<Prepared<double>>(potential_, unit, isa);
  if (precision == Precision::mixed) mixed_ = std::make_shared<Prepared<float>>(potential_, unit, isa);
  cutoff_ = potential_.cutoff();
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
void Engine::evaluate(Prepared<Real> &prepared, Kernel<Real> run, const Source &source, int n_centers, int n_atoms,
                      int threads, Results &results) const
{
  std::vector<std::unique_ptr<Scratch<Real>>> scratch;
  for (int t = 0; t < threads; ++t) scratch.push_back(prepared.scratch.take());
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
    for (int element = 0; element < prepared.plan.elements; ++element) {
      centers.clear();
      for (int n = begin; n < end; ++n)
        if (source.element(source.center(n)) == element) centers.push_back(source.center(n));
      work.centers = centers.data();
      work.n_centers = static_cast<int>(centers.size());
      work.element = element;
      run(prepared.plan, *scratch[t], work);
    }
    done[t] = work;
  });

  forces.add_up(threads);
  virials.add_up(threads);
  // In this order each thread gets its own memory again.
  for (int t = threads; t-- > 0;) prepared.scratch.give(std::move(scratch[t]));
  for (const Work &work : done) {
    results.energy += work.energy;
    results.n_outside += work.n_outside;
    for (int k = 0; k < 6; ++k) results.virial[k] += work.virial[k];
  }
}

template <class Source>
void Engine::evaluate(const Source &source, int n_centers, int n_atoms, int threads, Results &results) const
{
  if (full_)
    evaluate(*full_, kernels(isa_).full, source, n_centers, n_atoms, threads, results);
  else
    evaluate(*mixed_, kernels(isa_).mixed, source, n_centers, n_atoms, threads, results);
}

template void Engine::evaluate(const IndexedNeighbors &, int, int, int, Results &) const;
template void Engine::evaluate(const VectorNeighbors &, int, int, int, Results &) const;

}  // namespace snnp
