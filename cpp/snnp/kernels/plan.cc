#include "snnp/kernels/plan.h"

#include <algorithm>
#include <array>

#include "snnp/activations.h"
#include "snnp/domain.h"
#include "snnp/kernels/tensor_plan.h"

namespace snnp {

namespace {

// Room for n numbers that are looked up: those that fit into registers are looked up there.
int room(int n) { return n <= 8 ? 8 : n <= 16 ? 16 : n <= 32 ? 32 : n + 1; }

// Of each four rows of M[row · step + column · along] the columns beyond which all are zero.
std::vector<EmbeddingPlan::Range> nonzero(const double *M, int rows, int columns, int step, int along)
{
  std::vector<EmbeddingPlan::Range> ranges;
  for (int first = 0; first < rows; first += 4) {
    EmbeddingPlan::Range range{columns, 0};
    for (int row = first; row < std::min(first + 4, rows); ++row)
      for (int k = 0; k < columns; ++k)
        if (M[static_cast<long>(row) * step + k * along] != 0)
          range = {std::min(range.begin, k), std::max(range.end, k + 1)};
    ranges.push_back(range);
  }
  return ranges;
}

// The first of the columns of each of `tables` tables of c.
Column make_column(Memory &memory, const Intervals &intervals, const std::vector<double> &c, int columns, int tables)
{
  const int n = intervals.count();
  Column column;
  column.axis = intervals.axis;
  column.stride = room(n * tables);
  double *to = memory.array<double>(4L * column.stride);
  for (int i = 0; i < n * tables; ++i)
    for (int k = 0; k < 4; ++k)
      to[k * column.stride + i] = c[(4L * (i % n) + k) * columns + i / n * (columns / tables)];
  column.c = to;
  return column;
}

// How many filters of `left` share the next vector.
int group_width(int left) { return left > 8 ? 16 : left > 4 ? 8 : 4; }

// `tables` tables of `filters` columns each, one after the other in the columns of c.
template <class Real>
Span<Group<Real>> make_groups(Memory &memory, const Intervals &intervals, const std::vector<double> &c, int filters,
                              int tables, bool by_column)
{
  const int n = intervals.count(), columns = filters * tables;
  const double per_unit = intervals.axis.per_unit;
  std::vector<Group<Real>> groups;
  for (int first = 0; first < filters;) {
    Group<Real> group;
    group.first = first;
    const int W = group.width = by_column ? 1 : group_width(filters - first);
    group.count = std::min(W, filters - first);
    Real *value = memory.array<Real>(4L * W * n * tables), *slope = memory.array<Real>(3L * W * n * tables);
    for (int i = 0; i < n * tables; ++i)
      for (int m = 0; m < group.count; ++m)
        for (int k = 0; k < 4; ++k) {
          const double x = c[(4L * (i % n) + k) * columns + i / n * filters + first + m];
          value[(4L * i + k) * W + m] = static_cast<Real>(x);
          if (k > 0) slope[(3L * i + k - 1) * W + m] = static_cast<Real>(k * per_unit * x);
        }
    group.value = value;
    group.slope = slope;
    groups.push_back(group);
    first += group.count;
  }
  return memory.span(groups);
}

std::vector<const Spline *> pointers(const std::vector<Spline> &all, int first, int count)
{
  std::vector<const Spline *> some;
  for (int m = 0; m < count; ++m) some.push_back(&all[first + m]);
  return some;
}

double largest_cutoff(const std::vector<const Spline *> &splines)
{
  double r = 0;
  for (const Spline *s : splines) r = std::max(r, s->back());
  return r;
}

template <class Real> class Planner {
 public:
  Planner(const Potential &potential, Memory &memory, double unit, Isa isa)
      : p_(potential), domain_(potential), memory_(memory), unit_(unit), isa_(isa), across_atoms_(is_across_atoms()),
        by_column_(p_.n2 <= 1 && (p_.n3 == 0 || (p_.n3 == 1 && across_atoms_))), columns_(by_column_ ? p_.n2 : odd())
  {
  }

  bool across_atoms() const { return across_atoms_; }
  bool by_column() const { return by_column_; }
  int columns() const { return columns_; }

  Span<CentrePlan<Real>> centres()
  {
    std::vector<CentrePlan<Real>> all;
    for (int a = 0; a < p_.size(); ++a) all.push_back(centre(a));
    return memory_.span(all);
  }

 private:
  const Potential &p_;
  Domain domain_;
  Memory &memory_;
  double unit_;
  Isa isa_;
  bool across_atoms_, by_column_;
  int columns_;

  CentrePlan<Real> centre(int a)
  {
    CentrePlan<Real> plan;
    std::vector<PairPlan<Real>> pairs;
    plan.alike = alike(a);
    if (plan.alike)
      pairs.push_back(pair(a, 0, p_.size()));
    else
      for (int b = 0; b < p_.size(); ++b) pairs.push_back(pair(a, b, 1));
    plan.pairs = memory_.span(pairs);
    plan.streams = streams(a, pairs.size());
    if (p_.n3 > 0) angles(a, plan);
    if (!p_.V.empty()) tensors(a, plan);
    plan.embedding = embedding(p_.elements[a]);
    plan.four_body = make_four_body_plan(memory_, p_.elements[a].four_body, p_.size());
    plan.four_body_near = true;
    for (int b = 0; b < p_.size(); ++b)
      plan.four_body_near = plan.four_body_near && p_.four_body_cutoff(a) <= p_.three_body_cutoff(a, b);
    const std::size_t filters = p_.n2 + p_.n3;
    plan.lowest = memory_.keep(std::vector<double>(domain_.lowest(a), domain_.lowest(a) + filters));
    plan.highest = memory_.keep(std::vector<double>(domain_.highest(a), domain_.highest(a) + filters));
    plan.lowest_energy = memory_.span(domain_.energies(a).lowest);
    plan.highest_energy = memory_.span(domain_.energies(a).highest);
    return plan;
  }

  // Whether neighbours of all elements can be treated alike: each spline has the same knots for all of them.
  bool alike(int a) const
  {
    // Pairs of two elements are faster apart, by a tenth: then tables of φ and ρ fit into registers.
    if (p_.size() < (p_.n3 > 0 ? 2 : 3) || !p_.V.empty()) return false;
    const auto same = [](const Spline &s, const Spline &t) { return s.knots == t.knots; };
    const auto all_same = [&](const std::vector<Spline> &all, int n, int b) {
      const auto first = all.begin() + p_.ordered_index(a, 0) * n, other = all.begin() + p_.ordered_index(a, b) * n;
      return std::equal(first, first + n, other, same);
    };
    for (int b = 1; b < p_.size(); ++b)
      if (!same(p_.pairs[p_.pair_index(a, 0)].phi, p_.pairs[p_.pair_index(a, b)].phi) || !all_same(p_.rho, p_.n2, b) ||
          !all_same(p_.f, p_.n3, b) || ends(a, 0) != ends(a, b))
        return false;
    return true;
  }

  // Of `count` elements from b on, which are alike.
  PairPlan<Real> pair(int a, int b, int count)
  {
    PairPlan<Real> plan;
    std::vector<const Spline *> phi;
    plan.slots = room(count);
    Zbl *zbl = memory_.array<Zbl>(count);
    double *shortest = memory_.array<double>(plan.slots);
    for (int e = 0; e < count; ++e) {
      const Pair &pair = p_.pairs[p_.pair_index(a, b + e)];
      phi.push_back(&pair.phi);
      zbl[e] = Zbl(atomic_number(p_.elements[a].name), atomic_number(p_.elements[b + e].name), pair.zbl_inner,
                   pair.zbl_outer);
      plan.zbl_outer = std::max(plan.zbl_outer, pair.zbl_outer);
      shortest[e] = domain_.shortest(a, b + e);
    }
    plan.zbl = zbl;
    plan.shortest = shortest;
    if (!std::all_of(phi.begin(), phi.end(), is_zero)) plan.phi = column(phi);
    std::vector<Column> columns;
    for (int m = 0; m < columns_; ++m) columns.push_back(column(radial(p_.rho, a, b, count, m, m + 1)));
    plan.rho_columns = memory_.span(columns);
    tables(radial(p_.rho, a, b, count, columns_, p_.n2), count, plan.rho_axis, plan.rho);
    const std::vector<const Spline *> f = radial(p_.f, a, b, count, 0, p_.n3);
    tables(f, count, plan.f_axis, plan.f);
    if (by_column_ && p_.n3 > 0) plan.f_column = column(f);
    return plan;
  }

  static bool is_zero(const Spline *s)
  {
    return std::all_of(s->coefficients.begin(), s->coefficients.end(), [](double c) { return c == 0; });
  }

  // ρ or f number `from` … `to` − 1 of a and each of `count` elements from b on, one element after the other.
  std::vector<const Spline *> radial(const std::vector<Spline> &all, int a, int b, int count, int from, int to) const
  {
    const int filters = static_cast<int>(all.size()) / (p_.size() * p_.size());
    std::vector<const Spline *> some;
    for (int e = 0; e < count; ++e)
      for (int m = from; m < to; ++m) some.push_back(&all[p_.ordered_index(a, b + e) * filters + m]);
    return some;
  }

  // How many of the first ρ do not have the knots of the others. Those of a floor are such. All knots of a group are
  // merged, so that others make all of its filters slower; more than a few would be faster there all the same.
  int odd() const
  {
    int count = 0;
    for (std::size_t k = 0; p_.n2 > 0 && k < p_.rho.size(); k += p_.n2)
      for (int m = count; m < p_.n2; ++m)
        if (p_.rho[k + m].knots != p_.rho[k + p_.n2 - 1].knots) count = m + 1;
    return count <= Plan<Real>::most_columns ? count : 0;
  }

  // One spline of each element, one table after the other.
  Column column(const std::vector<const Spline *> &splines)
  {
    const Table table(splines);
    const Intervals intervals = make_intervals(memory_, table.grid().knots(), true);
    const int count = static_cast<int>(splines.size());
    return make_column(memory_, intervals, centred(table, intervals, true), count, count);
  }

  // Splines of as many tables, one table after the other.
  void tables(const std::vector<const Spline *> &splines, int tables, Axis &axis, Span<Group<Real>> &groups)
  {
    static const Spline nothing{{0, 1}, {0, 0, 0, 0}};
    const int filters = static_cast<int>(splines.size()) / tables;
    const Table table(splines.empty() ? std::vector<const Spline *>(tables, &nothing) : splines);
    const Intervals intervals = make_intervals(memory_, table.grid().knots(), true);
    const std::vector<double> c = centred(table, intervals, true);
    axis = intervals.axis;
    groups = make_groups<Real>(memory_, intervals, c, filters, tables, by_column_);
  }

  double density_cutoff(int a, int b) const
  {
    return largest_cutoff(pointers(p_.rho, p_.ordered_index(a, b) * p_.n2, p_.n2));
  }

  // The cutoffs of f, ρ and φ. Beyond the second a neighbour is treated as a pair only, which has to be true of both atoms.
  std::array<double, 3> ends(int a, int b) const
  {
    const double three_body = p_.three_body_cutoff(a, b);
    const double density =
        std::max({three_body, p_.three_body_cutoff(b, a), density_cutoff(a, b), density_cutoff(b, a),
                  p_.tensor_cutoff(a, b), p_.tensor_cutoff(b, a), p_.four_body_cutoff(a), p_.four_body_cutoff(b)});
    return {three_body, density, std::max(density, p_.pair_cutoff(a, b))};
  }

  Span<Stream> streams(int a, std::size_t pairs) const
  {
    std::vector<Stream> all;
    for (const Stream::Kind kind : {Stream::three_body, Stream::density, Stream::pair})
      for (int b = 0; b < static_cast<int>(pairs); ++b) {
        const std::array<double, 3> to = ends(a, b);
        const double from = kind == Stream::three_body ? 0 : to[kind - 1];
        if (from < to[kind]) all.push_back({kind, b, from * from, to[kind] * to[kind]});
      }
    return memory_.span(all);
  }

  void tensors(int a, CentrePlan<Real> &plan)
  {
    std::vector<TensorPlan<Real>> terms(p_.n_pairs());
    std::vector<double> cutoffs;
    for (int b = 0; b < p_.size(); ++b) {
      cutoffs.push_back(p_.tensor_cutoff(a, b));
      for (int c = b; c < p_.size(); ++c) {
        const Tensor &t = p_.V[p_.triplet_index(a, b, c)];
        if (!t.empty()) terms[p_.pair_index(b, c)] = make_tensor_plan<Real>(memory_, t, unit_);
      }
    }
    plan.tensors = memory_.span(terms);
    plan.tensor_cutoff = memory_.span(cutoffs);
  }

  // One axis for the angles between all neighbours, so that a pair of them only chooses the table: often the same one, if
  // neighbours share filters. Two elements have one table or, by number b + c as kernels across atoms expect it, three.
  struct Angles {
    std::vector<int> of_pair;
    int tables = 0;
    Intervals intervals;
    std::vector<double> c;
  };

  static bool same(const Spline *one, const Spline *other)
  {
    return one->knots == other->knots && one->coefficients == other->coefficients;
  }

  Angles angles(int a)
  {
    const Spline *g = &p_.g[p_.triplet_index(a, 0, 0) * p_.n3];
    bool all_same = true;
    for (int n = p_.n3; n < p_.n_pairs() * p_.n3; ++n) all_same = all_same && same(&g[n], &g[n % p_.n3]);
    const bool each = p_.size() == 2 && !all_same;
    Angles all;
    all.of_pair.resize(p_.size() * p_.size());
    std::vector<const Spline *> splines;
    for (int b = 0; b < p_.size(); ++b)
      for (int c = b; c < p_.size(); ++c) {
        const std::vector<const Spline *> own = pointers(p_.g, p_.triplet_index(a, b, c) * p_.n3, p_.n3);
        int table = each ? all.tables : 0;
        while (table < all.tables && !std::equal(own.begin(), own.end(), splines.begin() + table * p_.n3, same))
          ++table;
        all.of_pair[b * p_.size() + c] = all.of_pair[c * p_.size() + b] = table;
        if (table < all.tables) continue;
        splines.insert(splines.end(), own.begin(), own.end());
        ++all.tables;
      }
    const Table table(splines);
    all.intervals = make_intervals(memory_, table.grid().knots(), false);
    all.c = centred(table, all.intervals, false);
    return all;
  }

  void angles(int a, CentrePlan<Real> &plan)
  {
    Angles all = angles(a);
    plan.angle_axis = all.intervals.axis;
    plan.angles = make_groups<Real>(memory_, all.intervals, all.c, p_.n3, all.tables, by_column_);
    for (int &index : all.of_pair) index *= all.intervals.count();
    if (all.tables > 1) {
      plan.angle_table = memory_.keep(all.of_pair);
      plan.angle_shift = all.intervals.count();
    }
    if (!across_atoms_) return;
    const int n = all.intervals.count(), columns = all.tables * p_.n3, size = plan.angle_size = table_size(all);
    // As many filters as the kernel computes, those without a spline being zero.
    Real *value = memory_.array<Real>(8L * 4 * size), *slope = memory_.array<Real>(8L * 3 * size);
    for (int m = 0; m < p_.n3; ++m)
      for (int i = 0; i < n * all.tables; ++i)
        for (int k = 0; k < 4; ++k) {
          const double x = all.c[(4L * (i % n) + k) * columns + i / n * p_.n3 + m];
          value[(4 * m + k) * size + i] = static_cast<Real>(x);
          if (k > 0) slope[(3 * m + k - 1) * size + i] = static_cast<Real>(k * plan.angle_axis.per_unit * x);
        }
    plan.angle_value = value;
    plan.angle_slope = slope;
  }

  // Numbers in a register, if a table of that size can be looked up there.
  int register_size() const { return isa_ == Isa::avx512 ? static_cast<int>(64 / sizeof(Real)) : 0; }

  // Room for the intervals of all tables of g: a register for one table, two registers, or memory.
  int table_size(const Angles &angles) const
  {
    const int n = angles.tables * angles.intervals.count(), size = register_size();
    return n <= size && angles.tables == 1 ? size : n <= 2 * size ? 2 * size : n;
  }

  // Few filters are faster across atoms, where tables fit into registers; a single one anywhere.
  bool is_across_atoms()
  {
    if (p_.n3 == 0 || p_.size() > 2) return false;
    for (int a = 0; a < p_.size(); ++a) {
      const Angles all = angles(a);
      if (all.intervals.axis.cell) return false;
      if (p_.n3 > 1 && (p_.n3 > register_size() / 2 || table_size(all) > 2 * register_size())) return false;
    }
    return true;
  }

  Column linear_ends(const Spline &U)
  {
    const Table table({&U});
    const Intervals intervals = make_intervals(memory_, table.grid().knots(), true);
    std::vector<double> c = centred(table, intervals, true);
    const double slope = evaluate(U, U.back(), 1);
    double *beyond = &c[c.size() - 4];
    beyond[0] = evaluate(U, U.back()) + slope * (intervals.middle.back() - U.back());
    beyond[1] = slope / intervals.axis.per_unit;
    return make_column(memory_, intervals, c, 1, 1);
  }

  EmbeddingPlan embedding(const Element &element)
  {
    EmbeddingPlan net;
    net.e0 = element.e0;
    net.linear = memory_.keep(element.linear);
    if (!element.density.empty()) {
      net.density = memory_.keep(element.density);
      net.U = linear_ends(element.U);
    }
    if (!element.floor.empty()) {
      const Floor &f = element.floor;
      net.floor = {static_cast<int>(f.centres.size()),
                   memory_.keep(f.directions),
                   memory_.keep(f.centres),
                   memory_.keep(f.density),
                   f.width,
                   f.softness,
                   linear_ends(f.C)};
      net.widest = static_cast<int>(f.density.size());
    }
    if (element.network.layers.empty()) return net;
    net.activation = activation_index(element.network.activation);
    std::vector<EmbeddingPlan::Layer> layers;
    for (const Network::Layer &layer : element.network.layers) {
      const double *W = memory_.keep(layer.weights);
      layers.push_back({layer.inputs, layer.outputs, W, memory_.keep(layer.biases),
                        memory_.keep(nonzero(W, layer.outputs, layer.inputs, layer.inputs, 1)),
                        memory_.keep(nonzero(W, layer.inputs, layer.outputs, 1, layer.inputs))});
      net.nodes += layer.outputs;
      net.widest = std::max({net.widest, layer.inputs, layer.outputs});
    }
    net.layers = memory_.span(layers);
    return net;
  }
};

}  // namespace

template <class Real> Plan<Real> make_plan(const Potential &potential, double unit, Isa isa)
{
  const auto memory = std::make_shared<Memory>();
  Plan<Real> plan;
  plan.elements = potential.size();
  plan.n2 = potential.n2;
  plan.n3 = potential.n3;
  plan.unit = unit;
  Planner<Real> planner(potential, *memory, unit, isa);
  plan.across_atoms = planner.across_atoms();
  plan.by_column = planner.by_column();
  plan.columns = planner.columns();
  plan.centres = planner.centres();
  plan.memory = memory;
  return plan;
}

template Plan<double> make_plan(const Potential &, double, Isa);
template Plan<float> make_plan(const Potential &, double, Isa);

}  // namespace snnp
