"""s-NNP: a network on spline filters, E_i = e0 + ½ Σ_j φ(r_ij) + a·G_i + N(G_i) − N(0) (Vita and Trinkle 2024).

G_i = (Σ_j ρ_m(r_ij);  Σ_{j<k} f_m(r_ij) f_m(r_ik) g_m(cos θ_jik))
"""

from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from snnp import _core
from snnp.data.combinations import distant_pairs, listed, rare_triples
from snnp.data.distances import Distances
from snnp.kinds.base import (
    Budget,
    ConfigError,
    Cutoff,
    FileName,
    Kind,
    Knots,
    ModelSection,
    ZblConfig,
    by_ordered_pair,
    common_shape,
    pair_cutoff,
    some_of,
    three_body_cutoff,
)
from snnp.kinds.curvature import FilterCurvature
from snnp.kinds.given_filters import DECIDED, OptionalFilters, given_filters, with_filters, with_scales
from snnp.models.shape import FourBodyShape
from snnp.models.sums import has_core

# By `model.elements`: what filters there are, what becomes of triples that the data do not show, and of φ.
_ELEMENTS = {
    "shared": (
        "neighbours of all elements share the curves of a centre, in combinations of their own",
        "what they add follows from the curves of their centre, as pairs combine them; "
        "a few tens of frames that show them make it more accurate",
        "φ is the mean of the like pairs",
    ),
    "separate": (
        "all pairs and triples of elements have filters of their own",
        "their filters stay as the start makes them; model.elements=shared would determine them",
        "φ goes on as a straight line, and ends in the ZBL repulsion",
    ),
}
_CURVES = {"rho": "ρ", "f": "f"}
# Radial functions of four-body terms by the number of elements; they are constant below this part of the shortest
# distance.
_FUNCTIONS, _CONSTANT = {1: 4, 2: 2}, 0.7
_MOST = 12  # radial functions of all elements
# Neighbours within longer three-body cutoffs that are tried; twice as many are within that of pairs. The cost of a step
# goes with the square: 36 take twice the time of 24, 50 three times.
_NEIGHBORS = {"quick": (), "default": (36,), "high": (36, 50)}


Positive = Annotated[list[Literal["rho", "f"]], some_of(("rho", "f"))]


class SnnpConfig(ModelSection):
    """φ, and a network on many ρ and f f g."""

    kind: Literal["snnp"] = "snnp"
    elements: Literal["separate", "shared"] | None = Field(
        None, description="filters of their own for all pairs and triples, or shared by neighbours; auto: by the data"
    )
    two_body_filters: int = Field(7, ge=0, le=1000)
    three_body_filters: int = Field(16, ge=0, le=1000)
    pair_cutoff: Cutoff | None = Field(None, description="of φ and ρ; auto: from the density of the data")
    three_body_cutoff: Cutoff | None = Field(None, description="of f; auto: from the density of the data")
    pair_knots: Knots = Field(14, description="of φ and ρ")
    radial_knots: Knots = Field(11, description="of f")
    angle_knots: Knots = Field(11, description="of g")
    four_body_functions: int | None = Field(
        None,
        ge=0,
        le=8,
        description="radial functions of four-body terms for each element, 0: none; auto: 4 of one element, 2 of two",
    )
    four_body_degree: int = Field(3, ge=0, le=4, description="largest l of their harmonics")
    hidden: list[Annotated[int, Field(ge=1, le=1000)]] = Field(
        [24, 24], max_length=10, description="widths of the network's hidden layers; empty: a linear model"
    )
    networks: int = Field(
        1, ge=1, le=100, description="on the same filters, trained one after the other: the potential is their mean"
    )
    activation: Literal["tanh", "silu", "squareplus"] = "tanh"
    positive: Positive = Field([], description="what is nowhere negative: true, false, or some of rho, f")
    convex: bool = Field(
        False, description="whether the energy of an atom is, as a function of its filters; with activation squareplus"
    )
    network_bound: float | None = Field(
        None, gt=0, le=1e6, description="eV, most that the network changes the energy of an atom by; null: no bound"
    )
    curvature: FilterCurvature = FilterCurvature()
    bounds: bool = Field(
        True, description="whether random cells stay above the ground states, and crystals are even and stable"
    )
    floor: bool = Field(False, description="under the energies of atoms that are unlike those of the data")
    repulsion: bool = Field(True, description="of few atoms at distances that the data hardly show")
    filters: OptionalFilters = Field(None, description="of another potential, from which the fit starts")
    baseline: FileName | None = Field(
        None, description="a potential of splines, which stays as it is: the rest is fitted"
    )

    @model_validator(mode="after")
    def _what_is_given_without_ground_states(self):
        if self.baseline and self.pinned.phi:
            raise PydanticCustomError("no_sense", "model.pinned makes no sense beside model.baseline")
        for name in ("bounds", "floor"):
            if (self.baseline or self.pinned.phi) and getattr(self, name):
                if name in self.model_fields_set:
                    what = {"name": name, "given": "a baseline" if self.baseline else "model.pinned"}
                    raise PydanticCustomError("baseline", "expected no {name} together with {given}", what)
                setattr(self, name, False)
        return self

    @model_validator(mode="after")
    def _what_a_floor_lifts(self):
        if self.floor and self.four_body_functions:
            what = "model.floor: expected no floor together with four-body terms, which it does not lift"
            raise PydanticCustomError("no_sense", what)
        return self

    @model_validator(mode="after")
    def _what_has_a_form_is_fitted(self):
        kept = self.filters.freeze if self.filters else []
        given = {"positive": self.positive, "curvature": self.curvature.model_dump(exclude_none=True)}
        for key, names in given.items():
            if both := [name for name in names if name in kept]:
                raise PydanticCustomError("no_sense", f"model.{key}: {both[0]} stays as it is by model.filters.freeze")
        return self

    @model_validator(mode="after")
    def _convex_by_its_activation(self):
        if self.convex and "activation" not in self.model_fields_set:
            self.activation = "squareplus"
        if self.convex and self.activation != "squareplus":
            what = f"model.convex: expected model.activation squareplus, as {self.activation} is not convex"
            raise PydanticCustomError("no_sense", what)
        return self

    @model_validator(mode="after")
    def _what_is_bounded_has_bounds(self):
        if self.network_bound is None:
            return self
        if self.convex:
            what = "model.network_bound makes no sense with model.convex: a convex function within bounds is constant"
            raise PydanticCustomError("no_sense", what)
        if self.activation != "tanh":
            what = f"model.network_bound: expected model.activation tanh, as {self.activation} has no bounds"
            raise PydanticCustomError("no_sense", what)
        return self

    @model_validator(mode="after")
    def _what_is_built_in_is_there(self):
        if what := self.not_there():
            raise PydanticCustomError("no_sense", what)
        return self

    def not_there(self) -> str | None:
        """What is wrong, as a sentence, if curves are to be positive or smooth, or a network bounded, convex or one of
        several, and there are none.
        """
        filters = {"rho": "model.two_body_filters", "f": "model.three_body_filters"}
        numbers = {"rho": self.two_body_filters, "f": self.three_body_filters}
        for name in self.curvature.model_dump(exclude_none=True):
            of = {"g": "f"}.get(name, name)
            if not numbers.get(of, 1):
                return f"model.curvature.{name}: expected {filters[of]} above 0"
        if self.positive and not any(numbers[name] for name in self.positive):
            return f"model.positive: expected {' or '.join(filters[name] for name in self.positive)} above 0"
        asked = {"network_bound": self.network_bound, "convex": self.convex, "networks": self.networks > 1}
        for key in (key for key, value in asked.items() if value):
            if not any(numbers.values()):
                return f"model.{key}: expected {' or '.join(filters.values())} above 0, as a network needs filters"
            if not self.hidden:
                return f"model.{key}: expected at least one layer in model.hidden, as there is no network without"
        return None

    @property
    def files(self) -> list[Path]:
        """The files of filters, baseline and functions that are given, if there are any."""
        given = [self.filters and self.filters.path, self.baseline]
        return [*super().files, *(file for file in given if file)]

    @property
    def decided(self) -> frozenset[str]:
        """What filters of a file have."""
        return frozenset(DECIDED) if self.filters else frozenset()

    def beside(self, folder: Path) -> "SnnpConfig":
        """The same with the files of filters and baseline taken from a folder."""
        found: dict[str, object] = {}
        if self.filters:
            found["filters"] = self.filters.beside(folder)
        if self.baseline:
            found["baseline"] = folder / self.baseline
        return super().beside(folder).model_copy(update=found)


class Snnp(Kind):
    """s-NNP, trained on mini-batches."""

    name = "snnp"
    config = SnnpConfig
    training_keys = Kind.training_keys | {
        "effort",
        "steps",
        "batch_size",
        "learning_rate",
        "weight_decay",
        "smoothing",
        "refit",
        "checkpoint_seconds",
        "lists_gb",
    }
    efforts = {"high": {"model.three_body_filters": 24, "model.hidden": [32, 32]}}
    budgets = {
        "quick": Budget(1500, 12, 1.6e6),
        "default": Budget(6000, 50, 6e6),
        "high": Budget(12000, 160, 20e6),
    }
    explains_stress = True

    def complete(self, config, distances):
        config = _one_core(config)
        if config.filters:
            return _with_four_body(with_filters(config, distances.elements), distances)
        config = _with_four_body(config, distances)
        pair = pair_cutoff(config, distances)
        three = three_body_cutoff(config.three_body_cutoff, distances, pair)
        elements = config.elements or ("separate" if config.pinned.phi else _elements(distances))
        return config.model_copy(update={"pair_cutoff": pair, "three_body_cutoff": three, "elements": elements})

    def alternatives(self, config, distances, effort):
        config = _one_core(config)
        if config.filters:
            return [_with_four_body(scaled, distances) for scaled in with_scales(config, distances)]
        shortest = self.complete(config, distances)
        if config.three_body_cutoff:
            return [shortest]
        longer = []
        for neighbors in _NEIGHBORS[effort]:
            three, pair = distances.radius(neighbors), config.pair_cutoff or distances.radius(2 * neighbors)
            cutoffs = {"pair_cutoff": pair, "three_body_cutoff": min(three, pair)}
            longer.append(self.complete(config.model_copy(update=cutoffs), distances))
        return [shortest, *(c for c in longer if c.three_body_cutoff > shortest.three_body_cutoff)]

    def shape(self, config, distances):
        if what := config.not_there():
            raise ConfigError(what)
        shape = common_shape(
            config,
            distances,
            config.pair_knots,
            shared=config.elements == "shared",
            n2=config.two_body_filters,
            n3=config.three_body_filters,
            radial_knots=by_ordered_pair(
                distances, config.three_body_cutoff, config.radial_knots, config.elements == "shared"
            ),
            angle_knots=np.linspace(-1, 1, config.angle_knots),
            hidden=config.hidden if config.two_body_filters + config.three_body_filters else [],
            activation=config.activation,
            four_body=_four_body(config, distances),
        )
        if not config.filters:
            return shape
        return given_filters(config.filters, shape.elements, shape.shared).shape(shape)

    def describe(self, config, shape):
        from snnp.models.network import Model

        count = sum(p.numel() for p in Model(shape).parameters())
        network = f"{'convex ' * config.convex}network {' × '.join(map(str, shape.hidden)) or 'none'}"
        if config.networks > 1:
            count *= config.networks
            network = f"mean of {config.networks} {network.replace('network', 'networks')}"
        if config.network_bound is not None and shape.hidden:
            network += f" within ±{config.network_bound:g} eV"
        positive = "".join(f", {_CURVES[name]} ≥ 0" for name in config.positive)
        if shape.four_body:
            network += f", {shape.four_body.count} four-body terms"
        return (
            f"{shape.n2} two-body filters to {config.pair_cutoff:g} Å, {shape.n3} three-body filters to "
            f"{config.three_body_cutoff:g} Å{positive}, {network}, {count} parameters"
        )

    def remarks(self, config, distances):
        notes = []
        if config.filters:
            shape = self.shape(config, distances)
            first = [shape.pair_knots[a * shape.n_elements + b][0] for a, b in shape.unordered]
            notes = config.filters.remarks(distances, first)
        if len(distances.elements) == 1:
            return notes
        filters, fate, _ = _ELEMENTS[config.elements]
        notes += [f"{filters} (model.elements: {config.elements})"]
        if rare := rare_triples(distances):
            notes.append(f"triples seen around few atoms or none: {listed(rare, 'atoms')}; {fate}")
        return notes + super().remarks(config, distances)

    def beyond_pairs(self, config, like):
        return super().beyond_pairs(config, like) if like else _ELEMENTS[config.elements][2]

    def fit(self, task):
        from snnp.fitting.network import fit_network

        return fit_network(task)


def _one_core(config: SnnpConfig) -> SnnpConfig:
    """The same without a repulsive core if the baseline has one."""
    if config.baseline is None or not has_core(_core.read_potential(config.baseline)):
        return config
    return config.model_copy(update={"zbl": ZblConfig(enabled=False)})


def _with_four_body(config: SnnpConfig, distances: Distances) -> SnnpConfig:
    """The same with a number of radial functions of four-body terms.

    With more elements there are as many invariants as the cube of their number. Those that the data hardly show would
    be wrong in other mixtures: of V-Cr-Fe-Mo without a frame of the alloy, its energies by 170 in place of 27 meV/atom.
    """
    if config.four_body_functions is not None:
        return config
    wanted = config.three_body_filters > 0 and not config.convex and not config.floor and not _is_sparse(distances)
    functions = _FUNCTIONS.get(len(distances.elements), 0) if wanted else 0
    return config.model_copy(update={"four_body_functions": functions})


def _four_body(config: SnnpConfig, distances: Distances) -> FourBodyShape | None:
    if not config.four_body_functions:
        return None
    E, cutoff, functions = len(distances.elements), config.three_body_cutoff, config.four_body_functions
    if functions * E > _MOST:
        raise ConfigError(
            f"model.four_body_functions: found {functions}, expected at most {_MOST // E} for {E} elements"
        )
    closest = min(*distances.core_radii(), 0.9 * cutoff)
    return FourBodyShape(config.four_body_degree, functions, np.eye(E).tolist(), _CONSTANT * closest, closest, cutoff)


def _elements(distances: Distances) -> str:
    """Shared filters where data are sparse: else, separate ones have smaller errors."""
    return "shared" if _is_sparse(distances) else "separate"


def _is_sparse(distances: Distances) -> bool:
    """Whether a triple or a pair of two elements is rare.

    A pair of one element has nothing to learn from others: in In-P, φ of P-P is what pairs of antisites show.
    """
    return len(distances.elements) > 1 and bool(rare_triples(distances) or distant_pairs(distances, like=False))
