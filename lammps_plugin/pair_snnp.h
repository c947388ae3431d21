/* -*- c++ -*- ----------------------------------------------------------
   Pair style snnp for LAMMPS. Distributed under the GNU General Public
   License, version 2, as LAMMPS is; see the file LICENSE in this folder.
------------------------------------------------------------------------- */

#ifndef LMP_PAIR_SNNP_H
#define LMP_PAIR_SNNP_H

#include "pair.h"

#include <vector>

namespace snnp {
struct Options;
class Status;
}  // namespace snnp

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
  void add_tally_callback(class Compute *) override;

 private:
  struct Model;
  Model *model;  // the engine and what goes with it; null before pair_coeff

  enum class Extrapolation { WARN, STOP, IGNORE };
  struct Settings {
    Extrapolation extrapolation = Extrapolation::WARN;
    bool mixed = false;  // precision
    bool e0 = true;      // whether an isolated atom has the energy e0 of the potential file
  } now;
  bool warned;                  // since pair_style or pair_coeff
  bool masses_checked;          // alike
  std::vector<double> outside;  // by local atom, see extract_peratom

  void allocate();
  Settings parse_settings(int, char **);
  int choose(const std::string &, const std::string &, const std::vector<std::string> &);
  void check_arguments(int, char **);
  std::string read_on_all_ranks(const std::string &);
  std::string read_file(const std::string &, std::string &);
  std::vector<int> find_elements(const Model &, char **);
  snnp::Options options_of(const Settings &) const;
  void start_counting();
  void check_masses();
  void stop_all_ranks(const std::string &);
  void evaluate();
  std::string explain(const snnp::Status &) const;
  int find_centers();
  bool excluded_from_all(int) const;
  void tally_atom_virials(int);
  void report_extrapolation(bool);
  tagint lowest_id_outside();
};

}  // namespace LAMMPS_NS

#endif
