#include "snnp/small_cells.h"

#include <cmath>
#include <utility>

namespace snnp {

namespace {

double dot(const double *a, const double *b) { return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]; }

void cross(const double *a, const double *b, double *normal)
{
  for (int d = 0; d < 3; ++d) normal[d] = a[(d + 1) % 3] * b[(d + 2) % 3] - a[(d + 2) % 3] * b[(d + 1) % 3];
}

}  // namespace

bool CellNeighbors::append(const double *positions, int n, const double *cell, double cutoff, std::size_t most)
{
  const std::size_t atoms = offsets.size() - 1, before = indices.size();
  if (find(positions, n, cell, cutoff, most)) return true;
  indices.resize(before);
  vectors.resize(3 * before);
  offsets.resize(atoms + 1);
  offsets.resize(atoms + 1 + n, static_cast<std::ptrdiff_t>(before));
  return false;
}

// The images of an atom are a lattice. The first vector of the cell counts planes of it, the second one lines in a plane,
// and the third one images on a line; all are taken that meet the sphere of the cutoff.
bool CellNeighbors::find(const double *positions, int n, const double *cell, double cutoff, std::size_t most)
{
  const double *a = cell, *b = cell + 3, *c = cell + 6;
  double bc[3];
  cross(b, c, bc);
  const double volume = dot(a, bc), area = std::sqrt(dot(bc, bc)), line = dot(c, c), square = cutoff * cutoff;
  const double largest = std::sqrt(dot(a, a) * dot(b, b) * line);
  if (!(std::abs(volume) > 1e-6 * largest) || !std::isfinite(largest)) return false;
  // The part of b that is normal to c.
  double b_normal[3];
  for (int d = 0; d < 3; ++d) b_normal[d] = b[d] - dot(b, c) / line * c[d];
  const double b_square = dot(b_normal, b_normal), height = volume / area, planes = cutoff / std::abs(height);

  const int first = static_cast<int>(offsets.size()) - 1;
  std::size_t left = 4 * most * static_cast<std::size_t>(n);  // of planes, lines and images: most hold images
  for (int i = 0; i < n; ++i) {
    for (int j = 0; j < n; ++j) {
      double r[3];
      for (int d = 0; d < 3; ++d) r[d] = positions[3 * j + d] - positions[3 * i + d];
      const double above = dot(r, bc) / area, middle_plane = -above / height;
      if (!(std::abs(middle_plane) < 1e9)) return false;  // no number, or so many that they are not told apart
      for (double p = std::ceil(middle_plane - planes); p <= middle_plane + planes; ++p) {
        if (--left == 0) return false;
        double in_plane[3];
        for (int d = 0; d < 3; ++d) in_plane[d] = r[d] + p * a[d];
        const double off = above + p * height, radius = std::sqrt(std::fmax(square - off * off, 0));
        const double middle_line = -dot(in_plane, b_normal) / b_square, lines = radius / std::sqrt(b_square);
        for (double q = std::ceil(middle_line - lines); q <= middle_line + lines; ++q) {
          if (--left == 0) return false;
          double on_line[3];
          for (int d = 0; d < 3; ++d) on_line[d] = in_plane[d] + q * b[d];
          const double middle = -dot(on_line, c) / line;
          const double chord = square - dot(on_line, on_line) + middle * middle * line;
          const double images = std::sqrt(std::fmax(chord, 0) / line);
          for (double s = std::ceil(middle - images); s <= middle + images; ++s) {
            if (--left == 0) return false;
            double v[3];
            for (int d = 0; d < 3; ++d) v[d] = on_line[d] + s * c[d];
            const double distance = dot(v, v);
            if (distance >= square || (i == j && p == 0 && q == 0 && s == 0)) continue;
            if (distance < 1e-12) return false;
            indices.push_back(first + j);
            vectors.insert(vectors.end(), v, v + 3);
          }
        }
      }
    }
    offsets.push_back(static_cast<std::ptrdiff_t>(indices.size()));
  }
  return true;
}

}  // namespace snnp
