// The repulsion of nuclei at short distances, switched off where the fitted splines take over.
#pragma once

namespace snnp {

/// ½ ZBL(r) s(r) is added to both atoms of a pair. ZBL is the universal potential of Ziegler, Biersack and Littmark
/// (The Stopping and Range of Ions in Solids, 1985); s falls from 1 at `inner` to 0 at `outer` as
/// 1 − 10 x³ + 15 x⁴ − 6 x⁵, x = (r − inner)/(outer − inner), with two continuous derivatives.
class Zbl {
 public:
  Zbl() = default;
  /// Of atomic numbers Z1 and Z2, with 0 < inner < outer, Å; or both 0 for none.
  Zbl(int Z1, int Z2, double inner, double outer);

  double outer() const { return outer_; }  ///< Å; 0: there is no such repulsion
  /// Energy of the pair at r < outer, eV; its derivative goes to `slope`, eV/Å.
  double operator()(double r, double &slope) const;

 private:
  double strength_ = 0, length_ = 1, inner_ = 0, outer_ = 0;
};

}  // namespace snnp
