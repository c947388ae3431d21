"""Configuration of a fit: strict, with defaults in one place. Keys set to `auto` (null) are chosen from the data."""

import re
import reprlib
from pathlib import Path
from typing import Annotated, Literal, Union

import numpy as np
import yaml
from pydantic import (
    BeforeValidator,
    Discriminator,
    Field,
    PrivateAttr,
    Tag,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError

from snnp import strict_yaml
from snnp.calculator import available_cores
from snnp.config_errors import sentence
from snnp.data import DataError, LabelKeys, Reading
from snnp.data.energy_offsets import AUTO, KEEP, LEFT_OUT
from snnp.data.stress import given_conventions
from snnp.data.weights import GroupWeights
from snnp.files import read_text
from snnp.kinds import KINDS, ConfigError, kind_of
from snnp.kinds.base import FileName, Section
from snnp.kinds.given_filters import FILTERS, SomeFilters

__all__ = [
    "ConfigError",
    "DataConfig",
    "FitConfig",
    "LossConfig",
    "TrainingConfig",
    "load",
    "read",
    "set_key",
    "validate",
]

# Keys of version 0.1 and what they are called now.
RENAMED = {
    "model.leg_cutoff": "model.three_body_cutoff",
    "model.leg_knots": "model.radial_knots",
    "model.opposite_knots": "model.jk_knots",
    "model.core": "model.zbl",
    "training.rate": "training.learning_rate",
    "training.batch": "training.batch_size",
}

# eV/atom: all electrons of the heaviest atom have less.
_MOST_OFFSET = 1e7

# Keys of the section `training` that fits of several systems do not have.
NOT_OF_SYSTEMS = ("smoothing", "refit")

# A configuration is not larger, bytes; one that we write has about 2000.
_MOST_BYTES = 1_000_000


def _names_as_text(by_name):
    return {str(name): value for name, value in by_name.items()} if isinstance(by_name, dict) else by_name


def _weights(given):
    if isinstance(given, int | float) and not isinstance(given, bool):
        return {"frame": given}
    if isinstance(given, dict):
        return given
    raise PydanticCustomError("weights", "expected a number, or numbers for energy, force and stress")


class WeightsConfig(Section):
    """Factors for a group of frames, and for each kind of their labels."""

    frame: float = Field(1.0, ge=0, le=1e9)
    energy: float = Field(1.0, ge=0, le=1e9)
    force: float = Field(1.0, ge=0, le=1e9)
    stress: float = Field(1.0, ge=0, le=1e9)


GroupWeightsConfig = Annotated[WeightsConfig, BeforeValidator(_weights)]


def _offset(given):
    is_number = isinstance(given, int | float) and not isinstance(given, bool) and abs(given) <= _MOST_OFFSET
    if is_number or given in (KEEP, LEFT_OUT, AUTO):
        return given
    raise PydanticCustomError("energy_offset", "expected auto, keep, left out, or a number of eV/atom")


EnergyOfAtom = Annotated[float, Field(ge=-_MOST_OFFSET, le=_MOST_OFFSET)]
EnergyOffset = Annotated[float | str, BeforeValidator(_offset)]
EnergyOffsets = Annotated[dict[str, EnergyOffset], BeforeValidator(_names_as_text)] | Literal["auto", "keep"]


class DataConfig(Section):
    """Files, folders and patterns in any format of docs/data.md."""

    train: list[FileName] = []
    test: list[FileName] = []
    validation: list[FileName] = []
    format: str | None = Field(None, description="of these files; auto: told by their content")
    units: str | dict[str, str] | None = Field(None, description="of files that do not state theirs, or wrongly")
    elements: list[str] = Field([], description="of atoms whose files have numbers in place of symbols")
    energy_key: str | None = Field(None, min_length=1, description="what labels are called; auto: by common names")
    forces_key: str | None = Field(None, min_length=1)
    stress_key: str | None = Field(None, min_length=1)
    virial_key: str | None = Field(None, min_length=1)
    shear_order: str | dict[str, str] | None = Field(
        None, description="of the last three stress components, for all or by group of frames"
    )
    stress_convention: dict[str, int | str | dict[str, int | str]] | Literal["left out"] | None = Field(
        None, description="sign, unit, order of stresses, for all or by group of frames; auto: what fits"
    )
    energy_offsets: EnergyOffsets = Field(
        {}, description="eV/atom, by group of frames; auto: as found; what is found of other groups is left out"
    )
    weights: Annotated[dict[str, GroupWeightsConfig], BeforeValidator(_names_as_text)] = Field(
        {}, description="by group of frames or pattern: of the frames, or of their labels; 0 leaves them out"
    )
    validation_fraction: float = Field(0.1, ge=0, lt=1, description="of the training frames, if there are no files")

    @model_validator(mode="after")
    def _conventions_are_conventions(self):
        try:
            given_conventions(self.stress_convention, self.shear_order)
        except DataError as error:
            raise PydanticCustomError("no_sense", "{sentence}", {"sentence": str(error)}) from error
        return self

    def reading(self) -> Reading:
        """How the files are read; raises DataError for units and elements that do not exist."""
        labels = LabelKeys(self.energy_key, self.forces_key, self.stress_key, self.virial_key)
        return Reading.of(self.format, self.units, self.elements, labels)

    def group_weights(self) -> dict[str, GroupWeights]:
        """Factors by group or pattern."""
        return {name: GroupWeights(**dict(given)) for name, given in self.weights.items()}


def _kind(model) -> str:
    """The kind of model that a section `model` stands for."""
    return str(model.get("kind", "snnp") if isinstance(model, dict) else getattr(model, "kind", "snnp"))


ModelConfig = Annotated[
    Union[tuple(Annotated[kind.config, Tag(name)] for name, kind in KINDS.items())],  # noqa: UP007 (made at run time)
    Discriminator(_kind),
]


class LossConfig(Section):
    """Weights of energies (eV per atom), forces (eV/Å) and virials (eV per atom)."""

    energy: float = Field(30.0, ge=0, le=1e9)
    force: float = Field(1.0, ge=0, le=1e9)
    stress: float = Field(1.0, ge=0, le=1e9)
    robust: bool = Field(True, description="frames with energies or forces far beyond the usual size count less")
    invariant_points: float | None = Field(
        None, ge=0, le=1e9, description="factor of their energies; auto: they are watched and count as they are"
    )


class SystemConfig(DataConfig):
    """The data of one of several systems, and what is its own."""

    weight: float = Field(1.0, gt=0, le=1e9, description="of its part of the loss, relative to the other systems")
    length: float | None = Field(None, gt=0, le=30, description="Å, by which its filters are scaled; auto: bond length")
    e0: dict[str, EnergyOfAtom] = Field({}, description="energies of isolated atoms, eV; others are fitted")


class SystemsConfig(Section):
    """Several systems with filters in common."""

    data: Annotated[dict[str, SystemConfig], BeforeValidator(_names_as_text)] = Field({}, description="by name")
    share: SomeFilters = list(FILTERS)
    scale: bool = Field(True, description="filters by bond lengths; false: they are the same over Å")

    @field_validator("data")
    @classmethod
    def _names_are_names_of_files(cls, data):
        for name in data:
            if not re.fullmatch(r"[\w.+-]+", name) or name.startswith("."):
                raise PydanticCustomError("names", "expected names of letters, digits, '-', '+', '_' and '.'")
        if len(data) < 2:
            raise PydanticCustomError("names", "expected at least two systems")
        if len({name.lower() for name in data}) < len(data):
            raise PydanticCustomError("names", "expected names that differ not only in case: files are named by them")
        for name, system in data.items():
            if not system.train:
                raise PydanticCustomError("no_data", f"system {name}: expected a file of data under the key train")
        return data


class InvariantPointsConfig(Section):
    """Structures with known atomic energies, beside those that are found in the data."""

    structures: list[FileName] = Field([], description="files of labelled structures whose atoms are all alike")
    crystals: Annotated[dict[str, EnergyOfAtom], BeforeValidator(_names_as_text)] = Field(
        {}, description="eV/atom, by name and lattice constant: {diamond Si=5.43: -4.34}"
    )


class TrainingConfig(Section):
    """How the fit is done; a kind of model knows some of these keys only."""

    effort: Literal["quick", "default", "high"] = Field("default", description="how much time a fit of snnp may take")
    steps: int | None = Field(None, ge=1, le=10**9, description="at most; auto: by effort and data; 200 of eam, smeam")
    batch_size: int = Field(4, ge=1, le=10**9, description="structures")
    learning_rate: float = Field(5e-3, gt=0, le=1)
    weight_decay: float = Field(0.1, ge=0, le=1e3, description="of networks, in units of the learning rate")
    smoothing: float = Field(0.05, ge=0, le=1e3, description="decay of second differences of spline coefficients")
    refit: float = Field(
        0.1, ge=0, le=1, description="steps at the end with the validation frames, too, in parts of those before"
    )
    seed: int = Field(0, ge=0, lt=2**63)
    threads: int | None = Field(None, ge=1, description="auto: all cores")
    checkpoint_seconds: float = Field(20.0, gt=0, le=1e9)
    lists_gb: float | None = Field(
        None,
        ge=0,
        le=1e9,
        description="memory of neighbour lists, GB, others are built again; auto: a quarter of what is free",
    )

    @field_validator("threads")
    @classmethod
    def _threads_suit_the_machine(cls, threads):
        cores = available_cores()
        most = max(64, 4 * cores)  # a configuration may come from a larger machine
        if threads is not None and threads > most:
            raise PydanticCustomError("threads", f"expected at most {most} on this machine with {cores} cores")
        return threads


class FitConfig(Section):
    """All of a fit."""

    data: DataConfig = DataConfig()
    output: FileName | None = None
    model: ModelConfig = KINDS["snnp"].config()
    loss: LossConfig = LossConfig()
    invariant_points: InvariantPointsConfig = InvariantPointsConfig()
    training: TrainingConfig = TrainingConfig()
    systems: SystemsConfig | None = Field(None, description="in place of `data`: several with filters in common")
    # `validate` is a name that pydantic has for itself
    checks: Literal["off", "quick", "full"] = Field(
        "quick",
        alias="validate",
        description="of physics; quick: in at most a tenth of the time of the fit",
    )
    _notes: list[str] = PrivateAttr([])  # what the user should know about how the configuration was read
    _source: Path | None = PrivateAttr(None)  # the file that it was read from

    @model_validator(mode="after")
    def _something_counts(self):
        if not any((self.loss.energy, self.loss.force, self.loss.stress)):
            raise PydanticCustomError("no_sense", "loss: expected at least one weight greater than 0")
        return self

    @model_validator(mode="after")
    def _systems_suit_the_rest(self):
        if self.systems is None:
            return self
        for key, wrong in (
            ("data", bool(self.data.model_fields_set)),
            ("model.kind", self.model.kind != "snnp"),
            ("model.filters", getattr(self.model, "filters", None) is not None),
            ("model.baseline", getattr(self.model, "baseline", None) is not None),
            ("model.pinned", self.model.pinned.phi is not None),
            ("model.positive", bool(getattr(self.model, "positive", None))),
            ("model.convex", getattr(self.model, "convex", False)),
            ("model.curvature", any(value for _, value in getattr(self.model, "curvature", ()))),
            ("model.network_bound", getattr(self.model, "network_bound", None) is not None),
            ("model.networks", getattr(self.model, "networks", 1) > 1),
            ("model.elements", getattr(self.model, "elements", None) is not None),
            ("model.e0", bool(self.model.e0)),
            *((f"training.{key}", key in self.training.model_fields_set) for key in NOT_OF_SYSTEMS),
            ("invariant_points", self.invariant_points != InvariantPointsConfig()),
        ):
            if wrong:
                raise PydanticCustomError("no_sense", f"{key} makes no sense beside systems")
        return self

    @model_validator(mode="after")
    def _training_suits_the_kind(self):
        kind = kind_of(self.model)
        for key in sorted(self.training.model_fields_set - kind.training_keys):
            raise PydanticCustomError("no_sense", f"training.{key} makes no sense for model.kind {kind.name}")
        if self.training.steps is None and kind.steps is not None:
            self.training = self.training.model_copy(update={"steps": kind.steps})
        for key, value in kind.efforts.get(self.training.effort, {}).items():
            section, _, name = key.partition(".")
            part = getattr(self, section)
            if section == "model" and name in self.model.decided:
                continue
            if name not in part.model_fields_set or getattr(part, name) is None:
                setattr(self, section, part.model_copy(update={name: value}))
        return self

    @property
    def notes(self) -> list[str]:
        """What the user should know about how the configuration was read, a sentence each."""
        return self._notes

    @property
    def source(self) -> Path | None:
        """The file that the configuration was read from; None: there was none."""
        return self._source

    @property
    def inputs(self) -> list[Path]:
        """All files that are read."""
        source = [self.source] if self.source else []
        sections = [self.data, *(self.systems.data.values() if self.systems else ())]
        data = [path for one in sections for path in (*one.train, *one.validation, *one.test)]
        return [*source, *data, *self.invariant_points.structures, *self.model.files]

    def dump(self) -> str:
        """As YAML, with every key that the kind of model knows."""
        unused = set(TrainingConfig.model_fields) - kind_of(self.model).training_keys
        unused |= set(NOT_OF_SYSTEMS) if self.systems else set()
        exclude = {"training": unused, **({"data": True} if self.systems else {})}
        content = self.model_dump(mode="json", by_alias=True, exclude=exclude)
        return yaml.safe_dump(content, sort_keys=False, allow_unicode=True)


def read(source: str | Path | dict | None, overrides: dict | None = None) -> FitConfig:
    """The configuration in a file or a dictionary of sections; `overrides` by dotted key, e.g. "model.kind"."""
    if source is None or isinstance(source, dict):
        return validate(source or {}, "configuration", overrides)
    return load(Path(source), overrides)


def load(path: Path, overrides: dict | None = None) -> FitConfig:
    """Reads a YAML file; relative paths in it are relative to the file. `overrides`: like `set_key`, by dotted key."""
    try:
        content = strict_yaml.parse(read_text(path, _MOST_BYTES))
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror})") from error
    except yaml.YAMLError as error:
        raise ConfigError(f"{path}{_yaml_complaint(error)}") from error
    if not isinstance(content, dict):
        found = "nothing" if content is None else type(content).__name__
        raise ConfigError(f"{path}: expected keys like data, output, model; found {found}")
    config = validate(content, str(path), overrides)
    config = _relative_to(config, path.parent)
    config._source = path
    return config


def parse_assignment(assignment: str) -> tuple[str, object]:
    """Key and value of a word like training.steps=2000; raises ConfigError if it is none."""
    key, equals, value = assignment.partition("=")
    if not equals or not all(part.isidentifier() for part in key.split(".")):
        raise ConfigError(f"--set {reprlib.repr(assignment)}: expected key=value, e.g. training.steps=2000")
    try:
        return key, strict_yaml.parse(value)
    except yaml.YAMLError as error:
        raise ConfigError(f"--set {key}{_yaml_complaint(error)}") from error


def _yaml_complaint(error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or getattr(error, "reason", None) or "no text"
    return f"{f':{mark.line + 1}' if mark else ''}: not valid YAML ({problem})"


def validate(content: dict, where: str, overrides: dict | None = None) -> FitConfig:
    """The configuration in a dictionary; raises ConfigError with one sentence that names the key."""
    content = _plain(content)
    for key, value in (overrides or {}).items():
        set_key(content, key, _plain(value), where)
    notes = [note for old, new in RENAMED.items() if (note := _rename(content, old, new, where))]
    try:
        config = FitConfig.model_validate(content)
    except ValidationError as error:
        raise ConfigError(f"{where}: {sentence(error, FitConfig)}") from error
    config._notes += notes
    return config


def _plain(value):
    """A copy with lists and numbers of Python in place of tuples, arrays and numbers of NumPy."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value.tolist() if isinstance(value, np.generic | np.ndarray) else value


def _rename(content: dict, old: str, new: str, where: str) -> str | None:
    """Gives a key its new name; a note if it was there under the old one."""
    (section, old_key), new_key = old.split("."), new.partition(".")[2]
    part = content.get(section)
    if not isinstance(part, dict) or old_key not in part:
        return None
    if new_key in part:
        raise ConfigError(f"{where}: {old} is the old name of {new}: expected only one of them")
    part[new_key] = part.pop(old_key)
    return f"note: {old} is called {new} now; the old name works in this version only"


def set_key(content: dict, dotted: str, value, where: str) -> None:
    """content["a"]["b"] = value for the key a.b."""
    *sections, last = dotted.split(".")
    for section in sections:
        if content.get(section) is None:
            content[section] = {}
        content = content[section]
        if not isinstance(content, dict):
            raise ConfigError(f"{where}: {dotted}: {section} is no section")
    content[last] = value


def _data_in(data: DataConfig, folder: Path) -> DataConfig:
    keys = ("train", "test", "validation")
    return data.model_copy(update={key: [folder / path for path in getattr(data, key)] for key in keys})


def _relative_to(config: FitConfig, folder: Path) -> FitConfig:
    data, systems = _data_in(config.data, folder), config.systems
    if systems:
        by_name = {name: _data_in(one, folder) for name, one in systems.data.items()}
        systems = systems.model_copy(update={"data": by_name})
    points = config.invariant_points
    points = points.model_copy(update={"structures": [folder / p for p in points.structures]})
    output = folder / config.output if config.output else None
    update = {
        "systems": systems,
        "data": data,
        "invariant_points": points,
        "output": output,
        "model": config.model.beside(folder),
    }
    return config.model_copy(update=update)
