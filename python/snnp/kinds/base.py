"""What every kind of model has: a section of the configuration, and the methods of `Kind`."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar

import numpy as np
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, Strict, model_validator
from pydantic_core import PydanticCustomError

from snnp.data.combinations import distant_pairs, listed
from snnp.data.distances import Distances
from snnp.models.pinned import check_reach, given_files, pinned_pairs
from snnp.models.shape import Shape, unordered_pairs

if TYPE_CHECKING:
    from snnp import _core
    from snnp.analysis.curves import Curve
    from snnp.fitting.task import Task

# Neighbours that an atom has within the cutoffs on average, if the configuration leaves them open: about two shells for
# three-body terms and four for pairs.
_THREE_BODY_NEIGHBORS, _PAIR_NEIGHBORS = 24, 48
# A step of training takes the time of so many atoms for the optimiser and all else that is not done for each atom.
_STEP = 100


class ConfigError(ValueError):
    """A configuration that cannot be used; the text names the key."""


class Section(BaseModel):
    """A section of the configuration: unknown keys are refused, and so are words and truth values for numbers."""

    model_config = ConfigDict(extra="forbid", validate_default=True, strict=True, allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _may_be_empty(cls, content):
        """A section of which all keys are commented out."""
        return {} if content is None else content


def _file_name(value):
    if isinstance(value, str) and (not value.strip() or "\0" in value):
        raise PydanticCustomError("file_name", "expected the name of a file")
    return value


def some_of(names: Sequence[str]) -> BeforeValidator:
    """Takes true for all of the names, false for none, or a list of some."""

    def some(given):
        if isinstance(given, bool):
            return list(names) if given else []
        if isinstance(given, list | tuple) and all(part in names for part in given):
            return [name for name in names if name in given]
        raise PydanticCustomError("some", f"expected true, false, or a list of {', '.join(names)}")

    return BeforeValidator(some)


FileName = Annotated[Path, Strict(False), BeforeValidator(_file_name)]

# Larger numbers are mistakes and would take all memory.
Cutoff = Annotated[float, Field(gt=0, le=30)]  # Å
Knots = Annotated[int, Field(ge=4, le=200)]  # of a spline


class ZblConfig(Section):
    """ZBL repulsion, switched off between two radii, in parts of the distance that each pair does not come below."""

    enabled: bool = True
    inner: float = Field(0.8, gt=0, lt=1, description="full ZBL below this, relative to that distance")
    outer: float = Field(1.0, gt=0, le=1, description="no ZBL above this, relative to that distance")

    @model_validator(mode="after")
    def _fades_out(self):
        if self.inner >= self.outer:
            raise PydanticCustomError("radii", "expected inner below outer")
        return self


class PinnedConfig(Section):
    """Functions of another potential, which stay as they are; null: they are fitted."""

    phi: FileName | dict[str, FileName] | None = Field(
        None, description="a potential, whose φ its pairs of elements have, or a table of one, or files by pair"
    )


class ModelSection(Section):
    """Section `model` of the configuration: what all kinds have. Distances in Å, energies in eV."""

    kind: str
    pair_cutoff: Cutoff | None = Field(None, description="of φ; auto: from the density of the data")
    zbl: ZblConfig = ZblConfig()
    e0: dict[str, Annotated[float, Field(ge=-1e7, le=1e7)]] = Field(
        {}, description="energies of isolated atoms, eV; others are fitted"
    )
    pinned: PinnedConfig = PinnedConfig()

    @property
    def files(self) -> list[Path]:
        """Files that are read."""
        return given_files(self.pinned.phi)

    @property
    def decided(self) -> frozenset[str]:
        """Keys that the content of `files` decides."""
        return frozenset()

    def beside(self, folder: Path) -> "ModelSection":
        """The same with relative paths of `files` taken from a folder."""
        given = self.pinned.phi
        if not given:
            return self
        by_pair = isinstance(given, dict)
        there = {pair: folder / file for pair, file in given.items()} if by_pair else folder / given
        return self.model_copy(update={"pinned": PinnedConfig(phi=there)})


@dataclass(frozen=True)
class Budget:
    """What training on mini-batches may take: steps that grow with the data."""

    steps: int
    """However few the data are."""
    passes: int
    """Through the training frames, if these are more steps."""
    work: float
    """Atoms in all steps together, a step counting as 100 atoms more: large data have fewer steps, at least `least`."""
    least: int = 1000

    def steps_for(self, batch: int, frames: int, atoms: float) -> int:
        """The number of steps. batch: frames of a step. frames: that one pass takes. atoms: of a step, on average."""
        wanted = max(self.steps, self.passes * frames / batch)
        affordable = max(self.work / (atoms + _STEP), self.least)
        return round(min(wanted, affordable))


class Kind(ABC):
    """A kind of model. Its module holds all that makes it what it is; `snnp.kinds.KINDS` lists all of them."""

    name: ClassVar[str]
    """Value of `model.kind`."""
    config: ClassVar[type[ModelSection]]
    """Section `model` of the configuration."""
    training_keys: ClassVar[frozenset[str]] = frozenset({"seed", "threads"})
    """Keys of section `training` that mean something for this kind."""
    steps: ClassVar[int | None] = None
    """Default of `training.steps`."""
    efforts: ClassVar[dict[str, dict[str, object]]] = {}
    """By value of `training.effort`: keys, with their section and a dot, that it decides where they are left open."""
    budgets: ClassVar[dict[str, Budget]] = {}
    """By value of `training.effort`: what decides `training.steps` where they are left open; empty: `steps`."""
    keeps_lists: ClassVar[bool] = True
    """Whether the fit holds the neighbour lists of all frames in memory, and does not read them as a stream."""
    explains_stress: ClassVar[bool] = False
    """Whether its linear form is good enough to check the labels of stresses with."""

    def cutoffs(self, config: ModelSection) -> dict[str, float]:
        """All cutoffs of a complete configuration by key, Å."""
        return {key: value for key, value in config if key.endswith("_cutoff")}

    @abstractmethod
    def complete(self, config: ModelSection, distances: Distances) -> ModelSection:
        """The configuration with nothing left open."""

    def alternatives(self, config: ModelSection, distances: Distances, effort: str) -> list[ModelSection]:
        """Configurations with nothing left open, the cheapest first: the data decide among them."""
        return [self.complete(config, distances)]

    @abstractmethod
    def shape(self, config: ModelSection, distances: Distances) -> Shape:
        """The size of the model, from a complete configuration."""

    @abstractmethod
    def describe(self, config: ModelSection, shape: Shape) -> str:
        """The terms of the model with their cutoffs, for the log."""

    def remarks(self, config: ModelSection, distances: Distances) -> list[str]:
        """What the data do not show of how elements meet, and what determines it; a sentence each, for the log."""
        found = [(distant_pairs(distances, like), self.beyond_pairs(config, like)) for like in (True, False)]
        return [
            f"pairs seen from a distance only: {listed(pairs, 'Å')}; below it, {fate}" for pairs, fate in found if pairs
        ]

    def beyond_pairs(self, config: ModelSection, like: bool) -> str:
        """What a pair of atoms, of one element or of two, feels at distances that the data do not show."""
        return "φ goes on as it is smoothest, and ends in the ZBL repulsion"

    @abstractmethod
    def fit(self, task: "Task") -> tuple["_core.Potential", "Curve"]:
        """Fits the model to the data of a task; what was tried on the way as a curve."""


def pair_cutoff(config: ModelSection, distances: Distances) -> float:
    """The cutoff of φ, Å."""
    return config.pair_cutoff or distances.radius(_PAIR_NEIGHBORS)


def three_body_cutoff(given: float | None, distances: Distances, pair: float) -> float:
    """The cutoff of three-body terms, Å: as given, or from the data, but no longer than that of pairs."""
    return given or min(distances.radius(_THREE_BODY_NEIGHBORS), pair)


def by_ordered_pair(distances: Distances, cutoff: float, knots: int, shared: bool = False) -> list[np.ndarray]:
    """Evenly spaced knots (n,) from where each ordered pair of elements (centre × neighbour) begins to a cutoff, Å.

    shared: the same for all pairs, from where the closest begins, as dense as they would be on average.
    """
    E, first = len(distances.elements), distances.first_knots()
    if shared:
        return [common_knots(min(distances.core_radii()), np.mean(first), cutoff, knots)] * E**2
    table = np.zeros((E, E))
    table[np.triu_indices(E)] = first
    table = np.maximum(table, table.T)
    return [np.linspace(table[a, b], cutoff, knots) for a in range(E) for b in range(E)]


def common_knots(closest: float, mean: float, cutoff: float, knots: int) -> np.ndarray:
    """Evenly spaced knots (n,) from where the closest pair begins, n such that they are as dense as `knots` of them
    from where pairs begin on average; all in one unit of length."""
    intervals = round((knots - 1) * (cutoff - closest) / (cutoff - mean))
    return np.linspace(closest, cutoff, max(intervals, knots - 1) + 1)


def common_shape(config: ModelSection, distances: Distances, pair_knots: int, shared: bool = False, **terms) -> Shape:
    """A shape with what all kinds have, φ with so many knots and the ZBL repulsion, and other terms as given."""
    zbl, elements = config.zbl, list(distances.elements)
    pinned = pinned_pairs(config.pinned.phi, elements) if config.pinned.phi else []
    if pinned:
        check_reach(config.pinned.phi, elements, distances.shortest)
    if pinned and shared:
        raise ConfigError("model.pinned makes no sense with model.elements shared: φ of pairs depend on each other")
    if len(pinned) == len(unordered_pairs(len(elements))) and config.curvature.phi:
        raise ConfigError("model.curvature.phi: φ of all pairs stays as it is by model.pinned")
    cores = [(zbl.inner * r, zbl.outer * r) if zbl.enabled else None for r in distances.core_radii()]
    return Shape(
        elements=elements,
        pair_knots=by_ordered_pair(distances, config.pair_cutoff, pair_knots, shared),
        zbl=[None if n in pinned else radii for n, radii in enumerate(cores)],
        shortest=[0.0 if np.isnan(s) else float(s) for s in distances.shortest],
        shared=shared,
        pinned=pinned,
        **terms,
    )
