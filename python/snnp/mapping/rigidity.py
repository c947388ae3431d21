"""How certain each atomic energy is: local prediction rigidity (Chong et al., J. Chem. Theory Comput. 19, 8020 (2023)).

Potentials that fit the training data as well as this one differ in atomic energies. With f the derivatives by
parameters of an atomic energy, of the energy per atom of a structure A, or of a force on it, the matrix of a fit is

    H = Σ_A ( f_A f_Aᵀ/σ_E² + ⟨f_F f_Fᵀ⟩_A/σ_F² ) + prior

with the mean over the forces of each structure: these are not independent, and neither are errors of a model. The
rigidity of an atomic energy is 1/(f_iᵀ H⁻¹ f_i), its uncertainty u_i = (f_iᵀ H⁻¹ f_i)^½, eV. The parameters are those
in which the energy is linear, see `LinearParameters`.
"""

from collections.abc import Callable, Sequence

import numpy as np
import scipy.linalg

from snnp import _core
from snnp.data import DataError, Frame
from snnp.data.neighbors import NeighborLists
from snnp.mapping.classes import sample
from snnp.mapping.parameters import LinearParameters

_ATOMS = 3000  # of the training data are looked at
# σ_E and σ_F are the errors of the fit, but at least these, eV/atom and eV/Å: with them uncertainties are of the size
# of the errors of atomic energies in fits to teachers (docs/atomic-energies.md).
_LEAST = 2e-3, 0.1
_PRIOR = 1.0  # eV: how large atomic energies are taken to be where the data do not tell
_NEVER = 0.1  # parameters that act on the training data less than this part of others count as if they acted so


class Rigidity:
    """Uncertainties of atomic energies by a potential that was fitted to `frames`.

    tick(1) after each frame; of large data some thousand atoms are looked at, evenly from all groups and compositions.
    Raises DataError if no energy and no force is known.
    """

    def __init__(
        self,
        potential: _core.Potential,
        frames: Sequence[Frame],
        threads: int = 1,
        tick: Callable[[int], None] = lambda n: None,
    ):
        self._parameters = LinearParameters(potential, threads)
        elements = [element.name for element in potential.elements]
        lists = NeighborLists(elements, potential.cutoff(), keep=True)
        chosen = sample(frames, _ATOMS)
        weight = len(frames) / len(chosen)
        errors = _errors(_core.Engine(potential), chosen, lists, threads)
        H, sizes, atoms = 0.0, 0.0, 0
        for frame in chosen:
            f, forces = self._parameters.rows(lists.of(frame.atoms))
            sizes, atoms = sizes + (f**2).sum(axis=0), atoms + len(f)
            if np.isfinite(frame.energy):
                mean = f.mean(axis=0) / errors[0]
                H = H + weight * np.outer(mean, mean)
            known = forces[np.isfinite(frame.forces)] / errors[1]
            if len(known):
                H = H + weight * known.T @ known / len(known)
            tick(1)
        scale = np.sqrt(sizes / atoms)
        self._scale = np.maximum(scale, _NEVER * np.median(scale[scale > 0]))
        prior = np.eye(len(scale)) * len(scale) / _PRIOR**2
        self._factor = scipy.linalg.cholesky(H / np.outer(self._scale, self._scale) + prior, lower=True)

    def __call__(self, structures: _core.Structures) -> np.ndarray:
        """Uncertainties u_i of the energies of atoms, (atoms,), eV."""
        f = self._parameters.energies(structures) / self._scale
        return np.linalg.norm(scipy.linalg.solve_triangular(self._factor, f.T, lower=True), axis=0)


def _errors(engine: _core.Engine, frames: Sequence[Frame], lists: NeighborLists, threads: int) -> tuple[float, float]:
    """Root mean square errors of energies per atom, eV, and of components of forces, eV/Å, in the training data."""
    energies, forces = [], []
    for frame in frames:
        out = engine.evaluate(lists.of(frame.atoms), threads)
        energies.append((out["energy"] - frame.energy) / len(frame.atoms))
        forces.append((out["forces"] - frame.forces).ravel())
    found = []
    for values, least in zip((np.array(energies), np.concatenate(forces)), _LEAST, strict=True):
        known = values[np.isfinite(values)]
        found.append(max(float(np.sqrt((known**2).mean())), least) if len(known) else np.inf)
    if np.isinf(found).all():
        raise DataError(f"{frames[0].origin}: neither energies nor forces are known; expected the data of the fit")
    return found[0], found[1]
