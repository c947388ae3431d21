"""Crystals that a potential is tried on: found in the data, named by the user, or the usual ones of its elements."""

from collections.abc import Sequence
from dataclasses import dataclass

from ase import Atoms

from snnp.validation.model import Model
from snnp.validation.naming import formula, prototype
from snnp.validation.prototypes import parse_crystal, usual_crystals
from snnp.validation.relaxation import relax
from snnp.validation.series import Series

PROTOTYPE = "prototype"  # the origin of a usual crystal


@dataclass(frozen=True)
class Crystal:
    """A crystal: primitive cell (not yet relaxed by the potential) and where it comes from.

    energy: of the reference at its own equilibrium, eV/atom; None: not known.
    """

    name: str  # "bcc Mo", "zincblende InP"; unique
    atoms: Atoms
    origin: str  # "data, 12 frames", "named", or `PROTOTYPE`
    energy: float | None = None

    @property
    def formula(self) -> str:
        """The composition, reduced: which crystals are phases of the same compound."""
        return self.atoms.symbols.formula.reduce()[0].format("hill")

    @property
    def guessed(self) -> bool:
        """Whether neither the data nor the user has it: it is one of the usual crystals."""
        return self.origin == PROTOTYPE

    @property
    def is_element(self) -> bool:
        """Whether there is one element only."""
        return len(set(self.atoms.symbols)) == 1


def find_crystals(model: Model, series: Sequence[Series] = (), named: Sequence[str] = ()) -> list[Crystal]:
    """All crystals to try, of each composition the ground state first, with the usual ones of elements.

    series: what `find_series` finds in the data. named: see `parse_crystal`; these go before those of the data.
    Raises ValueError with one sentence for a name that means nothing, and if there is no crystal at all.
    """
    found = {one.name: Crystal(one.name, one.atoms, _origin(one), one.energy) for one in series if one.is_at_rest}
    for text in named:
        atoms = parse_crystal(text, model.elements)
        name = f"{prototype(atoms)} {formula(atoms)}"
        energy = found[name].energy if name in found else None
        found[name] = Crystal(name, atoms, "named", energy)
    known = {crystal.formula for crystal in found.values()}
    for element in model.elements:
        # An element of which nothing is known, beside compounds that are, only bounds their energies.
        usual = usual_crystals(element, model)[: None if element in known or not known else 1]
        found = {name: Crystal(name, atoms, PROTOTYPE) for name, atoms in usual} | found
    if not found:
        raise ValueError(f"no crystal of {' '.join(model.elements)} is held together by {model.name}")
    return _ordered(list(found.values()), model)


def _origin(series: Series) -> str:
    count = len(series.samples)
    return f"data, {count} frame{'s' if count > 1 else ''}"


def _ordered(crystals: list[Crystal], model: Model) -> list[Crystal]:
    """By composition, elements first; then by energy of the reference, and of the potential where that is not known.

    Crystals that nobody has named come last.
    """

    def rank(crystal: Crystal) -> tuple:
        known = crystal.energy
        value = energy(crystal) if known is None else known
        return (not crystal.is_element, crystal.formula, known is None, crystal.guessed, value)

    def energy(crystal: Crystal) -> float:
        relaxed = relax(crystal.atoms, model.calculator())
        return float("inf") if relaxed is None else relaxed.get_potential_energy() / len(relaxed)

    return sorted(crystals, key=rank)
