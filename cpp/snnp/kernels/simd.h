// Vectors of numbers, for the instruction set that this is compiled for. No include guard against several instruction
// sets in one file is needed: each has a file of its own, which defines SNNP_ISA (the name of its namespace) and
// SNNP_VECTOR_BYTES. Everything that is compiled with flags of one of them lives in that namespace, so that the linker
// cannot take it for the same thing compiled with other flags.
#pragma once

#include <cstdint>
#include <type_traits>

#if defined(__AVX2__)
#include <immintrin.h>
#endif

#if defined(__GNUC__)
#define SNNP_INLINE inline __attribute__((always_inline))
#define SNNP_UNROLL _Pragma("GCC unroll 16")
#else
#error "The kernels are written with the vector extensions of GCC and Clang"
#endif

namespace snnp {
namespace SNNP_ISA {

/// N numbers in a register: the type, and one that may stand anywhere in memory.
template <class T, int N> struct VectorOf {
  typedef T type __attribute__((vector_size(N * sizeof(T))));
  typedef T unaligned __attribute__((vector_size(N * sizeof(T)), aligned(sizeof(T)), may_alias));
};
template <class T, int N> using Vec = typename VectorOf<T, N>::type;

/// Numbers in a register.
template <class T> constexpr int lanes = SNNP_VECTOR_BYTES / static_cast<int>(sizeof(T));
/// Neighbours that are treated at once, whatever the precision: doubles in a register, 4 at least.
constexpr int C = lanes<double> > 4 ? lanes<double> : 4;
using D = Vec<double, C>;
using L = Vec<std::int64_t, C>;

/// Between memory, from p on, and a register; and the same number in all lanes.
template <class V, class T> SNNP_INLINE V load(const T *p)
{
  return *reinterpret_cast<const typename VectorOf<T, sizeof(V) / sizeof(T)>::unaligned *>(p);
}
template <class V, class T> SNNP_INLINE void store(T *p, V v)
{
  *reinterpret_cast<typename VectorOf<T, sizeof(V) / sizeof(T)>::unaligned *>(p) = v;
}
template <class V, class T> SNNP_INLINE V broadcast(T x) { return V{} + x; }

/// Stores and loads numbers in the precision of the memory.
SNNP_INLINE void put(double *p, D v) { store(p, v); }
SNNP_INLINE void put(float *p, D v) { store(p, __builtin_convertvector(v, Vec<float, C>)); }
SNNP_INLINE D get(const double *p) { return load<D>(p); }
SNNP_INLINE D get(const float *p) { return __builtin_convertvector(load<Vec<float, C>>(p), D); }

/// Larger and smaller of two numbers; the second if the first is no number.
template <class V> SNNP_INLINE V larger(V a, V b) { return a > b ? a : b; }
template <class V> SNNP_INLINE V smaller(V a, V b) { return a < b ? a : b; }
#if defined(__AVX512F__)
template <> SNNP_INLINE D larger(D a, D b) { return (D)_mm512_max_pd((__m512d)a, (__m512d)b); }
template <> SNNP_INLINE D smaller(D a, D b) { return (D)_mm512_min_pd((__m512d)a, (__m512d)b); }
using F16 = Vec<float, 16>;
template <> SNNP_INLINE F16 larger(F16 a, F16 b) { return (F16)_mm512_max_ps((__m512)a, (__m512)b); }
template <> SNNP_INLINE F16 smaller(F16 a, F16 b) { return (F16)_mm512_min_ps((__m512)a, (__m512)b); }
using F8 = Vec<float, 8>;
template <> SNNP_INLINE F8 larger(F8 a, F8 b) { return (F8)_mm256_max_ps((__m256)a, (__m256)b); }
template <> SNNP_INLINE F8 smaller(F8 a, F8 b) { return (F8)_mm256_min_ps((__m256)a, (__m256)b); }
#endif

/// a b + c rounded once, where the CPU can. Elsewhere the compiler finds these by itself, but not around permutations.
template <class V> SNNP_INLINE V fused(V a, V b, V c) { return a * b + c; }
#if defined(__AVX512F__)
template <> SNNP_INLINE D fused(D a, D b, D c) { return (D)_mm512_fmadd_pd((__m512d)a, (__m512d)b, (__m512d)c); }
template <> SNNP_INLINE F16 fused(F16 a, F16 b, F16 c) { return (F16)_mm512_fmadd_ps((__m512)a, (__m512)b, (__m512)c); }
#endif

/// Added to a number |x| < 2²² (float) or 2⁵¹ (double), it leaves the nearest integer in the lowest bits.
template <class T> struct Magic;
template <> struct Magic<double> {
  using Int = std::int64_t;
  static constexpr double value = 6755399441055744.0;
  static constexpr Int bits = 0x4338000000000000;
};
template <> struct Magic<float> {
  using Int = std::int32_t;
  static constexpr float value = 12582912.0f;
  static constexpr Int bits = 0x4B400000;
};

/// The sum of all lanes.
template <class V> SNNP_INLINE auto sum(V v)
{
  auto s = v[0];
  for (unsigned l = 1; l < sizeof(V) / sizeof(v[0]); ++l) s += v[l];
  return s;
}
#if defined(__AVX512F__)
template <> SNNP_INLINE auto sum(D v) { return _mm512_reduce_add_pd((__m512d)v); }
#endif

/// Whether a comparison holds in one lane or more.
template <class V> SNNP_INLINE bool any(V mask)
{
  bool found = false;
  for (unsigned l = 0; l < sizeof(V) / sizeof(mask[0]); ++l) found |= mask[l] != 0;
  return found;
}
#if defined(__AVX512F__)
template <> SNNP_INLINE bool any(L mask) { return _mm512_test_epi64_mask((__m512i)mask, (__m512i)mask) != 0; }
#endif

/// 1/√x to rounding.
SNNP_INLINE D inverse_sqrt(D x)
{
#if defined(__AVX512F__)
  // An estimate of 14 bits and two steps of Newton's method: half the time of a division after a square root.
  const D half = 0.5 * x;
  D y = (D)_mm512_rsqrt14_pd((__m512d)x);
  y = y * (1.5 - half * y * y);
  return y * (1.5 - half * y * y);
#else
  D y;
  for (int l = 0; l < C; ++l) y[l] = 1 / __builtin_sqrt(x[l]);
  return y;
#endif
}

/// p[index] in each lane.
template <class T> SNNP_INLINE Vec<T, C> gather(const T *p, L index)
{
  Vec<T, C> v;
  SNNP_UNROLL
  for (int l = 0; l < C; ++l) v[l] = p[index[l]];
  return v;
}
#if defined(__AVX512F__)
template <> SNNP_INLINE D gather(const double *p, L index) { return (D)_mm512_i64gather_pd((__m512i)index, p, 8); }
#endif

/// table[index] for tables of `size` 8, 16, 32 (which fit into registers) or more.
SNNP_INLINE D look_up(const double *table, int size, L index)
{
#if defined(__AVX512F__)
  if (size == 8) return (D)_mm512_permutexvar_pd((__m512i)index, _mm512_loadu_pd(table));
  if (size == 16) return (D)_mm512_permutex2var_pd(_mm512_loadu_pd(table), (__m512i)index, _mm512_loadu_pd(table + 8));
  if (size == 32) {
    const __m512d low = _mm512_permutex2var_pd(_mm512_loadu_pd(table), (__m512i)index, _mm512_loadu_pd(table + 8));
    const __m512d high =
        _mm512_permutex2var_pd(_mm512_loadu_pd(table + 16), (__m512i)index, _mm512_loadu_pd(table + 24));
    return (D)_mm512_mask_blend_pd(_mm512_test_epi64_mask((__m512i)index, _mm512_set1_epi64(16)), low, high);
  }
#endif
  (void)size;
  return gather(table, index);
}

/// The numbers of two vectors, one after the other, at the positions that are named.
#if defined(__clang__) || __GNUC__ >= 12
#define SNNP_SHUFFLE(a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
#else
#define SNNP_SHUFFLE(a, b, ...) pick<__VA_ARGS__>(a, b)
/// What the macro above stands for, without the built-in function.
template <int... I, class V> SNNP_INLINE auto pick(V a, V b)
{
  using T = std::remove_reference_t<decltype(a[0])>;
  using AxisPosition = std::conditional_t<sizeof(T) == 8, std::int64_t, std::int32_t>;
  constexpr int N = sizeof(V) / sizeof(T);
  if constexpr (sizeof...(I) == N)
    return __builtin_shuffle(a, b, Vec<AxisPosition, N>{I...});
  else
    return Vec<T, sizeof...(I)>{(I < N ? a[I % N] : b[I % N])...};
}
#endif

/// The first halves, and the second halves, of two vectors, interleaved.
#define SNNP_ZIP(T, N, LOW, HIGH)                                                                       \
  SNNP_INLINE Vec<T, N> zip_low(Vec<T, N> a, Vec<T, N> b) { return SNNP_SHUFFLE(a, b, SNNP_LIST LOW); } \
  SNNP_INLINE Vec<T, N> zip_high(Vec<T, N> a, Vec<T, N> b) { return SNNP_SHUFFLE(a, b, SNNP_LIST HIGH); }
#define SNNP_LIST(...) __VA_ARGS__
#if SNNP_VECTOR_BYTES == 64
SNNP_ZIP(double, 8, (0, 8, 1, 9, 2, 10, 3, 11), (4, 12, 5, 13, 6, 14, 7, 15))
SNNP_ZIP(float, 16, (0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23),
         (8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31))
#elif SNNP_VECTOR_BYTES == 32
SNNP_ZIP(double, 4, (0, 4, 1, 5), (2, 6, 3, 7))
SNNP_ZIP(float, 8, (0, 8, 1, 9, 2, 10, 3, 11), (4, 12, 5, 13, 6, 14, 7, 15))
#else
SNNP_ZIP(double, 2, (0, 2), (1, 3))
SNNP_ZIP(float, 4, (0, 4, 1, 5), (2, 6, 3, 7))
#endif

/// Lane l of the result is lane (l + by) mod C.
template <int by, class V> SNNP_INLINE V rotate(V v)
{
  if constexpr (C == 8)
    return SNNP_SHUFFLE(v, v, by, by + 1, by + 2, by + 3, by + 4, by + 5, by + 6, by + 7);
  else
    return SNNP_SHUFFLE(v, v, by, by + 1, by + 2, by + 3);
}

/// A number as a type.
template <int N> struct Int {
  static constexpr int value = N;
};

// ------------------------------------------------------------------------------------------------ horizontal sums

/// The sums of the numbers in each of C vectors, as one vector. In two steps, since the second is a chain of operations
/// that wait for each other: between them there is time for something else.
template <class T, int N> struct HorizontalSums {
  using Partial = Vec<T, C>;
  SNNP_INLINE static Partial begin(const Vec<T, N> *v)
  {
    Vec<T, C> s;
    for (int r = 0; r < C; ++r) s[r] = sum(v[r]);
    return s;
  }
  SNNP_INLINE static Vec<T, C> end(const Partial &s) { return s; }
  SNNP_INLINE static Vec<T, C> of(const Vec<T, N> *v) { return end(begin(v)); }
};

#define SNNP_PAIR_SUM(a, b, EVEN, ODD) (SNNP_SHUFFLE(a, b, SNNP_LIST EVEN) + SNNP_SHUFFLE(a, b, SNNP_LIST ODD))

#if SNNP_VECTOR_BYTES == 64
/// Four vectors; numbers of vectors 2p and 2p + 1 take turns in v[p].
template <class V> struct FourPairs {
  V v[4];
};

// The patterns are those of single instructions, which differ between double and float.
template <> struct HorizontalSums<double, 8> {
  using V = Vec<double, 8>;
  using Partial = FourPairs<V>;
  SNNP_INLINE static Partial begin(const V *v)
  {
    Partial p;
    SNNP_UNROLL
    for (int i = 0; i < 4; ++i)
      p.v[i] = SNNP_PAIR_SUM(v[2 * i], v[2 * i + 1], (0, 8, 2, 10, 4, 12, 6, 14), (1, 9, 3, 11, 5, 13, 7, 15));
    return p;
  }
  // Sums neighbouring pairs of numbers of a, then of b, leaving the pairs of vectors together.
  SNNP_INLINE static V halve(V a, V b)
  {
    return SNNP_PAIR_SUM(a, b, (0, 1, 4, 5, 8, 9, 12, 13), (2, 3, 6, 7, 10, 11, 14, 15));
  }
  SNNP_INLINE static V end(const Partial &p) { return halve(halve(p.v[0], p.v[1]), halve(p.v[2], p.v[3])); }
  SNNP_INLINE static V of(const V *v) { return end(begin(v)); }
};

template <> struct HorizontalSums<double, 4> {
  using V = Vec<double, 4>;
  using Partial = FourPairs<V>;
  SNNP_INLINE static Partial begin(const V *v)
  {
    Partial p;
    SNNP_UNROLL
    for (int i = 0; i < 4; ++i) p.v[i] = SNNP_PAIR_SUM(v[2 * i], v[2 * i + 1], (0, 4, 2, 6), (1, 5, 3, 7));
    return p;
  }
  SNNP_INLINE static D end(const Partial &p)
  {
    return HorizontalSums<double, 8>::halve(SNNP_SHUFFLE(p.v[0], p.v[1], 0, 1, 2, 3, 4, 5, 6, 7),
                                            SNNP_SHUFFLE(p.v[2], p.v[3], 0, 1, 2, 3, 4, 5, 6, 7));
  }
  SNNP_INLINE static D of(const V *v) { return end(begin(v)); }
};

template <> struct HorizontalSums<float, 8> {
  using V = Vec<float, 8>;
  using Partial = FourPairs<V>;
  SNNP_INLINE static Partial begin(const V *v)
  {
    Partial p;
    SNNP_UNROLL
    for (int i = 0; i < 4; ++i)
      p.v[i] = SNNP_PAIR_SUM(v[2 * i], v[2 * i + 1], (0, 8, 1, 9, 4, 12, 5, 13), (2, 10, 3, 11, 6, 14, 7, 15));
    return p;
  }
  SNNP_INLINE static V end(const Partial &p)
  {
    const V a = SNNP_PAIR_SUM(p.v[0], p.v[1], (0, 1, 8, 9, 4, 5, 12, 13), (2, 3, 10, 11, 6, 7, 14, 15));
    const V b = SNNP_PAIR_SUM(p.v[2], p.v[3], (0, 1, 8, 9, 4, 5, 12, 13), (2, 3, 10, 11, 6, 7, 14, 15));
    return SNNP_PAIR_SUM(a, b, (0, 1, 2, 3, 8, 9, 10, 11), (4, 5, 6, 7, 12, 13, 14, 15));
  }
  SNNP_INLINE static V of(const V *v) { return end(begin(v)); }
};

template <> struct HorizontalSums<float, 16> {
  using V = Vec<float, 16>;
  using Partial = FourPairs<V>;
  SNNP_INLINE static Partial begin(const V *v)
  {
    Partial p;
    SNNP_UNROLL
    for (int i = 0; i < 4; ++i)
      p.v[i] = SNNP_PAIR_SUM(v[2 * i], v[2 * i + 1], (0, 16, 1, 17, 4, 20, 5, 21, 8, 24, 9, 25, 12, 28, 13, 29),
                             (2, 18, 3, 19, 6, 22, 7, 23, 10, 26, 11, 27, 14, 30, 15, 31));
    return p;
  }
  SNNP_INLINE static F8 end(const Partial &p)
  {
    HorizontalSums<float, 8>::Partial half;
    SNNP_UNROLL
    for (int i = 0; i < 4; ++i)
      half.v[i] = SNNP_PAIR_SUM(p.v[i], p.v[i], (0, 1, 2, 3, 4, 5, 6, 7), (8, 9, 10, 11, 12, 13, 14, 15));
    return HorizontalSums<float, 8>::end(half);
  }
  SNNP_INLINE static F8 of(const V *v) { return end(begin(v)); }
};

template <> struct HorizontalSums<float, 4> {
  using V = Vec<float, 4>;
  using Partial = FourPairs<V>;
  SNNP_INLINE static Partial begin(const V *v)
  {
    Partial p;
    SNNP_UNROLL
    for (int i = 0; i < 4; ++i) p.v[i] = SNNP_PAIR_SUM(v[2 * i], v[2 * i + 1], (0, 4, 1, 5), (2, 6, 3, 7));
    return p;
  }
  SNNP_INLINE static F8 end(const Partial &p)
  {
    const F8 a = SNNP_SHUFFLE(p.v[0], p.v[2], 0, 1, 2, 3, 4, 5, 6, 7);
    const F8 b = SNNP_SHUFFLE(p.v[1], p.v[3], 0, 1, 2, 3, 4, 5, 6, 7);
    return SNNP_PAIR_SUM(a, b, (0, 1, 8, 9, 4, 5, 12, 13), (2, 3, 10, 11, 6, 7, 14, 15));
  }
  SNNP_INLINE static F8 of(const V *v) { return end(begin(v)); }
};
#elif SNNP_VECTOR_BYTES == 32
template <class T> struct HorizontalSums<T, 4> {
  using Partial = Vec<T, 4>;
  SNNP_INLINE static Partial begin(const Vec<T, 4> *v)
  {
    const Vec<T, 4> a = SNNP_PAIR_SUM(v[0], v[1], (0, 4, 2, 6), (1, 5, 3, 7));
    const Vec<T, 4> b = SNNP_PAIR_SUM(v[2], v[3], (0, 4, 2, 6), (1, 5, 3, 7));
    return SNNP_PAIR_SUM(a, b, (0, 1, 4, 5), (2, 3, 6, 7));
  }
  SNNP_INLINE static Vec<T, 4> end(const Partial &p) { return p; }
  SNNP_INLINE static Vec<T, 4> of(const Vec<T, 4> *v) { return begin(v); }
};

template <> struct HorizontalSums<float, 8> {
  using Partial = Vec<float, 4>;
  SNNP_INLINE static Partial begin(const Vec<float, 8> *v)
  {
    Vec<float, 4> half[4];
    for (int r = 0; r < 4; ++r) half[r] = SNNP_PAIR_SUM(v[r], v[r], (0, 1, 2, 3), (4, 5, 6, 7));
    return HorizontalSums<float, 4>::begin(half);
  }
  SNNP_INLINE static Vec<float, 4> end(const Partial &p) { return p; }
  SNNP_INLINE static Vec<float, 4> of(const Vec<float, 8> *v) { return begin(v); }
};
#endif

}  // namespace SNNP_ISA
}  // namespace snnp
