#include "snnp/potential_file.h"

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <limits>
#include <locale>
#include <map>
#include <sstream>
#include <tuple>

#include "snnp/activations.h"
#include "snnp/error.h"
#include "snnp/potential_format.h"

namespace snnp {

namespace {

class Formatter {
 public:
  Formatter()
  {
    out_.imbue(std::locale::classic());
    out_.precision(std::numeric_limits<double>::max_digits10);
  }

  std::string format(const Potential &p)
  {
    const bool curves = collect_curves(p);
    out_ << '#' << p.comment << "\nsnnp " << version(p) << "\nelements";
    for (const Element &e : p.elements) out_ << ' ' << e.name;
    out_ << "\nfilters " << p.n2 << ' ' << p.n3 << '\n';
    if (curves) out_ << '\n';
    for (std::size_t k = 0; k < curves_.size(); ++k) {
      const std::string name = "curve " + std::to_string(k + 1);
      check_spline(*curves_[k], name);
      out_ << name << ' ';
      body(*curves_[k]);
    }
    for (const Element &e : p.elements) element(e);
    const auto name = [&p](int a) { return " " + p.elements[a].name; };
    for (int a = 0; a < p.size(); ++a)
      for (int b = a; b < p.size(); ++b) pair(p.pairs[p.pair_index(a, b)], name(a) + name(b));
    filters(p);
    for (int a = 0; a < p.size() && !p.V.empty(); ++a)
      for (int b = 0; b < p.size(); ++b)
        for (int c = b; c < p.size(); ++c) tensor(name(a) + name(b) + name(c), p.V[p.triplet_index(a, b, c)]);
    const std::string text = out_.str();
    return text + "end " + crc32(text) + "\n";
  }

 private:
  // Curves are the same if their numbers are.
  struct Less {
    bool operator()(const Spline *a, const Spline *b) const
    {
      return std::tie(a->open, a->knots, a->coefficients) < std::tie(b->open, b->knots, b->coefficients);
    }
  };

  std::ostringstream out_;
  std::vector<const Spline *> curves_;
  std::map<const Spline *, std::size_t, Less> number_;  // of each curve in curves_

  // The oldest that has all of it, so that older readers know it.
  int version(const Potential &p) const
  {
    int oldest = curves_.empty() ? 2 : 4;
    for (const Element &e : p.elements) {
      if (!e.energies.empty() || !e.floor.empty()) oldest = std::max(oldest, 3);
      if (!e.four_body.empty()) oldest = std::max(oldest, 6);
      oldest = std::max(oldest, activation_since(e.network.activation));
    }
    return oldest;
  }

  // Numbers all curves in the order in which splines use them; false if there is none.
  bool collect_curves(const Potential &p)
  {
    for (const Element &e : p.elements) collect_curves(e.U), collect_curves(e.floor.C);
    for (const Pair &pair : p.pairs) collect_curves(pair.phi);
    for (const std::vector<Spline> *all : {&p.rho, &p.f, &p.g})
      for (const Spline &s : *all) collect_curves(s);
    return !curves_.empty();
  }

  void collect_curves(const Spline &s)
  {
    for (const Spline::Term &term : s.terms)
      if (number_.emplace(term.curve.get(), curves_.size()).second) curves_.push_back(term.curve.get());
  }

  // Whether two splines are the same combination of the same curves.
  bool same(const Spline &s, const Spline &t) const
  {
    const auto same_term = [](const Spline::Term &a, const Spline::Term &b) {
      return a.weight == b.weight &&
             (a.curve == b.curve || (!Less()(&*a.curve, &*b.curve) && !Less()(&*b.curve, &*a.curve)));
    };
    return !s.terms.empty() && std::equal(s.terms.begin(), s.terms.end(), t.terms.begin(), t.terms.end(), same_term);
  }

  // On which elements the splines of a filter depend; it is written once for all on which they do not.
  struct Dependence {
    bool centre, neighbors;
  };

  // Of all filters of one kind, for as many centres, and neighbours or pairs of neighbours.
  std::vector<Dependence> dependences(const std::vector<Spline> &all, int filters, int centres, int neighbors) const
  {
    std::vector<Dependence> found(filters, {centres == 1, centres == 1});
    for (int a = 0; a < centres; ++a)
      for (int b = 0; b < neighbors; ++b)
        for (int m = 0; m < filters; ++m) {
          const auto of = [&](int centre, int neighbor) -> const Spline & {
            return all[(centre * neighbors + neighbor) * filters + m];
          };
          found[m].neighbors = found[m].neighbors || !same(of(a, b), of(a, 0));
          found[m].centre = found[m].centre || !same(of(a, b), of(0, b));
        }
    return found;
  }

  void filters(const Potential &p)
  {
    const int E = p.size();
    const auto rho = dependences(p.rho, p.n2, E, E), f = dependences(p.f, p.n3, E, E),
               g = dependences(p.g, p.n3, E, p.n_pairs());
    const auto name = [&p](int a, bool named) { return " " + (named ? p.elements[a].name : "*"); };
    const auto ordered = [&](const std::string &kind, const std::vector<Spline> &all, const std::vector<Dependence> &on,
                             int a, int b) {
      const int n = static_cast<int>(on.size());
      for (int m = 0; m < n; ++m)
        if ((on[m].centre || a == 0) && (on[m].neighbors || b == 0))
          spline(kind + std::to_string(m + 1) + name(a, on[m].centre) + name(b, on[m].neighbors),
                 all[p.ordered_index(a, b) * n + m]);
    };
    for (int a = 0; a < E; ++a)
      for (int b = 0; b < E; ++b) {
        ordered("rho ", p.rho, rho, a, b);
        ordered("f ", p.f, f, a, b);
      }
    for (int a = 0; a < E; ++a)
      for (int b = 0; b < E; ++b)
        for (int c = b; c < E; ++c)
          for (int m = 0; m < p.n3; ++m)
            if ((g[m].centre || a == 0) && (g[m].neighbors || (b == 0 && c == 0)))
              spline("g " + std::to_string(m + 1) + name(a, g[m].centre) + name(b, g[m].neighbors) +
                         name(c, g[m].neighbors),
                     p.g[p.triplet_index(a, b, c) * p.n3 + m]);
  }

  void numbers(const double *v, std::size_t count)
  {
    for (std::size_t i = 0; i < count; ++i) out_ << v[i] << (i + 1 == count || i % 5 == 4 ? '\n' : ' ');
  }
  void numbers(const std::vector<double> &v) { numbers(v.data(), v.size()); }

  void element(const Element &e)
  {
    out_ << "\nelement " << e.name << ' ' << e.e0 << "\nlinear\n";
    numbers(e.linear);
    out_ << "network " << e.network.activation;
    for (const Network::Layer &layer : e.network.layers) out_ << ' ' << layer.outputs;
    out_ << '\n';
    for (const Network::Layer &layer : e.network.layers)
      for (int o = 0; o < layer.outputs; ++o) {
        for (int i = 0; i < layer.inputs; ++i) out_ << layer.weights[o * layer.inputs + i] << ' ';
        out_ << layer.biases[o] << '\n';
      }
    out_ << "range " << (e.lowest.empty() ? "unknown" : "known") << '\n';
    numbers(e.lowest);
    numbers(e.highest);
    if (!e.energies.empty()) out_ << "energies " << e.name << ' ' << e.energies.size() << '\n';
    for (const EnergyRange &r : e.energies)
      out_ << r.from << ' ' << r.to << ' ' << r.lowest << ' ' << r.highest << '\n';
    if (!e.density.empty()) {
      out_ << "density " << e.name << '\n';
      numbers(e.density);
      spline("U " + e.name, e.U);
    }
    if (!e.floor.empty()) floor(e);
    if (!e.four_body.empty()) four_body(e);
  }

  void floor(const Element &e)
  {
    const Floor &f = e.floor;
    const std::size_t filters = f.density.size();
    out_ << "floor " << e.name << ' ' << f.centres.size() << ' ' << f.width << ' ' << f.softness << '\n';
    for (std::size_t k = 0; k < f.centres.size(); ++k) {
      for (std::size_t m = 0; m < filters; ++m) out_ << f.directions[k * filters + m] << ' ';
      out_ << f.centres[k] << '\n';
    }
    numbers(f.density);
    spline("floor " + e.name, f.C);
  }

  void four_body(const Element &e)
  {
    const FourBody &t = e.four_body;
    out_ << "fourbody " << e.name << ' ' << t.degree << ' ' << t.radial << ' ' << t.mixtures << '\n';
    numbers({t.inner, t.outer, t.cutoff, t.bound});
    numbers(t.weights);
    numbers(t.coefficients);
  }

  void tensor(const std::string &names, const Tensor &t)
  {
    if (t.empty()) return;
    out_ << "\ntensor" << names << '\n';
    for (const std::vector<double> *knots : {&t.knots_ij, &t.knots_ik, &t.knots_jk}) this->knots(*knots, "");
    numbers(t.coefficients);
  }

  void pair(const Pair &p, const std::string &names)
  {
    out_ << '\n';
    if (p.zbl_outer > 0) out_ << "core" << names << ' ' << p.zbl_inner << ' ' << p.zbl_outer << '\n';
    if (p.shortest > 0) out_ << "shortest" << names << ' ' << p.shortest << '\n';
    spline("phi" + names, p.phi);
  }

  void spline(const std::string &item, const Spline &s)
  {
    if (!s.terms.empty()) return sum(item, s);
    out_ << "spline " << item << ' ';
    body(s);
  }

  void body(const Spline &s)
  {
    knots(s.knots, s.open ? " open" : "");
    numbers(s.coefficients);
  }

  void sum(const std::string &item, const Spline &s)
  {
    out_ << "spline " << item << " curves";
    std::vector<double> weights;
    for (const Spline::Term &term : s.terms) {
      out_ << ' ' << number_.at(term.curve.get()) + 1;
      weights.push_back(term.weight);
    }
    out_ << '\n';
    numbers(weights);
  }

  void knots(const std::vector<double> &k, const char *ending)
  {
    const int n = static_cast<int>(k.size());
    bool uniform = true;
    for (int i = 0; i < n; ++i) uniform = uniform && k[i] == uniform_knot(i, n, k.front(), k.back());
    if (uniform)
      out_ << "uniform " << n << ' ' << k.front() << ' ' << k.back() << ending << '\n';
    else {
      out_ << "knots " << n << ending << '\n';
      numbers(k);
    }
  }
};

}  // namespace

std::string format_potential(const Potential &potential)
{
  check(potential);
  return Formatter().format(potential);
}

void write_potential(const Potential &potential, const std::string &path)
{
  const std::string text = format_potential(potential), aside = path + ".part";
  std::ofstream file(aside, std::ios::binary);
  file << text;
  file.close();
  if (!file) throw Error(aside + ": cannot be written");
  if (std::rename(aside.c_str(), path.c_str()) != 0) throw Error(path + ": cannot be replaced");
}

}  // namespace snnp
