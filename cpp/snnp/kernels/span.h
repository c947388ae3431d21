// Arrays that plans point to.
#pragma once

#include "snnp/always_inline.h"

namespace snnp {

/// An array that someone else keeps: begin, end and element i as in a vector.
template <class T> struct Span {
  const T *first = nullptr;
  int count = 0;

  SNNP_PART const T *begin() const { return first; }
  SNNP_PART const T *end() const { return first + count; }
  SNNP_PART const T &operator[](int i) const { return first[i]; }
};

}  // namespace snnp
