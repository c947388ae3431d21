// Small structures with brute-force neighbour lists, and what an engine says of them.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <vector>

#include "snnp/engine.h"

namespace testing {

using namespace snnp;

using Vector = std::array<double, 3>;

struct Atoms {
  std::array<Vector, 3> cell;
  std::vector<Vector> positions;
  std::vector<int> elements;

  int size() const { return static_cast<int>(positions.size()); }
};

// Two elements in a skewed cell that is narrower than the cutoff: atoms are their own neighbours.
inline Atoms skewed()
{
  Atoms atoms{{{{3.6, 0, 0}, {0.7, 4.4, 0}, {-0.5, 0.9, 4.9}}}, {}, {0, 1, 1, 0, 1}};
  atoms.positions = {{0, 0, 0}, {1.9, 0.4, 0.3}, {0.5, 2.3, 0.6}, {0.3, 0.8, 2.5}, {2.1, 2.4, 2.9}};
  return atoms;
}

// Full lists with vectors, as Python gives them: all images in reach, by brute force.
struct Lists {
  std::vector<std::ptrdiff_t> offsets{0};
  std::vector<int> indices, elements;
  std::vector<double> vectors;

  Lists(const Atoms &atoms, double cutoff) : elements(atoms.elements)
  {
    for (int i = 0; i < atoms.size(); ++i) {
      for (int j = 0; j < atoms.size(); ++j)
        for (int image = 0; image < 343; ++image)
          add(atoms, i, j, {image % 7 - 3, image / 7 % 7 - 3, image / 49 - 3}, cutoff);
      offsets.push_back(static_cast<std::ptrdiff_t>(indices.size()));
    }
  }
  void add(const Atoms &atoms, int i, int j, std::array<int, 3> image, double cutoff)
  {
    if (i == j && image == std::array<int, 3>{0, 0, 0}) return;
    Vector d;
    for (int k = 0; k < 3; ++k) {
      d[k] = atoms.positions[j][k] - atoms.positions[i][k];
      for (int a = 0; a < 3; ++a) d[k] += image[a] * atoms.cell[a][k];
    }
    if (d[0] * d[0] + d[1] * d[1] + d[2] * d[2] >= cutoff * cutoff) return;
    indices.push_back(j);
    vectors.insert(vectors.end(), d.begin(), d.end());
  }
  VectorNeighbors view() const
  {
    return {static_cast<int>(elements.size()), offsets.data(), indices.data(), vectors.data(), elements.data()};
  }
};

// The same lists as LAMMPS gives them: images are atoms of their own, neighbours are indices with flags in high bits.
struct Ghosts {
  static constexpr int flag = 1 << 30;
  std::vector<double> positions;
  std::vector<int> types, owner, centers, counts, members, element_of_type{-1, 0, 1};
  std::vector<const int *> firsts;

  Ghosts(const Atoms &atoms, double cutoff)
  {
    const Lists lists(atoms, cutoff);
    for (int i = 0; i < atoms.size(); ++i) add(atoms, i, atoms.positions[i]);
    for (int i = 0; i < atoms.size(); ++i) {
      centers.push_back(i);
      counts.push_back(static_cast<int>(lists.offsets[i + 1] - lists.offsets[i]));
      for (std::ptrdiff_t k = lists.offsets[i]; k < lists.offsets[i + 1]; ++k) {
        Vector r = atoms.positions[i];
        for (int d = 0; d < 3; ++d) r[d] += lists.vectors[3 * k + d];
        members.push_back(static_cast<int>(owner.size()) | flag);
        add(atoms, lists.indices[k], r);
      }
    }
    for (int i = 0; i < atoms.size(); ++i) firsts.push_back(members.data() + lists.offsets[i]);
  }
  void add(const Atoms &atoms, int i, const Vector &r)
  {
    positions.insert(positions.end(), r.begin(), r.end());
    types.push_back(atoms.elements[i] + 1);
    owner.push_back(i);
  }
  IndexedNeighbors view() const
  {
    IndexedNeighbors n;
    n.n_atoms = static_cast<int>(owner.size());
    n.positions = positions.data();
    n.types = types.data();
    n.n_types = static_cast<int>(element_of_type.size());
    n.element_of_type = element_of_type.data();
    n.n_centers = static_cast<int>(centers.size());
    n.centers = centers.data();
    n.counts = counts.data();
    n.lists = firsts.data();
    n.mask = ~flag;
    return n;
  }
};

struct Output {
  double energy;
  std::array<double, 6> virial;
  std::vector<double> forces, energies, virials, filters, outside;
};

// `Model` is an Engine or a Reference.
template <class Model, class Source> Output run(const Model &engine, const Source &source, int threads)
{
  const int n_atoms = source.n_atoms;
  Output out{0,
             {},
             std::vector<double>(3 * n_atoms),
             std::vector<double>(n_atoms),
             std::vector<double>(9 * n_atoms),
             std::vector<double>(static_cast<std::size_t>(engine.columns()) * n_atoms),
             std::vector<double>(n_atoms)};
  Results results;
  results.forces = out.forces.data();
  results.energies = out.energies.data();
  results.virials = out.virials.data();
  results.filters = out.filters.data();
  results.outside = out.outside.data();
  engine.evaluate(source, threads, results);
  out.energy = results.energy;
  std::copy(results.virial, results.virial + 6, out.virial.begin());
  return out;
}

template <class Model> Output run(const Model &engine, const Atoms &atoms, int threads = 1)
{
  return run(engine, Lists(atoms, engine.cutoff()).view(), threads);
}

}  // namespace testing
