// Threads over atoms, with private sums that are added up in a fixed order.
#pragma once

#include <exception>
#include <vector>

namespace snnp {

/// work(thread, begin, end) for contiguous, equal shares of 0 … n − 1, one per OpenMP thread; the first exception of
/// any thread is thrown again in the caller.
template <class Work> void for_shares(int n, int threads, Work work)
{
  std::vector<std::exception_ptr> failures(threads);
#pragma omp parallel for num_threads(threads) schedule(static, 1)
  for (int t = 0; t < threads; ++t) {
    try {
      work(t, static_cast<int>(static_cast<long>(n) * t / threads),
           static_cast<int>(static_cast<long>(n) * (t + 1) / threads));
    } catch (...) {
      failures[t] = std::current_exception();
    }
  }
  for (const std::exception_ptr &failure : failures)
    if (failure) std::rethrow_exception(failure);
}

/// Arrays that every thread adds to: thread 0 the caller's own, the others private copies.
class SharedSum {
 public:
  /// For `size` numbers; a null pointer asks for nothing, and every thread gets it.
  SharedSum(double *target, long size, int threads)
      : target_(target), size_(target ? size : 0), copies_(threads), memory_(threads)
  {
  }

  /// The array of thread t; best called by that thread, so that its memory is near.
  double *of(int t) { return of(t, memory_[t]); }
  /// The same in memory that someone keeps, so that it need not be got from the system each time.
  double *of(int t, std::vector<double> &memory)
  {
    if (t == 0 || !target_) return target_;
    memory.assign(size_, 0.0);
    return copies_[t] = memory.data();
  }
  /// Adds the private copies to the target.
  void add_up(int threads)
  {
#pragma omp parallel for num_threads(threads) schedule(static)
    for (long i = 0; i < size_; ++i)
      for (int t = 1; t < threads; ++t)
        if (copies_[t]) target_[i] += copies_[t][i];
  }

 private:
  double *target_;
  long size_;
  std::vector<double *> copies_;
  std::vector<std::vector<double>> memory_;
};

}  // namespace snnp
