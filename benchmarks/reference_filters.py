"""The filters in potentials/reference.filters.snnp: fitted to seven systems at once, beside a fit of each by itself."""

import gzip
import shutil
from pathlib import Path

import ase.io
import numpy as np
import yaml
from potentials import markdown

from records import ENERGY, FORCE, ROOT

REFERENCE = ROOT / "potentials" / "reference.filters.snnp"
FILTERS = {"two_body_filters": 8, "three_body_filters": 8}
STEPS = 6000
# Training data; test data, or how many frames are held out as such; how many frames are fitted to at most.
SYSTEMS = {
    **{name: (f"mlearn/{name}_train.xyz.gz", f"mlearn/{name}_test.xyz.gz", None) for name in ("Cu", "Li", "Mo", "Si")},
    "Ta": ("fitsnap/Ta.xyz.gz", 36, None),
    "InP": ("fitsnap/InP.xyz.gz", 100, 400),
    "LiSiC": ("pwmlff/LiSiC_train.xyz.gz", "pwmlff/LiSiC_valid.xyz.gz", 400),
}


def measured(session, brief) -> dict:
    """Errors of test data by system, with shared filters and with its own; the shared ones go to potentials/.

    brief: errors of a potential on data.
    """
    folder = session.folder / "systems"
    folder.mkdir(exist_ok=True)
    data = {name: _files(session.data, folder, name) for name in SYSTEMS}
    (folder / "systems.yaml").write_text(yaml.safe_dump(_configuration(data), sort_keys=False))
    together = session.fit_to(folder / REFERENCE.name, folder / "systems.yaml", [])
    shutil.copy(together["file"], REFERENCE)
    results: dict = {"fit": _told(together["fit"], folder), "systems": {}}
    for name, (train, test) in data.items():
        own = session.fit_to(folder / "own" / f"{name}.snnp", train, _options(), ["--test", test])
        results["systems"][name] = {
            "frames": {"train": _count(train), "test": _count(test)},
            "shared": brief(folder / f"{name}.snnp", test),
            "own": {**brief(own["file"], test), "fit": _told(own["fit"], folder)},
        }
    return results


def _files(data: Path, folder: Path, name: str) -> tuple[Path, Path]:
    """Training and test data of a system: the files there, or parts of them, drawn at random."""
    train, test, most = SYSTEMS[name]
    if most is None and isinstance(test, str):
        return data / train, data / test
    frames = _read(data / train)
    order = np.random.default_rng(0).permutation(len(frames))
    held = test if isinstance(test, int) else 0
    parts = {"train": order[held:][:most], "test": order[:held]}
    files = {part: folder / f"{name}_{part}.xyz" for part in parts}
    for part, numbers in parts.items():
        if len(numbers):
            ase.io.write(files[part], [frames[n] for n in sorted(numbers)])
    return files["train"], files["test"] if held else data / test


def _configuration(data: dict[str, tuple[Path, Path]]) -> dict:
    """The fit of all systems, to energies and forces."""
    systems = {
        name: {"train": [str(train)], "test": [str(test)], "energy_offsets": "keep"}
        for name, (train, test) in data.items()
    }
    return {
        "systems": {"data": systems},
        "output": REFERENCE.name,
        "model": FILTERS,
        "training": {"steps": STEPS, "effort": "quick"},
        "loss": {"stress": 0.0},
        "validate": "off",
    }


def _options() -> list[str]:
    """The same for a fit of one system."""
    of_model = [f"model.{key}={value}" for key, value in FILTERS.items()]
    training = [f"training.steps={STEPS}", "training.effort=quick"]
    return [*of_model, *training, "loss.stress=0.0", "validate=off", "data.energy_offsets=keep"]


def _told(fit: dict, folder: Path) -> dict:
    return {**fit, "command": fit["command"].replace(f"{folder}/", "")}


def _read(file: Path) -> list:
    if file.suffix != ".gz":
        return ase.io.read(file, ":", format="extxyz")
    with gzip.open(file, "rt") as text:
        return ase.io.read(text, ":", format="extxyz")


def _count(file: Path) -> int:
    return len(_read(file))


def table(results: dict) -> str:
    """Errors of each system with its own filters and with shared ones."""
    rows = []
    for name, found in results["systems"]["results"]["systems"].items():
        frames = "{train} · {test}".format(**found["frames"])
        rows.append([name, frames, *_compared(found["own"], found["shared"])])
    return markdown(["", "frames of training · test", "filters of its own", "shared", "forces"], rows)


def _compared(own: dict, shared: dict) -> list[str]:
    """Errors of both, and how much larger those of forces are with shared filters."""
    change = 100 * (shared[FORCE] / own[FORCE] - 1)
    return [*(f"{e[ENERGY]:.2f} · {e[FORCE]:.4f}" for e in (own, shared)), f"{change:+.0f} %".replace("-", "−")]


def took(results: dict) -> str:
    """How long the fits took."""
    found = results["systems"]["results"]
    alone = sum(one["own"]["fit"]["cpu_seconds"] for one in found["systems"].values()) / 60
    return (
        f"The fit of all, {STEPS} steps, took {found['fit']['cpu_seconds'] / 60:.0f} minutes of one core, "
        f"the seven fits by themselves {alone:.0f}."
    )


TABLES = {"shared-filters": table, "shared-filters-times": took}
