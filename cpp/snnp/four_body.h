// Four-body terms: a polynomial of third order in sums over the neighbours of an atom, which is the same however the
// neighbourhood is turned (R. Drautz, Phys. Rev. B 99, 014104 (2019): the atomic cluster expansion).
//
//   E4   = S tanh(c·B / S)
//   B    = Σ_{m m' m''} ⟨Y_lm Y_l'm' Y_l''m''⟩ A_αlm A_α'l'm' A_α''l''m''     one for each l l' l'' and α α' α''
//   A_αlm = Σ_j w_kβ(j) R_n(r_ij) Y_lm(r̂_ij)                                  channel α = k · radial + n
//   R_n(r) = T_n(x) (1 − u²/r_c²)²,   x linear in 1/(1 + 2 u/r_c), from 1 at the smallest u to −1 at the cutoff r_c
//   u(r) = r,   but below `outer`   u = (inner + outer)/2 + (outer − inner) (τ³ − τ⁴/2),   τ = (r − inner)/(outer − inner)
//
// with Chebyshev polynomials T_n, harmonics Y of harmonics.h, and the mean over all directions ⟨…⟩. Below `inner` u is
// constant: what is closer than any atom in the data acts as if it were as close as these.
#pragma once

#include <string>
#include <vector>

namespace snnp {

/// The four-body terms of atoms of one element.
struct FourBody {
  int degree = 0, radial = 0, mixtures = 0;  ///< largest l; numbers of R_n and of w_k; radial = 0: there are none
  double inner = 0, outer = 0, cutoff = 0;   ///< see above; cutoff: r_c; Å
  double bound = 0;                          ///< S, eV
  std::vector<double> weights;               ///< w, mixtures × elements of neighbours
  std::vector<double> coefficients;          ///< c, eV, in the order of `couplings`

  /// Whether there are none.
  bool empty() const { return radial == 0; }
  /// Number of channels.
  int channels() const { return radial * mixtures; }
};

/// Largest numbers of radial functions and of channels.
constexpr int most_radial = 8, most_channels = 12;

/// The B of one l l' l''.
struct Coupling {
  int degrees[3];  ///< l ≤ l' ≤ l''
  /// A mean ⟨Y Y' Y''⟩ that is not 0, and which harmonics it is of, among those of their l.
  struct Mean {
    int first, second, third;
    double value;
  };
  std::vector<Mean> means;
  /// Two channels, and the channels of the third sum: all from one on.
  struct Channels {
    int first, second, from;
  };
  std::vector<Channels> channels;
};

/// All B, in the order of coefficients: l l' l'' in rising order with l'' ≤ degree, whose sum is even and of which none
/// is larger than both others together; channels in rising order, where l are equal without those that are the same B.
std::vector<Coupling> couplings(int degree, int channels);

/// Number of B.
int four_body_count(int degree, int channels);

/// Throws ItemError if a rule is broken. elements: their number; item: what they are called.
void check_four_body(const FourBody &terms, int elements, const std::string &item);

}  // namespace snnp
