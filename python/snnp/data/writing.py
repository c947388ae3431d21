"""Frames as extended XYZ under the names that ASE gives labels: energy, forces, stress; with weights that are not 1."""

import gzip
from collections.abc import Iterable, Sequence
from pathlib import Path

import ase.io
import numpy as np
from ase import Atoms

from snnp.data.frames import DataError, Frame
from snnp.files import write_aside


def check_new(path: Path, inputs: Iterable[str | Path] = ()) -> None:
    """Raises DataError if a file is there already, or would be in a folder that is among the inputs."""
    if path.exists() or path.is_symlink():
        raise DataError(f"{path}: exists already, and is not overwritten; expected a new name")
    if not path.parent.is_dir():
        raise DataError(f"{path}: there is no folder {path.parent}")
    folders = [Path(name).resolve() for name in inputs if Path(name).is_dir()]
    if any(folder in path.resolve().parents for folder in folders):
        raise DataError(f"{path}: is in a folder that is read; expected a place outside it")


def write_extxyz(path: Path, frames: Sequence[Frame]) -> None:
    """Writes frames to a new file; the ending .gz packs them. Raises DataError if it is there already."""
    check_new(path)

    def write(aside: Path) -> None:
        with gzip.open(aside, "wt") if path.suffix == ".gz" else aside.open("w", encoding="utf-8") as file:
            ase.io.write(file, [_atoms(frame) for frame in frames], format="extxyz")

    write_aside(path, write)


def _atoms(frame: Frame) -> Atoms:
    atoms = frame.atoms.copy()
    if np.isfinite(frame.energy):
        atoms.info["energy"] = frame.energy
    if np.isfinite(frame.forces).any():
        atoms.arrays["forces"] = frame.forces
    if frame.stress is not None:
        xx, yy, zz, yz, xz, xy = frame.stress
        atoms.info["stress"] = np.array([[xx, xy, xz], [xy, yy, yz], [xz, yz, zz]])
    atoms.info["config_type"] = frame.group
    weights = frame.label_weights
    for name, weight in (
        ("config_weight", frame.weight),
        ("energy_weight", weights.energy),
        ("forces_weight", weights.force),
        ("stress_weight", weights.stress),
    ):
        if np.ndim(weight):
            atoms.arrays[name] = weight
        elif weight != 1:
            atoms.info[name] = weight
    return atoms
