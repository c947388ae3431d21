#include "snnp/engine.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "snnp/error.h"
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

bool is_finite(const double *r) { return std::isfinite(r[0]) && std::isfinite(r[1]) && std::isfinite(r[2]); }

// At r = 0 a force has no direction: all that is added for such a pair is NaN, the energy included. So it is where r² is
// too small a number for 1/r² to be one.
template <class Source> void find_coincident(const Source &source)
{
  for (int n = 0; n < center_count(source); ++n) {
    const int i = center(source, n);
    if (element(source, i) < 0) continue;
    for_each_neighbor(source, i, [&](int j, int b, double x, double y, double z) {
      if (b >= 0 && x * x + y * y + z * z < std::numeric_limits<double>::min()) throw PositionError(i, j);
    });
  }
}

// Positions and elements packed by four, which kernels load at once; whether all elements are the first. Positions have
// to be finite: comparisons with cutoffs would leave an atom at NaN out of all sums.
template <class Real> bool pack_positions(const IndexedNeighbors &source, int threads, Scratch<Real> &scratch)
{
  scratch.reserve_packed(source.n_atoms);
  double *packed = scratch.packed_positions;
  bool single = true, finite = true;
#pragma omp parallel for num_threads(threads) schedule(static) reduction(&& : single, finite)
  for (int i = 0; i < source.n_atoms; ++i) {
    const int e = element(source, i);
    for (int d = 0; d < 3; ++d) packed[4L * i + d] = source.positions[3L * i + d];
    packed[4L * i + 3] = e;
    single = single && e == 0;
    finite = finite && is_finite(source.positions + 3L * i);
  }
  for (int i = 0; !finite; ++i)
    if (!is_finite(source.positions + 3L * i)) throw PositionError(i, -1);
  return single;
}

template <class Real> NeighborLists lists_of(const IndexedNeighbors &source, int threads, Scratch<Real> &scratch)
{
  NeighborLists lists{};
  lists.single = pack_positions(source, threads, scratch);
  lists.packed_positions = scratch.packed_positions;
  lists.counts = source.counts;
  lists.lists = source.lists;
  lists.mask = source.mask;
  return lists;
}

template <class Real> NeighborLists lists_of(const VectorNeighbors &source, int, Scratch<Real> &)
{
  NeighborLists lists{};
  lists.vectors = source.vectors;
  lists.offsets = source.offsets;
  lists.indices = source.indices;
  lists.elements = source.elements;
  lists.single = std::all_of(source.elements, source.elements + source.n_atoms, [](int e) { return e == 0; });
  return lists;
}

}  // namespace

// Each thread takes the centres of its share by element, since kernels work on centres of one element.
template <class Source, class Real>
void Engine::evaluate(Prepared<Real> &prepared, Kernel<Real> run, const Source &source, int threads,
                      Results &results) const
{
  std::vector<std::unique_ptr<Scratch<Real>>> scratch;
  for (int t = 0; t < threads; ++t) scratch.push_back(prepared.scratch.take());
  NeighborLists lists = lists_of(source, threads, *scratch[0]);
  lists.single = lists.single && prepared.plan.elements == 1;
  SharedSum forces(results.forces, 3L * source.n_atoms, threads),
      virials(results.virials, 9L * source.n_atoms, threads);
  std::vector<Work> done(threads);

  for_shares(center_count(source), threads, [&](int t, int begin, int end) {
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
        if (snnp::element(source, center(source, n)) == element) centers.push_back(center(source, n));
      work.centers = centers.data();
      work.n_centers = static_cast<int>(centers.size());
      work.element = element;
      run(prepared.plan, *scratch[t], work);
    }
    done[t] = work;
  });

  forces.add_up(threads);
  virials.add_up(threads);
  results.energy = 0;
  results.n_outside = 0;
  std::fill(results.virial, results.virial + 6, 0.0);
  for (const Work &work : done) {
    results.energy += work.energy;
    results.n_outside += work.n_outside;
    for (int k = 0; k < 6; ++k) results.virial[k] += work.virial[k];
  }
  // Memory that holds NaN is not used again: kernels multiply what lies beyond the end of lists by zero.
  if (!std::isfinite(results.energy)) return find_coincident(source);
  // In this order each thread gets its own memory again.
  for (int t = threads; t-- > 0;) prepared.scratch.give(std::move(scratch[t]));
}

template <class Source> void Engine::evaluate(const Source &source, int threads, Results &results) const
{
  if (full_)
    evaluate(*full_, kernels(isa_).full, source, threads, results);
  else
    evaluate(*mixed_, kernels(isa_).mixed, source, threads, results);
}

template void Engine::evaluate(const IndexedNeighbors &, int, Results &) const;
template void Engine::evaluate(const VectorNeighbors &, int, Results &) const;

}  // namespace snnp
