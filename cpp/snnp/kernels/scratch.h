// Memory of one thread of the kernels.
#pragma once

#include <cstddef>
#include <memory>
#include <mutex>
#include <vector>

#include "snnp/kernels/plan.h"

namespace snnp {

/// Memory on cache lines that grows and forgets.
class Buffer {
 public:
  Buffer() = default;
  Buffer(const Buffer &) = delete;
  Buffer &operator=(const Buffer &) = delete;
  ~Buffer();

  /// At least `bytes`; what was there is lost if it grows.
  void reserve(std::size_t bytes);
  template <class T> T *as(std::size_t from_byte = 0) { return reinterpret_cast<T *>(data_ + from_byte); }

 private:
  char *data_ = nullptr;
  std::size_t size_ = 0;
};

/// The neighbourhood of one atom of a block, neighbours in the order of the streams of its plan.
template <class Real> struct Near {
  int atom;
  int legs, densities, count;  ///< how many of the first ones are in reach of f; of f and ρ; are in the arrays
  double pairs_force[3];       ///< on the atom by the neighbours that are pairs only, eV/Å, and …
  double pairs_virial[6];      ///< … the virial of these pairs, eV
  bool close;                  ///< a neighbour is closer than any in the training data
  double energy, phi;          ///< ½ Σ of cores, eV; Σ φ, eV
  int *stream_count;           ///< neighbours by stream
  double *density;             ///< Σ ρ_m

  double *x, *y, *z;           ///< direction to each neighbour
  double *inverse;             ///< 1/r, 1/Å
  double *slope;               ///< ∂E/∂r: first of pair terms, then of all radial ones, eV/Å
  Real *ux, *uy, *uz;          ///< direction again, as the kernels want it
  Real *sx, *sy, *sz;          ///< Σ_k D_jk u_k: the angular part of the gradient, not yet projected, eV
  int *id;                     ///< atoms
  int *density_row, *leg_row;  ///< intervals
  int *leg_element;
  Real *leg_shift;  ///< across atoms: element × intervals of g
  Real *density_t, *leg_t;
  Real *f, *P;            ///< groups × neighbours × width: f_m(r_ij) and Σ_k f_m(r_ik) g_m(c_jk)
  double *density_slope;  ///< ρ'(r_ij) and f'(r_ij), by column only
  double *leg_slope;

  Real *T;  ///< t and interval of the cosine of each pair of legs, see wide.h
  int *I;
  int leg_capacity = 0;
  Buffer arrays, pairs;
};

/// Candidates for the neighbourhood of an atom, by stream.
struct Candidates {
  int *count;
  double *x, *y, *z, *squared;  ///< streams × capacity: vectors (Å) and their squared lengths
  int *id;
};

/// The neighbours of one atom that tensors see, by element, and what the kernel of tensors keeps of their pairs.
template <class Real> struct TensorLegs {
  int *place;                        ///< in Near
  double *x, *y, *z, *r;             ///< vectors from the centre and their lengths, Å
  double *gx, *gy, *gz;              ///< gradient, eV/Å …
  double *row_x, *row_y, *row_z;     ///< … from which the sums over these rows of 8 are to be taken
  int *first, *second;               ///< of the leg as the first or the second of a pair: its interval in the cells
  Real *first_basis, *second_basis;  ///< legs × (functions, derivatives) × 4
  Real *along;                       ///< legs × 16: summands of ∂V/∂r_ij and ∂V/∂r_ik
  static constexpr int rows = 64;    ///< legs j whose pairs are there at the same time
  double *ux, *uy, *uz;              ///< pairs: direction from j to k
  Real *t, *across;                  ///< pairs: place in the interval of r_jk; pairs × 16: summands of ∂V/∂r_jk
  int *cell;                         ///< pairs: where their cell begins
  int capacity = 0;                  ///< legs that there is room for

  /// Where the pairs of leg j begin in arrays by pair.
  SNNP_PART long row(int j) const { return static_cast<long>(j % rows) * capacity; }
};

template <class Real> struct Scratch {
  static constexpr int block = 16;  ///< atoms that go through the embedding together, at most
  static constexpr int batch = 64;  ///< atoms whose neighbourhoods are there at the same time, at most
  static constexpr int slack = 32;  ///< numbers beyond the end of an array that vectors may touch

  Near<Real> near[batch];
  Candidates candidates;
  TensorLegs<Real> tensor_legs;
  double *G, *A;                        ///< columns × block: filter values and ∂E/∂G
  double *nodes;                        ///< of perceptrons × block
  double *fx, *fy, *fz;                 ///< gradient by neighbour, eV/Å
  int *tables;                          ///< elements × capacity: see pair_places
  Real *sums;                           ///< capacity × 3 × 8
  Real *lanes;                          ///< arrays of the kernel across atoms
  int capacity = 0;                     ///< neighbours that there is room for
  double *rows;                         ///< all atoms × 4, see NeighborLists: for the one who calls the kernels, …
  std::vector<double> forces, virials;  ///< … and so are these: results of this thread, see SharedSum

  /// To be called once, before all else.
  void prepare(const Plan<Real> &plan);
  /// Room for an atom with that many neighbours in its list. Whatever the arrays hold is lost when they grow.
  void reserve(int neighbors);
  /// Room for the pairs of that many legs of one atom.
  void reserve_pairs(Near<Real> &atom, int legs);
  /// Room for that many neighbours in reach of tensors.
  void reserve_tensors(int legs);
  /// Room for that many legs of a block in the arrays across atoms.
  void reserve_lanes(int legs);
  /// Room for the rows of that many atoms.
  void reserve_rows(int atoms);

 private:
  int atoms = block, row_capacity = 0, columns = 0, streams = 0, densities = 0, elements = 0, nodes_size = 0,
      leg_width = 0;
  bool by_column = false;
  Buffer shared, embedding, interleaved, tensor_arrays, positions;
};

/// Memory that threads take for a call and give back, so that it is rarely allocated.
template <class Real> class ScratchPool {
 public:
  explicit ScratchPool(const Plan<Real> &plan) : plan_(plan) {}

  std::unique_ptr<Scratch<Real>> take();
  void give(std::unique_ptr<Scratch<Real>> scratch);

 private:
  const Plan<Real> &plan_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<Scratch<Real>>> free_;
};

}  // namespace snnp
