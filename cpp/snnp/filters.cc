#include "snnp/filters.h"

#include <algorithm>

#include "snnp/kernels/isa.h"

// Kernels are compiled for several instruction sets, see the end of this file. What they are made of has to be compiled
// as part of each of them, and so inlined.
#if defined(__GNUC__)
#define SNNP_INLINE inline __attribute__((always_inline))
#define SNNP_INLINE_LAMBDA __attribute__((always_inline))
#else
#define SNNP_INLINE inline
#define SNNP_INLINE_LAMBDA
#endif

namespace snnp {

Filters::Filters(int elements, int n2, int n3) : elements(elements), n2(n2), n3(n3)
{
  pair.resize(elements * elements);
  radial.resize(elements * elements);
  angle.resize(elements * pair_count(elements));
}

void Filters::set_cutoffs()
{
  pair_cutoffs.clear();
  three_body_cutoffs.clear();
  for (const Table &t : pair) pair_cutoffs.push_back(t.grid().back());
  for (const Table &t : radial) three_body_cutoffs.push_back(n3 > 0 ? t.grid().back() : 0);
}

namespace {

// One interval of a table and a position in it: values and first derivatives of all columns, vectorised over columns.
struct Piece {
  const double *c;
  int stride;
  double t;

  Piece(const Table &table, const GridPosition &position)
      : c(table.at(position.interval)), stride(table.stride()), t(position.t)
  {
  }
  SNNP_INLINE double value(int m) const
  {
    return c[m] + t * (c[stride + m] + t * (c[2 * stride + m] + t * c[3 * stride + m]));
  }
  SNNP_INLINE double slope(int m) const
  {
    return c[stride + m] + t * (2 * c[2 * stride + m] + t * 3 * c[3 * stride + m]);
  }
};

// Adds x t^k + y d(t^k)/dt to the coefficients of one interval: the adjoint of `x·value + y·slope`.
struct PieceSums {
  double *c;
  int stride;
  double t;

  PieceSums(Table &table, const GridPosition &position)
      : c(table.at(position.interval)), stride(table.stride()), t(position.t)
  {
  }
  SNNP_INLINE void add(int m, double x, double y) const
  {
    c[m] += x;
    c[stride + m] += t * x + y;
    c[2 * stride + m] += t * (t * x + 2 * y);
    c[3 * stride + m] += t * t * (t * x + 3 * y);
  }
};

SNNP_INLINE double dot(const double *a, const double *b) { return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]; }

// All pairs j > k of three-body neighbours: visit(j, k, cosine, table of the angle).
template <class Visit> SNNP_INLINE void for_each_angle(const Filters &filters, const Neighborhood &near, Visit visit)
{
  for (int j = 1; j < near.n_three_body; ++j)
    for (int k = 0; k < j; ++k)
      visit(j, k, dot(&near.unit[3 * j], &near.unit[3 * k]),
            filters.triplet_index(near.element, near.elements[j], near.elements[k]));
}

template <class T> void fit(std::vector<T> &v, std::size_t size)
{
  if (v.size() < size) v.resize(size);
}

const Table &pair_table(const Filters &filters, const Neighborhood &near, int j)
{
  return filters.pair[near.element * filters.elements + near.elements[j]];
}

const Table &radial_table(const Filters &filters, const Neighborhood &near, int j)
{
  return filters.radial[near.element * filters.elements + near.elements[j]];
}

template <int Stride> int radial_stride(const Filters &filters)
{
  return Stride ? Stride : filters.radial.front().stride();
}

bool in_pair_cutoff(const Filters &filters, const Neighborhood &near, int j)
{
  return near.r[j] < filters.pair_cutoffs[near.element * filters.elements + near.elements[j]];
}

template <int Stride> SNNP_INLINE void values(const Filters &filters, Workspace &w, double *G)
{
  const Neighborhood &near = w.near;
  std::fill(G, G + filters.columns(), 0.0);

  const int pair_columns = 1 + filters.n2;
  fit(w.pair_position, near.count);
  for (int j = 0; j < near.count; ++j) {
    if (!in_pair_cutoff(filters, near, j)) continue;
    const Table &table = pair_table(filters, near, j);
    w.pair_position[j] = table.grid().find(near.r[j]);
    const Piece piece(table, w.pair_position[j]);
    for (int m = 0; m < pair_columns; ++m) G[m] += piece.value(m);
  }

  const int n3 = filters.n3;
  if (n3 == 0) return;
  const int S = radial_stride<Stride>(filters);
  fit(w.radial_position, near.n_three_body);
  fit(w.f, near.n_three_body * S);
  fit(w.P, near.n_three_body * S);
  for (int j = 0; j < near.n_three_body; ++j) {
    const Table &table = radial_table(filters, near, j);
    w.radial_position[j] = table.grid().find(near.r[j]);
    const Piece piece(table, w.radial_position[j]);
    for (int m = 0; m < S; ++m) w.f[j * S + m] = piece.value(m);
    for (int m = 0; m < S; ++m) w.P[j * S + m] = 0;
  }
  for_each_angle(filters, near, [&](int j, int k, double cosine, int angle) SNNP_INLINE_LAMBDA {
    const Table &table = filters.angle[angle];
    const Piece piece(table, table.grid().find(cosine));
    const double *fj = &w.f[j * S], *fk = &w.f[k * S];
    double *Pj = &w.P[j * S], *Pk = &w.P[k * S];
#pragma omp simd
    for (int m = 0; m < S; ++m) {
      const double g = piece.value(m);
      Pj[m] += fk[m] * g;
      Pk[m] += fj[m] * g;
    }
  });
  double *G3 = G + pair_columns;
  for (int j = 0; j < near.n_three_body; ++j)
    for (int m = 0; m < n3; ++m) G3[m] += 0.5 * w.f[j * S + m] * w.P[j * S + m];
}

template <int Stride> SNNP_INLINE void gradient(const Filters &filters, Workspace &w, const double *A)
{
  const Neighborhood &near = w.near;
  const int pair_columns = 1 + filters.n2, n3 = filters.n3;
  fit(w.gradient, 3 * near.count);
  const auto radial = [&](int j, double slope) SNNP_INLINE_LAMBDA {
    for (int d = 0; d < 3; ++d) w.gradient[3 * j + d] += slope * near.unit[3 * j + d];
  };

  for (int j = 0; j < near.count; ++j) {
    for (int d = 0; d < 3; ++d) w.gradient[3 * j + d] = 0;
    if (!in_pair_cutoff(filters, near, j)) continue;
    const Piece piece(pair_table(filters, near, j), w.pair_position[j]);
    double slope = 0;
#pragma omp simd reduction(+ : slope)
    for (int m = 0; m < pair_columns; ++m) slope += A[m] * piece.slope(m);
    radial(j, slope);
  }

  if (n3 == 0) return;
  const int S = radial_stride<Stride>(filters);
  fit(w.weighted, near.n_three_body * S);
  fit(w.buffer, S);
  std::fill(w.buffer.begin(), w.buffer.begin() + S, 0.0);
  std::copy(A + pair_columns, A + pair_columns + n3, w.buffer.begin());
  const double *A3 = w.buffer.data();
  for (int j = 0; j < near.n_three_body; ++j) {
    const Piece piece(radial_table(filters, near, j), w.radial_position[j]);
    double slope = 0;
#pragma omp simd reduction(+ : slope)
    for (int m = 0; m < S; ++m) {
      slope += A3[m] * piece.slope(m) * w.P[j * S + m];
      w.weighted[j * S + m] = A3[m] * w.f[j * S + m];
    }
    radial(j, slope);
  }
  for_each_angle(filters, near, [&](int j, int k, double cosine, int angle) SNNP_INLINE_LAMBDA {
    const Table &table = filters.angle[angle];
    const Piece piece(table, table.grid().find(cosine));
    const double *Afj = &w.weighted[j * S], *fk = &w.f[k * S];
    double slope = 0;
#pragma omp simd reduction(+ : slope)
    for (int m = 0; m < S; ++m) slope += Afj[m] * fk[m] * piece.slope(m);
    // ∂cos/∂r_j = (u_k − cos u_j) / r_j
    const double *uj = &near.unit[3 * j], *uk = &near.unit[3 * k];
    const double sj = slope / near.r[j], sk = slope / near.r[k];
    for (int d = 0; d < 3; ++d) {
      w.gradient[3 * j + d] += sj * (uk[d] - cosine * uj[d]);
      w.gradient[3 * k + d] += sk * (uj[d] - cosine * uk[d]);
    }
  });
}

template <int Stride> SNNP_INLINE void tangent(const Filters &filters, Workspace &w, double *Gd)
{
  const Neighborhood &near = w.near;
  const int pair_columns = 1 + filters.n2, n3 = filters.n3;
  std::fill(Gd, Gd + filters.columns(), 0.0);
  fit(w.r_along, near.count);
  fit(w.unit_along, 3 * near.count);
  for (int j = 0; j < near.count; ++j) {
    const double *u = &near.unit[3 * j], *v = &w.along[3 * j];
    const double rd = w.r_along[j] = dot(u, v);
    for (int d = 0; d < 3; ++d) w.unit_along[3 * j + d] = (v[d] - u[d] * rd) / near.r[j];
    if (!in_pair_cutoff(filters, near, j)) continue;
    const Piece piece(pair_table(filters, near, j), w.pair_position[j]);
    for (int m = 0; m < pair_columns; ++m) Gd[m] += rd * piece.slope(m);
  }

  if (n3 == 0) return;
  const int S = radial_stride<Stride>(filters);
  fit(w.fd, near.n_three_body * S);
  fit(w.Q, near.n_three_body * S);
  for (int j = 0; j < near.n_three_body; ++j) {
    const Piece piece(radial_table(filters, near, j), w.radial_position[j]);
    for (int m = 0; m < S; ++m) w.fd[j * S + m] = w.r_along[j] * piece.slope(m);
    for (int m = 0; m < S; ++m) w.Q[j * S + m] = 0;
  }
  // Q_jm: the change of P_jm.
  for_each_angle(filters, near, [&](int j, int k, double cosine, int angle) SNNP_INLINE_LAMBDA {
    const Table &table = filters.angle[angle];
    const Piece piece(table, table.grid().find(cosine));
    const double cd = dot(&w.unit_along[3 * j], &near.unit[3 * k]) + dot(&near.unit[3 * j], &w.unit_along[3 * k]);
    const double *fj = &w.f[j * S], *fk = &w.f[k * S], *fdj = &w.fd[j * S], *fdk = &w.fd[k * S];
    double *Qj = &w.Q[j * S], *Qk = &w.Q[k * S];
#pragma omp simd
    for (int m = 0; m < S; ++m) {
      const double g = piece.value(m), gd = cd * piece.slope(m);
      Qj[m] += fdk[m] * g + fk[m] * gd;
      Qk[m] += fdj[m] * g + fj[m] * gd;
    }
  });
  double *G3 = Gd + pair_columns;
  for (int j = 0; j < near.n_three_body; ++j)
    for (int m = 0; m < n3; ++m) G3[m] += 0.5 * (w.fd[j * S + m] * w.P[j * S + m] + w.f[j * S + m] * w.Q[j * S + m]);
}

template <int Stride>
SNNP_INLINE void parameters(const Filters &filters, Workspace &w, const double *A, const double *B, Filters &sums)
{
  const Neighborhood &near = w.near;
  const int pair_columns = 1 + filters.n2, n3 = filters.n3, E = filters.elements;
  for (int j = 0; j < near.count; ++j) {
    if (!in_pair_cutoff(filters, near, j)) continue;
    const PieceSums piece(sums.pair[near.element * E + near.elements[j]], w.pair_position[j]);
    for (int m = 0; m < pair_columns; ++m) piece.add(m, B[m], A[m] * w.r_along[j]);
  }

  if (n3 == 0) return;
  const int S = radial_stride<Stride>(filters);
  fit(w.buffer, 2 * S);
  std::fill(w.buffer.begin(), w.buffer.begin() + 2 * S, 0.0);
  std::copy(A + pair_columns, A + pair_columns + n3, w.buffer.begin());
  std::copy(B + pair_columns, B + pair_columns + n3, w.buffer.begin() + S);
  const double *A3 = w.buffer.data(), *B3 = A3 + S;
  for (int j = 0; j < near.n_three_body; ++j) {
    const PieceSums piece(sums.radial[near.element * E + near.elements[j]], w.radial_position[j]);
    const double *Pj = &w.P[j * S], *Qj = &w.Q[j * S];
#pragma omp simd
    for (int m = 0; m < S; ++m) piece.add(m, B3[m] * Pj[m] + A3[m] * Qj[m], A3[m] * w.r_along[j] * Pj[m]);
  }
  for_each_angle(filters, near, [&](int j, int k, double cosine, int angle) SNNP_INLINE_LAMBDA {
    Table &table = sums.angle[angle];
    const PieceSums piece(table, filters.angle[angle].grid().find(cosine));
    const double cd = dot(&w.unit_along[3 * j], &near.unit[3 * k]) + dot(&near.unit[3 * j], &w.unit_along[3 * k]);
    const double *fj = &w.f[j * S], *fk = &w.f[k * S], *fdj = &w.fd[j * S], *fdk = &w.fd[k * S];
#pragma omp simd
    for (int m = 0; m < S; ++m) {
      const double ff = fj[m] * fk[m];
      piece.add(m, B3[m] * ff + A3[m] * (fdj[m] * fk[m] + fj[m] * fdk[m]), A3[m] * ff * cd);
    }
  });
}

// ------------------------------------------------------------------------------------------- instruction sets

// Target attributes add to the instruction set and leave the rest alone: GCC inlines no ordinary function into one
// that is compiled for another `arch`, which is why `target_clones` is of no use here.
#if defined(__x86_64__) && defined(__GNUC__)
#define SNNP_AVX2 __attribute__((target("avx2,fma")))
#define SNNP_AVX512 __attribute__((target("avx2,fma,avx512f,avx512vl,avx512dq,prefer-vector-width=512")))
#else
#define SNNP_AVX2
#define SNNP_AVX512
#endif

// The usual strides are compiled in, so that inner loops have no count to look at; 0 stands for any other.
#define SNNP_STRIDES(kernel, ...)                                 \
  switch (filters.n3 > 0 ? filters.radial.front().stride() : 0) { \
    case 8:                                                       \
      return kernel<8>(__VA_ARGS__);                              \
    case 16:                                                      \
      return kernel<16>(__VA_ARGS__);                             \
    case 24:                                                      \
      return kernel<24>(__VA_ARGS__);                             \
    case 32:                                                      \
      return kernel<32>(__VA_ARGS__);                             \
    default:                                                      \
      return kernel<0>(__VA_ARGS__);                              \
  }

#define SNNP_VERSIONS(kernel, parameters, ...)                                                              \
  void kernel##_base parameters{SNNP_STRIDES(kernel, __VA_ARGS__)} SNNP_AVX2 void kernel##_avx2 parameters{ \
      SNNP_STRIDES(kernel, __VA_ARGS__)} SNNP_AVX512 void kernel##_avx512 parameters                        \
  {                                                                                                         \
    SNNP_STRIDES(kernel, __VA_ARGS__)                                                                       \
  }                                                                                                         \
  void kernel##_best parameters                                                                             \
  {                                                                                                         \
    static const Isa isa = best_isa();                                                                      \
    if (isa == Isa::avx512) return kernel##_avx512(__VA_ARGS__);                                            \
    if (isa == Isa::avx2) return kernel##_avx2(__VA_ARGS__);                                                \
    kernel##_base(__VA_ARGS__);                                                                             \
  }

SNNP_VERSIONS(values, (const Filters &filters, Workspace &w, double *G), filters, w, G)
SNNP_VERSIONS(gradient, (const Filters &filters, Workspace &w, const double *A), filters, w, A)
SNNP_VERSIONS(tangent, (const Filters &filters, Workspace &w, double *Gd), filters, w, Gd)
SNNP_VERSIONS(parameters, (const Filters &filters, Workspace &w, const double *A, const double *B, Filters &sums),
              filters, w, A, B, sums)

}  // namespace

void filter_values(const Filters &filters, Workspace &w, double *G) { values_best(filters, w, G); }

void filter_gradient(const Filters &filters, Workspace &w, const double *A) { gradient_best(filters, w, A); }

void filter_tangent(const Filters &filters, Workspace &w, double *Gd) { tangent_best(filters, w, Gd); }

void filter_parameters(const Filters &filters, Workspace &w, const double *A, const double *B, Filters &sums)
{
  parameters_best(filters, w, A, B, sums);
}

}  // namespace snnp
