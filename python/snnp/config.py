"""Configuration of a fit: strict, with defaults in one place. Keys set to `auto` (null) are chosen from the data."""

import difflib
from pathlib import Path
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError


class ConfigError(ValueError):
    """A configuration that cannot be used; the text names the key."""


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid", validate_default=True)


class DataConfig(Section):
    """Files in any format that ASE reads."""

    train: list[Path] = Field(min_length=1)
    test: list[Path] = []
    validation: list[Path] = []
    shear_order: str | dict[str, str] | None = Field(
        None, description="of the last three stress components, for all or by group of frames; auto: what fits"
    )
    validation_fraction: float = Field(0.1, ge=0, lt=1, description="of the training frames, if there are no files")


class CoreConfig(Section):
    """ZBL repulsion, switched off between two radii; `scale` times the shortest distance of each pair of elements."""

    enabled: bool = True
    inner: float = Field(0.8, gt=0, lt=1, description="full ZBL below this, relative to the shortest distance")
    outer: float = Field(1.0, gt=0, le=1, description="no ZBL above this, relative to the shortest distance")


class ModelConfig(Section):
    """The shape of the potential; distances in Å."""

    two_body_filters: int = Field(7, ge=0)
    three_body_filters: int = Field(16, ge=0)
    pair_cutoff: float | None = Field(None, gt=0, description="of φ and ρ; auto: from the density of the data")
    leg_cutoff: float | None = Field(None, gt=0, description="of f; auto: from the density of the data")
    pair_knots: int = Field(14, ge=4)
    leg_knots: int = Field(11, ge=4)
    angle_knots: int = Field(11, ge=4)
    hidden: list[int] = Field([24, 24], description="widths of the network's hidden layers; empty: a linear model")
    activation: Literal["tanh", "silu"] = "tanh"
    core: CoreConfig = CoreConfig()
    e0: dict[str, float] = Field({}, description="energies of isolated atoms, eV; others are fitted")


class LossConfig(Section):
    """Weights relative to forces: energy per atom in eV, virial per atom in eV."""

    energy: float = Field(30.0, ge=0)
    stress: float = Field(1.0, ge=0)


class TrainingConfig(Section):
    """How the fit is done."""

    steps: int = Field(6000, ge=0)
    batch: int = Field(4, ge=1)
    rate: float = Field(5e-3, gt=0)
    seed: int = Field(0, ge=0)
    threads: int | None = Field(None, ge=1, description="auto: all cores")
    checkpoint_seconds: float = Field(20.0, gt=0)


class FitConfig(Section):
    """All of a fit."""

    data: DataConfig
    output: Path
    model: ModelConfig = ModelConfig()
    loss: LossConfig = LossConfig()
    training: TrainingConfig = TrainingConfig()

    def dump(self) -> str:
        """As YAML, with every key."""
        return yaml.safe_dump(self.model_dump(mode="json"), sort_keys=False, allow_unicode=True)


def load(path: Path, overrides: dict | None = None) -> FitConfig:
    """Reads a YAML file; relative paths in it are relative to the file. `overrides`: like `set_key`, by dotted key."""
    try:
        content = yaml.safe_load(path.read_text())
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror})") from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f":{mark.line + 1}" if mark else ""
        raise ConfigError(f"{path}{where}: not valid YAML ({getattr(error, 'problem', error)})") from error
    if not isinstance(content, dict):
        raise ConfigError(f"{path}: expected keys like data, output, model; found {type(content).__name__}")
    config = validate(content, str(path), overrides)
    return _relative_to(config, path.parent)


def validate(content: dict, where: str, overrides: dict | None = None) -> FitConfig:
    """The configuration in a dictionary; raises ConfigError with one sentence that names the key."""
    for key, value in (overrides or {}).items():
        set_key(content, key, value, where)
    try:
        return FitConfig.model_validate(content)
    except ValidationError as error:
        raise ConfigError(f"{where}: {_sentence(error)}") from error


def set_key(content: dict, dotted: str, value, where: str) -> None:
    """content["a"]["b"] = value for the key a.b."""
    *sections, last = dotted.split(".")
    for section in sections:
        content = content.setdefault(section, {})
        if not isinstance(content, dict):
            raise ConfigError(f"{where}: {dotted}: {section} is no section")
    content[last] = value


def _relative_to(config: FitConfig, folder: Path) -> FitConfig:
    data = config.data.model_copy(
        update={key: [folder / p for p in getattr(config.data, key)] for key in ("train", "test", "validation")}
    )
    return config.model_copy(update={"data": data, "output": folder / config.output})


def _sentence(error: ValidationError) -> str:
    first = error.errors()[0]
    location = [str(part) for part in first["loc"]]
    key = ".".join(location)
    if first["type"] == "extra_forbidden":
        known = _keys(location[:-1])
        close = difflib.get_close_matches(location[-1], known, n=1)
        hint = f"did you mean {close[0]}?" if close else f"expected one of {', '.join(known)}"
        return f"unknown key {key}: {hint}"
    if first["type"] == "missing":
        return f"key {key} is missing"
    return f"{key}: {first['msg'][0].lower()}{first['msg'][1:]}, found {first['input']!r}"


def _keys(sections: list[str]) -> list[str]:
    model: type[BaseModel] = FitConfig
    for section in sections:
        model = model.model_fields[section].annotation
    return list(model.model_fields)
