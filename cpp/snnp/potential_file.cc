#include "snnp/potential_file.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <limits>
#include <locale>
#include <map>
#include <sstream>

#include "snnp/error.h"

namespace snnp {

namespace {

constexpr int format_version = 2;  // 2 added density, U, V, open ends and repeated knots; 1 is a part of it

// The checksum of zip and PNG (CRC-32, reflected polynomial EDB88320), over the text without carriage returns.
std::string crc32(const std::string &text)
{
  std::uint32_t crc = 0xFFFFFFFFu;
  for (const unsigned char byte : text) {
    if (byte == '\r') continue;
    crc ^= byte;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ (0xEDB88320u & (0u - (crc & 1u)));
  }
  char hex[9];
  std::snprintf(hex, sizeof hex, "%08x", static_cast<unsigned>(~crc));
  return hex;
}

// Words of a file as they may stand in a message: short, and text even if the file is none.
std::string printable(std::string words)
{
  for (char &c : words)
    if (c < ' ' || c > '~') c = '?';
  return words.size() > 40 ? words.substr(0, 40) + "…" : words;
}

// Knot i of n evenly spaced ones, by the same operations as numpy.linspace.
double uniform_knot(int i, int n, double first, double last)
{
  const double step = (last - first) / (n - 1);
  return i == n - 1 ? last : first + i * step;
}

// ---------------------------------------------------------------------------------------------------- reading

class Parser {
 public:
  Parser(const std::string &text, const std::string &name) : text_(text), name_(name) {}

  Potential parse()
  {
    read_header();
    while (read_item()) {
    }
    for (const Element &e : p_.elements)
      if (line_of_.count("element " + e.name) == 0) throw Error(name_ + ": element " + e.name + ": is missing");
    try {
      check(p_);
    } catch (const ItemError &error) {
      const auto line = line_of_.find(error.item);
      throw Error(name_ + (line == line_of_.end() ? "" : ":" + std::to_string(line->second)) + ": " + error.what());
    }
    return std::move(p_);
  }

 private:
  const std::string &text_;
  std::string name_;
  std::size_t next_ = 0, start_ = 0;  // byte offsets of the next and of the current line
  int line_ = 0;
  std::vector<std::string> words_;  // of the current line
  std::map<std::string, int> line_of_;
  Potential p_;

  [[noreturn]] void fail(const std::string &problem) const
  {
    throw Error(name_ + ":" + std::to_string(line_) + ": " + problem);
  }
  [[noreturn]] void fail(const std::string &found, const std::string &expected) const
  {
    fail("found " + printable(found) + ", expected " + expected);
  }

  std::string quote(std::size_t word) const { return word < words_.size() ? "'" + words_[word] + "'" : "end of line"; }

  bool raw_line(std::string &line)
  {
    if (next_ >= text_.size()) return false;
    start_ = next_;
    const std::size_t end = std::min(text_.find('\n', next_), text_.size());
    line = text_.substr(next_, end - next_);
    next_ = end + 1;
    ++line_;
    return true;
  }

  // The next line that holds something besides a comment, as words.
  void next_line(const std::string &expected)
  {
    std::string line;
    words_.clear();
    while (words_.empty()) {
      if (!raw_line(line)) {
        ++line_;
        fail("end of file (is the file truncated?)", expected);
      }
      std::istringstream stream(line.substr(0, line.find('#')));
      for (std::string word; stream >> word;) words_.push_back(word);
    }
  }

  void expect_words(std::size_t count, const std::string &usage)
  {
    if (words_.size() != count) fail(std::to_string(words_.size()) + " words", usage);
  }

  double number(std::size_t word) const
  {
    if (word < words_.size()) {
      std::istringstream stream(words_[word]);
      stream.imbue(std::locale::classic());
      double x;
      if (stream >> x && stream.peek() == std::istringstream::traits_type::eof()) return x;
    }
    fail(quote(word), "a finite number");
  }

  int integer(std::size_t word, int least, int most) const
  {
    if (word < words_.size()) {
      std::istringstream stream(words_[word]);
      stream.imbue(std::locale::classic());
      int i;
      if (stream >> i && stream.peek() == std::istringstream::traits_type::eof() && least <= i && i <= most) return i;
    }
    fail(quote(word), "a whole number from " + std::to_string(least) + " to " + std::to_string(most));
  }

  // `count` numbers over any number of lines.
  std::vector<double> numbers(std::size_t count, const std::string &what)
  {
    std::vector<double> v;
    while (v.size() < count) {
      next_line(std::to_string(count - v.size()) + " more numbers (" + what + ")");
      if (v.size() + words_.size() > count)
        fail(std::to_string(v.size() + words_.size()) + " numbers", std::to_string(count) + " (" + what + ")");
      for (std::size_t w = 0; w < words_.size(); ++w) v.push_back(number(w));
    }
    return v;
  }

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
    if (!first.empty() && first.back() == '\r') first.pop_back();
    p_.comment = first.substr(1);

    next_line("'snnp " + std::to_string(format_version) + "'");
    if (words_[0] != "snnp") fail(quote(0), "'snnp' and the version of the format");
    expect_words(2, "'snnp " + std::to_string(format_version) + "'");
    const int version = integer(1, 1, std::numeric_limits<int>::max());
    if (version > format_version)
      fail("format version " + words_[1],
           "at most " + std::to_string(format_version) + ": this file needs a newer snnp");

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

    next_line("'filters n2 n3'");
    if (words_[0] != "filters") fail(quote(0), "'filters n2 n3'");
    expect_words(3, "'filters n2 n3'");
    mark("filters");
    p_.n2 = integer(1, 0, 10000);
    p_.n3 = integer(2, 0, 10000);
    const std::size_t n = p_.size(), pairs = p_.n_pairs();
    // Every spline takes at least two lines: a file too short for what it announces must not make us allocate.
    if (pairs + n * n * p_.n2 + n * n * p_.n3 + n * pairs * p_.n3 > text_.size())
      fail("a file too short for " + std::to_string(n) + " elements with these filters", "all of their splines");
    p_.pairs.resize(pairs);
    p_.rho.resize(n * n * p_.n2);
    p_.f.resize(n * n * p_.n3);
    p_.g.resize(n * pairs * p_.n3);
  }

  bool read_item()
  {
    static const char *const items = "element, density, core, shortest, spline, tensor or end";
    next_line(items);
    const std::string keyword = words_[0];
    if (keyword == "element")
      read_element();
    else if (keyword == "density")
      read_density();
    else if (keyword == "core")
      read_core();
    else if (keyword == "shortest")
      read_shortest();
    else if (keyword == "spline")
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
    if (!is_activation(net.activation)) fail("activation " + quote(1), "tanh, silu or none");
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

  void read_density()
  {
    expect_words(2, "'density El'");
    Element &e = p_.elements[element(1)];
    mark("density " + e.name);
    e.density = numbers(p_.n2 + p_.n3, "weights of the density");
  }

  Pair &pair(const std::string &keyword)
  {
    const int a = element(1), b = element(2);
    if (a > b) fail("elements " + words_[1] + " " + words_[2], "the order of the line 'elements'");
    mark(keyword + " " + words_[1] + " " + words_[2]);
    return p_.pairs[p_.pair_index(a, b)];
  }

  void read_core()
  {
    expect_words(5, "'core El El inner outer'");
    Pair &p = pair("core");
    p.core_inner = number(3);
    p.core_outer = number(4);
  }

  void read_shortest()
  {
    expect_words(4, "'shortest El El distance'");
    pair("shortest").shortest = number(3);
  }

  void read_spline()
  {
    const std::string usage =
        "'spline phi El El', 'spline rho m El El', 'spline f m El El', 'spline g m El El El' or 'spline U El', "
        "then 'uniform n first last' or 'knots n', then nothing or 'open'";
    if (words_.size() < 2) fail("'spline'", usage);
    const std::string kind = words_[1];
    std::size_t at = 0;  // of 'uniform' or 'knots'
    Spline *spline = nullptr;
    if (kind == "phi") {
      const int a = element(2), b = element(3);
      if (a > b) fail("elements " + words_[2] + " " + words_[3], "the order of the line 'elements'");
      spline = &p_.pairs[p_.pair_index(a, b)].phi;
      at = 4;
    } else if (kind == "rho" || kind == "f") {
      const int n = kind == "rho" ? p_.n2 : p_.n3;
      const int m = integer(2, 1, n) - 1, leg = p_.leg_index(element(3), element(4));
      spline = kind == "rho" ? &p_.rho[leg * n + m] : &p_.f[leg * n + m];
      at = 5;
    } else if (kind == "g") {
      const int m = integer(2, 1, p_.n3) - 1, a = element(3), b = element(4), c = element(5);
      if (b > c) fail("neighbours " + words_[4] + " " + words_[5], "the order of the line 'elements'");
      spline = &p_.g[p_.angle_index(a, b, c) * p_.n3 + m];
      at = 6;
    } else if (kind == "U") {
      spline = &p_.elements[element(2)].U;
      at = 3;
    } else
      fail(quote(1), usage);
    if (kind != "phi" && kind != "U")
      words_[2] = std::to_string(integer(2, 1, 10000));  // 01 and +1 are no other filters than 1
    std::string item = words_[0];
    for (std::size_t w = 1; w < at; ++w) item += " " + words_[w];
    mark(item);
    spline->open = words_.back() == "open";
    if (spline->open && (kind == "g" || kind == "U")) fail("'open'", "it for phi, rho and f only");
    if (spline->open) words_.pop_back();
    spline->knots = read_knots(at, usage);
    spline->coefficients = numbers(spline->knots.size() + 2, "coefficients: knots + 2");
  }

  void read_tensor()
  {
    expect_words(4, "'tensor El El El'");
    const int a = element(1), b = element(2), c = element(3);
    if (b > c) fail("neighbours " + words_[2] + " " + words_[3], "the order of the line 'elements'");
    mark("tensor " + words_[1] + " " + words_[2] + " " + words_[3]);
    p_.V.resize(p_.size() * p_.n_pairs());
    Tensor &t = p_.V[p_.angle_index(a, b, c)];
    std::size_t count = 1;
    for (std::vector<double> *knots : {&t.knots_ij, &t.knots_ik, &t.knots_jk}) {
      const std::string usage = "'uniform n first last' or 'knots n' of each direction of the tensor";
      next_line(usage);
      *knots = read_knots(0, usage);
      count *= knots->size() + 2;
    }
    t.coefficients = numbers(count, "coefficients: product of (knots + 2)");
  }

  std::vector<double> read_knots(std::size_t at, const std::string &usage)
  {
    std::vector<double> knots;
    if (at >= words_.size()) fail("end of line", usage);
    const std::string word = words_[at];
    const int n = integer(at + 1, 2, 1000000);
    if (static_cast<std::size_t>(n) > text_.size())
      fail(words_[at + 1] + " knots in a file too short for them", "fewer");
    if (word == "uniform") {
      expect_words(at + 4, usage);
      const double first = number(at + 2), last = number(at + 3);
      for (int i = 0; i < n; ++i) knots.push_back(uniform_knot(i, n, first, last));
    } else if (word == "knots") {
      expect_words(at + 2, usage);
      knots = numbers(n, "knots");
    } else
      fail("'" + word + "'", usage);
    return knots;
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

// ---------------------------------------------------------------------------------------------------- writing

class Formatter {
 public:
  Formatter()
  {
    out_.imbue(std::locale::classic());
    out_.precision(std::numeric_limits<double>::max_digits10);
  }

  std::string format(const Potential &p)
  {
    out_ << '#' << p.comment << "\nsnnp " << format_version << "\nelements";
    for (const Element &e : p.elements) out_ << ' ' << e.name;
    out_ << "\nfilters " << p.n2 << ' ' << p.n3 << '\n';
    for (const Element &e : p.elements) element(e);
    const auto name = [&p](int a) { return " " + p.elements[a].name; };
    for (int a = 0; a < p.size(); ++a)
      for (int b = a; b < p.size(); ++b) pair(p.pairs[p.pair_index(a, b)], name(a) + name(b));
    for (int a = 0; a < p.size(); ++a)
      for (int b = 0; b < p.size(); ++b) {
        for (int m = 0; m < p.n2; ++m)
          spline("rho " + std::to_string(m + 1) + name(a) + name(b), p.rho[p.leg_index(a, b) * p.n2 + m]);
        for (int m = 0; m < p.n3; ++m)
          spline("f " + std::to_string(m + 1) + name(a) + name(b), p.f[p.leg_index(a, b) * p.n3 + m]);
      }
    for (int a = 0; a < p.size(); ++a)
      for (int b = 0; b < p.size(); ++b)
        for (int c = b; c < p.size(); ++c)
          for (int m = 0; m < p.n3; ++m)
            spline("g " + std::to_string(m + 1) + name(a) + name(b) + name(c), p.g[p.angle_index(a, b, c) * p.n3 + m]);
    for (int a = 0; a < p.size() && !p.V.empty(); ++a)
      for (int b = 0; b < p.size(); ++b)
        for (int c = b; c < p.size(); ++c) tensor(name(a) + name(b) + name(c), p.V[p.angle_index(a, b, c)]);
    const std::string text = out_.str();
    return text + "end " + crc32(text) + "\n";
  }

 private:
  std::ostringstream out_;

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
    if (e.density.empty()) return;
    out_ << "density " << e.name << '\n';
    numbers(e.density);
    spline("U " + e.name, e.U);
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
    if (p.core_outer > 0) out_ << "core" << names << ' ' << p.core_inner << ' ' << p.core_outer << '\n';
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

Potential parse_potential(const std::string &text, const std::string &name) { return Parser(text, name).parse(); }

std::string format_potential(const Potential &potential)
{
  check(potential);
  return Formatter().format(potential);
}

Potential read_potential(const std::string &path)
{
  std::ifstream file(path, std::ios::binary);
  if (!file) throw Error(path + ": cannot be opened for reading");
  std::ostringstream text;
  text << file.rdbuf();
  if (!file && !file.eof()) throw Error(path + ": cannot be read");
  return parse_potential(text.str(), path);
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
