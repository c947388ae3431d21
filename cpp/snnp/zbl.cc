#include "snnp/zbl.h"

#include <cmath>

namespace snnp {

namespace {

constexpr double coulomb = 14.399645478425668;  // e²/(4πε0), eV Å (CODATA 2018)
constexpr double amplitude[4] = {0.18175, 0.50986, 0.28022, 0.028171};
constexpr double decay[4] = {3.19980, 0.94229, 0.40290, 0.20162};

}  // namespace

Zbl::Zbl(int Z1, int Z2, double inner, double outer)
    : strength_(coulomb * Z1 * Z2), length_(0.46850 / (std::pow(Z1, 0.23) + std::pow(Z2, 0.23))), inner_(inner),
      outer_(outer)
{
}

double Zbl::operator()(double r, double &slope) const
{
  double screening = 0, screening_slope = 0;
  for (int k = 0; k < 4; ++k) {
    const double term = amplitude[k] * std::exp(-decay[k] * r / length_);
    screening += term;
    screening_slope -= decay[k] / length_ * term;
  }
  const double zbl = strength_ * screening / r;
  const double zbl_slope = (strength_ * screening_slope - zbl) / r;
  if (r <= inner_) {
    slope = zbl_slope;
    return zbl;
  }
  const double width = outer_ - inner_, x = (r - inner_) / width;
  const double s = 1 - x * x * x * (10 - x * (15 - 6 * x));
  const double s_slope = -30 * x * x * (1 - x) * (1 - x) / width;
  slope = zbl_slope * s + zbl * s_slope;
  return zbl * s;
}

}  // namespace snnp
