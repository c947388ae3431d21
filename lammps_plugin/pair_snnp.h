/* -*- c++ -*- ----------------------------------------------------------
   Pair style snnp for LAMMPS. Distributed under the GNU General Public
   License, version 2, as LAMMPS is; see the file LICENSE in this folder.
------------------------------------------------------------------------- */

#ifndef LMP_PAIR_SNNP_H
#define LMP_PAIR_SNNP_H

#include "pair.h"

#include <vector>

namespace LAMMPS_NS {

/// Spline neural-network potentials: hands neighbour lists of LAMMPS to the engine and its results back.
class PairSNNP : public Pair {
 public:
  PairSNNP(class LAMMPS *);
  ~PairSNNP() override;

  void settings(int, char **) override;
  void coeff(int, char **) override;
  void init_style() override;
  double init_one(int, int) override;
  void compute(int, int) override;
  double memory_usage() override;
  void *extract_peratom(const char *, int &) override;

 private:
  struct Model;
  Model *model;  // the engine and what goes with it; null before pair_coeff

  enum class Extrapolation { WARN, STOP, IGNORE } extrapolation;
  bool mixed;                   // precision
  bool warned;                  // in this run
  std::vector<double> outside;  // by local atom, see extract_peratom

  void allocate();
  std::string read_on_all_ranks(const std::string &file);
  void evaluate();
  void tally_atom_virials(int n_atoms);
  void report_extrapolation(bool output);
  tagint lowest_id_outside();
};

}  // namespace LAMMPS_NS

#endif
