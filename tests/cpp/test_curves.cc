// Splines that are combinations of curves: what a potential file has of them.
#include <algorithm>
#include <array>
#include <iostream>
#include <memory>

#include "check.h"
#include "random.h"
#include "snnp/error.h"
#include "snnp/potential_file.h"

using namespace snnp;
using testing::Random;

namespace {

bool contains(const std::string &text, const std::string &part) { return text.find(part) != std::string::npos; }

int count(const std::string &text, const std::string &part)
{
  int n = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++n;
  return n;
}

using Curve = std::shared_ptr<const Spline>;

Spline once(const Curve &curve) { return combination({{1.0, curve}}); }

// f are combinations of two curves of each centre, g is the same curve for all neighbours of a centre, ρ the same for all
// centres: a curve and a weight for each neighbour.
Potential shared()
{
  Random random(5);
  Potential p = random.potential({"In", "P", "Si"}, 1, 2, "tanh");
  const int E = p.size();
  const auto density = std::make_shared<Spline>(random.radial(4));
  for (int ab = 0; ab < E * E; ++ab) p.rho[ab] = combination({{0.5 + ab % E, density}});
  for (int a = 0; a < E; ++a) {
    const Spline one = random.radial(3);
    const auto first = std::make_shared<Spline>(one), second = std::make_shared<Spline>(one);
    for (double &c : second->coefficients) c *= c;
    for (int b = 0; b < E; ++b)
      for (int m = 0; m < 2; ++m)
        p.f[(a * E + b) * 2 + m] = combination({{random.uniform(-1, 1), first}, {random.uniform(-1, 1), second}});
    for (int m = 0; m < 2; ++m) {
      const auto angular = std::make_shared<Spline>(random.spline(-1, 1, 5, Random::even));
      for (int bc = 0; bc < p.n_pairs(); ++bc) p.g[(a * p.n_pairs() + bc) * 2 + m] = once(angular);
    }
  }
  return p;
}

bool same(const std::vector<Spline> &s, const std::vector<Spline> &t)
{
  return std::equal(s.begin(), s.end(), t.begin(), t.end(), [](const Spline &a, const Spline &b) {
    const auto same_term = [](const Spline::Term &u, const Spline::Term &v) {
      return u.weight == v.weight && u.curve->knots == v.curve->knots && u.curve->coefficients == v.curve->coefficients;
    };
    return a.knots == b.knots && a.coefficients == b.coefficients && a.open == b.open &&
           std::equal(a.terms.begin(), a.terms.end(), b.terms.begin(), b.terms.end(), same_term);
  });
}

// Without checksum, the first occurrence of `old` replaced.
std::string altered(const std::string &old, const std::string &now)
{
  std::string text = format_potential(shared());
  text.replace(text.rfind("end "), std::string::npos, "end\n");
  const std::size_t at = text.find(old);
  if (at == std::string::npos) throw std::logic_error("the file does not hold '" + old + "'");
  return text.replace(at, old.size(), now);
}

std::string failure(const std::string &text)
{
  return testing::message<Error>([&] { parse_potential(text, "x.snnp"); });
}

// A file of some hundred bytes in which all g of 28 elements are the same few curves.
std::string many(int filters, int terms, int knots)
{
  const std::string n = std::to_string(filters);
  std::string text = "# x\nsnnp 4\nelements", curves, weights;
  for (const char *symbol : {"H", "He", "Li", "Be", "B", "C",  "N",  "O",  "F", "Ne", "Na", "Mg", "Al", "Si",
                             "P", "S",  "Cl", "Ar", "K", "Ca", "Sc", "Ti", "V", "Cr", "Mn", "Fe", "Co", "Ni"})
    text += std::string(" ") + symbol;
  text += "\nfilters 0 " + n + "\ncurve 1 uniform " + std::to_string(knots) + " -1 1\n";
  for (int i = 0; i < knots + 2; ++i) text += "0 ";
  for (int k = 0; k < terms; ++k) curves += " 1", weights += "1 ";
  return text + "\nspline g 1 * * * curves" + curves + "\n" + weights + "\nend\n";
}

}  // namespace

TEST(a_combination_is_the_sum_of_its_curves)
{
  Random random(2);
  const Spline one = random.radial(4);
  Spline other = one;
  other.coefficients = random.numbers(one.coefficients.size());
  const Spline sum = combination({{0.75, std::make_shared<Spline>(one)}, {-2, std::make_shared<Spline>(other)}});
  for (const double r : {1.7, 2.5, 3.1})
    CHECK_NEAR(evaluate(sum, r), 0.75 * evaluate(one, r) - 2 * evaluate(other, r), 1e-15);  // rounding
}

TEST(curves_are_written_once_and_read_back_exactly)
{
  const Potential p = shared();
  const std::string text = format_potential(p);
  const Potential again = parse_potential(text, "x.snnp");
  CHECK(same(again.rho, p.rho) && same(again.f, p.f) && same(again.g, p.g));
  CHECK(format_potential(again) == text);
  CHECK(contains(text, "\nsnnp 4\n"));
  CHECK(count(text, "\ncurve ") == 1 + 3 * 2 + 3 * 2);
}

TEST(what_does_not_depend_on_an_element_is_written_once)
{
  const std::string text = format_potential(shared());
  CHECK(count(text, "\nspline rho ") == 3 && contains(text, "\nspline rho 1 * P curves 1\n1.5\n"));
  CHECK(count(text, "\nspline f ") == 2 * 9 && contains(text, "\nspline f 2 In P curves 2 3\n"));
  CHECK(count(text, "\nspline g ") == 3 * 2 && contains(text, "\nspline g 2 P * * curves "));
  Potential p = shared();
  for (Spline &g : p.g) g = p.g[0];
  CHECK(count(format_potential(p), "\nspline g ") == 2 && contains(format_potential(p), "\nspline g 2 * * * curves "));
  p.g[3] = p.g[0] = Spline{p.g[0].knots, p.g[0].coefficients};  // of In In P and In In In, by coefficients
  CHECK(same(parse_potential(format_potential(p), "x.snnp").g, p.g));
}

TEST(equal_curves_are_one)
{
  Potential p = shared();
  const int curves = count(format_potential(p), "\ncurve ");
  for (Spline &g : p.g) g = once(std::make_shared<Spline>(*g.terms[0].curve));
  CHECK(count(format_potential(p), "\ncurve ") == curves);
}

TEST(combinations_may_be_of_any_kind)
{
  Potential p = Random(3).classical({"In", "P"}, 1, 1);
  for (Pair &pair : p.pairs) pair.phi = once(std::make_shared<Spline>(pair.phi));
  for (Element &e : p.elements) e.U = once(std::make_shared<Spline>(e.U));
  const std::string text = format_potential(p);
  CHECK(contains(text, " open\n") && contains(text, "\nspline U P curves 2\n1\n"));
  CHECK(format_potential(parse_potential(text, "x.snnp")) == text);
}

TEST(a_spline_that_is_not_the_sum_of_its_curves_is_refused)
{
  Potential p = shared();
  p.f[1].coefficients[0] += 1e-9;
  CHECK(contains(testing::message<Error>([&] { format_potential(p); }),
                 "spline f 2 In In: is not the sum of its curves"));
}

TEST(damage_to_curves_is_named_with_its_place)
{
  const std::vector<std::array<std::string, 3>> all{
      {"curve 1 ", "curve 2 ", ":6: found curve 2, expected curve 1: curves are numbered in their order"},
      {"curve 1 ", "curve x ", ":6: found 'x', expected a whole number"},
      {"curve 1 knots 8", "curve 1 knots", ":6: found end of line"},
      {"curve 1 knots 8", "curve 1", ":6: found end of line, expected 'curve k', then 'uniform n first last'"},
      {"curve 1 knots 8", "curve 1 knots 7", ":8: found"},
      {"curve 1 knots 8", "curve 1 curves 1", ":6: found a curve made of curves, expected its knots and coefficients"},
      {"curve 8 uniform 5 -1 1", "curve 8 uniform 5 1 -1", "curve 8: knots must increase"},
      {"curves 1\n0.5", "curves\n0.5", "found end of line, expected the numbers of curves"},
      {"curves 1\n0.5", "curves 1 1\n0.5", "numbers, expected 2 (weights of the curves)"},
      {"curves 1\n0.5", "curves 1\n0.5 1", "found 2 numbers, expected 1 (weights of the curves)"},
      {"curves 1\n0.5", "curves 0\n0.5", "found '0', expected a whole number from 1 to 13"},
      {"curves 1\n0.5", "curves 14\n0.5", "found '14', expected a whole number from 1 to 13"},
      {"curves 1\n0.5", "curves 1 2\n1\n2",
       "found curve 2 with other knots or 'open', expected the same as in curve 1"},
      {"curves 1\n0.5", "curves 1\n1e999", "found '1e999', expected a finite number"},
      {"curves 1\n0.5", "curves 8\n0.5", "spline rho 1 In In: the first knot must be a positive distance"},
      {"spline rho 1 * In", "spline rho 1 * P", "spline rho 1 In P occurs again"},
      {"spline rho 1 * In", "spline rho 1 * Ga", "found 'Ga', expected one of the elements"},
      {"spline rho 1 * In", "spline rho 1 P In", "spline rho 1 In In: is missing"},
      {"spline g 1 In * *", "spline g 1 In P *", "spline g 1 In In In: is missing"},
      {"spline g 1 In * *", "spline g 1 In P In", "found elements P In, expected the order of the line 'elements'"},
      {"spline g 1 In * *", "spline g 1 * * *", "spline g 1 P In In occurs again"},
      {"spline phi In In", "spline phi * *", "found '*' in a spline of its own, expected 'curves k …'"},
      {"\nend", "\ncurve 14 uniform 2 1 2\n0 0 0 0\nend", "curve 14: expected a spline that is made of it"},
  };
  for (const auto &[old, now, sentence] : all) {
    const std::string message = failure(altered(old, now));
    CHECK(message.compare(0, 7, "x.snnp:") == 0 && contains(message, sentence));
    if (!contains(message, sentence)) std::cerr << "  '" << old << "' → '" << now << "' gives\n  " << message << '\n';
  }
  CHECK(contains(failure("# x\nsnnp 4\nelements Si\nfilters 1 0\nspline rho 1 Si Si curves 1\n1\nend\n"),
                 ":5: found 'curves', expected them to be above this line"));
}

TEST(a_short_file_of_many_long_splines_is_refused_before_they_take_memory)
{
  CHECK(contains(failure(many(1, 1, 5)), "element H: is missing"));
  CHECK(contains(failure(many(1, 1, 5000)), ": found combinations of curves for more and longer splines"));
  CHECK(contains(failure(many(1, 5000, 5)), ": found combinations of curves for more and longer splines"));
  CHECK(contains(failure(many(1000, 1, 5)), ":4: found a file too short for 28 elements"));
}
