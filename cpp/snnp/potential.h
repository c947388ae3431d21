// A potential as data: what stands in a potential file, and nothing that is derived from it.
//
//   E   = Σ_i E_i + ½ Σ_{i≠j} φ(r_ij) + ½ Σ_{i≠j} ZBL(r_ij) s(r_ij)
//   E_i = e0 + a·G_i + [N(G_i) − N(0)] + [U(d·G_i) − U(0)] + Σ_{j<k} V(r_ij, r_ik, r_jk) + E4_i, see four_body.h
//   G_i = ( Σ_j ρ_m(r_ij), m = 1…n2 ;  Σ_{j<k} f_m(r_ij) f_m(r_ik) g_m(cos θ_jik), m = 1…n3 )
#pragma once

#include <string>
#include <vector>

#include "snnp/four_body.h"
#include "snnp/indices.h"
#include "snnp/spline.h"

namespace snnp {

/// A multilayer perceptron of the filters with one output, eV; every layer but the last is followed by the activation.
struct Network {
  std::string activation = "none";  ///< one of activations.h, or "none": there is no network
  /// y = W x + b, of `inputs` numbers x and `outputs` numbers y.
  struct Layer {
    int inputs, outputs;
    std::vector<double> weights;  ///< W, outputs × inputs
    std::vector<double> biases;   ///< b, outputs
  };
  std::vector<Layer> layers;  ///< from the filters to the energy, eV; none if there is no network
};

/// Energies of atoms of an element in the training data, by their number of neighbours (Potential::cutoff of the pair).
struct EnergyRange {
  int from, to;            ///< numbers of neighbours, both included
  double lowest, highest;  ///< of E_i - e0, where E_i has ½ φ and ½ ZBL of each neighbour, eV
};

/// What keeps the energy M of an atom, all of it that depends on G, from falling where there are no data:
///   E = M + o h(C(d·G) − M),  o = D² / (D² + width²),  D² = Σ_k max(|y_k| − 1, 0)²,  y = P G + q,
/// with h(x) = 0 below −softness, x above it, and (x + softness)² / (4 softness) between. Inside the domain of the
/// training data, where all |y_k| ≤ 1, it does nothing; far outside E is no lower than C.
struct Floor {
  std::vector<double> directions;  ///< P, directions × (n2 + n3); empty: there is no floor
  std::vector<double> centres;     ///< q, by direction
  double width = 0;
  double softness = 0;          ///< eV
  std::vector<double> density;  ///< d, n2 + n3 numbers
  Spline C;                     ///< eV over d·G; continues linearly on both sides

  /// Whether there is none.
  bool empty() const { return directions.empty(); }
};

/// What belongs to one element.
struct Element {
  std::string name;            ///< chemical symbol
  double e0 = 0;               ///< energy of an isolated atom, eV
  std::vector<double> linear;  ///< a, n2 + n3 numbers, eV
  Network network;
  std::vector<double> density;  ///< d, n2 + n3 numbers; empty: there is no U
  Spline U;                     ///< eV over the density d·G; continues linearly on both sides
  Floor floor;
  FourBody four_body;
  /// The range of each G_m in the training data, values outside it are extrapolation; empty: not known.
  std::vector<double> lowest, highest;
  /// In rising order, without overlap: what no range has is extrapolation; empty: not known.
  std::vector<EnergyRange> energies;
};

/// What belongs to two elements, in any order.
struct Pair {
  Spline phi;            ///< eV over Å
  double zbl_inner = 0;  ///< below: the whole ZBL repulsion, Å
  double zbl_outer = 0;  ///< above: none of it, Å; 0: there is none at all
  double shortest = 0;   ///< shortest distance in the training data, Å; 0: not known
};

/// A three-body term of a centre and its neighbours j, k: a product of three B-spline bases, clamped like Spline.
struct Tensor {
  std::vector<double> knots_ij, knots_ik, knots_jk;  ///< strictly increasing, Å; empty: there is no such term
  /// (n_ij + 2) × (n_ik + 2) × (n_jk + 2), eV. For neighbours of one element it is symmetric in the first two.
  std::vector<double> coefficients;

  /// Whether there is no such term.
  bool empty() const { return knots_ij.empty(); }
};

/// All of a potential file. Indices of elements are those of `elements`.
struct Potential {
  std::string comment;  ///< first line of the file without '#'
  int n2 = 0, n3 = 0;   ///< numbers of two- and three-body filters
  std::vector<Element> elements;
  std::vector<Pair> pairs;  ///< by pair_index
  std::vector<Spline> rho;  ///< by ordered_index × n2 + m
  std::vector<Spline> f;    ///< by ordered_index × n3 + m
  std::vector<Spline> g;    ///< by triplet_index × n3 + m; over cos θ ∈ [−1, 1]
  std::vector<Tensor> V;    ///< by triplet_index: ij is the first neighbour, ik the second; empty: there are none

  /// Number of elements.
  int size() const { return static_cast<int>(elements.size()); }
  /// See indices.h.
  int n_pairs() const { return pair_count(size()); }
  int pair_index(int a, int b) const { return snnp::pair_index(size(), a, b); }
  int ordered_index(int centre, int neighbor) const { return snnp::ordered_index(size(), centre, neighbor); }
  int triplet_index(int centre, int b, int c) const { return snnp::triplet_index(size(), centre, b, c); }

  double pair_cutoff(int a, int b) const;        ///< beyond it neither φ nor ρ nor ZBL, Å
  double three_body_cutoff(int a, int b) const;  ///< beyond it no f, Å
  double tensor_cutoff(int a, int b) const;      ///< beyond it no V, Å
  double four_body_cutoff(int a) const;          ///< beyond it no four-body term of centre a, Å
  double cutoff(int a, int b) const;             ///< the largest of these, of both orders of a and b, Å
  double cutoff() const;                         ///< the largest of all, Å
};

/// Throws Error with one sentence if a part is missing, has the wrong size, or breaks a rule of the model.
void check(const Potential &potential);

/// Throws ItemError with one sentence if a spline is missing or breaks a rule of all splines; `item` is its name.
void check_spline(const Spline &spline, const std::string &item);

/// Atomic number of a chemical symbol, 0 if there is none such.
int atomic_number(const std::string &symbol);

}  // namespace snnp
