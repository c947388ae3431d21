#include "snnp/potential_file.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <limits>
#include <map>
#include <memory>
#include <utility>

#include "snnp/activations.h"
#include "snnp/error.h"
#include "snnp/harmonics.h"
#include "snnp/potential_cost.h"
#include "snnp/potential_format.h"
#include "snnp/spline_reader.h"

namespace snnp {

namespace {

class Parser : SplineReader {
 public:
  Parser(const std::string &text, const std::string &name) : SplineReader(text, name) {}

  Potential parse()
  {
    try {
      read_header();
      while (read_item()) {
      }
      for (const Element &e : p_.elements)
        if (line_of_.count("element " + e.name) == 0) throw Error(name_ + ": element " + e.name + ": is missing");
      for (std::size_t k = 0; k < curves_.size(); ++k)
        if (curves_[k].use_count() == 1) throw ItemError(curve_name(k), "expected a spline that is made of it");
      check(p_);
    } catch (const ItemError &error) {
      const auto line = line_of_.find(error.item);
      throw Error((line == line_of_.end() ? name_ : place(line->second)) + ": " + error.what());
    }
    return std::move(p_);
  }

 private:
  std::map<std::string, int> line_of_;
  Potential p_;
  double combined_ = 0;  // see most_combined

  std::string place(int line) const { return name_ + ":" + std::to_string(line); }
  static std::string curve_name(std::size_t k) { return "curve " + std::to_string(k + 1); }

  int element(std::size_t word) const
  {
    for (int a = 0; a < p_.size(); ++a)
      if (word < words_.size() && p_.elements[a].name == words_[word]) return a;
    fail(quote(word), "one of the elements of this file");
  }

  void mark(std::string item)
  {
    if (!line_of_.emplace(item, line_).second)
      fail(item + " occurs again (first at line " + std::to_string(line_of_[item]) + ")");
  }

  void read_header()
  {
    std::string first;
    if (!raw_line(first)) fail("an empty file", "a comment line");
    if (first.empty() || first[0] != '#')
      fail("no '#' at the start of the first line", "a comment line '# DATE: … UNITS: metal …'");
    if (first.back() == '\r') first.pop_back();
    p_.comment = first.substr(1);
    read_version();
    read_elements();
    read_filters();
  }

  void read_version()
  {
    const std::string newest = std::to_string(format_version);
    next_line("'snnp " + newest + "'");
    if (words_[0] == "filters") fail("a file of filters", "a potential; filters are for snnp-fit --filters");
    if (words_[0] != "snnp") fail(quote(0), "'snnp' and the version of the format");
    expect_words(2, "'snnp " + newest + "'");
    version_ = integer(1, 1, std::numeric_limits<int>::max());
    if (version_ > format_version)
      fail("format version " + words_[1], "at most " + newest + ": this file needs a newer snnp");
  }

  void read_elements()
  {
    next_line("'elements El …'");
    if (words_[0] != "elements" || words_.size() < 2) fail(quote(0), "'elements El …'");
    mark("elements");
    for (std::size_t w = 1; w < words_.size(); ++w) {
      if (atomic_number(words_[w]) == 0) fail(quote(w), "a chemical symbol");
      for (const Element &e : p_.elements)
        if (e.name == words_[w]) fail("element " + words_[w] + " twice", "each element once");
      p_.elements.emplace_back();
      p_.elements.back().name = words_[w];
    }
  }

  void read_filters()
  {
    next_line("'filters n2 n3'");
    if (words_[0] != "filters") fail(quote(0), "'filters n2 n3'");
    expect_words(3, "'filters n2 n3'");
    mark("filters");
    p_.n2 = integer(1, 0, 10000);
    p_.n3 = integer(2, 0, 10000);
    const std::size_t n = p_.size(), pairs = p_.n_pairs();
    // A spline takes at least two lines, unless many are one curve: those of 24 elements with 30 filters may stand in a
    // short file. One too short for what it announces must not make us allocate.
    if (pairs + n * n * p_.n2 + n * n * p_.n3 + n * pairs * p_.n3 > text_.size() + (1 << 18))
      fail("a file too short for " + std::to_string(n) + " elements with these filters", "all of their splines");
    p_.pairs.resize(pairs);
    p_.rho.resize(n * n * p_.n2);
    p_.f.resize(n * n * p_.n3);
    p_.g.resize(n * pairs * p_.n3);
  }

  bool read_item()
  {
    static const char *const items =
        "element, energies, density, floor, fourbody, core, shortest, curve, spline, tensor or end";
    next_line(items);
    const std::string keyword = words_[0];
    static const std::map<std::string, int> since = {{"density", 2},  {"tensor", 2}, {"floor", 3},
                                                     {"energies", 3}, {"curve", 4},  {"fourbody", 6}};
    if (const auto line = since.find(keyword); line != since.end()) require_version(line->second, quote(0));
    if (keyword == "element")
      read_element();
    else if (keyword == "energies")
      read_energies();
    else if (keyword == "density")
      read_density();
    else if (keyword == "floor")
      read_floor();
    else if (keyword == "fourbody")
      read_four_body();
    else if (keyword == "core")
      read_zbl();
    else if (keyword == "shortest")
      read_shortest();
    else if (keyword == "curve") {
      mark(curve_name(curves_.size()));
      read_curve();
      check_spline(*curves_.back(), curve_name(curves_.size() - 1));
    } else if (keyword == "spline")
      read_spline();
    else if (keyword == "tensor")
      read_tensor();
    else if (keyword == "end") {
      read_end();
      return false;
    } else
      fail(quote(0), items);
    return true;
  }

  void read_element()
  {
    expect_words(3, "'element El e0'");
    Element &e = p_.elements[element(1)];
    e.e0 = number(2);
    mark("element " + e.name);
    const int filters = p_.n2 + p_.n3;
    next_line("'linear'");
    if (words_[0] != "linear" || words_.size() != 1) fail(quote(0), "'linear'");
    e.linear = numbers(filters, "linear coefficients");
    next_line("'network …'");
    if (words_[0] != "network" || words_.size() < 2) fail(quote(0), "'network none' or 'network activation size …'");
    read_network(e.network, filters);
    next_line("'range'");
    if (words_[0] != "range" || words_.size() != 2 || (words_[1] != "known" && words_[1] != "unknown"))
      fail(quote(0), "'range known' or 'range unknown'");
    if (words_[1] == "unknown") return;
    e.lowest = numbers(filters, "lowest values of the filters");
    e.highest = numbers(filters, "highest values of the filters");
  }

  void read_network(Network &net, int inputs)
  {
    net.activation = words_[1];
    if (net.activation == "none") return expect_words(2, "'network none'");
    if (activation_index(net.activation) < 0) fail("activation " + quote(1), activation_names());
    require_version(activation_since(net.activation), "activation " + quote(1));
    std::vector<int> sizes;
    for (std::size_t w = 2; w < words_.size(); ++w) sizes.push_back(integer(w, 1, 100000));
    if (sizes.empty() || sizes.back() != 1) fail("no last layer of size 1", "'network activation size … 1'");
    for (const int outputs : sizes) {
      Network::Layer layer{inputs, outputs, {}, {}};
      for (int o = 0; o < outputs; ++o) {
        const std::vector<double> row = numbers(inputs + 1, "weights of a node, then its bias");
        layer.weights.insert(layer.weights.end(), row.begin(), row.end() - 1);
        layer.biases.push_back(row.back());
      }
      net.layers.push_back(std::move(layer));
      inputs = outputs;
    }
  }

  void read_energies()
  {
    const std::string usage = "'energies El n', then n lines 'from to lowest highest'";
    expect_words(3, usage);
    Element &e = p_.elements[element(1)];
    mark("energies " + e.name);
    for (int left = integer(2, 1, 1000000); left > 0; --left) {
      next_line(usage);
      expect_words(4, usage);
      constexpr int most = std::numeric_limits<int>::max();
      e.energies.push_back({integer(0, 0, most), integer(1, 0, most), number(2), number(3)});
    }
  }

  void read_density()
  {
    expect_words(2, "'density El'");
    Element &e = p_.elements[element(1)];
    mark("density " + e.name);
    e.density = numbers(p_.n2 + p_.n3, "weights of the density");
  }

  void read_floor()
  {
    expect_words(5, "'floor El directions width softness'");
    Element &e = p_.elements[element(1)];
    mark("floor " + e.name);
    const int filters = p_.n2 + p_.n3, directions = integer(2, 1, 10000);
    e.floor.width = number(3);
    e.floor.softness = number(4);
    for (int k = 0; k < directions; ++k) {
      const std::vector<double> row = numbers(filters + 1, "weights of a direction, then its centre");
      e.floor.directions.insert(e.floor.directions.end(), row.begin(), row.end() - 1);
      e.floor.centres.push_back(row.back());
    }
    e.floor.density = numbers(filters, "weights of the density of the floor");
  }

  void read_four_body()
  {
    expect_words(5, "'fourbody El degree radial mixtures'");
    Element &e = p_.elements[element(1)];
    mark("fourbody " + e.name);
    FourBody &t = e.four_body;
    t.degree = integer(2, 0, most_degree);
    t.radial = integer(3, 1, most_radial);
    t.mixtures = integer(4, 1, most_channels / t.radial);
    const std::vector<double> lengths = numbers(4, "inner, outer, cutoff and bound");
    t.inner = lengths[0];
    t.outer = lengths[1];
    t.cutoff = lengths[2];
    t.bound = lengths[3];
    t.weights = numbers(static_cast<std::size_t>(t.mixtures) * p_.size(), "weights of elements in mixtures");
    t.coefficients = numbers(four_body_count(t.degree, t.channels()), "coefficients of four-body terms");
  }

  Pair &pair(const std::string &keyword)
  {
    const int a = element(1), b = element(2);
    if (a > b) fail("elements " + words_[1] + " " + words_[2], "the order of the line 'elements'");
    mark(keyword + " " + words_[1] + " " + words_[2]);
    return p_.pairs[p_.pair_index(a, b)];
  }

  void read_zbl()
  {
    expect_words(5, "'core El El inner outer'");
    Pair &p = pair("core");
    p.zbl_inner = number(3);
    p.zbl_outer = number(4);
  }

  void read_shortest()
  {
    expect_words(4, "'shortest El El distance'");
    pair("shortest").shortest = number(3);
  }

  void read_spline()
  {
    const std::string usage =
        "'spline phi El El', 'spline rho m El El', 'spline f m El El', 'spline g m El El El', 'spline U El' or 'spline "
        "floor El', then 'uniform n first last' or 'knots n', then nothing or 'open'; or 'curves k …'";
    if (words_.size() < 2) fail("'spline'", usage);
    const std::string kind = words_[1];
    const std::vector<Spline *> splines = named_splines(usage);
    const std::size_t end = 2 + (kind == "U" || kind == "floor" ? 1 : kind == "phi" ? 2 : kind == "g" ? 4 : 3);
    const bool by_curves = end < words_.size() && words_[end] == "curves";
    if (!by_curves && std::find(words_.begin(), words_.begin() + end, "*") != words_.begin() + end)
      fail("'*' in a spline of its own", "'curves k …' after the elements");
    const int line = line_;
    const Spline spline = read_spline_from(end, usage);
    if (spline.open && (kind == "g" || kind == "U" || kind == "floor"))
      throw Error(place(line) + ": found 'open', expected it for phi, rho and f only");
    combined_ += by_curves ? combined_size(spline) * static_cast<double>(splines.size()) : 0;
    if (combined_ > most_combined(text_.size()))
      throw Error(place(line) + ": found combinations of curves for more and longer splines than any potential has");
    for (Spline *s : splines) *s = spline;
  }

  // The splines that the current line names: all that differ in the element for which it has '*'.
  std::vector<Spline *> named_splines(const std::string &usage)
  {
    const std::string kind = words_[1];
    std::vector<Spline *> splines;
    const auto add = [&](Spline &spline, const std::string &filter, std::initializer_list<int> elements) {
      std::string item = "spline " + kind + filter;
      for (const int e : elements) item += " " + p_.elements[e].name;
      mark(item);
      splines.push_back(&spline);
    };
    if (kind == "phi") {
      for (const auto &[a, b] : unordered(2)) add(p_.pairs[p_.pair_index(a, b)].phi, "", {a, b});
    } else if (kind == "rho" || kind == "f") {
      const int n = kind == "rho" ? p_.n2 : p_.n3, m = integer(2, 1, n) - 1;
      std::vector<Spline> &all = kind == "rho" ? p_.rho : p_.f;
      for (const int a : elements(3))
        for (const int b : elements(4)) add(all[p_.ordered_index(a, b) * n + m], " " + std::to_string(m + 1), {a, b});
    } else if (kind == "g") {
      const int m = integer(2, 1, p_.n3) - 1;
      for (const int a : elements(3))
        for (const auto &[b, c] : unordered(4))
          add(p_.g[p_.triplet_index(a, b, c) * p_.n3 + m], " " + std::to_string(m + 1), {a, b, c});
    } else if (kind == "U") {
      require_version(2, "'spline U'");
      add(p_.elements[element(2)].U, "", {element(2)});
    } else if (kind == "floor") {
      require_version(3, "'spline floor'");
      add(p_.elements[element(2)].floor.C, "", {element(2)});
    } else
      fail(quote(1), usage);
    return splines;
  }

  // The element that a word names, or all of them.
  std::vector<int> elements(std::size_t word) const
  {
    if (word >= words_.size() || words_[word] != "*") return {element(word)};
    std::vector<int> all;
    for (int a = 0; a < p_.size(); ++a) all.push_back(a);
    return all;
  }

  // The unordered pairs that this word and the next one name.
  std::vector<std::pair<int, int>> unordered(std::size_t word) const
  {
    const std::vector<int> first = elements(word), second = elements(word + 1);
    if (words_[word] != "*" && words_[word + 1] != "*" && first[0] > second[0])
      fail("elements " + words_[word] + " " + words_[word + 1], "the order of the line 'elements'");
    std::vector<std::pair<int, int>> pairs;
    for (const int a : first)
      for (const int b : second)
        if (a <= b || words_[word] != words_[word + 1]) pairs.emplace_back(std::min(a, b), std::max(a, b));
    return pairs;
  }

  void read_tensor()
  {
    expect_words(4, "'tensor El El El'");
    const int a = element(1), b = element(2), c = element(3);
    if (b > c) fail("neighbours " + words_[2] + " " + words_[3], "the order of the line 'elements'");
    mark("tensor " + words_[1] + " " + words_[2] + " " + words_[3]);
    p_.V.resize(p_.size() * p_.n_pairs());
    Tensor &t = p_.V[p_.triplet_index(a, b, c)];
    std::size_t count = 1;
    for (std::vector<double> *knots : {&t.knots_ij, &t.knots_ik, &t.knots_jk}) {
      const std::string usage = "'uniform n first last' or 'knots n' of each direction of the tensor";
      next_line(usage);
      *knots = read_knots(0, usage);
      count *= knots->size() + 2;
    }
    t.coefficients = numbers(count, "coefficients: product of (knots + 2)");
  }

  void read_end()
  {
    const std::string found = words_.size() == 2 ? words_[1] : "";
    const std::string expected = crc32(text_.substr(0, start_));
    if (words_.size() > 2 || (words_.size() == 2 && found != expected))
      fail("checksum '" + found + "'",
           "'" + expected + "': the file was altered after it was written (if by you, end it with 'end' alone)");
    std::string line;
    while (raw_line(line))
      if (line.find_first_not_of(" \t\r") != std::string::npos) fail("text after 'end'", "end of file");
  }
};

// Larger files are taken for a mistake before they fill the memory. The potential of ten elements with tensors of splines
// has 200 MB.
constexpr std::ptrdiff_t largest_file = 512 << 20;

std::string read_text(const std::string &path)
{
  // Opening a pipe would wait for someone to write, and a device such as /dev/zero has no end.
  std::error_code ignored;
  const std::filesystem::file_status status = std::filesystem::status(path, ignored);
  if (std::filesystem::exists(status) && !std::filesystem::is_regular_file(status))
    throw Error(path + ": is no regular file");
  std::ifstream file(path, std::ios::binary | std::ios::ate);
  if (!file) throw Error(path + ": cannot be opened for reading");
  const auto size = static_cast<std::streamoff>(file.tellg());
  if (size > largest_file)
    throw Error(path + ": is larger than " + std::to_string(largest_file >> 20) +
                " MB, expected a potential file, which is smaller");
  std::string text(size > 0 ? size : 0, '\0');
  file.seekg(0);
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (!file) throw Error(path + ": cannot be read");
  return text;
}

}  // namespace

Potential parse_potential(const std::string &text, const std::string &name) { return Parser(text, name).parse(); }

Potential read_potential(const std::string &path) { return parse_potential(read_text(path), path); }

}  // namespace snnp
