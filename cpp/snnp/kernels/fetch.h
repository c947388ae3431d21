// From the neighbour list of an atom to candidates: vectors to the neighbours within the cutoff, sorted into streams.
#pragma once

#include "snnp/kernels/kernel.h"
#include "snnp/kernels/simd.h"

namespace snnp {
namespace SNNP_ISA {

/// One list as `NeighborLists` describes it.
struct List {
  const int *ids;
  int count;
  const double *vectors;  // by vectors
  double x, y, z;         // by position: of the centre

  SNNP_INLINE List(const NeighborLists &lists, int i)
  {
    if (lists.packed_positions) {
      const double *centre = lists.packed_positions + 4L * i;
      ids = lists.lists[i];
      count = lists.counts[i];
      vectors = nullptr;
      x = centre[0], y = centre[1], z = centre[2];
    } else {
      ids = lists.indices + lists.offsets[i];
      count = static_cast<int>(lists.offsets[i + 1] - lists.offsets[i]);
      vectors = lists.vectors + 3 * lists.offsets[i];
      x = y = z = 0;
    }
  }
};

#if defined(__AVX512F__)
/// Vectors to eight neighbours, and the elements of these.
struct Eight {
  __m512d x, y, z, element;
};

// From the four numbers that `load` gives for each of eight neighbours.
template <class Load> SNNP_INLINE Eight transposed(Load load)
{
  const auto two = [&](int l) __attribute__((always_inline)) {
    return _mm512_insertf64x4(_mm512_castpd256_pd512(load(l)), load(l + 4), 1);
  };
  const __m512d a = two(0), b = two(1), c = two(2), d = two(3);
  const __m512d xz01 = _mm512_unpacklo_pd(a, b), ye01 = _mm512_unpackhi_pd(a, b);
  const __m512d xz23 = _mm512_unpacklo_pd(c, d), ye23 = _mm512_unpackhi_pd(c, d);
  const __m512i low = _mm512_setr_epi64(0, 1, 8, 9, 4, 5, 12, 13), high = _mm512_setr_epi64(2, 3, 10, 11, 6, 7, 14, 15);
  return {_mm512_permutex2var_pd(xz01, low, xz23), _mm512_permutex2var_pd(ye01, low, ye23),
          _mm512_permutex2var_pd(xz01, high, xz23), _mm512_permutex2var_pd(ye01, high, ye23)};
}

/// For each set of lanes the numbers of its lanes, in order, in bytes: what a permutation takes to bring them together.
struct Gathering {
  std::uint64_t lanes[256];

  constexpr Gathering() : lanes()
  {
    for (int set = 0; set < 256; ++set)
      for (int l = 0, to = 0; l < 8; ++l)
        if (set >> l & 1) lanes[set] |= static_cast<std::uint64_t>(l) << 8 * to++;
  }
};
static constexpr Gathering gathering;

// What is in `in` goes to the end of a stream. Permutations take half the time of compressions.
template <bool alike>
SNNP_INLINE void append(const Candidates &out, int to, __mmask8 in, const Eight &r, __m512d squared, __m256i id)
{
  const __m512i order = _mm512_cvtepu8_epi64(_mm_cvtsi64_si128(static_cast<long long>(gathering.lanes[in])));
  _mm512_storeu_pd(out.x + to, _mm512_permutexvar_pd(order, r.x));
  _mm512_storeu_pd(out.y + to, _mm512_permutexvar_pd(order, r.y));
  _mm512_storeu_pd(out.z + to, _mm512_permutexvar_pd(order, r.z));
  _mm512_storeu_pd(out.squared + to, _mm512_permutexvar_pd(order, squared));
  _mm256_storeu_si256(reinterpret_cast<__m256i *>(out.id + to), _mm256_maskz_compress_epi32(in, id));
  if (alike)
    _mm256_storeu_si256(reinterpret_cast<__m256i *>(out.element + to),
                        _mm512_cvtpd_epi32(_mm512_permutexvar_pd(order, r.element)));
}

// Elements of neighbours: there is one, each has streams of its own, or all are in the same streams.
enum class Elements { one, apart, alike };

// `some`: the number of streams, or 0 for any.
template <bool by_position, Elements elements, int some, class Real>
void fetch_list(const CentrePlan<Real> &plan, const NeighborLists &lists, const List &list, const Candidates out,
                int capacity)
{
  const int streams = some > 0 ? some : plan.streams.count, count = list.count;
  const Stream *stream = plan.streams.first;
  const double *packed = lists.packed_positions;
  const __m512d x = _mm512_set1_pd(list.x), y = _mm512_set1_pd(list.y), z = _mm512_set1_pd(list.z);
  const unsigned mask = by_position ? lists.mask : -1;
  alignas(32) int last[8];
  int local[some > 0 ? some : 1], *const counts = some > 0 ? local : out.count;
  for (int s = 0; s < streams; ++s) counts[s] = 0;
  for (int q = 0; q < count; q += 8) {
    const __mmask8 there = count - q >= 8 ? 0xff : (1 << (count - q)) - 1;
    const __m256i id =
        _mm256_and_si256(_mm256_maskz_loadu_epi32(there, list.ids + q), _mm256_set1_epi32(static_cast<int>(mask)));
    const int *ids = list.ids + q;
    if (there != 0xff) {  // a list ends where it ends
      _mm256_store_si256(reinterpret_cast<__m256i *>(last), id);
      ids = last;
    }
    Eight r;
    if (by_position) {
      r = transposed([&](int l) __attribute__((always_inline)) {
        return _mm256_load_pd(packed + (static_cast<std::size_t>(static_cast<unsigned>(ids[l]) & mask) << 2));
      });
      r.x = _mm512_sub_pd(r.x, x), r.y = _mm512_sub_pd(r.y, y), r.z = _mm512_sub_pd(r.z, z);
    } else {
      r = transposed([&](int l) __attribute__((always_inline)) {
        return _mm256_maskz_loadu_pd(there >> l & 1 ? 7 : 0, list.vectors + 3L * (q + l));
      });
      if (elements != Elements::one) r.element = _mm512_cvtepi32_pd(_mm256_i32gather_epi32(lists.elements, id, 4));
    }
    const __m512d squared = _mm512_fmadd_pd(r.x, r.x, _mm512_fmadd_pd(r.y, r.y, _mm512_mul_pd(r.z, r.z)));
    SNNP_UNROLL
    for (int s = 0; s < streams; ++s) {
      __mmask8 in = _mm512_mask_cmp_pd_mask(there, squared, _mm512_set1_pd(stream[s].to2), _CMP_LT_OQ);
      if (some != 1) in = _mm512_mask_cmp_pd_mask(in, squared, _mm512_set1_pd(stream[s].from2), _CMP_GE_OQ);
      // Those that the potential does not act on have element −1.
      if (elements == Elements::alike) in = _mm512_mask_cmp_pd_mask(in, r.element, _mm512_setzero_pd(), _CMP_GE_OQ);
      if (elements == Elements::apart)
        in = _mm512_mask_cmp_pd_mask(in, r.element, _mm512_set1_pd(stream[s].element), _CMP_EQ_OQ);
      append<elements == Elements::alike>(out, s * capacity + counts[s], in, r, squared, id);
      counts[s] += __builtin_popcount(in);
    }
  }
  for (int s = 0; s < streams; ++s) out.count[s] = counts[s];
}

/// Chooses the number of streams, where that is known when this is compiled.
template <bool by_position, Elements elements, class Real>
void fetch_list(const CentrePlan<Real> &plan, const NeighborLists &lists, const List &list, const Candidates out,
                int capacity)
{
  const int streams = plan.streams.count;
  if (elements != Elements::apart && streams == 1)
    fetch_list<by_position, elements, 1>(plan, lists, list, out, capacity);
  else if (elements != Elements::apart && streams == 2)
    fetch_list<by_position, elements, 2>(plan, lists, list, out, capacity);
  else
    fetch_list<by_position, elements, 0>(plan, lists, list, out, capacity);
}

/// Sorts the neighbours in the list of atom i into the streams of its plan; `out` has room for `capacity` in each.
template <class Real>
void fetch(const CentrePlan<Real> &plan, const NeighborLists &lists, int i, Candidates &out, int capacity)
{
  const List list(lists, i);
  const auto with = [&](auto by_position) {
    constexpr bool p = decltype(by_position)::value;
    if (lists.single)
      fetch_list<p, Elements::one>(plan, lists, list, out, capacity);
    else if (plan.alike)
      fetch_list<p, Elements::alike>(plan, lists, list, out, capacity);
    else
      fetch_list<p, Elements::apart>(plan, lists, list, out, capacity);
  };
  lists.packed_positions ? with(Int<true>{}) : with(Int<false>{});
}
#else
/// Sorts the neighbours in the list of atom i into the streams of its plan; `out` has room for `capacity` in each.
template <class Real>
void fetch(const CentrePlan<Real> &plan, const NeighborLists &lists, int i, Candidates &out, int capacity)
{
  const List list(lists, i);
  const int streams = plan.streams.count;
  for (int s = 0; s < streams; ++s) out.count[s] = 0;
  for (int n = 0; n < list.count; ++n) {
    const int id = lists.packed_positions ? list.ids[n] & lists.mask : list.ids[n];
    const double *r = lists.packed_positions ? lists.packed_positions + 4L * id : list.vectors + 3L * n;
    const double x = r[0] - list.x, y = r[1] - list.y, z = r[2] - list.z;
    const double squared = x * x + y * y + z * z;
    const int element = lists.single ? 0 : lists.packed_positions ? static_cast<int>(r[3]) : lists.elements[id];
    for (int s = 0; s < streams; ++s) {
      const Stream &stream = plan.streams[s];
      // Written at once and kept by counting, so that there is nothing to predict.
      const int to = s * capacity + out.count[s];
      out.x[to] = x, out.y[to] = y, out.z[to] = z, out.squared[to] = squared, out.id[to] = id;
      out.element[to] = element;
      out.count[s] += static_cast<int>(squared < stream.to2) & static_cast<int>(squared >= stream.from2) &
                      static_cast<int>(plan.alike ? element >= 0 : element == stream.element);
    }
  }
}
#endif

}  // namespace SNNP_ISA
}  // namespace snnp
