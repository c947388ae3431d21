#include "snnp/spline.h"

#include <vector>

#include "check.h"
#include "random.h"

using namespace snnp;
using testing::Random;

namespace {

// Values are of order 0.3 and knots at least 0.1 apart. De Boor's recursion and the polynomials agree to a few roundings,
// magnified for the n-th derivative by n divisions by that width: 1e-15 / 0.1^n, with a factor of 100 to spare.
constexpr double tolerance[4] = {1e-13, 1e-12, 1e-11, 1e-10};

double at(const Table &table, int m, double x, int derivative = 0)
{
  const GridPosition position = table.grid().find(x);
  const double *c = table.at(position.interval) + m, t = position.t;
  const int S = table.stride();
  if (derivative == 0) return c[0] + t * (c[S] + t * (c[2 * S] + t * c[3 * S]));
  if (derivative == 1) return c[S] + t * (2 * c[2 * S] + t * 3 * c[3 * S]);
  return 2 * c[2 * S] + t * 6 * c[3 * S];
}

// What a spline is outside its knots, too.
double expected(const Spline &s, double x, int derivative = 0)
{
  if (x >= s.back()) return 0;
  if (x >= s.front()) return evaluate(s, x, derivative);
  const double slope = evaluate(s, s.front(), 1);
  return derivative == 0 ? evaluate(s, s.front()) + slope * (x - s.front()) : derivative == 1 ? slope : 0;
}

std::vector<Spline> some_splines()
{
  Random random(1);
  std::vector<Spline> all{random.spline(1, 5, 9, Random::even), random.spline(1.2, 4.7, 8, Random::uneven),
                          random.radial(5), random.spline(1, 5, 2, Random::even)};
  all.push_back(all[0]);
  all.back().knots[1] = 1.1;  // one interval far narrower than the others
  return all;
}

}  // namespace

TEST(derivatives_up_to_the_second_are_continuous_at_knots)
{
  for (const Spline &s : some_splines()) {
    const std::vector<double> p = polynomial_pieces(s);
    for (std::size_t i = 0; i + 2 < s.knots.size(); ++i) {
      const double *c = &p[4 * i], *next = c + 4, h = s.knots[i + 1] - s.knots[i];
      CHECK_NEAR(c[0] + h * (c[1] + h * (c[2] + h * c[3])), next[0], tolerance[0]);
      CHECK_NEAR(c[1] + h * (2 * c[2] + h * 3 * c[3]), next[1], tolerance[1]);
      CHECK_NEAR(2 * c[2] + h * 6 * c[3], 2 * next[2], tolerance[2]);
    }
  }
}

TEST(derivatives_are_those_of_the_value)
{
  for (const Spline &s : some_splines())
    for (int n = 1; n <= 3; ++n)
      for (std::size_t i = 0; i + 1 < s.knots.size(); ++i) {
        // Central differences of a piece of degree ≤ 3: the error is h²/6 of a third derivative of up to 1e3 (for n = 1),
        // and rounding 1e-16 / h of values of up to 1e3.
        const double h = 1e-5, x = 0.5 * (s.knots[i] + s.knots[i + 1]);
        const double difference = (evaluate(s, x + h, n - 1) - evaluate(s, x - h, n - 1)) / (2 * h);
        CHECK_NEAR(difference, evaluate(s, x, n), 1e-7);
      }
}

TEST(a_cubic_polynomial_is_reproduced)
{
  // Coefficients of a polynomial are its blossom at the knots' triples; for x³ that is their product.
  Spline s{{1, 1.5, 2.5, 3}, {}};
  const std::vector<double> t{1, 1, 1, 1, 1.5, 2.5, 3, 3, 3, 3};
  for (int i = 0; i < 6; ++i) s.coefficients.push_back(t[i + 1] * t[i + 2] * t[i + 3]);
  for (const double x : {1.0, 1.2, 1.5, 2.0, 2.9}) {
    CHECK_NEAR(evaluate(s, x), x * x * x, 1e-13);
    CHECK_NEAR(evaluate(s, x, 1), 3 * x * x, 1e-12);
    CHECK_NEAR(evaluate(s, x, 2), 6 * x, 1e-11);
  }
}

TEST(a_table_of_one_spline_is_the_spline)
{
  for (const Spline &s : some_splines()) {
    const Table table({&s});
    for (double x = s.front() - 1; x < s.back(); x += 0.00917)
      for (int n = 0; n <= 2; ++n) CHECK_NEAR(at(table, 0, x, n), expected(s, x, n), tolerance[n]);
  }
}

TEST(a_table_of_splines_on_different_knots_is_each_of_them)
{
  const std::vector<Spline> all = some_splines();
  std::vector<const Spline *> columns;
  for (const Spline &s : all) columns.push_back(&s);
  const Table table(columns);
  CHECK(table.grid().front() == 1 && table.grid().back() == 5);
  for (double x = 0.2; x < 5; x += 0.00917)
    for (int m = 0; m < table.columns(); ++m)
      for (int n = 0; n <= 1; ++n) CHECK_NEAR(at(table, m, x, n), expected(all[m], x, n), tolerance[n]);
}

TEST(padding_is_zero)
{
  const std::vector<Spline> all = some_splines();
  const Table table({&all[0], &all[1]});
  CHECK(table.stride() % Table::pad == 0);
  for (int i = 0; i < table.grid().intervals(); ++i)
    for (int k = 0; k < 4; ++k)
      for (int m = table.columns(); m < table.stride(); ++m) CHECK(table.at(i)[k * table.stride() + m] == 0);
}

TEST(a_spline_goes_on_linearly_below_its_first_knot)
{
  const Spline s = some_splines()[1];
  const Table table({&s});
  CHECK_NEAR(at(table, 0, 0.1) - at(table, 0, 0.2), at(table, 0, 0.6) - at(table, 0, 0.7), tolerance[0]);
  CHECK_NEAR(at(table, 0, s.front() - 1e-12), evaluate(s, s.front()), 1e-11);
}

TEST(the_grid_finds_the_interval_of_every_number)
{
  std::vector<std::vector<double>> grids{{0, 1}, {0, 1e-9, 1, 1 + 1e-9, 2}, {-1, 0.3, 1}};
  for (const Spline &s : some_splines()) grids.push_back(s.knots);
  for (const std::vector<double> &knots : grids) {
    const Grid grid(knots);
    std::vector<double> numbers;
    for (const double x : knots)
      for (const double y : {x, std::nextafter(x, -10), std::nextafter(x, 10)}) numbers.push_back(y);
    for (int i = 0; i <= 1000; ++i) numbers.push_back(knots.front() + i * (knots.back() - knots.front()) / 1000);
    for (const double x : numbers) {
      const GridPosition position = grid.find(x);
      int interval = 0;
      while (interval < static_cast<int>(knots.size()) - 1 && x >= knots[interval]) ++interval;
      CHECK(position.interval == interval);
      CHECK(position.t == x - knots[interval == 0 ? 0 : interval - 1]);
    }
  }
}
