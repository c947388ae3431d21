// Memory of one thread of the kernels.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "snnp/kernels/plan.h"

namespace snnp {

/// Memory on cache lines that forgets what it holds when it grows. Throws std::bad_alloc.
class Buffer {
 public:
  Buffer() = default;
  Buffer(const Buffer &) = delete;
  Buffer &operator=(const Buffer &) = delete;
  ~Buffer();

  /// At least `bytes`; what was there is lost if it grows.
  void reserve(std::size_t bytes);
  /// As numbers from a byte on.
  template <class T> T *as(std::size_t from_byte = 0) { return reinterpret_cast<T *>(data_ + from_byte); }

 private:
  char *data_ = nullptr;
  std::size_t size_ = 0;
};

/// The neighbourhood of one atom of a block, neighbours in the order of the streams of its plan:
///
///     | three-body neighbours | within the cutoff of ρ | within that of φ, where these are kept |
///     0                       n_three_body             n_density                                count
template <class Real> struct Near {
  int atom;
  int n_three_body, n_density, count;  ///< how many of the first ones are within the cutoff of f; of f and ρ; of any
  double pairs_force[3];               ///< on the atom by the neighbours that are pairs only, eV/Å, and …
  double pairs_virial[6];              ///< … the virial of these pairs, eV
  bool close;                          ///< a neighbour is closer than any in the training data
  double energy, phi;                  ///< ½ Σ ZBL, eV; Σ φ, eV
  int *stream_count;                   ///< neighbours by stream
  double *density;                     ///< Σ ρ_m

  double *x, *y, *z;               ///< direction to each neighbour
  double *inverse;                 ///< 1/r, 1/Å
  double *slope;                   ///< ∂E/∂r: first of pair terms, then of all radial ones, eV/Å
  Real *ux, *uy, *uz;              ///< direction again, as the kernels want it
  Real *sx, *sy, *sz;              ///< Σ_k D_jk u_k: the angular part of the gradient, not yet projected, eV
  int *id;                         ///< atoms
  int *rho_interval, *f_interval;  ///< intervals
  int *element;                    ///< of neighbours within the cutoff of ρ, where there are several
  double *four_body_weights;       ///< mixtures × capacity
  Real *g_shift;                   ///< across atoms: element × intervals of g
  Real *rho_t, *f_t;
  /// f_m(r_ij) and P_jm = Σ_k f_m(r_ik) g_m(c_jk); a group has room for all neighbours that there is capacity for:
  ///
  ///     | group 0: neighbour 0: width numbers | neighbour 1: … | … | group 1: neighbour 0: … |
  Real *f, *P;
  double *rho_slope;  ///< columns × capacity: ρ'(r_ij) of those by column
  double *f_slope;    ///< f'(r_ij), by column only

  Real *T;  ///< t and interval of the cosine of each pair of three-body neighbours, see triplets_across_filters.h
  int *I;
  int pair_capacity = 0;
  Buffer arrays, pairs;
};

/// Candidates for the neighbourhood of an atom: | stream 0: capacity numbers | stream 1: … |.
struct Candidates {
  int *count;                   ///< of each stream
  double *x, *y, *z, *squared;  ///< streams × capacity: vectors (Å) and their squared lengths
  int *id;
  int *element;  ///< if neighbours of all elements are treated alike
};

/// The neighbours of one atom that tensors see, by element, and what the kernel of tensors keeps of their pairs.
template <class Real> struct TensorNeighbors {
  int *index;                                 ///< in Near
  double *x, *y, *z, *r;                      ///< vectors from the centre and their lengths, Å
  double *gx, *gy, *gz;                       ///< gradient, eV/Å …
  double *partial_x, *partial_y, *partial_z;  ///< neighbours × 8 terms, whose sums are still to be taken from it
  int *first, *second;                        ///< as the first or the second of a pair: its interval in the cells
  Real *first_basis, *second_basis;           ///< neighbours × (functions, derivatives) × 4
  Real *radial_terms;                         ///< neighbours × 16: terms of ∂V/∂r_ij and ∂V/∂r_ik
  static constexpr int block = 64;            ///< neighbours j whose pairs are there at the same time
  double *ux, *uy, *uz;                       ///< pairs: direction from j to k
  Real *t, *jk_terms;  ///< pairs: position in the interval of r_jk; pairs × 16: terms of ∂V/∂r_jk
  int *cell;           ///< pairs: where their cell begins
  int capacity = 0;    ///< neighbours that there is room for

  /// Where the pairs of neighbour j begin in arrays by pair.
  SNNP_PART long pairs_of(int j) const { return static_cast<long>(j % block) * capacity; }
};

/// All memory of one thread; arrays begin on cache lines.
template <class Real> struct Scratch {
  static constexpr int block = 16;  ///< atoms that go through the embedding together, at most
  static constexpr int batch = 64;  ///< atoms whose neighbourhoods are there at the same time, at most
  static constexpr int slack = 32;  ///< numbers beyond the end of an array that vectors may touch

  Near<Real> near[batch];
  Candidates candidates;
  TensorNeighbors<Real> tensor_neighbors;
  double *G, *A;                              ///< columns × block: filter values and ∂E/∂G
  double *four_body_sums, *four_body_slopes;  ///< sums × block, in blocks of vectors: see four_body_plan.h
  double *nodes;         ///< of perceptrons × block: | outputs | slopes | two vectors of the way back |, see embed.h
  double *fx, *fy, *fz;  ///< gradient by neighbour, eV/Å
  int *tables;           ///< elements × capacity: see locate_cosines
  Real *sums;            ///< capacity × 3 × 8
  Real *across_atoms;    ///< arrays of triplets_across_atoms.h
  int capacity = 0;      ///< neighbours that there is room for
  double *packed_positions;             ///< all atoms × 4, see NeighborLists: for the one who calls the kernels, …
  std::vector<double> forces, virials;  ///< … and so are these: results of this thread, see SharedSum

  /// To be called once, before all else.
  void prepare(const Plan<Real> &plan);
  /// Room for an atom with that many neighbours in its list. Whatever the arrays hold is lost when they grow.
  void reserve(int neighbors);
  /// Room for the pairs of that many three-body neighbours of one atom.
  void reserve_pairs(Near<Real> &atom, int neighbors);
  /// Room for that many neighbours within the cutoff of tensors.
  void reserve_tensors(int neighbors);
  /// Room for that many three-body neighbours in the arrays across atoms.
  void reserve_across_atoms(int neighbors);
  /// Room for the packed positions of that many atoms.
  void reserve_packed(int atoms);

 private:
  int atoms = block, packed_capacity = 0, columns = 0, streams = 0, n2 = 0, rho_columns = 0, elements = 0,
      nodes_size = 0, f_width = 0, four_body_sums_of_atom = 0, four_body_mixtures = 0;
  bool by_column = false;
  Buffer shared, embedding, interleaved, tensor_arrays, positions;
};

/// Memory that threads take for a call and give back, so that it is rarely allocated.
template <class Real> class ScratchPool {
 public:
  /// For kernels that run this plan, which has to live as long.
  explicit ScratchPool(const Plan<Real> &plan) : plan_(plan) {}

  /// Memory that was given back, the latest first, or new one.
  std::unique_ptr<Scratch<Real>> take();
  /// Gives it back.
  void give(std::unique_ptr<Scratch<Real>> scratch);

 private:
  const Plan<Real> &plan_;
  std::vector<std::unique_ptr<Scratch<Real>>> free_;
};

}  // namespace snnp
