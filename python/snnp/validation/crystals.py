"""Crystals that a potential is tried on: found in the data, named by the user, or the usual ones of its elements."""

from dataclasses import dataclass

from ase import Atoms
from ase.build import bulk


@dataclass(frozen=True)
class Crystal:
    """A crystal: primitive cell (not yet relaxed by the potential) and where it comes from.

    energy: of the reference at its own equilibrium, eV/atom; None: not known.
    """

    name: str  # "bcc Mo", "zincblende InP"; unique
    atoms: Atoms
    origin: str  # "data, 12 frames", "named", "prototype"
    energy: float | None = None

    @property
    def formula(self) -> str:
        """The composition, reduced: which crystals are phases of the same compound."""
        return self.atoms.symbols.formula.reduce()[0].format("hill")

    @property
    def is_element(self) -> bool:
        """Whether there is one element only."""
        return len(set(self.atoms.symbols)) == 1


def prototypes(element: str, volume: float) -> list[Crystal]:
    """The usual crystals of an element, each with this volume of an atom, Å³."""
    side = volume ** (1 / 3)
    c_over_a = (8 / 3) ** 0.5
    cells = {
        "fcc": bulk(element, "fcc", a=4 ** (1 / 3) * side),
        "bcc": bulk(element, "bcc", a=2 ** (1 / 3) * side),
        "hcp": bulk(element, "hcp", a=(4 * volume / (3**0.5 * c_over_a)) ** (1 / 3), c=None, covera=c_over_a),
        "sc": bulk(element, "sc", a=side),
        "diamond": bulk(element, "diamond", a=8 ** (1 / 3) * side),
    }
    return [Crystal(f"{name} {element}", atoms, "prototype") for name, atoms in cells.items()]
