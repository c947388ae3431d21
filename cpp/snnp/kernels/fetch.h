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
template <class Real>
void fetch(const CentrePlan<Real> &plan, const NeighborLists &lists, int i, Candidates &out, int capacity)
{
  const List list(lists, i);
  const int streams = plan.streams.count;
  const Stream *stream = plan.streams.first;
  for (int s = 0; s < streams; ++s) out.count[s] = 0;
  const __m512d zero = _mm512_setzero_pd(), x = _mm512_set1_pd(list.x), y = _mm512_set1_pd(list.y),
                z = _mm512_set1_pd(list.z);
  const __m256i first = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
  for (int q = 0; q < list.count; q += 8) {
    const __mmask8 there = list.count - q >= 8 ? 0xff : (1 << (list.count - q)) - 1;
    const __m256i id = _mm256_and_si256(_mm256_maskz_loadu_epi32(there, list.ids + q), _mm256_set1_epi32(list.mask));
    const __m256i place = list.by_position ? id : _mm256_add_epi32(first, _mm256_set1_epi32(q));
    const __m256i at = _mm256_add_epi32(place, _mm256_add_epi32(place, place));
    const __m512d dx = _mm512_sub_pd(_mm512_mask_i32gather_pd(zero, there, at, list.places, 8), x);
    const __m512d dy = _mm512_sub_pd(_mm512_mask_i32gather_pd(zero, there, at, list.places + 1, 8), y);
    const __m512d dz = _mm512_sub_pd(_mm512_mask_i32gather_pd(zero, there, at, list.places + 2, 8), z);
    const __m512d squared = _mm512_fmadd_pd(dx, dx, _mm512_fmadd_pd(dy, dy, _mm512_mul_pd(dz, dz)));
    __m256i element = _mm256_setzero_si256();
    if (!lists.single) {
      element = _mm256_mmask_i32gather_epi32(element, there, id, lists.types, 4);
      if (lists.element_of_type)
        element = _mm256_mmask_i32gather_epi32(element, there, element, lists.element_of_type, 4);
    }
    for (int s = 0; s < streams; ++s) {
      __mmask8 in = _mm512_mask_cmp_pd_mask(there, squared, _mm512_set1_pd(stream[s].to2), _CMP_LT_OQ);
      in = _mm512_mask_cmp_pd_mask(in, squared, _mm512_set1_pd(stream[s].from2), _CMP_GE_OQ);
      if (!lists.single) in = _mm256_mask_cmpeq_epi32_mask(in, element, _mm256_set1_epi32(stream[s].element));
      if (in == 0) continue;
      const int to = s * capacity + out.count[s];
      _mm512_storeu_pd(out.x + to, _mm512_maskz_compress_pd(in, dx));
      _mm512_storeu_pd(out.y + to, _mm512_maskz_compress_pd(in, dy));
      _mm512_storeu_pd(out.z + to, _mm512_maskz_compress_pd(in, dz));
      _mm512_storeu_pd(out.squared + to, _mm512_maskz_compress_pd(in, squared));
      _mm256_storeu_si256(reinterpret_cast<__m256i *>(out.id + to), _mm256_maskz_compress_epi32(in, id));
      out.count[s] += __builtin_popcount(in);
    }
  }
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
