#include "long_call.h"

#include <pthread.h>

namespace snnp::bindings {

namespace {

bool forked = false;

}  // namespace

void notice_forks()
{
  pthread_atfork(nullptr, nullptr, [] { forked = true; });
}

bool is_forked() { return forked; }

}  // namespace snnp::bindings
