// The order of pairs and triplets of elements, and of the components of a symmetric tensor: said here and nowhere else.
#pragma once

#include "snnp/always_inline.h"

namespace snnp {

/// Number of unordered pairs of n elements.
SNNP_PART constexpr int pair_count(int n) { return n * (n + 1) / 2; }

/// Index of an unordered pair of n elements: (0,0) (0,1) … (0,n−1) (1,1) ….
SNNP_PART constexpr int pair_index(int n, int a, int b)
{
  const int low = a < b ? a : b, high = a < b ? b : a;
  return low * n - low * (low - 1) / 2 + (high - low);
}

/// Index of an ordered pair: a centre and a neighbour.
SNNP_PART constexpr int ordered_index(int n, int centre, int neighbor) { return centre * n + neighbor; }

/// Index of a triplet: a centre and an unordered pair of neighbours.
SNNP_PART constexpr int triplet_index(int n, int centre, int b, int c)
{
  return centre * pair_count(n) + pair_index(n, b, c);
}

/// Component v of a symmetric tensor in the order xx yy zz xy xz yz is the one in this row and column.
constexpr int voigt_row[6] = {0, 1, 2, 0, 0, 1}, voigt_column[6] = {0, 1, 2, 1, 2, 2};

}  // namespace snnp
