"""What every check has, and what it is given."""

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from enum import IntEnum
from typing import TYPE_CHECKING

from ase import Atoms

from snnp.validation.crystals import Crystal
from snnp.validation.model import Model
from snnp.validation.outcome import Outcome
from snnp.validation.references import References
from snnp.validation.relaxation import relax

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class Level(IntEnum):
    """How much is checked: `QUICK` takes seconds to a minute, `STANDARD` minutes, `FULL` up to hours."""

    QUICK = 1
    STANDARD = 2
    FULL = 3


@dataclass
class Setting:
    """What checks are given.

    crystals: those of each composition by energy, the ground state first.
    melting: the melting temperature of the material as the user states it, K; None: not known.
    """

    model: Model
    crystals: list[Crystal]
    references: References
    level: Level = Level.STANDARD
    threads: int = 1
    ranks: int = 1
    seed: int = 1
    melting: float | None = None
    melting_guesses: dict = field(default_factory=dict)  # what has been found out, by crystal
    _relaxed: dict[str, Atoms | None] = field(default_factory=dict)

    def relaxed(self, crystal: Crystal) -> Atoms | None:
        """The crystal at zero pressure with this model, its calculator attached; None: there is no such state."""
        if crystal.name not in self._relaxed:
            self._relaxed[crystal.name] = relax(crystal.atoms, self.model.calculator())
        found = self._relaxed[crystal.name]
        if found is None:
            return None
        copy = found.copy()
        copy.calc = self.model.calculator()
        return copy

    @property
    def important(self) -> list[Crystal]:
        """Crystals that the data or the user have, or else the ground states; for `FULL` all."""
        if self.level is Level.FULL:
            return self.crystals
        return [crystal for crystal in self.crystals if not crystal.guessed] or self.ground_states

    @property
    def ground_states(self) -> list[Crystal]:
        """The first crystal of each composition."""
        return list({crystal.formula: crystal for crystal in reversed(self.crystals)}.values())[::-1]


class Check(ABC):
    """One kind of question, asked of subjects such as crystals or pairs of elements.

    name: what `--only` takes. title: above its figures. level: from which on it is done. in_lammps: whether it runs
    LAMMPS.
    """

    name: str
    title: str
    level: Level
    in_lammps: bool = False

    @abstractmethod
    def subjects(self, setting: Setting) -> list[str]:
        """What it is asked of: names of crystals, pairs of elements; each is one piece of work."""

    @abstractmethod
    def run(self, setting: Setting, subject: str) -> Outcome:
        """The answer. Any failure that the potential is to blame for is a line with the verdict fail, no exception."""

    def seconds(self, setting: Setting, subject: str) -> float:
        """A guess of how long it takes, for the time left."""
        return 1.0

    def figure(self, subject: str, data: dict[str, dict]) -> "Figure | None":
        """A picture of the `Outcome.data` of one or more models (by name) on one subject; None: there is nothing."""
        return None
