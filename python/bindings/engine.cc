#include "snnp/engine.h"

#include "bindings.h"
#include "copies.h"
#include "long_call.h"
#include "potential.h"
#include "structures.h"

namespace snnp::bindings {

namespace {

std::unique_ptr<Engine> make_engine(const EditablePotential &potential, Precision precision)
{
  const Potential copy = potential.value();
  return long_call([&] { return std::make_unique<Engine>(copy, 1, precision); });
}

py::dict evaluate(const Engine &engine, const Structures &s, int threads)
{
  const Batch batch = s.batch(engine.potential().size(), threads);
  const py::ssize_t n = s.n_atoms();
  Numbers forces = zeros({n, 3}), energies = zeros({n}), virials = zeros({n, 3, 3}), virial = zeros({6}),
          filters = zeros({n, engine.columns()}), outside = zeros({n});
  Results results;
  results.forces = forces.mutable_data();
  results.energies = energies.mutable_data();
  results.virials = virials.mutable_data();
  results.filters = filters.mutable_data();
  results.outside = outside.mutable_data();
  long_call([&] { engine.evaluate(batch.neighbors, threads, results); });
  std::copy(results.virial, results.virial + 6, virial.mutable_data());
  py::dict d;
  d["energy"] = results.energy;
  d["virial"] = virial;
  d["forces"] = forces;
  d["energies"] = energies;
  d["virials"] = virials;
  d["filters"] = filters;
  d["outside"] = outside;
  return d;
}

}  // namespace

void bind_engine(py::module_ &m)
{
  py::enum_<Precision>(m, "Precision", "How an engine computes.")
      .value("full", Precision::full, "In double.")
      .value("mixed", Precision::mixed,
             "Splines and sums over the neighbours of an atom in float; positions, distances, pair potentials, ZBL, "
             "embeddings and sums over atoms in double.");
  py::class_<Engine> engine(
      m, "Engine",
      "A potential made ready to be evaluated. It keeps a copy and cannot be changed, so any number of "
      "threads may share one.\n\n"
      "Raises Error if the potential is not complete and consistent.");
  engine.def(py::init(&make_engine), py::arg("potential"), py::arg("precision") = Precision::full)
      .def_property_readonly(
          "potential", [](const Engine &engine) { return EditablePotential(engine.potential()); },
          "A copy of the potential.")
      .def_property_readonly("cutoff", &Engine::cutoff, "Largest cutoff, Å.")
      .def("evaluate", &evaluate, py::arg("structures"), py::arg("threads") = 1,
           "Energies and their derivatives, summed over all structures where not by atom. Results depend on nothing "
           "but the potential, the structures, and the number of threads.\n\n"
           "structures: with all neighbours within `cutoff`.\n"
           "threads: number of OpenMP threads.\n"
           "Returns a dictionary: energy (eV), virial (6: xx yy zz xy xz yz; Σ r_ij ⊗ F_j, eV), forces (atoms, 3; "
           "eV/Å), energies (atoms; eV), virials (atoms, 3, 3; eV), filters (atoms, 1 + n2 + n3; Σ_j φ and G), outside "
           "(atoms; 0: inside the domain of the training data, + 1: a neighbour is closer than any in these data, "
           "+ 2: a filter value is outside their range, + 4: none there with about as many neighbours has about this "
           "energy).\n"
           "Raises Error for an element that the potential does not have, or a number of threads that makes no sense.")
      .def(py::pickle(
          [](const Engine &engine) {
            return py::make_tuple(EditablePotential(engine.potential()), engine.precision());
          },
          [](const py::tuple &state) {
            require(state.size() == 2, other_version);
            return make_engine(state[0].cast<const EditablePotential &>(), state[1].cast<Precision>());
          }));
  immutable(engine);
}

}  // namespace snnp::bindings
