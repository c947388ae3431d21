/* ----------------------------------------------------------------------
   Pair style snnp for LAMMPS. Distributed under the GNU General Public
   License, version 2, as LAMMPS is; see the file LICENSE in this folder.
------------------------------------------------------------------------- */

#include "pair_snnp.h"

#include <algorithm>
#include <cstring>
#include <new>
#include <vector>

#include "atom.h"
#include "comm.h"
#include "error.h"
#include "force.h"
#include "memory.h"
#include "neigh_list.h"
#include "neighbor.h"
#include "update.h"

#include "snnp/engine.h"
#include "snnp/error.h"
#include "snnp/neighbors.h"
#include "snnp/potential_file.h"

using namespace LAMMPS_NS;

struct PairSNNP::Model {
  std::string file;
  snnp::Engine engine;
  bool single;                       // all types are the first element of the potential
  std::vector<int> element_of_type;  // of the potential, by atom type (from 1); -1: NULL
  std::vector<double> virials;       // atoms × 9; kept from step to step, so that it is rarely allocated
};

namespace {

std::vector<std::string> names(const snnp::Potential &potential)
{
  std::vector<std::string> all;
  for (const snnp::Element &element : potential.elements) all.push_back(element.name);
  return all;
}

}  // namespace

PairSNNP::PairSNNP(LAMMPS *lmp)
    : Pair(lmp), model(nullptr), extrapolation(Extrapolation::WARN), mixed(false), warned(false)
{
  manybody_flag = 1;
  one_coeff = 1;
  single_enable = 0;  // the energy is no sum over pairs
  restartinfo = 0;    // the potential stays in its file
  // The engine puts the force of a distant pair on the atom whose turn it is: forces on ghost atoms are not all there.
  no_virial_fdotr_compute = 1;
  centroidstressflag = CENTROID_AVAIL;
  unit_convert_flag = utils::get_supported_conversions(utils::ENERGY) & utils::METAL2REAL;
  nextra = 2;  // what compute pair shows: atoms outside the domain of the training data, now and since the run began
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

void PairSNNP::settings(int narg, char **arg)
{
  extrapolation = Extrapolation::WARN;
  mixed = false;
  for (int k = 0; k < narg; k += 2) {
    const std::string key = arg[k], value = k + 1 < narg ? arg[k + 1] : "nothing";
    if (key == "extrapolation") {
      if (value == "warn")
        extrapolation = Extrapolation::WARN;
      else if (value == "stop")
        extrapolation = Extrapolation::STOP;
      else if (value == "ignore")
        extrapolation = Extrapolation::IGNORE;
      else
        error->all(FLERR, "Expected warn, stop or ignore after extrapolation in pair_style snnp, found {}", value);
    } else if (key == "precision") {
      if (value != "double" && value != "mixed")
        error->all(FLERR, "Expected double or mixed after precision in pair_style snnp, found {}", value);
      mixed = value == "mixed";
    } else
      error->all(FLERR, "Expected extrapolation or precision in pair_style snnp, found {}", key);
  }
}

void PairSNNP::coeff(int narg, char **arg)
{
  const int n_types = atom->ntypes;
  const std::string units = update->unit_style;
  if (units != "metal" && units != "real")
    error->all(FLERR, "Pair style snnp needs units metal or real, found units {}", units);
  if (narg != 3 + n_types || strcmp(arg[0], "*") != 0 || strcmp(arg[1], "*") != 0)
    error->all(FLERR, "Expected pair_coeff * * file.snnp and an element or NULL for each of {} atom types, found {}",
               n_types, utils::join_words(std::vector<std::string>(arg, arg + narg), " "));

  if (!allocated) allocate();
  map_element2type(n_types, arg + 3);

  const std::string file = arg[2], text = read_on_all_ranks(file);
  const int conversion = units == "real" ? utils::METAL2REAL : utils::NOCONVERT;
  const double unit = utils::get_conversion_factor(utils::ENERGY, conversion);
  try {
    const snnp::Precision precision = mixed ? snnp::Precision::mixed : snnp::Precision::full;
    Model *read = new Model{file, snnp::Engine(snnp::parse_potential(text, file), unit, precision), false, {}, {}};
    delete model;
    model = read;
  } catch (const snnp::Error &e) {
    error->all(FLERR, e.what());
  } catch (const std::bad_alloc &) {
    error->all(FLERR, "Not enough memory for potential file {}", file);
  }

  const std::vector<std::string> known = names(model->engine.potential());
  model->element_of_type.assign(n_types + 1, -1);
  for (int type = 1; type <= n_types; ++type) {
    if (map[type] < 0) continue;
    const std::string name = elements[map[type]];
    const auto found = std::find(known.begin(), known.end(), name);
    if (found == known.end())
      error->all(FLERR, "Element {} is not in potential file {}, which has {}", name, file,
                 utils::join_words(known, ", "));
    model->element_of_type[type] = static_cast<int>(found - known.begin());
  }
  const auto first = model->element_of_type.begin() + 1;
  model->single = std::all_of(first, model->element_of_type.end(), [](int element) { return element == 0; });
}

// Only the first rank touches the file system: thousands of ranks that open one file bring it to its knees.
std::string PairSNNP::read_on_all_ranks(const std::string &file)
{
  std::string text;
  int size = -1;
  // this looks in the folders of LAMMPS_POTENTIALS, too
  const std::string path = comm->me == 0 ? utils::get_potential_file_path(file) : "";
  if (!path.empty()) {
    // Not left to open_potential, which would take a file that claims units real as it is.
    const std::string units = utils::get_potential_units(path, "potential");
    if (!units.empty() && units != "metal")
      error->one(FLERR, "Potential file {} claims units {}, but files of pair style snnp are in units metal", file,
                 units);
    int conversion = unit_convert_flag;
    if (FILE *in = utils::open_potential(file, lmp, &conversion)) {
      char buffer[65536];
      for (std::size_t n; (n = fread(buffer, 1, sizeof buffer, in)) > 0;) text.append(buffer, n);
      fclose(in);
      size = static_cast<int>(text.size());
    }
  }
  MPI_Bcast(&size, 1, MPI_INT, 0, world);
  if (size < 0)
    error->all(FLERR, "Potential file {} is neither here nor in a folder of LAMMPS_POTENTIALS, or not readable", file);
  text.resize(size);
  MPI_Bcast(text.data(), size, MPI_CHAR, 0, world);
  return text;
}

void PairSNNP::init_style()
{
  // Forces on ghost atoms are sent home, which LAMMPS does with newton on.
  if (force->newton_pair == 0) error->all(FLERR, "Pair style snnp needs newton pair on");
  neighbor->add_request(this, NeighConst::REQ_FULL);
  warned = false;
  pvector[0] = pvector[1] = 0;
}

// Pairs without coefficients never come here: LAMMPS stops at a type that has none.
double PairSNNP::init_one(int, int) { return model->engine.cutoff(); }

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
  const int *element_of_type = model->element_of_type.data();
  const snnp::IndexedNeighbors neighbors{list->inum, list->ilist, list->numneigh,  list->firstneigh, NEIGHMASK,
                                         atom->x[0], atom->type,  element_of_type, model->single};
  snnp::Results results;
  try {
    results.forces = atom->f[0];
    if (eflag_atom) results.energies = eatom;
    if (vflag_atom || cvflag_atom) {
      model->virials.assign(9L * n_atoms, 0.0);
      results.virials = model->virials.data();
    }
    results.with_virial = vflag_global != 0;
    results.outside = outside.data();
    model->engine.evaluate(neighbors, list->inum, n_atoms, comm->nthreads, results);
  } catch (const snnp::Error &e) {
    error->one(FLERR, e.what());
  } catch (const std::bad_alloc &) {
    error->one(FLERR, "Not enough memory for pair style snnp with {} atoms and {} threads", n_atoms, comm->nthreads);
  }
  if (eflag_global) eng_vdwl += results.energy;
  if (vflag_global)
    for (int k = 0; k < 6; ++k) virial[k] += results.virial[k];
  if (results.virials) tally_atom_virials(n_atoms);
  pvector[0] = static_cast<double>(results.n_outside);
  pvector[1] += pvector[0];
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
  const bool stop = extrapolation == Extrapolation::STOP;
  const bool warn = extrapolation == Extrapolation::WARN && !warned && (output || neighbor->ago == 0);
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
                   "them and fix pair marks them, this run is not warned again",
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

// What fix pair shows: in what way each atom is outside the domain of the training data, see snnp::Domain.
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
