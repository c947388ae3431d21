// How everything runs that may take long.
#pragma once

#include <pybind11/pybind11.h>

#include <future>

namespace snnp::bindings {

/// To be called when the module is loaded: from then on child processes know that they were forked.
void notice_forks();

/// Whether this process was forked from one that had loaded the module.
bool is_forked();

/// The result of work() with the GIL released.
///
/// OpenMP in libgomp keeps a pool of threads for each thread that ran something in parallel. After a fork the pool's
/// threads are gone, but the thread that forked goes on waiting for them. So in a child work runs on a new thread,
/// which has a pool of its own.
template <class Work> auto long_call(Work work)
{
  const pybind11::gil_scoped_release release;
  return is_forked() ? std::async(std::launch::async, work).get() : work();
}

}  // namespace snnp::bindings
