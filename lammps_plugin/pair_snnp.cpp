/* ----------------------------------------------------------------------
   Pair style snnp for LAMMPS. Distributed under the GNU General Public
   License, version 2, as LAMMPS is; see the file LICENSE in this folder.
------------------------------------------------------------------------- */

#include "pair_snnp.h"

#include "masses.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <memory>
#include <vector>

#include <sys/stat.h>

#include "atom.h"
#include "comm.h"
#include "compute.h"
#include "domain.h"
#include "error.h"
#include "force.h"
#include "memory.h"
#include "neigh_list.h"
#include "neighbor.h"
#include "update.h"

#include "snnp/snnp.h"

using namespace LAMMPS_NS;

struct PairSNNP::Model {
  std::string file;
  snnp::Model potential;
  std::vector<int> element_of_type;  // of the potential, by atom type (from 1); -1: NULL
  std::vector<int> centers;          // atoms that are not excluded from all others
  std::vector<double> virials;       // atoms × 9; kept from step to step, so that it is rarely allocated
};

PairSNNP::PairSNNP(LAMMPS *lmp) : Pair(lmp), model(nullptr), warned(false), masses_checked(false)
{
  manybody_flag = 1;
  one_coeff = 1;
  single_enable = 0;  // the energy is no sum over pairs
  restartinfo = 0;    // the potential stays in its file
  // The engine puts the force of a distant pair on the atom whose turn it is: forces on ghost atoms are not all there.
  no_virial_fdotr_compute = 1;
  centroidstressflag = CENTROID_AVAIL;
  unit_convert_flag = utils::get_supported_conversions(utils::ENERGY) & utils::METAL2REAL;
  nextra = 2;  // what compute pair shows: atoms outside the domain of the training data, now and summed up
  pvector = new double[nextra]();
}

PairSNNP::~PairSNNP()
{
  delete model;
  delete[] pvector;
  if (!allocated) return;
  memory->destroy(setflag);
  memory->destroy(cutsq);
}

void PairSNNP::allocate()
{
  allocated = 1;
  const int n = atom->ntypes + 1;
  memory->create(setflag, n, n, "pair:setflag");
  memory->create(cutsq, n, n, "pair:cutsq");
  map = new int[n];  // freed by Pair
}

// LAMMPS calls this again for the same style, with its potential, if a deck repeats pair_style.
void PairSNNP::settings(int narg, char **arg)
{
  const Settings wanted = parse_settings(narg, arg);
  if (model && (wanted.mixed != now.mixed || wanted.e0 != now.e0))
    stop_all_ranks(model->potential.set(options_of(wanted)).message());
  now = wanted;
  start_counting();
}

PairSNNP::Settings PairSNNP::parse_settings(int narg, char **arg)
{
  Settings wanted;
  for (int k = 0; k < narg; k += 2) {
    const std::string key = arg[k], value = k + 1 < narg ? arg[k + 1] : "nothing";
    if (key == "extrapolation")
      wanted.extrapolation = static_cast<Extrapolation>(choose(key, value, {"warn", "stop", "ignore"}));
    else if (key == "precision")
      wanted.mixed = choose(key, value, {"double", "mixed"}) == 1;
    else if (key == "e0")
      wanted.e0 = choose(key, value, {"yes", "no"}) == 0;
    else
      error->all(FLERR, "Expected extrapolation, precision or e0 in pair_style snnp, found {}", key);
  }
  return wanted;
}

int PairSNNP::choose(const std::string &key, const std::string &value, const std::vector<std::string> &choices)
{
  const auto found = std::find(choices.begin(), choices.end(), value);
  if (found == choices.end())
    error->all(FLERR, "Expected one of {} after {} in pair_style snnp, found {}", utils::join_words(choices, ", "), key,
               value);
  return static_cast<int>(found - choices.begin());
}

// A program that catches an error goes on with the style as it was: nothing changes before everything is known to be right.
void PairSNNP::coeff(int narg, char **arg)
{
  check_arguments(narg, arg);
  std::unique_ptr<Model> read(new Model{});
  read->file = arg[2];
  const std::string text = read_on_all_ranks(read->file);
  stop_all_ranks(read->potential.parse(text, read->file, options_of(now)).message());
  read->element_of_type = find_elements(*read, arg + 3);

  if (!allocated) allocate();
  map_element2type(atom->ntypes, arg + 3);
  delete model;
  model = read.release();
  start_counting();
}

void PairSNNP::check_arguments(int narg, char **arg)
{
  const int n_types = atom->ntypes;
  const std::string units = update->unit_style;
  if (units != "metal" && units != "real")
    error->all(FLERR, "Pair style snnp needs units metal or real, found units {}", units);
  if (narg != 3 + n_types || strcmp(arg[0], "*") != 0 || strcmp(arg[1], "*") != 0)
    error->all(FLERR, "Expected pair_coeff * * file.snnp and an element or NULL for each of {} atom types, found {}",
               n_types, utils::join_words(std::vector<std::string>(arg, arg + narg), " "));
  if (std::all_of(arg + 3, arg + narg, [](const char *name) { return strcmp(name, "NULL") == 0; }))
    error->all(FLERR,
               "Expected an element for one atom type or more in pair_coeff of pair style snnp, found only NULL");
}

// Only the first rank touches the file system: thousands of ranks that open one file bring it to its knees.
std::string PairSNNP::read_on_all_ranks(const std::string &file)
{
  std::string text, problem;
  if (comm->me == 0) problem = read_file(file, text);
  stop_all_ranks(problem);
  int size = static_cast<int>(text.size());
  MPI_Bcast(&size, 1, MPI_INT, 0, world);
  text.resize(size);
  MPI_Bcast(text.data(), size, MPI_CHAR, 0, world);
  return text;
}

// The text of a potential file; returns what is wrong with the file, if anything.
std::string PairSNNP::read_file(const std::string &file, std::string &text)
{
  // A pipe would keep LAMMPS waiting, a device such as /dev/zero has no end.
  struct stat found;
  if (stat(file.c_str(), &found) == 0 && !S_ISREG(found.st_mode))
    return fmt::format("Potential file {} is no regular file", file);
  // this looks in the folders of LAMMPS_POTENTIALS, too
  const std::string path = utils::get_potential_file_path(file);
  if (path.empty())
    return fmt::format("Potential file {} is neither here nor in a folder of LAMMPS_POTENTIALS, or not readable", file);
  if (stat(path.c_str(), &found) == 0 && found.st_size > 512 << 20)
    return fmt::format("Potential file {} is larger than 512 MB, expected a potential file, which is smaller", file);
  // Not left to open_potential, which would take a file that claims units real as it is.
  const std::string units = utils::get_potential_units(path, "potential");
  if (!units.empty() && units != "metal")
    return fmt::format("Potential file {} claims units {}, but files of pair style snnp are in units metal", file,
                       units);
  int conversion = unit_convert_flag;
  FILE *in = utils::open_potential(file, lmp, &conversion);
  if (!in) return fmt::format("Potential file {} cannot be opened", file);
  char buffer[65536];
  for (std::size_t n; (n = fread(buffer, 1, sizeof buffer, in)) > 0;) text.append(buffer, n);
  fclose(in);
  return "";
}

std::vector<int> PairSNNP::find_elements(const Model &read, char **name_of_type)
{
  const std::vector<std::string> &known = read.potential.elements();
  std::vector<int> found(1, -1);
  for (int type = 1; type <= atom->ntypes; ++type) {
    const std::string name = name_of_type[type - 1];
    const auto at = std::find(known.begin(), known.end(), name);
    if (at == known.end() && name != "NULL")
      error->all(FLERR, "Element {} is not in potential file {}, which has {}", name, read.file,
                 utils::join_words(known, ", "));
    found.push_back(at == known.end() ? -1 : static_cast<int>(at - known.begin()));
  }
  return found;
}

snnp::Options PairSNNP::options_of(const Settings &wanted) const
{
  const int conversion = strcmp(update->unit_style, "real") == 0 ? utils::METAL2REAL : utils::NOCONVERT;
  snnp::Options options;
  options.energy_unit = utils::get_conversion_factor(utils::ENERGY, conversion);
  options.precision = wanted.mixed ? snnp::Precision::mixed : snnp::Precision::full;
  options.isolated_energies = wanted.e0;
  return options;
}

void PairSNNP::start_counting()
{
  warned = masses_checked = false;
  pvector[0] = pvector[1] = 0;
}

// Stops with the sentence of the first rank that has one. Ranks without one do not wait for those that have stopped.
void PairSNNP::stop_all_ranks(const std::string &problem)
{
  const int here = problem.empty() ? comm->nprocs : comm->me;
  int first;
  MPI_Allreduce(&here, &first, 1, MPI_INT, MPI_MIN, world);
  if (first == comm->nprocs) return;
  std::string sentence = problem;
  int size = static_cast<int>(sentence.size());
  MPI_Bcast(&size, 1, MPI_INT, first, world);
  sentence.resize(size);
  MPI_Bcast(sentence.data(), size, MPI_CHAR, first, world);
  error->all(FLERR, sentence);
}

// A type whose mass is that of another element of the file was most likely meant to be that one.
void PairSNNP::check_masses()
{
  if (masses_checked || !model || !atom->mass || comm->me != 0) return;
  masses_checked = true;
  const std::vector<std::string> &known = model->potential.elements();
  const auto distance = [](const std::string &name, double mass) {
    const auto found = element_masses().find(name);
    return found == element_masses().end() ? std::numeric_limits<double>::infinity() : std::abs(found->second - mass);
  };
  for (int type = 1; type <= atom->ntypes; ++type) {
    if (model->element_of_type[type] < 0 || !atom->mass_setflag[type]) continue;
    const double mass = atom->mass[type];
    const std::string &own = known[model->element_of_type[type]];
    const auto nearest = std::min_element(known.begin(), known.end(), [&](const auto &a, const auto &b) {
      return distance(a, mass) < distance(b, mass);
    });
    if (distance(*nearest, mass) < std::min(0.02 * mass, 0.5 * distance(own, mass)))
      error->warning(FLERR, "Atom type {} is {} for pair style snnp, but its mass of {:.6g} is that of {}", type, own,
                     mass, *nearest);
  }
}

void PairSNNP::init_style()
{
  // Forces on ghost atoms are sent home, which LAMMPS does with newton on.
  if (force->newton_pair == 0) error->all(FLERR, "Pair style snnp needs newton pair on");
  if ((offset_flag || tail_flag) && comm->me == 0)
    error->warning(FLERR,
                   "pair_modify shift and tail do nothing for pair style snnp: its energy ends at zero by itself");
  check_masses();
  neighbor->add_request(this, NeighConst::REQ_FULL);
}

// Pairs without coefficients never come here: LAMMPS stops at a type that has none.
double PairSNNP::init_one(int, int) { return model->potential.cutoff(); }

// Computes that want to hear of each pair would hear nothing, and show zero.
void PairSNNP::add_tally_callback(Compute *compute)
{
  error->all(FLERR, "Pair style snnp does not support compute {}", compute->style);
}

void PairSNNP::compute(int eflag, int vflag)
{
  ev_init(eflag, vflag);
  pvector[0] = 0;
  // one more, since fix pair takes the null pointer of a rank without atoms for an error
  outside.assign(atom->nlocal + 1, 0.0);
  if (list->inum > 0) evaluate();  // else arrays may not even be allocated
  report_extrapolation(eflag || vflag);
}

void PairSNNP::evaluate()
{
  const int n_atoms = atom->nlocal + atom->nghost;
  snnp::IndexedNeighbors neighbors;
  neighbors.n_atoms = n_atoms;
  neighbors.positions = atom->x[0];
  neighbors.types = atom->type;
  neighbors.n_types = static_cast<int>(model->element_of_type.size());
  neighbors.element_of_type = model->element_of_type.data();
  neighbors.n_centers = find_centers();
  neighbors.centers = model->centers.data();
  neighbors.counts = list->numneigh;
  neighbors.lists = list->firstneigh;
  neighbors.mask = NEIGHMASK;
  snnp::Results results;
  results.forces = atom->f[0];
  if (eflag_atom) results.energies = eatom;
  if (vflag_atom || cvflag_atom) {
    model->virials.assign(9L * n_atoms, 0.0);
    results.virials = model->virials.data();
  }
  results.with_virial = vflag_global != 0;
  results.outside = outside.data();
  const snnp::Status status = model->potential.evaluate(neighbors, comm->nthreads, results);
  if (!status.ok()) error->one(FLERR, "Pair style snnp: {}", explain(status));
  if (eflag_global) eng_vdwl += results.energy;
  if (vflag_global)
    for (int k = 0; k < 6; ++k) virial[k] += results.virial[k];
  if (results.virials) tally_atom_virials(n_atoms);
  pvector[0] = static_cast<double>(results.n_outside);
  pvector[1] += pvector[0];
}

// The message, with atoms as LAMMPS numbers them.
std::string PairSNNP::explain(const snnp::Status &status) const
{
  const int i = status.first_atom(), j = status.second_atom();
  if (i < 0 || !atom->tag_enable) return status.message();
  if (j < 0) return fmt::format("the position of atom {} is infinite or not a number", atom->tag[i]);
  return fmt::format("atoms {} and {} are at the same place", atom->tag[i], atom->tag[j]);
}

// Atoms of the neighbour list but those that LAMMPS has taken away.
int PairSNNP::find_centers()
{
  std::vector<int> &centers = model->centers;
  centers.assign(list->ilist, list->ilist + list->inum);
  if (neighbor->exclude)
    centers.erase(std::remove_if(centers.begin(), centers.end(), [this](int i) { return excluded_from_all(i); }),
                  centers.end());
  return static_cast<int>(centers.size());
}

// An atom that neigh_modify excludes from all others is in no list of neighbours, but still in that of centres. It
// contributes nothing: this is how fix gcmc and others try what the energy is without it.
bool PairSNNP::excluded_from_all(int i) const
{
  const int mask = atom->mask[i], type = atom->type[i];
  for (int m = 0; m < neighbor->nex_group; ++m)
    if ((mask & neighbor->ex1_bit[m] && neighbor->ex2_group[m] == 0) ||
        (mask & neighbor->ex2_bit[m] && neighbor->ex1_group[m] == 0))
      return true;
  if (neighbor->nex_type == 0) return false;
  const int *excluded = neighbor->ex_type[type];
  return std::all_of(excluded + 1, excluded + atom->ntypes + 1, [](int with) { return with != 0; });
}

// Components in the orders of LAMMPS: vatom, symmetric, has the first six and cvatom all nine.
void PairSNNP::tally_atom_virials(int n_atoms)
{
  static constexpr int row[9] = {0, 1, 2, 0, 0, 1, 1, 2, 2}, column[9] = {0, 1, 2, 1, 2, 2, 0, 0, 1};
  for (int i = 0; i < n_atoms; ++i) {
    const double *w = &model->virials[9L * i];
    if (vflag_atom)
      for (int k = 0; k < 6; ++k) vatom[i][k] += 0.5 * (w[3 * row[k] + column[k]] + w[3 * column[k] + row[k]]);
    if (cvflag_atom)
      for (int k = 0; k < 9; ++k) cvatom[i][k] += w[3 * row[k] + column[k]];
  }
}

// Ranks know of their own atoms only. To stop, all of them have to agree on it at every step; a warning can wait for a
// step at which they talk to each other anyway, so that it costs nothing.
void PairSNNP::report_extrapolation(bool output)
{
  const bool stop = now.extrapolation == Extrapolation::STOP;
  const bool warn = now.extrapolation == Extrapolation::WARN && !warned && (output || neighbor->ago == 0);
  if (!stop && !warn) return;
  double count = 0;
  MPI_Allreduce(&pvector[stop ? 0 : 1], &count, 1, MPI_DOUBLE, MPI_SUM, world);
  if (count == 0) return;
  if (stop)
    error->all(FLERR, "{:.0f} atoms are outside the domain of the training data of {} at step {}; the lowest ID is {}",
               count, model->file, update->ntimestep, lowest_id_outside());
  warned = true;
  if (comm->me == 0)
    error->warning(FLERR,
                   "Atoms are outside the domain of the training data of {}, {:.0f} up to step {}; compute pair counts "
                   "them and fix pair marks them; further atoms outside are not reported",
                   model->file, count, update->ntimestep);
}

tagint PairSNNP::lowest_id_outside()
{
  tagint here = MAXTAGINT, everywhere;
  for (int i = 0; i < atom->nlocal && atom->tag_enable; ++i)
    if (outside[i] > 0) here = std::min(here, atom->tag[i]);
  MPI_Allreduce(&here, &everywhere, 1, MPI_LMP_TAGINT, MPI_MIN, world);
  return everywhere;
}

// What fix pair shows: in what way each atom is outside the domain of the training data, see snnp::Results.
void *PairSNNP::extract_peratom(const char *name, int &columns)
{
  if (strcmp(name, "extrapolation") != 0) return nullptr;
  columns = 0;
  return outside.data();
}

double PairSNNP::memory_usage()
{
  const std::size_t numbers = outside.capacity() + (model ? model->virials.capacity() : 0);
  return Pair::memory_usage() + static_cast<double>(numbers * sizeof(double));
}

// Only a LAMMPS with integers of the same sizes has this function, so that no other can load this library.
static void (Domain::*const volatile of_same_sizes)(double *, imageint) = &Domain::unmap;

// What plugin.cpp looks for in this library.
extern "C" __attribute__((visibility("default"))) Pair *snnp_create_pair(LAMMPS *lmp)
{
  static_cast<void>(of_same_sizes);
  return new PairSNNP(lmp);
}
