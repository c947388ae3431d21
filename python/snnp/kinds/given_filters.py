"""Filters of another potential, from which an snnp starts: section `model.filters` of the configuration."""

import functools
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field
from pydantic_core import PydanticCustomError

from snnp.data.distances import Distances
from snnp.kinds.base import ConfigError, FileName, Section, some_of
from snnp.models.filter_sets import filters_path, is_set, what_there_is
from snnp.models.filters import Filters
from snnp.models.filters_file import read_filters
from snnp.models.shape import unordered_pairs

# Lengths that are tried, in units of those in the file.
_SCALES = (1.0, *(round(1.05**n, 3) for n in range(-6, 9) if n))
FILTERS = ("rho", "f", "g")
# Keys of the section `model` that filters decide.
DECIDED = (
    "two_body_filters",
    "three_body_filters",
    "pair_cutoff",
    "three_body_cutoff",
    "pair_knots",
    "radial_knots",
    "angle_knots",
)


SomeFilters = Annotated[list[Literal["rho", "f", "g"]], some_of(FILTERS)]


class FiltersConfig(Section):
    """Filters of a potential that the fit starts from."""

    file: FileName = Field(description="a potential, a file of filters, or the name of some that come with snnp")
    freeze: SomeFilters = Field([], description="what stays as it is in the file: true, false, or some of rho, f, g")
    scale: float | None = Field(
        None, ge=0.5, le=2, description="lengths in units of those in the file; auto: by bond lengths, or by forces"
    )
    elements: dict[str, str] = Field(
        {}, description="by element: the one in the file whose filters it gets; auto: the same, or the only one"
    )

    @property
    def path(self) -> Path:
        """The file, also where `file` is a name."""
        return filters_path(self.file)

    def beside(self, folder: Path) -> "FiltersConfig":
        """The same with a relative path taken from a folder."""
        return self if is_set(self.file) else self.model_copy(update={"file": folder / self.file})

    def remarks(self, distances: Distances, first: Sequence[float]) -> list[str]:
        """What the fit starts from, and where functions begin too late, for the log; first: by unordered pair, Å."""
        elements = distances.elements
        sources = _sources(self, _there(self).elements, elements)
        whose = ", ".join(
            symbol if source in ("", symbol) else f"{symbol} those of {source}" for symbol, source in sources.items()
        )
        fate = f"{', '.join(self.freeze)} stay as they are" if self.freeze else "they are trained further"
        notes = [f"filters of {self.file.name} ({whose}), lengths × {self.scale or 1.0:g}; {fate}"]
        for (a, b), begin, shortest in zip(unordered_pairs(len(elements)), first, distances.shortest, strict=True):
            if shortest < 0.98 * begin:
                notes.append(
                    f"note: {elements[a]} and {elements[b]} come as close as {shortest:.2f} Å, but functions of the "
                    f"file begin at {begin:.2f} Å and are straight lines below"
                )
        return notes


def _file_alone(given):
    if isinstance(given, dict) and "file" not in given:
        raise PydanticCustomError("filters", "expected a potential file, or keys with file among them")
    return {"file": given} if isinstance(given, str | Path) else given


OptionalFilters = Annotated[FiltersConfig | None, BeforeValidator(_file_alone)]


@functools.lru_cache(maxsize=4)
def _read(path: Path, modified: float) -> Filters:
    return read_filters(path)


def given_filters(config: FiltersConfig, elements: list[str], shared: bool) -> Filters:
    """The filters of the file for `elements`, scaled; raises ConfigError or snnp.Error with one sentence."""
    there = _there(config)
    return there.of(elements, _sources(config, there.elements, elements), shared).scaled(config.scale or 1.0)


def _there(config: FiltersConfig) -> Filters:
    path = config.path
    if not path.exists():
        raise ConfigError(f"model.filters: {path} does not exist: expected {what_there_is()}")
    return _read(path, path.stat().st_mtime)


def _sources(config: FiltersConfig, there: list[str], elements: list[str]) -> dict[str, str]:
    sources = {}
    for symbol in elements:
        source = config.elements.get(symbol) or (symbol if symbol in there or len(there) > 1 else there[0])
        if source not in there:
            key = f"model.filters.elements.{symbol}: " if symbol in config.elements else ""
            hint = "" if key else f"expected model.filters.elements={{{symbol}: {there[0]}}} or the like"
            what = f"{key}{config.file} has no filters of {source} ({' '.join(there)})"
            raise ConfigError(f"{what}: {hint}" if hint else what)
        sources[symbol] = source
    if unknown := sorted(set(config.elements) - set(elements)):
        raise ConfigError(f"model.filters.elements: element {unknown[0]} is not in the data ({' '.join(elements)})")
    return sources


def how_shared(config: FiltersConfig, elements: list[str]) -> Literal["shared", "separate"]:
    """`model.elements` where it is left open: as in the file, shared for elements that it does not tell apart."""
    there = _there(config)
    sources = _sources(config, there.elements, elements)
    told_apart = len(set(sources.values())) == len(elements)
    return "shared" if len(elements) > 1 and (there.shared or not told_apart) else "separate"


def with_filters(model: Section, elements: list[str]) -> Section:
    """The section `model` with all that its filters decide; raises ConfigError if it says something else."""
    given, shared = model.filters, model.elements or how_shared(model.filters, elements)
    filters = given_filters(given, elements, shared == "shared")
    pair, radial = filters.pair_knots, filters.radial_knots
    values = (filters.n2, filters.n3, _end(pair), _end(radial), *map(len, (pair[0], radial[0], filters.angle_knots)))
    found = dict(zip(DECIDED, values, strict=True))
    for key, value in found.items():
        said = getattr(model, key) if key in model.model_fields_set else None
        if said is not None and abs(said - value) > 1e-9 * abs(value):
            what = f"model.{key}: found {said:g}, but filters of {given.file} have {value:g}"
            raise ConfigError(f"{what}: expected the same, or nothing")
    return model.model_copy(update={**found, "elements": shared})


def with_scales(model: Section, distances: Distances) -> list[Section]:
    """The sections `model` with all that its filters decide, for each length that may be meant: that of the file first.

    Cutoffs within which no atoms of two elements come are not meant, unless all are so short.
    """
    given = model.filters
    scales, known = [given.scale] if given.scale else _SCALES, _there(given).bond_length
    if not given.scale and known:
        scales = [round(distances.bond_length / known, 4)]
    scaled = [model.model_copy(update={"filters": given.model_copy(update={"scale": scale})}) for scale in scales]
    complete = [with_filters(one, distances.elements) for one in scaled]
    least = max(distances.first_knots()) / 0.9
    return [one for one in complete if min(one.pair_cutoff, one.three_body_cutoff) > least] or complete[:1]


def _end(knots) -> float:
    return max(float(k[-1]) for k in knots)
