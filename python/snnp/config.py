"""Configuration of a fit: strict, with defaults in one place. Keys set to `auto` (null) are chosen from the data."""

import difflib
from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, ValidationError, model_validator
from pydantic_core import PydanticCustomError


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


class PairConfig(Section):
    """φ alone: E = Σ e0 + ½ Σ φ(r_ij). Distances in Å."""

    kind: Literal["pair"]
    pair_cutoff: float | None = Field(None, gt=0, description="of φ; auto: from the density of the data")
    pair_knots: int = Field(25, ge=4)
    smoothness: float | None = Field(None, ge=0, description="weight of the curvature of splines; auto: by validation")
    core: CoreConfig = CoreConfig()
    e0: dict[str, float] = Field({}, description="energies of isolated atoms, eV; others are fitted")


class EamConfig(PairConfig):
    """φ, one ρ, and a spline U of the density n = Σ ρ(r_ij)."""

    kind: Literal["eam"]
    pair_knots: int = Field(17, ge=4)
    density_cutoff: float | None = Field(None, gt=0, description="of ρ; auto: that of φ")
    density_knots: int = Field(17, ge=4, description="of ρ")
    embedding_knots: int = Field(10, ge=4, description="of U")


class Uf3Config(PairConfig):
    """φ and a tensor-product spline V(r_ij, r_ik, r_jk)."""

    kind: Literal["uf3"]
    leg_cutoff: float | None = Field(None, gt=0, description="of r_ij and r_ik; auto: from the density of the data")
    leg_knots: int | None = Field(None, ge=4, description="auto: 11, less for several elements")
    opposite_knots: int | None = Field(None, ge=4, description="of r_jk, up to 2 leg_cutoff; auto: twice as many")


class SmeamConfig(EamConfig):
    """φ, and U of the density n = Σ ρ(r_ij) + Σ f(r_ij) f(r_ik) g(cos θ_jik)."""

    kind: Literal["smeam"]
    leg_cutoff: float | None = Field(None, gt=0, description="of f; auto: from the density of the data")
    leg_knots: int = Field(11, ge=4)
    angle_knots: int = Field(11, ge=4)


class SnnpConfig(Section):
    """φ, and a network on many ρ and f f g. Distances in Å."""

    kind: Literal["snnp"] = "snnp"
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


RUNGS: dict[str, type[Section]] = {
    "pair": PairConfig,
    "eam": EamConfig,
    "uf3": Uf3Config,
    "smeam": SmeamConfig,
    "snnp": SnnpConfig,
}


def _kind(model) -> str:
    """The rung of the ladder that a section `model` stands for."""
    return model.get("kind", "snnp") if isinstance(model, dict) else getattr(model, "kind", "snnp")


ModelConfig = Annotated[
    Annotated[PairConfig, Tag("pair")]
    | Annotated[EamConfig, Tag("eam")]
    | Annotated[Uf3Config, Tag("uf3")]
    | Annotated[SmeamConfig, Tag("smeam")]
    | Annotated[SnnpConfig, Tag("snnp")],
    Discriminator(_kind),
]


class LossConfig(Section):
    """Weights relative to forces: energy per atom in eV, virial per atom in eV."""

    energy: float = Field(30.0, ge=0)
    stress: float = Field(1.0, ge=0)


class TrainingConfig(Section):
    """How the fit is done; pair and uf3 need no steps, eam and smeam neither batch nor rate."""

    steps: int | None = Field(None, ge=0, description="auto: 6000 of snnp, at most 200 of eam and smeam")
    batch: int = Field(4, ge=1, description="structures")
    rate: float = Field(5e-3, gt=0)
    seed: int = Field(0, ge=0)
    threads: int | None = Field(None, ge=1, description="auto: all cores")
    checkpoint_seconds: float = Field(20.0, gt=0)


class FitConfig(Section):
    """All of a fit."""

    data: DataConfig
    output: Path
    model: ModelConfig = SnnpConfig()
    loss: LossConfig = LossConfig()
    training: TrainingConfig = TrainingConfig()

    @model_validator(mode="after")
    def _training_fits_the_rung(self):
        unused = _UNUSED[self.model.kind]
        for key in sorted(self.training.model_fields_set & set(unused)):
            raise PydanticCustomError("no_sense", f"training.{key} makes no sense for model.kind {self.model.kind}")
        if self.training.steps is None and "steps" not in unused:
            steps = 6000 if self.model.kind == "snnp" else 200
            self.training = self.training.model_copy(update={"steps": steps})
        return self

    def dump(self) -> str:
        """As YAML, with every key that the rung knows."""
        content = self.model_dump(mode="json", exclude={"training": set(_UNUSED[self.model.kind])})
        return yaml.safe_dump(content, sort_keys=False, allow_unicode=True)


# Keys of `training` without a meaning for a rung.
_UNUSED: dict[str, tuple[str, ...]] = {
    "pair": ("steps", "batch", "rate", "checkpoint_seconds"),
    "uf3": ("steps", "batch", "rate", "checkpoint_seconds"),
    "eam": ("batch", "rate"),
    "smeam": ("batch", "rate"),
    "snnp": (),
}


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
    rung = location.pop(1) if location[0:1] == ["model"] and location[1:2] and location[1] in RUNGS else None
    key = ".".join(location)
    if first["type"] == "no_sense":
        return first["msg"]
    if first["type"] == "union_tag_invalid":
        return f"model.kind: expected one of {', '.join(RUNGS)}, found {first['ctx']['tag']!r}"
    if first["type"] == "extra_forbidden":
        known = _keys(location[:-1], rung)
        if rung and len(location) == 2 and any(location[1] in other.model_fields for other in RUNGS.values()):
            return f"{key} makes no sense for model.kind {rung}: expected one of {', '.join(known)}"
        close = difflib.get_close_matches(location[-1], known, n=1)
        hint = f"did you mean {close[0]}?" if close else f"expected one of {', '.join(known)}"
        return f"unknown key {key}: {hint}"
    if first["type"] == "missing":
        return f"key {key} is missing"
    return f"{key}: {first['msg'][0].lower()}{first['msg'][1:]}, found {first['input']!r}"


def _keys(sections: list[str], rung: str | None) -> list[str]:
    model: type[BaseModel] = FitConfig
    for section in sections:
        model = RUNGS[rung] if section == "model" and rung else model.model_fields[section].annotation
    return list(model.model_fields)
