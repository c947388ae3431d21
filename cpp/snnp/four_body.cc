#include "snnp/four_body.h"

#include <algorithm>
#include <cmath>

#include "snnp/error.h"
#include "snnp/harmonics.h"

namespace snnp {

namespace {

constexpr double nothing = 1e-10;  // smaller means are rounding
constexpr double pi = 3.141592653589793;

struct Direction {
  double Y[harmonic_count(most_degree)], weight;
};

// Directions with weights for which means of polynomials are exact up to order 15: three harmonics have at most 12.
std::vector<Direction> directions()
{
  constexpr int n = 8, turns = 16;
  std::vector<Direction> all;
  for (int i = 0; i < n; ++i) {
    // Gauss-Legendre: zeros of P_n by Newton's method, from Chebyshev's.
    double z = std::cos(pi * (i + 0.75) / (n + 0.5)), slope = 0;
    for (int step = 0; step < 20; ++step) {
      double last = 1, p = z;
      for (int k = 2; k <= n; ++k) {
        const double next = ((2 * k - 1) * z * p - (k - 1) * last) / k;
        last = p;
        p = next;
      }
      slope = n * (z * p - last) / (z * z - 1);
      z -= p / slope;
    }
    const double rho = std::sqrt(1 - z * z), weight = 1 / ((1 - z * z) * slope * slope * turns);
    for (int k = 0; k < turns; ++k) {
      Direction d{};
      d.weight = weight;
      const double phi = 2 * pi * (k + 0.5) / turns;
      set_harmonics(most_degree, rho * std::cos(phi), rho * std::sin(phi), z, d.Y);
      all.push_back(d);
    }
  }
  return all;
}

std::vector<Coupling::Mean> means(const int *degrees, const std::vector<Direction> &over)
{
  const auto at = [&](int which) { return degrees[which] * degrees[which]; };
  const auto count = [&](int which) { return 2 * degrees[which] + 1; };
  std::vector<Coupling::Mean> all;
  for (int a = 0; a < count(0); ++a)
    for (int b = 0; b < count(1); ++b)
      for (int c = 0; c < count(2); ++c) {
        double mean = 0;
        for (const Direction &d : over) mean += d.weight * d.Y[at(0) + a] * d.Y[at(1) + b] * d.Y[at(2) + c];
        if (std::abs(mean) > nothing) all.push_back({a, b, c, mean});
      }
  return all;
}

// For all l, without channels.
std::vector<Coupling> every_coupling()
{
  const std::vector<Direction> over = directions();
  std::vector<Coupling> all;
  for (int l = 0; l <= most_degree; ++l)
    for (int k = l; k <= most_degree; ++k)
      for (int m = k; m <= std::min(most_degree, l + k); ++m) {
        if ((l + k + m) % 2) continue;
        Coupling coupling{{l, k, m}, {}, {}};
        coupling.means = means(coupling.degrees, over);
        all.push_back(std::move(coupling));
      }
  return all;
}

bool positive(double x) { return std::isfinite(x) && x > 0; }

bool finite(const std::vector<double> &all)
{
  return std::all_of(all.begin(), all.end(), [](double x) { return std::isfinite(x); });
}

void require(bool condition, const std::string &item, const std::string &sentence)
{
  if (!condition) throw ItemError(item, sentence);
}

}  // namespace

std::vector<Coupling> couplings(int degree, int channels)
{
  // Means take a while, and fits ask at each step.
  static const std::vector<Coupling> all = every_coupling();
  std::vector<Coupling> found;
  for (const Coupling &coupling : all) {
    const int *l = coupling.degrees;
    if (l[2] > degree) continue;
    found.push_back(coupling);
    for (int a = 0; a < channels; ++a)
      for (int b = l[0] == l[1] ? a : 0; b < channels; ++b)
        found.back().channels.push_back({a, b, l[1] == l[2] ? b : 0});
  }
  return found;
}

int four_body_count(int degree, int channels)
{
  int count = 0;
  for (const Coupling &coupling : couplings(degree, channels))
    for (const Coupling::Channels &some : coupling.channels) count += channels - some.from;
  return count;
}

void check_four_body(const FourBody &t, int elements, const std::string &item)
{
  if (t.empty()) return require(t.coefficients.empty(), item, "there are coefficients, but no radial functions");
  require(0 <= t.degree && t.degree <= most_degree, item, "expected a degree from 0 to " + std::to_string(most_degree));
  require(0 < t.radial && t.radial <= most_radial, item,
          "expected 1 to " + std::to_string(most_radial) + " radial functions");
  require(0 < t.mixtures && t.mixtures <= most_channels && t.channels() <= most_channels, item,
          "expected 1 or more mixtures, and at most " + std::to_string(most_channels) +
              " products of a radial function and a mixture");
  require(positive(t.inner) && t.inner < t.outer && t.outer < t.cutoff && positive(t.cutoff), item,
          "expected 0 < inner < outer < cutoff");
  require(positive(t.bound), item, "expected a bound greater than 0");
  const std::size_t weights = static_cast<std::size_t>(t.mixtures) * elements;
  const std::size_t count = four_body_count(t.degree, t.channels());
  require(t.weights.size() == weights, item,
          "found " + std::to_string(t.weights.size()) + " weights, expected " + std::to_string(weights));
  require(t.coefficients.size() == count, item,
          "found " + std::to_string(t.coefficients.size()) + " coefficients, expected " + std::to_string(count));
  require(finite(t.weights) && finite(t.coefficients), item, "numbers must be finite");
}

}  // namespace snnp
