#include "snnp/potential_file.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdio>
#include <fstream>
#include <limits>

#include "check.h"
#include "random.h"
#include "snnp/error.h"

using namespace snnp;
using testing::Random;

namespace {

Potential small(const std::vector<std::string> &names = {"In", "P"}, int n2 = 1, int n3 = 1)
{
  return Random(7).potential(names, n2, n3, "tanh");
}

std::string failure(const std::string &text)
{
  return testing::message<Error>([&] { parse_potential(text, "x.snnp"); });
}

bool contains(const std::string &text, const std::string &part) { return text.find(part) != std::string::npos; }

// The text with the first occurrence of `old` replaced, and without checksum, so that the damage itself is seen.
std::string altered(const std::string &old, const std::string &now, std::string text = format_potential(small()))
{
  text.replace(text.rfind("end "), std::string::npos, "end\n");
  const std::size_t at = text.find(old);
  if (at == std::string::npos) throw std::logic_error("the file does not hold '" + old + "'");
  return text.replace(at, old.size(), now);
}

bool equal(const Potential &a, const Potential &b)
{
  const auto same_spline = [](const Spline &s, const Spline &t) {
    return s.knots == t.knots && s.coefficients == t.coefficients && s.open == t.open;
  };
  const auto same_tensor = [](const Tensor &s, const Tensor &t) {
    return s.knots_ij == t.knots_ij && s.knots_ik == t.knots_ik && s.knots_jk == t.knots_jk &&
           s.coefficients == t.coefficients;
  };
  const auto same_splines = [&](const std::vector<Spline> &s, const std::vector<Spline> &t) {
    return std::equal(s.begin(), s.end(), t.begin(), t.end(), same_spline);
  };
  const auto same_layer = [](const Network::Layer &l, const Network::Layer &m) {
    return l.inputs == m.inputs && l.outputs == m.outputs && l.weights == m.weights && l.biases == m.biases;
  };
  const auto same_range = [](const EnergyRange &r, const EnergyRange &s) {
    return r.from == s.from && r.to == s.to && r.lowest == s.lowest && r.highest == s.highest;
  };
  const auto same_terms = [](const FourBody &s, const FourBody &t) {
    return s.degree == t.degree && s.radial == t.radial && s.mixtures == t.mixtures && s.inner == t.inner &&
           s.outer == t.outer && s.cutoff == t.cutoff && s.bound == t.bound && s.weights == t.weights &&
           s.coefficients == t.coefficients;
  };
  const auto same_element = [&](const Element &e, const Element &f) {
    return e.name == f.name && e.e0 == f.e0 && e.linear == f.linear && e.lowest == f.lowest && e.highest == f.highest &&
           std::equal(e.energies.begin(), e.energies.end(), f.energies.begin(), f.energies.end(), same_range) &&
           e.network.activation == f.network.activation && e.density == f.density && same_spline(e.U, f.U) &&
           e.floor.directions == f.floor.directions && e.floor.centres == f.floor.centres &&
           e.floor.width == f.floor.width && e.floor.softness == f.floor.softness &&
           same_terms(e.four_body, f.four_body) && e.floor.density == f.floor.density &&
           same_spline(e.floor.C, f.floor.C) &&
           std::equal(e.network.layers.begin(), e.network.layers.end(), f.network.layers.begin(),
                      f.network.layers.end(), same_layer);
  };
  const auto same_pair = [&](const Pair &p, const Pair &q) {
    return same_spline(p.phi, q.phi) && p.zbl_inner == q.zbl_inner && p.zbl_outer == q.zbl_outer &&
           p.shortest == q.shortest;
  };
  return a.comment == b.comment && a.n2 == b.n2 && a.n3 == b.n3 &&
         std::equal(a.elements.begin(), a.elements.end(), b.elements.begin(), b.elements.end(), same_element) &&
         std::equal(a.pairs.begin(), a.pairs.end(), b.pairs.begin(), b.pairs.end(), same_pair) &&
         same_splines(a.rho, b.rho) && same_splines(a.f, b.f) && same_splines(a.g, b.g) &&
         std::equal(a.V.begin(), a.V.end(), b.V.begin(), b.V.end(), same_tensor);
}

}  // namespace

TEST(what_is_written_reads_back_exactly)
{
  for (const auto &names : {std::vector<std::string>{"Si"}, {"In", "P"}, {"P", "In", "Si"}})
    for (const char *activation : {"none", "tanh", "silu", "squareplus"})
      for (const int n : {0, 1, 2}) {
        Potential p = Random(n).potential(names, n, 2 - n, activation);
        p.elements[0].lowest.clear();
        p.elements[0].highest.clear();
        p.elements[0].e0 = std::numeric_limits<double>::denorm_min();
        p.pairs[0].zbl_inner = p.pairs[0].zbl_outer = p.pairs[0].shortest = 0;
        CHECK(equal(parse_potential(format_potential(p), "x.snnp"), p));
      }
}

TEST(files_say_the_lowest_version_that_has_all_of_them)
{
  Potential p = Random(0).potential({"In", "P"}, 1, 1, "tanh");
  CHECK(format_potential(p).find("\nsnnp 3\n") != std::string::npos);
  for (Element &e : p.elements) e.energies.clear(), e.floor = {}, e.four_body = {};
  CHECK(format_potential(p).find("\nsnnp 2\n") != std::string::npos);
  p.elements[1].network.activation = "squareplus";
  CHECK(format_potential(p).find("\nsnnp 5\n") != std::string::npos);
  p.elements[1].four_body = {0, 1, 1, 1, 2, 3, 1, {1, 1}, {0.5}};
  CHECK(format_potential(p).find("\nsnnp 6\n") != std::string::npos);
}

TEST(classical_terms_read_back_exactly)
{
  for (const auto &names : {std::vector<std::string>{"Si"}, {"P", "In", "Si"}}) {
    Potential p = Random(3).classical(names, 1, 1);
    CHECK(equal(parse_potential(format_potential(p), "x.snnp"), p));
    if (p.V.size() > 1) p.V.back() = Tensor();  // not every triple needs one, nor every element a U
    p.elements[0].density.clear();
    p.elements[0].U = Spline();
    CHECK(equal(parse_potential(format_potential(p), "x.snnp"), p));
  }
}

TEST(files_of_older_versions_are_still_read)
{
  Potential old = small();
  for (Element &e : old.elements) e.energies.clear();  // of version 3
  for (const char *version : {"snnp 1", "snnp 2"})
    CHECK(equal(parse_potential(altered("snnp 2", version, format_potential(old)), "x.snnp"), old));
}

TEST(what_is_read_is_written_unchanged)
{
  const std::string text = format_potential(small());
  CHECK(format_potential(parse_potential(text, "x.snnp")) == text);
}

TEST(a_file_survives_the_disk)
{
  const std::string path = "test_potential_file.snnp";
  const Potential p = small();
  write_potential(p, path);
  CHECK(equal(read_potential(path), p));
  CHECK(!std::ifstream(path + ".part"));
  std::remove(path.c_str());
  CHECK(contains(testing::message<Error>([&] { read_potential(path); }), path + ": cannot be opened"));
  CHECK(contains(testing::message<Error>([&] { write_potential(p, "no/such/folder/x"); }), "cannot be written"));
}

TEST(line_ends_of_windows_change_nothing)
{
  const std::string text = format_potential(small());
  std::string windows;
  for (const char c : text) windows += c == '\n' ? "\r\n" : std::string(1, c);
  CHECK(equal(parse_potential(windows, "x.snnp"), parse_potential(text, "x.snnp")));
}

TEST(comments_and_empty_lines_change_nothing)
{
  CHECK(equal(parse_potential(altered("linear\n", "# words\n\n  linear # more words\n\n"), "x.snnp"), small()));
}

TEST(each_kind_of_damage_is_named_with_its_place)
{
  struct Damage {
    std::string old, now;
    int line;  // 0: of the whole file
    std::string sentence;
  };
  const std::vector<Damage> all{
      {"# DATE", "DATE", 1, "expected a comment line"},
      {"snnp 3", "snap 3", 2, "found 'snap'"},
      {"snnp 3", "snnp 7", 2, "found format version 7, expected at most 6: this file needs a newer snnp"},
      {"snnp 3", "snnp 99999999999999999999", 2, "expected a whole number"},
      {"elements In P", "elements", 3, "expected 'elements El …'"},
      {"elements In P", "elements In Q", 3, "found 'Q', expected a chemical symbol"},
      {"elements In P", "elements In In", 3, "found element In twice"},
      {"filters 1 1", "filters 1", 4, "expected 'filters n2 n3'"},
      {"filters 1 1", "filters -1 1", 4, "found '-1', expected a whole number from 0"},
      {"element In", "element Si", 6, "found 'Si', expected one of the elements of this file"},
      {"element In", "elemnt In", 6,
       "found 'elemnt', expected element, energies, density, floor, fourbody, core, shortest, curve, spline, tensor or "
       "end"},
      {"element In ", "element In nan ", 6, "found 4 words"},
      {"linear\n", "linear\n0 ", 8, "expected 2 (linear coefficients)"},
      {"linear\n", "linear\nx\n", 8, "found 'x', expected a finite number"},
      {"linear\n", "linear\nnan\n", 8, "found 'nan', expected a finite number"},
      {"linear\n", "linear\ninf\n", 8, "found 'inf', expected a finite number"},
      {"linear\n", "linear\n1e999\n", 8, "found '1e999', expected a finite number"},
      {"linear\n", "linear\n0,5\n", 8, "found '0,5', expected a finite number"},
      {"tanh 5 4 1", "relu 5 4 1", 9, "found activation 'relu', expected tanh, silu, squareplus or none"},
      {"tanh 5 4 1", "t\a\033h 5 4 1", 9, "found activation 't??h', expected tanh, silu, squareplus or none"},
      {"tanh 5 4 1", "squareplus 5 4 1", 9,
       "found activation 'squareplus' in version 3, expected 'snnp 5' or higher at the beginning of a file with that"},
      {"tanh 5 4 1", "tanh 5 4", 9, "found no last layer of size 1"},
      {"tanh 5 4 1", "tanh 5 0 1", 9, "found '0', expected a whole number from 1"},
      {"tanh 5 4 1", "tanh 5 3 1", 18, "found 6 numbers"},
      {"tanh 5 4 1", "none", 10, "expected 'range"},
      {"range known", "range", 20, "expected 'range known' or 'range unknown'"},
      {"range known\n-1 -1\n1 1", "range known\n1 1\n-1 -1", 6, "must be finite and end above its start"},
      {"energies In 2", "energies In", 0, "found 2 words, expected 'energies El n'"},
      {"energies In 2", "energies Si 2", 0, "found 'Si', expected one of the elements"},
      {"energies P 2", "energies In 2", 0, "energies In occurs again"},
      {"\n0 9 -0.5 0.5\n", "\n0 9 -0.5\n", 0, "words, expected 'energies El n', then n lines"},
      {"\n0 9 -0.5 0.5\n", "\n9 0 -0.5 0.5\n", 0, "ranges of numbers of neighbours in rising order"},
      {"\n0 9 -0.5 0.5\n", "\n0 11 -0.5 0.5\n", 0, "ranges of numbers of neighbours in rising order"},
      {"\n0 9 -0.5 0.5\n", "\n0 9 0.5 -0.5\n", 0, "must be finite and end above its start"},
      {"core In In 1 2", "core In In 2 1", 48, "expected 0 < inner < outer"},
      {"core In In 1 2", "core In In 1", 48, "found 4 words"},
      {"core In P 1 2", "core P In 1 2", 56, "the order of the line 'elements'"},
      {"shortest In In 1.8999999999999999", "shortest In In -1", 49, "expected a positive distance"},
      {"shortest In In", "core In In 1 2\nshortest In In", 49, "occurs again (first at line 48)"},
      {"spline phi In In knots 8", "spline phi In In knots", 50, "found end of line, expected a whole number"},
      {"spline phi In In knots 8", "spline phi In In knots 1", 50, "found '1', expected a whole number from 2"},
      {"spline phi In In knots 8", "spline phi In In knots 999999", 50, "999999 knots in a file too short"},
      {"spline phi In In knots 8", "spline phi In In knots 7", 52, "expected 7 (knots)"},
      {"spline phi In In knots 8", "spline phi In In nodes 8", 50, "found 'nodes'"},
      {"spline phi In In knots 8", "spline psi In In knots 8", 50, "found 'psi', expected 'spline phi El El'"},
      {"spline phi In P", "spline phi In In", 58, "spline phi In In occurs again"},
      {"spline phi In P", "spline phi P In", 58, "the order of the line 'elements'"},
      {"spline rho 1 In P", "spline rho 2 In P", 0, "found '2', expected a whole number from 1 to 1"},
      {"spline g 1 In In P", "spline g 1 In P In", 0, "the order of the line 'elements'"},
      {"spline g 1 In In P uniform 5 -1 1", "spline g 1 In In P uniform 5 -1 0.9", 0, "cosines from -1 to 1"},
      {"spline g 1 In In P uniform 5 -1 1", "spline g 1 In In P uniform 5 1 -1", 0, "knots must increase"},
      {"spline g 1 In In P uniform 5 -1 1", "spline g 1 In In P uniform 6 -1", 0, "words, expected 'spline phi"},
      {"spline", "splin", 50, "found 'splin'"},
      {"end", "end\nend", 0, "found text after 'end', expected end of file"},
      {"end", "end 12345678", 0, "the file was altered after it was written"},
      {"end", "", 0, "found end of file (is the file truncated?)"},
  };
  for (const Damage &damage : all) {
    const std::string message = failure(altered(damage.old, damage.now));
    const std::string place = "x.snnp:" + (damage.line ? std::to_string(damage.line) + ": " : "");
    CHECK(message.compare(0, place.size(), place) == 0);
    CHECK(contains(message, damage.sentence));
    if (!contains(message, damage.sentence) || !contains(message, place))
      std::cerr << "  '" << damage.old << "' → '" << damage.now << "' gives\n  " << message << '\n';
  }
  CHECK(contains(failure(""), "an empty file"));
  CHECK(contains(failure("#\nsnnp 3\nelements In P Si Al Ga As\nfilters 9999 9999\n"),
                 "x.snnp:4: found a file too short"));
}

TEST(damage_to_classical_terms_is_named)
{
  const std::string text = format_potential(Random(3).classical({"In", "P"}, 1, 1));
  const std::vector<std::array<std::string, 3>> all{
      {"density In", "density", "found 1 words, expected 'density El'"},
      {"density P", "density In", "density In occurs again"},
      {"density P", "density P\n1 2 3", "found 3 numbers, expected 2 (weights of the density)"},
      {"floor In 3", "floor In 2", "found"},
      {"floor In 3 0.5", "floor In 3 0", "floor In: expected a width greater than 0"},
      {"floor P", "floor In", "floor In occurs again"},
      {"spline floor In knots 6", "spline floor In knots 6 open", "found 'open', expected it for phi, rho and f only"},
      {"fourbody In 3 2 2", "fourbody In 3 2", "found 4 words, expected 'fourbody El degree radial mixtures'"},
      {"fourbody In 3 2 2", "fourbody In 5 2 2", "from 0 to 4"},
      {"fourbody In 3 2 2", "fourbody In 3 2 1", "found"},
      {"fourbody P", "fourbody In", "fourbody In occurs again"},
      {"fourbody In 3 2 2\n", "fourbody In 3 2 2\n-", "fourbody In: expected 0 < inner < outer < cutoff"},
      {"spline U In", "spline U", "expected one of the elements"},
      {"spline U P", "spline U In", "spline U In occurs again"},
      {"open", "opened", "words, expected 'spline phi"},
      {" open", "", "the last two coefficients must be 0"},
      {"spline U In knots 6", "spline U In knots 6 open", "found 'open', expected it for phi, rho and f only"},
      {"tensor In In P", "tensor In P In", "the order of the line 'elements'"},
      {"tensor In In P", "tensor In In In", "tensor In In In occurs again"},
      {"tensor In In In\nknots 8", "tensor In In In\nknots 7", "expected 7 (knots)"},
      {"tensor In In In\nknots 8", "tensor In In In\nnodes 8", "of each direction of the tensor"},
      {"tensor In In P\n", "tensor In In P\nuniform 900000 1 2\n", "900000 knots in a file too short"},
  };
  for (const auto &[old, now, sentence] : all) {
    const std::string message = failure(altered(old, now, text));
    CHECK(message.compare(0, 7, "x.snnp:") == 0);
    CHECK(contains(message, sentence));
    if (!contains(message, sentence)) std::cerr << "  '" << old << "' → '" << now << "' gives\n  " << message << '\n';
  }
}

TEST(a_tensor_that_tells_equal_neighbours_apart_is_refused)
{
  Potential p = Random(3).classical({"In", "P"}, 0, 0);
  p.V[1].coefficients[1] += 1;  // In In P
  CHECK(testing::message<Error>([&] { format_potential(p); }).empty());
  p.V[0].coefficients[8] += 1;  // In In In, off the diagonal
  CHECK(contains(testing::message<Error>([&] { format_potential(p); }), "tensor In In In: for two neighbours"));
}

TEST(a_knot_may_stand_three_times_inside_and_once_at_the_ends)
{
  const auto with = [](std::vector<double> knots) {
    Potential p = Random(3).classical({"Si"}, 0, 0);
    p.pairs[0].phi = {knots, std::vector<double>(knots.size() + 2, 0.5), true};
    return testing::message<Error>([&] { check(p); });
  };
  CHECK(with({1, 2, 2, 2, 3}).empty());
  for (const auto &knots : {std::vector<double>{1, 2, 2, 2, 2, 3}, {1, 1, 2}, {1, 2, 2}, {1, 3, 2, 4}})
    CHECK(contains(with(knots), "knots must increase"));
}

TEST(a_filter_written_in_another_way_is_still_the_same_filter)
{
  for (const char *number : {"01", "+1"})
    CHECK(contains(failure(altered("spline rho 1 In P", std::string("spline rho ") + number + " In In")),
                   "spline rho 1 In In occurs again"));
}

TEST(a_spline_whose_polynomials_overflow_is_refused)
{
  CHECK(contains(failure(altered("uniform 5 -1 1", "knots 5\n-1 0 1e-320 0.5 1")), "too steep"));
}

TEST(a_missing_part_is_named)
{
  for (const std::string item : {"spline phi In P", "spline rho 1 P In", "spline f 1 P P", "spline g 1 P In In"}) {
    std::string text = altered(item, item);
    const std::size_t begin = text.find(item);
    std::size_t end = text.find('\n', begin) + 1;
    while (!std::isalpha(text[end])) end = text.find('\n', end) + 1;  // over the numbers
    CHECK(contains(failure(text.erase(begin, end - begin)), item + ": is missing"));
  }
}

TEST(a_missing_element_is_named_even_without_filters)
{
  std::string text = altered("element P", "element P", format_potential(small({"In", "P"}, 0, 0)));
  const std::size_t begin = text.find("element P"), end = text.find("core", begin);
  CHECK(contains(failure(text.erase(begin, end - begin)), "element P"));
}

TEST(a_radial_spline_that_does_not_end_at_zero_is_refused)
{
  Potential p = small();
  p.rho[1].coefficients.back() = 1e-300;
  CHECK(
      contains(testing::message<Error>([&] { format_potential(p); }), "spline rho 1 In P: the last two coefficients"));
}

TEST(a_comment_of_several_lines_is_refused)
{
  Potential p = small();
  p.comment = " one\ntwo";
  CHECK(!testing::message<Error>([&] { format_potential(p); }).empty());
}

TEST(a_number_that_is_not_finite_is_never_written)
{
  for (const double x : {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity()}) {
    Potential p = small();
    p.elements[1].network.layers[0].weights[2] = x;
    CHECK(contains(testing::message<Error>([&] { format_potential(p); }), "element P: weights must be finite"));
    CHECK(contains(testing::message<Error>([&] { write_potential(p, "x.snnp"); }), "element P"));
    CHECK(!std::ifstream("x.snnp") && !std::ifstream("x.snnp.part"));
  }
}

// What the next two tests allow: an error that names the file, or the very same potential.
static void check_refused_or_same(const std::string &text, const std::string &original)
{
  try {
    CHECK(format_potential(parse_potential(text, "x.snnp")) == original);
  } catch (const Error &error) {
    CHECK(std::string(error.what()).compare(0, 7, "x.snnp:") == 0);
  }
}

TEST(a_file_cut_anywhere_is_refused)
{
  const std::string text = format_potential(small());
  const std::size_t end = text.rfind("end") + 3;  // from here on, all but the checksum is there
  for (std::size_t n = 0; n < text.size(); ++n) {
    check_refused_or_same(text.substr(0, n), text);
    if (n < end) CHECK(!failure(text.substr(0, n)).empty());
  }
}

TEST(a_byte_changed_anywhere_is_noticed)
{
  const std::string text = format_potential(small({"Si"}));
  for (std::size_t n = 0; n < text.size(); ++n)
    for (const int bit : {1, 2, 4, 8, 16, 32, 64, 128}) {
      std::string changed = text;
      changed[n] = static_cast<char>(changed[n] ^ bit);
      check_refused_or_same(changed, text);
    }
}

TEST(a_byte_added_or_lost_anywhere_is_noticed)
{
  const std::string text = format_potential(small({"Si"}));
  for (std::size_t n = 0; n < text.size(); ++n) {
    check_refused_or_same(text.substr(0, n) + text.substr(n + 1), text);
    for (const char c : {'0', ' ', '\n', '\r', '\0', '#'})
      check_refused_or_same(text.substr(0, n) + c + text.substr(n), text);
  }
}

TEST(sizes_that_do_not_fit_into_memory_are_refused)
{
  for (const char *size : {"100000 100000 1", "2147483648 1", "100000"})
    CHECK(!failure(altered("tanh 5 4 1", std::string("tanh ") + size)).empty());
  CHECK(!failure("# x\nsnnp 1\nelements H He Li Be B C N O F Ne\nfilters 10000 10000\n").empty());
  CHECK(!failure(altered("uniform 5 -1 1", "uniform 1000000 -1 1")).empty());
  CHECK(!failure(altered("uniform 5 -1 1", "uniform 2147483648 -1 1")).empty());
}
