// Energies, forces and virials of snnp potentials for programs in C++17: the whole public interface, and its manual.
//
//     snnp::Model model;
//     snnp::Status status = model.read("Si.snnp");
//     if (!status.ok()) stop(status.message());
//     …
//     snnp::Results results;
//     results.forces = forces.data();  // n_atoms × 3, zero at first
//     status = model.evaluate(neighbors, threads, results);
//
// In CMake: find_package(snnp REQUIRED), then target_link_libraries(… snnp::engine). examples/04_cpp is a whole program.
//
// WHAT IS COMPUTED. The energy of atom i of element α with neighbours j, k of elements β, γ is
//
//     E_i = e0_α + ½ Σ_j [ φ_αβ(r_ij) + ZBL_αβ(r_ij) s(r_ij) ] + a_α·G_i + [N_α(G_i) − N_α(0)]
//           + [U_α(d_α·G_i) − U_α(0)] + Σ_{j<k} V_αβγ(r_ij, r_ik, r_jk) + E4_i
//     G_i = ( Σ_j ρ_m(r_ij), m = 1…n2 ;  Σ_{j<k} f_m(r_ij) f_m(r_ik) g_m(cos θ_jik), m = 1…n3 )
//
// with the splines φ, ρ, f, g, U, tensors of splines V, networks N, four-body terms E4 and numbers of a potential file
// (docs/potential_file.md) and the universal repulsion ZBL of Ziegler, Biersack and Littmark (1985). With
// r_ij = r_j − r_i and E = Σ_i E_i over all atoms,
//
//     force on atom k    F_k = −∂E/∂r_k
//     virial             W = −Σ_i Σ_j r_ij ⊗ ∂E_i/∂r_ij = −∂E/∂ε for a strain ε that moves r to (1 + ε) r
//     pressure           p = [W_xx + W_yy + W_zz] / (3 volume), without the kinetic part
//
// UNITS. Å and eV, so eV/Å for forces; Options::energy_unit asks for another unit of energy.
//
// ERRORS. No function throws. Those that can fail return a Status, whose message is one sentence for the user; the model
// then is as it was before. Arguments are checked first, and if one is wrong nothing is written. If memory runs out later,
// or two atoms turn out to be at the same place, arrays of Results may hold a part of the sums, or NaN.
//
// THREADS. A call uses as many OpenMP threads as it is told to. Any number of threads of the caller may call `evaluate` of
// one model at the same time, each with Results of its own. `read`, `parse` and `set` change the model and need it for
// themselves. Sums are done in an order that depends on nothing but the number of threads, so that the same call gives
// the same bits again, if arrays of Results began with the same numbers.
//
// LIFETIME. All arrays belong to the caller and are used during the call only. A model keeps copies of what it needs.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace snnp {

/// Whether a call has done what it should, and if not, why.
class [[nodiscard]] Status {
 public:
  /// Success.
  Status() = default;
  /// Failure, for the reason that this sentence gives; `first` and `second` are the atoms that it is about.
  explicit Status(std::string message, int first = -1, int second = -1)
      : message_(std::move(message)), first_(first), second_(second)
  {
  }

  /// True after success.
  bool ok() const { return message_.empty(); }
  /// One sentence for the user: what is wrong, where, and what was expected; empty after success.
  const std::string &message() const { return message_; }
  /// Index of the atom that the message is about, for programs that number atoms in another way; −1: there is none.
  int first_atom() const { return first_; }
  /// Index of the other atom, if it is about two; −1: there is none.
  int second_atom() const { return second_; }

 private:
  std::string message_;
  int first_ = -1, second_ = -1;
};

/// In which precision a model computes.
enum class Precision {
  full,   ///< all in double: results are those of the formulas to rounding
  mixed,  ///< splines and sums over the neighbours of an atom in float; positions, distances, φ, ZBL, embeddings and
          ///< sums over atoms in double. About two thirds of the time; forces differ by some 1e-6 eV/Å
};

/// How results are wanted.
struct Options {
  double energy_unit = 1;  ///< what 1 eV is in the unit of energy of all results, e.g. 23.06 for kcal/mol
  Precision precision = Precision::full;  ///< see there
  bool isolated_energies = true;          ///< whether energies include e0; if not, an isolated atom has the energy 0
};

/// Neighbour lists that name atoms by their index in one array of positions, as MD programs have them. An image of an
/// atom in another periodic cell is an atom of its own (a ghost) and has an index of its own.
///
/// Lists are full: each pair is in the lists of both atoms. They hold all atoms within Model::cutoff, and may hold
/// others beyond it. Every atom in the list of a centre is a centre of this or of another call (of another process,
/// say), or an image of one, and has the centre or an image of it in its own list: only then are the sums of forces
/// over all calls, with those on ghosts added to the atoms that they are images of, the forces of the energy.
struct IndexedNeighbors {
  int n_atoms = 0;                       ///< number of atoms, ghosts included
  const double *positions = nullptr;     ///< n_atoms × 3, Å
  const int *types = nullptr;            ///< n_atoms: a number from 0 to n_types − 1 for each
  int n_types = 0;                       ///< length of element_of_type
  const int *element_of_type = nullptr;  ///< n_types: index in Model::elements; negative: the model ignores such atoms
  int n_centers = 0;                     ///< number of atoms whose energy is asked for
  const int *centers = nullptr;          ///< n_centers: their indices
  const int *counts = nullptr;           ///< n_atoms: length of the list of each atom; read for centres only
  const int *const *lists = nullptr;     ///< n_atoms: indices of the neighbours of each atom; read for centres only
  int mask = -1;  ///< an index in a list is taken `& mask`, for programs that keep flags in high bits
};

/// Neighbour lists that give the vector to each neighbour, so that images need no atoms of their own. All atoms are
/// centres. Lists are full: each pair is in the lists of both atoms. They hold all neighbours within Model::cutoff,
/// images of the atom itself included, and may hold others beyond it.
struct VectorNeighbors {
  int n_atoms = 0;                          ///< number of atoms
  const std::ptrdiff_t *offsets = nullptr;  ///< n_atoms + 1: the list of atom i is offsets[i] … offsets[i + 1] − 1
  const int *indices = nullptr;             ///< for each neighbour: the atom that it is, or is an image of
  const double *vectors = nullptr;          ///< neighbours × 3: r_j − r_i, Å
  const int *elements = nullptr;  ///< n_atoms: index in Model::elements; negative: the model ignores this atom
};

/// What `evaluate` gives. Numbers are set. Arrays are of the caller, who sets the pointers of those that are wanted;
/// they are added to, so that one may sum over models. n_atoms is that of the neighbour lists.
struct Results {
  double energy = 0;           ///< Σ E_i over the centres, eV
  double virial[6] = {};       ///< W of the centres' E_i in the order xx yy zz xy xz yz, eV
  long n_outside = 0;          ///< number of centres outside the domain of the training data
  bool with_virial = true;     ///< whether `virial` is wanted; without it a call is a little faster
  double *forces = nullptr;    ///< n_atoms × 3, eV/Å
  double *energies = nullptr;  ///< n_atoms: E_i, eV
  double *virials = nullptr;   ///< n_atoms × 9, eV: for atom j, −Σ_i r_ij ⊗ ∂E_i/∂r_ij in the order xx xy xz yx … zz
  double *filters = nullptr;   ///< n_atoms × (1 + n2 + n3), see Model::filters: Σ_j φ(r_ij), always in eV, and G_i
  double *outside =
      nullptr;  ///< n_atoms, set for centres: 0 inside the domain of the training data; + 1 if a neighbour is
                ///< closer than any in these data, + 2 if a filter value is outside their range,
                ///< + 4 if none of about as many neighbours has about this energy there
};

/// A potential, ready to be evaluated.
class Model {
 public:
  /// Without a potential.
  Model();
  ~Model();
  Model(Model &&) noexcept;
  Model &operator=(Model &&) noexcept;

  /// Reads a potential file. Fails with "file:line: found …, expected …" if it is not one, or with an unknown name in
  /// the environment variable SNNP_ISA, which chooses the instruction set of the kernels.
  Status read(const std::string &path, const Options &options = {});
  /// The same for the text of a potential file; `name` stands for the path in messages.
  Status parse(const std::string &text, const std::string &name, const Options &options = {});
  /// Other options for the same potential.
  Status set(const Options &options);

  /// Chemical symbols of the elements, in the order of the potential file; none before `read` or `parse`.
  const std::vector<std::string> &elements() const;
  /// Largest distance at which atoms interact, Å; 0 before `read` or `parse`.
  double cutoff() const;
  /// Numbers for each atom in Results::filters: 1 + n2 + n3; 0 before `read` or `parse`.
  int filters() const;

  /// Energies of all centres and their derivatives, with `threads` OpenMP threads (1 or more).
  ///
  /// Checked are all arguments but the indices in the lists, for which see `check`.
  Status evaluate(const IndexedNeighbors &neighbors, int threads, Results &results) const;
  Status evaluate(const VectorNeighbors &neighbors, int threads, Results &results) const;

  /// Whether neighbour lists are fit for `evaluate`, every index in them included. Takes as long as reading all of
  /// them, so it is not done at each call: for programs in the making, and for lists from unknown sources.
  Status check(const IndexedNeighbors &neighbors) const;
  Status check(const VectorNeighbors &neighbors) const;

 private:
  struct Contents;
  std::unique_ptr<const Contents> contents_;
};

}  // namespace snnp
