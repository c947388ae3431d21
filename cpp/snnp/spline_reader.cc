#include "snnp/spline_reader.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "snnp/potential_format.h"

namespace snnp {

void SplineReader::require_version(int least, const std::string &what) const
{
  if (version_ < least)
    fail(what + " in version " + std::to_string(version_),
         "'snnp " + std::to_string(least) + "' or higher at the beginning of a file with that");
}

void SplineReader::read_curve()
{
  const std::string usage = "'curve k', then 'uniform n first last' or 'knots n', then nothing or 'open'";
  const std::string next = std::to_string(curves_.size() + 1);
  if (words_.size() < 3) fail(quote(2), usage);
  if (words_[2] == "curves") fail("a curve made of curves", "its knots and coefficients");
  if (integer(1, 1, std::numeric_limits<int>::max()) != static_cast<int>(curves_.size()) + 1)
    fail("curve " + words_[1], "curve " + next + ": curves are numbered in their order");
  curves_.push_back(std::make_shared<Spline>(read_spline_from(2, usage)));
}

Spline SplineReader::read_spline_from(std::size_t at, const std::string &usage)
{
  if (at < words_.size() && words_[at] == "curves") return read_sum(at + 1);
  Spline spline;
  spline.open = words_.back() == "open";
  if (spline.open) {
    require_version(2, "'open'");
    words_.pop_back();
  }
  spline.knots = read_knots(at, usage);
  spline.coefficients = numbers(spline.knots.size() + 2, "coefficients: knots + 2");
  return spline;
}

Spline SplineReader::read_sum(std::size_t at)
{
  require_version(4, "'curves'");
  std::vector<Spline::Term> terms;
  if (at == words_.size()) fail("end of line", "the numbers of curves");
  if (curves_.empty()) fail("'curves'", "them to be above this line: 'curve 1 …'");
  for (std::size_t w = at; w < words_.size(); ++w) {
    terms.push_back({0, curves_[integer(w, 1, static_cast<int>(curves_.size())) - 1]});
    const Spline &one = *terms.front().curve, &other = *terms.back().curve;
    if (one.knots != other.knots || one.open != other.open)
      fail("curve " + words_[w] + " with other knots or 'open'", "the same as in curve " + words_[at]);
  }
  const std::vector<double> weights = numbers(terms.size(), "weights of the curves");
  for (std::size_t k = 0; k < terms.size(); ++k) terms[k].weight = weights[k];
  return combination(std::move(terms));
}

std::vector<double> SplineReader::read_knots(std::size_t at, const std::string &usage)
{
  std::vector<double> knots;
  if (at >= words_.size()) fail("end of line", usage);
  const std::string word = words_[at];
  const int n = integer(at + 1, 2, 1000000);
  if (static_cast<std::size_t>(n) > text_.size()) fail(words_[at + 1] + " knots in a file too short for them", "fewer");
  if (word == "uniform") {
    expect_words(at + 4, usage);
    const double first = number(at + 2), last = number(at + 3);
    for (int i = 0; i < n; ++i) knots.push_back(uniform_knot(i, n, first, last));
  } else if (word == "knots") {
    expect_words(at + 2, usage);
    knots = numbers(n, "knots");
    if (std::adjacent_find(knots.begin(), knots.end()) != knots.end()) require_version(2, "a repeated knot");
  } else
    fail("'" + word + "'", usage);
  return knots;
}

}  // namespace snnp
