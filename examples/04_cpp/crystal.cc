// Energy and forces of a small silicon crystal, and a check that forces are the derivatives of the energy:
//     crystal Si.snnp
#include <array>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include <snnp/snnp.h>

using Atoms = std::vector<std::array<double, 3>>;  // positions, Å
constexpr double edge = 5.43;                      // of the periodic cell, Å

static void require(const snnp::Status &status)
{
  if (status.ok()) return;
  std::fprintf(stderr, "%s\n", status.message().c_str());
  std::exit(1);
}

// Energy, eV; forces (atoms × 3, eV/Å) if they are wanted. Neighbour lists are made by plain loops over all images.
static double energy(const snnp::Model &model, const Atoms &atoms, double *forces = nullptr)
{
  const double cutoff = model.cutoff();
  const int n = static_cast<int>(atoms.size()), m = static_cast<int>(cutoff / edge) + 1, side = 2 * m + 1;
  std::vector<std::ptrdiff_t> offsets{0};
  std::vector<int> indices, elements(n, 0);
  std::vector<double> vectors;
  for (const auto &center : atoms) {
    for (int j = 0; j < n; ++j)
      for (int image = 0; image < side * side * side; ++image) {
        const int cell[3] = {image % side - m, image / side % side - m, image / side / side - m};
        double r[3], squared = 0;
        for (int d = 0; d < 3; ++d) {
          r[d] = atoms[j][d] + cell[d] * edge - center[d];
          squared += r[d] * r[d];
        }
        if (squared == 0 || squared >= cutoff * cutoff) continue;
        indices.push_back(j);
        vectors.insert(vectors.end(), r, r + 3);
      }
    offsets.push_back(static_cast<std::ptrdiff_t>(indices.size()));
  }
  snnp::Results results;
  results.forces = forces;
  require(model.evaluate({n, offsets.data(), indices.data(), vectors.data(), elements.data()}, 1, results));
  return results.energy;
}

int main(int argc, char **argv)
{
  snnp::Model model;
  require(model.read(argc > 1 ? argv[1] : "Si.snnp"));
  Atoms atoms;  // diamond, each atom a little away from its site
  for (int i = 0; i < 8; ++i) {
    const double a = edge / 4, x = i & 1, y = i >> 1 & 1, basis = i >> 2;
    const double site[3] = {2 * x + basis, 2 * y + basis, 2 * ((i & 1) ^ (i >> 1 & 1)) + basis};
    atoms.push_back({a * site[0] + 0.05 * std::sin(i), a * site[1] + 0.05 * std::cos(i), a * site[2]});
  }
  std::vector<double> forces(3 * atoms.size());
  std::printf("energy %.6f eV\n", energy(model, atoms, forces.data()));
  double largest = 0;
  for (std::size_t k = 0; k < forces.size(); ++k) {
    constexpr double step = 1e-4;  // Å
    Atoms up = atoms, down = atoms;
    up[k / 3][k % 3] += step;
    down[k / 3][k % 3] -= step;
    const double slope = (energy(model, up) - energy(model, down)) / (2 * step);
    std::printf("force on %s %zu along %c %9.6f eV/Å\n", model.elements()[0].c_str(), k / 3, "xyz"[k % 3], forces[k]);
    largest = std::fmax(largest, std::fabs(forces[k] + slope));
  }
  std::printf("forces differ from -dE/dx by at most %.1e eV/Å\n", largest);
  return largest < 1e-5 ? 0 : 1;  // step² / 6 times a third derivative of some 100 eV/Å³, and rounding
}
