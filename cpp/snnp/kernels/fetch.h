// From the neighbour list of an atom to candidates: vectors to the neighbours in reach, sorted into streams.
#pragma once

#include "snnp/kernels/kernel.h"
#include "snnp/kernels/simd.h"

namespace snnp {
namespace SNNP_ISA {

/// One list as `NeighborLists` describes it.
struct List {
  const int *ids;
  int count, mask;
  const double *places;
  bool by_position;
  double x, y, z;

  SNNP_INLINE List(const NeighborLists &lists, int i)
  {
    by_position = lists.positions != nullptr;
    if (by_position) {
      const double *xyz = lists.positions + 3L * i;
      ids = lists.lists[i];
      count = lists.counts[i];
      mask = lists.mask;
      places = lists.positions;
      x = xyz[0], y = xyz[1], z = xyz[2];
    } else {
      ids = lists.indices + lists.offsets[i];
      count = static_cast<int>(lists.offsets[i + 1] - lists.offsets[i]);
      mask = -1;
      places = lists.vectors + 3 * lists.offsets[i];
      x = y = z = 0;
    }
  }
};

SNNP_INLINE int element_of(const NeighborLists &lists, int id)
{
  if (lists.single) return 0;
  return lists.element_of_type ? lists.element_of_type[lists.types[id]] : lists.types[id];
}

#if defined(__AVX512F__)
struct Triple {
  __m512d x, y, z;
};

// Three numbers from each of eight places, counted in triples. Loads and shuffles take half the time of three gathers.
SNNP_INLINE Triple load_triples(const double *from, const int *places, int mask)
{
  const auto xyz = [&](int l) __attribute__((always_inline)) {
    return _mm256_maskz_loadu_pd(7, from + 3L * (places[l] & mask));
  };
  const auto two = [&](int l) __attribute__((always_inline)) {
    return _mm512_insertf64x4(_mm512_castpd256_pd512(xyz(l)), xyz(l + 4), 1);
  };
  const __m512d a = two(0), b = two(1), c = two(2), d = two(3);
  const __m512d xz01 = _mm512_unpacklo_pd(a, b), y01 = _mm512_unpackhi_pd(a, b);
  const __m512d xz23 = _mm512_unpacklo_pd(c, d), y23 = _mm512_unpackhi_pd(c, d);
  const __m512i low = _mm512_setr_epi64(0, 1, 8, 9, 4, 5, 12, 13), high = _mm512_setr_epi64(2, 3, 10, 11, 6, 7, 14, 15);
  return {_mm512_permutex2var_pd(xz01, low, xz23), _mm512_permutex2var_pd(y01, low, y23),
          _mm512_permutex2var_pd(xz01, high, xz23)};
}

// What is in `in` goes to the end of a stream.
SNNP_INLINE void append(const Candidates &out, int to, __mmask8 in, const Triple &r, __m512d squared, __m256i id)
{
  _mm512_storeu_pd(out.x + to, _mm512_maskz_compress_pd(in, r.x));
  _mm512_storeu_pd(out.y + to, _mm512_maskz_compress_pd(in, r.y));
  _mm512_storeu_pd(out.z + to, _mm512_maskz_compress_pd(in, r.z));
  _mm512_storeu_pd(out.squared + to, _mm512_maskz_compress_pd(in, squared));
  _mm256_storeu_si256(reinterpret_cast<__m256i *>(out.id + to), _mm256_maskz_compress_epi32(in, id));
}

template <bool single> SNNP_INLINE __m256i elements_of(const NeighborLists &lists, __mmask8 there, __m256i id)
{
  __m256i element = _mm256_setzero_si256();
  if (single) return element;
  element = _mm256_mmask_i32gather_epi32(element, there, id, lists.types, 4);
  if (!lists.element_of_type) return element;
  return _mm256_mmask_i32gather_epi32(element, there, element, lists.element_of_type, 4);
}

template <bool single, class Real>
void fetch_list(const CentrePlan<Real> &plan, const NeighborLists &lists, const List &list, const Candidates out,
                int capacity)
{
  const int streams = plan.streams.count, count = list.count, mask = list.by_position ? list.mask : -1;
  const Stream *__restrict stream = plan.streams.first;
  const double *places = list.places;
  const __m512d x = _mm512_set1_pd(list.x), y = _mm512_set1_pd(list.y), z = _mm512_set1_pd(list.z);
  for (int s = 0; s < streams; ++s) out.count[s] = 0;
  int some[8];
  for (int q = 0; q < count; q += 8) {
    const int *ids = list.ids + q, *at = ids;
    const __mmask8 there = count - q >= 8 ? 0xff : (1 << (count - q)) - 1;
    if (!list.by_position || there != 0xff) {
      // Vectors stand in the order of the list; and a list ends where it ends.
      for (int l = 0; l < 8; ++l) {
        const int n = q + l < count ? q + l : count - 1;
        some[l] = list.by_position ? list.ids[n] : n;
      }
      at = some;
    }
    Triple r = load_triples(places, at, mask);
    r.x = _mm512_sub_pd(r.x, x), r.y = _mm512_sub_pd(r.y, y), r.z = _mm512_sub_pd(r.z, z);
    const __m512d squared = _mm512_fmadd_pd(r.x, r.x, _mm512_fmadd_pd(r.y, r.y, _mm512_mul_pd(r.z, r.z)));
    const __m256i id = _mm256_and_si256(_mm256_maskz_loadu_epi32(there, ids), _mm256_set1_epi32(list.mask));
    const __m256i element = elements_of<single>(lists, there, id);
    for (int s = 0; s < streams; ++s) {
      __mmask8 in = _mm512_mask_cmp_pd_mask(there, squared, _mm512_set1_pd(stream[s].to2), _CMP_LT_OQ);
      in = _mm512_mask_cmp_pd_mask(in, squared, _mm512_set1_pd(stream[s].from2), _CMP_GE_OQ);
      if (!single) in = _mm256_mask_cmpeq_epi32_mask(in, element, _mm256_set1_epi32(stream[s].element));
      append(out, s * capacity + out.count[s], in, r, squared, id);
      out.count[s] += __builtin_popcount(in);
    }
  }
}

template <class Real>
void fetch(const CentrePlan<Real> &plan, const NeighborLists &lists, int i, Candidates &out, int capacity)
{
  const List list(lists, i);
  if (lists.single)
    fetch_list<true>(plan, lists, list, out, capacity);
  else
    fetch_list<false>(plan, lists, list, out, capacity);
}
#else
template <class Real>
void fetch(const CentrePlan<Real> &plan, const NeighborLists &lists, int i, Candidates &out, int capacity)
{
  const List list(lists, i);
  const int streams = plan.streams.count;
  for (int s = 0; s < streams; ++s) out.count[s] = 0;
  for (int n = 0; n < list.count; ++n) {
    const int id = list.ids[n] & list.mask;
    const double *place = list.places + 3L * (list.by_position ? id : n);
    const double x = place[0] - list.x, y = place[1] - list.y, z = place[2] - list.z;
    const double squared = x * x + y * y + z * z;
    const int element = element_of(lists, id);
    for (int s = 0; s < streams; ++s) {
      const Stream &stream = plan.streams[s];
      // Written at once and kept by counting, so that there is nothing to predict.
      const int to = s * capacity + out.count[s];
      out.x[to] = x, out.y[to] = y, out.z[to] = z, out.squared[to] = squared, out.id[to] = id;
      out.count[s] += static_cast<int>(squared < stream.to2) & static_cast<int>(squared >= stream.from2) &
                      static_cast<int>(element == stream.element);
    }
  }
}
#endif

}  // namespace SNNP_ISA
}  // namespace snnp
