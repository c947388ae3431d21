#include "snnp/potential_file.h"

#include <cstdio>
#include <fstream>
#include <limits>
#include <locale>
#include <sstream>

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
    out_ << '#' << p.comment << "\nsnnp " << version(p) << "\nelements";
    for (const Element &e : p.elements) out_ << ' ' << e.name;
    out_ << "\nfilters " << p.n2 << ' ' << p.n3 << '\n';
    for (const Element &e : p.elements) element(e);
    const auto name = [&p](int a) { return " " + p.elements[a].name; };
    for (int a = 0; a < p.size(); ++a)
      for (int b = a; b < p.size(); ++b) pair(p.pairs[p.pair_index(a, b)], name(a) + name(b));
    for (int a = 0; a < p.size(); ++a)
      for (int b = 0; b < p.size(); ++b) {
        for (int m = 0; m < p.n2; ++m)
          spline("rho " + std::to_string(m + 1) + name(a) + name(b), p.rho[p.ordered_index(a, b) * p.n2 + m]);
        for (int m = 0; m < p.n3; ++m)
          spline("f " + std::to_string(m + 1) + name(a) + name(b), p.f[p.ordered_index(a, b) * p.n3 + m]);
      }
    for (int a = 0; a < p.size(); ++a)
      for (int b = 0; b < p.size(); ++b)
        for (int c = b; c < p.size(); ++c)
          for (int m = 0; m < p.n3; ++m)
            spline("g " + std::to_string(m + 1) + name(a) + name(b) + name(c),
                   p.g[p.triplet_index(a, b, c) * p.n3 + m]);
    for (int a = 0; a < p.size() && !p.V.empty(); ++a)
      for (int b = 0; b < p.size(); ++b)
        for (int c = b; c < p.size(); ++c) tensor(name(a) + name(b) + name(c), p.V[p.triplet_index(a, b, c)]);
    const std::string text = out_.str();
    return text + "end " + crc32(text) + "\n";
  }

 private:
  std::ostringstream out_;

  // The oldest that has all of it, so that older readers know it.
  static int version(const Potential &p)
  {
    for (const Element &e : p.elements)
      if (!e.energies.empty() || !e.floor.empty()) return format_version;
    return 2;
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
    out_ << "spline " << item << ' ';
    knots(s.knots, s.open ? " open" : "");
    numbers(s.coefficients);
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
