#include "snnp/filters.h"

namespace snnp {

Filters::Filters(int elements, int n2, int n3, bool same_g) : elements(elements), n2(n2), n3(n3)
{
  pair.resize(elements * elements);
  radial.resize(elements * elements);
  angle.resize(same_g ? elements : elements * pair_count(elements));
}

int Filters::angle_index(int centre, int b, int c) const
{
  return static_cast<int>(angle.size()) == elements ? centre : triplet_index(elements, centre, b, c);
}

void Filters::set_cutoffs()
{
  pair_cutoffs.clear();
  three_body_cutoffs.clear();
  for (const Table &t : pair) pair_cutoffs.push_back(t.grid().back());
  for (const Table &t : radial) three_body_cutoffs.push_back(n3 > 0 ? t.grid().back() : 0);
}

}  // namespace snnp
