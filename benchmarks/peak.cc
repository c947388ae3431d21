// Rates of fused multiply-adds of a core: 12 chains of vectors that do not wait for each other, first with all operands
// in registers, then with one operand of each from the first cache, as the coefficients of splines are.
// Prints billions of numbers per second; compiled by speed.py with -march=native, once for double and once for float.
#include <cstdio>
#include <ctime>

#if defined(__AVX512F__)
constexpr int bytes = 64;
#elif defined(__AVX2__)
constexpr int bytes = 32;
#else
constexpr int bytes = 16;
#endif
typedef REAL Vector __attribute__((vector_size(bytes)));

constexpr int chains = 12;

template <bool from_memory> double rate(const Vector *table)
{
  const long turns = 20000000;
  const Vector m = Vector{} + REAL(0.999), c = Vector{} + REAL(0.1);
  double best = 0;
  for (int repeat = 0; repeat < 5; ++repeat) {
    Vector a[chains];
    for (int i = 0; i < chains; ++i) a[i] = Vector{} + REAL(i);
    const std::clock_t start = std::clock();  // of the processor: other programs do not count
    for (long n = 0; n < turns; ++n) {
      asm volatile("" : "+r"(table));  // the table might have moved: what is in it has to be loaded again
#pragma GCC unroll 12
      for (int i = 0; i < chains; ++i) a[i] = a[i] * m + (from_memory ? table[i] : c);
    }
    const double seconds = static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
    volatile REAL sink = 0;
    for (const Vector &v : a) sink = sink + v[0];
    const double billions = 1e-9 * chains * turns * (bytes / sizeof(REAL)) / seconds;
    if (billions > best) best = billions;
  }
  return best;
}

int main()
{
  static Vector table[chains];
  for (Vector &v : table) v = Vector{} + REAL(0.1);
  std::printf("%.3f %.3f\n", rate<false>(table), rate<true>(table));
}
