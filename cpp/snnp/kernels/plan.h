// A potential laid out for the kernels: plain data, so that code compiled for different instruction sets can share it.
//
// Splines are cubics about the middle of each interval in the variable t, which runs over −½ … ½ on an interval of
// usual width. Radial ones have an interval more on each side: linear below the first knot, zero beyond the last.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "snnp/always_inline.h"
#include "snnp/kernels/four_body_plan.h"
#include "snnp/kernels/isa.h"
#include "snnp/kernels/span.h"
#include "snnp/potential.h"
#include "snnp/zbl.h"

namespace snnp {

/// From a number x (Å, or a cosine) to its interval i and t = (x − middle_i) · per_unit.
struct Axis {
  double scale = 1, shift = 0;  ///< s = x · scale + shift, rounded and clamped to 0 … last, is the interval …
  double per_unit = 1;          ///< equal to `scale` if the knots are uniform, so that t = s − i
  int last = 0;
  const int *cell = nullptr;  ///< … or, if the knots are not uniform, a cell in which interval cell[s] comes first
  int last_cell = 0;
  const double *edge = nullptr;    ///< right edges of the intervals, infinity at the last (not uniform)
  const double *middle = nullptr;  ///< middles of the intervals (not uniform)
};

/// One spline, evaluated for many numbers at a time: value Σ_k c[k · stride + i] t^k in interval i. A power of t of all
/// intervals is contiguous, so that one to four registers hold it and a permutation looks it up:
///
///     | t⁰: interval 0 … stride − 1 | t¹: … | t²: … | t³: … |
struct Column {
  Axis axis;
  int stride = 0;  ///< 8, 16, or more than that
  const double *c = nullptr;
};

/// Up to `width` splines on one axis, evaluated at one number at a time: a power of t of all splines is contiguous.
///
///     value   | interval 0: t⁰ of `width` splines | t¹ | t² | t³ | interval 1: t⁰ | … | table 1: interval 0 | …
///     slope   | interval 0: t⁰ of `width` splines | t¹ | t² |      interval 1: t⁰ | …
template <class Real> struct Group {
  int first = 0, count = 0, width = 0;  ///< filters; width is 4, 8 or 16, by column 1
  const Real *value = nullptr;          ///< tables × intervals × 4 × width: coefficients of the value
  const Real *slope = nullptr;          ///< tables × intervals × 3 × width: coefficients of its derivative
};

/// The embedding of an element, see Element. Energies in eV.
struct EmbeddingPlan {
  double e0 = 0;
  const double *linear = nullptr;
  const double *density = nullptr;  ///< null: there is no U
  Column U;                         ///< linear beyond the last knot, too
  /// As Floor.
  struct {
    int directions = 0;  ///< 0: there is none
    const double *P, *q, *density;
    double width, softness;
    Column C;  ///< linear beyond the last knot, too
  } floor;
  int activation = -1;  ///< of Activations
  struct Range {
    int begin, end;
  };
  /// As Network::Layer. A mean of networks has blocks of weights along the diagonal, and zeros beside them.
  struct Layer {
    int inputs, outputs;
    const double *weights, *biases;  ///< outputs × inputs; outputs
    const Range *from, *to;  ///< by four outputs, the inputs that they have weights for; by four inputs, outputs
  };
  Span<Layer> layers;
  int widest = 0, nodes = 0;  ///< largest number of inputs or outputs of a layer; outputs of all layers
};

/// What neighbours of one element do to a centre of one element. If those of several elements are treated alike, tables
/// of the elements stand one after the other, as if their intervals were those of one.
template <class Real> struct PairPlan {
  Column phi;                        ///< without coefficients if it is zero everywhere
  const Zbl *zbl = nullptr;          ///< by element
  double zbl_outer = 0;              ///< the largest one; 0: there is none
  const double *shortest = nullptr;  ///< by element: in the training data
  int slots = 0;                     ///< room in `shortest`, as Column::stride
  Axis rho_axis, f_axis;
  Span<Group<Real>> rho, f;  ///< ρ from number Plan::columns on
  Span<Column> rho_columns;  ///< the ρ before them
  Column f_column;           ///< f as a column, if there is one at most
};

/// The basis of r_ij or r_ik: in an interval, cubics of the four functions that do not vanish there, as 4 powers × 4
/// functions.
struct TensorBasis {
  Axis axis;
  const double *cubics = nullptr;
  int stride = 0;  ///< of an interval in the cells of the term
};

/// V of a centre and an unordered pair of neighbours. A cell, which is an interval of r_ij, one of r_ik and one of
/// r_jk, has the 64 coefficients that matter there, by power of t_jk, function a of r_ij and function b of r_ik:
///
///     | t⁰: a0b0 a0b1 a0b2 a0b3 a1b0 … a3b3 | t¹: … | t²: … | t³: … |
///
/// Cells stand by interval of r_ij, then of r_ik, then of r_jk; `stride` of TensorBasis is in numbers.
template <class Real> struct TensorPlan {
  TensorBasis ij, ik;
  Axis jk;
  const Real *cells = nullptr;  ///< null: there is no such term
};

/// Neighbours that are treated alike: those of one element, or of all, with from2 ≤ r² < to2 (Å²).
struct Stream {
  /// What acts at these distances.
  enum Kind { three_body, density, pair } kind;  ///< within the cutoff of f, ρ and φ; of ρ and φ; of φ
  int element;                                   ///< of CentrePlan::pairs
  double from2, to2;
};

/// What a kernel wants to know about centres of one element.
template <class Real> struct CentrePlan {
  Span<Stream> streams;  ///< three_body first, then density, then pair; by element within each
  bool alike = false;    ///< neighbours of all elements are treated alike, since their splines have the same knots
  Span<PairPlan<Real>> pairs;  ///< by element; one for all that are alike
  Axis angle_axis;
  Span<Group<Real>> angles;                                   ///< g; tables by pair of neighbours, see angle_table
  const Real *angle_value = nullptr, *angle_slope = nullptr;  ///< across atoms, see below
  /// Of the arrays across atoms, as in Column: | g_1: t⁰ of angle_size intervals | t¹ | t² | t³ | g_2: … |, the slope
  /// without t³; intervals are those of all tables, one table after the other.
  int angle_size = 0;
  const int *angle_table = nullptr;  ///< element × element: first interval of the table of g; null: there is one table
  int angle_shift = 0;               ///< of two elements: intervals of a table of g; 0: there is one table
  Span<TensorPlan<Real>> tensors;    ///< by unordered pair of neighbours; none: the potential has no tensors
  Span<double> tensor_cutoff;        ///< by element: neighbours beyond it are in no tensor, Å
  EmbeddingPlan embedding;
  FourBodyPlan four_body;
  bool four_body_near = false;                         ///< its neighbours are three-body neighbours
  const double *lowest = nullptr, *highest = nullptr;  ///< of each G_m inside the domain
  /// Of E_i - e0, by the number of neighbours; none: not known, see Domain::Energies.
  Span<double> lowest_energy, highest_energy;
};

/// A potential, laid out.
template <class Real> struct Plan {
  int elements = 0, n2 = 0, n3 = 0;
  double unit = 1;            ///< what energies and their derivatives are multiplied by
  bool across_atoms = false;  ///< vectors run across atoms where there are angles
  bool by_column = false;     ///< at most one ρ and one f: vectors run across neighbours where there are distances
  int columns = 0;            ///< of so many ρ, the first ones, they do in any case; at most …
  static constexpr int most_columns = 2;
  Span<CentrePlan<Real>> centres;
  std::shared_ptr<void> memory;  ///< of all that is pointed to
};

/// For kernels of this instruction set: what fits into its registers decides in which direction vectors run.
template <class Real> Plan<Real> make_plan(const Potential &potential, double unit, Isa isa);

}  // namespace snnp
