"""What a composition should cost: known phases at rest, as the potential has them, and the convex hull over them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from ase import Atoms
from ase.formula import Formula
from ase.neighborlist import neighbor_list
from scipy.optimize import linprog

from snnp.validation.check import Setting
from snnp.validation.crystals import Crystal


@dataclass(frozen=True)
class Phase:
    """A crystal at rest: energy (eV/atom), volume of an atom (Å³), shortest distance (Å).

    known: whether it comes from the data or the user, so that nothing should be below it.
    """

    name: str
    fractions: dict[str, float]
    energy: float
    volume: float
    shortest: float
    known: bool

    @classmethod
    def of(cls, crystal: Crystal, atoms: Atoms) -> "Phase":
        """atoms: with a calculator."""
        return cls(
            crystal.name,
            fractions(crystal.formula),
            float(atoms.get_potential_energy()) / len(atoms),
            atoms.get_volume() / len(atoms),
            shortest_distance(atoms),
            not crystal.guessed,
        )


@dataclass(frozen=True)
class Mixture:
    """The most stable mixture of known phases of one composition, per atom as in `Phase`."""

    phases: list[Phase]
    energy: float
    volume: float
    shortest: float

    @property
    def name(self) -> str:
        """The phases in it."""
        return " + ".join(phase.name for phase in self.phases)

    @property
    def known(self) -> bool:
        """Whether all phases in it are known."""
        return all(phase.known for phase in self.phases)


def known_ground_states(setting: Setting) -> list[Crystal]:
    """The ground states that come from data or user; where there are none, the first of the usual crystals."""
    states = setting.ground_states
    return [crystal for crystal in states if not crystal.guessed] or states


def at_rest(setting: Setting, crystal: Crystal) -> Atoms:
    """The relaxed crystal; as it is, where there is no such state."""
    atoms = setting.relaxed(crystal)
    if atoms is None:
        atoms = crystal.atoms.copy()
        atoms.calc = setting.model.calculator()
    return atoms


def phases(setting: Setting) -> list[Phase]:
    """For each composition its ground state; where it is not known, the lowest of its usual crystals."""
    found = []
    for state in setting.ground_states:
        tried = [c for c in setting.crystals if c.formula == state.formula and c.guessed]
        crystals = tried if state.guessed else [state]
        found.append(min((Phase.of(c, at_rest(setting, c)) for c in crystals), key=lambda phase: phase.energy))
    return found


def mixture(known: Sequence[Phase], formula: str) -> Mixture | None:
    """Shares w ≥ 0 of phases with Σ w E lowest and Σ w = 1 at this composition; None: these phases cannot make it.

    A known crystal of the composition counts alone: guessed ones, as of elements that no data show, may be too low.
    """
    own = [phase for phase in known if phase.known and phase.fractions == fractions(formula)]
    known = own or known
    shares = _shares([phase.fractions for phase in known], [phase.energy for phase in known], formula)
    if shares is None:
        return None
    return Mixture(
        [phase for phase, share in zip(known, shares, strict=True) if share > 1e-6],
        *(float(shares @ [getattr(phase, name) for phase in known]) for name in ("energy", "volume", "shortest")),
    )


def is_covered(setting: Setting, formula: str) -> bool:
    """Whether the ground states can make this composition."""
    compositions = [fractions(crystal.formula) for crystal in setting.ground_states]
    return _shares(compositions, [0.0] * len(compositions), formula) is not None


def fractions(formula: str) -> dict[str, float]:
    """Share of each element."""
    counts = Formula(formula).count()
    return {element: count / sum(counts.values()) for element, count in counts.items()}


def shortest_distance(atoms: Atoms) -> float:
    """Å; periodic images included."""
    for cutoff in (4.0, 8.0, 16.0):
        distances = neighbor_list("d", atoms, cutoff)
        if len(distances):
            return float(distances.min())
    return cutoff


def _shares(compositions: Sequence[dict[str, float]], energies: Sequence[float], formula: str) -> np.ndarray | None:
    wanted = fractions(formula)
    elements = sorted({element for composition in [*compositions, wanted] for element in composition})
    matrix = [[composition.get(element, 0.0) for composition in compositions] for element in elements]
    answer = linprog(energies, A_eq=matrix, b_eq=[wanted.get(element, 0.0) for element in elements])
    return answer.x if answer.success else None
