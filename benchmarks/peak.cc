// The peak rate of fused multiply-adds of a core: 12 chains of vectors that do not wait for each other.
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

int main()
{
  const long turns = 20000000;
  const Vector m = Vector{} + REAL(0.999), c = Vector{} + REAL(0.1);
  double best = 0;
  for (int repeat = 0; repeat < 5; ++repeat) {
    Vector a[12];
    for (int i = 0; i < 12; ++i) a[i] = Vector{} + REAL(i);
    const std::clock_t start = std::clock();  // of the processor: other programs do not count
    for (long n = 0; n < turns; ++n) {
#pragma GCC unroll 12
      for (int i = 0; i < 12; ++i) a[i] = a[i] * m + c;
    }
    const double seconds = static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
    volatile REAL sink = 0;
    for (const Vector &v : a) sink = sink + v[0];
    const double rate = 12.0 * turns * (bytes / sizeof(REAL)) / seconds / 1e9;
    if (rate > best) best = rate;
  }
  std::printf("%.3f\n", best);
}
