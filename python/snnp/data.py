"""Labelled structures: reading, finding the labels under their usual names, splitting.

Units as in ASE: eV, Å, eV/Å, stress in eV/Å³ with tension positive.
"""

import gzip
import io
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import ase.io
import numpy as np
from ase import Atoms
from ase.stress import full_3x3_to_voigt_6_stress, voigt_6_to_full_3x3_stress

from snnp.neighbors import full_list

_PREFIX, _SUFFIX = r"^(?:ref|dft|qm|mace|true|target)?_?", r"_?(?:ref|dft|qm|true|target)?$"
_ENERGY = re.compile(_PREFIX + r"(?:(?:total|free|potential)_?)?energy" + _SUFFIX, re.IGNORECASE)
_FORCES = re.compile(_PREFIX + r"forces?" + _SUFFIX, re.IGNORECASE)
_STRESS = re.compile(_PREFIX + r"stress(?:es)?" + _SUFFIX, re.IGNORECASE)
_VIRIAL = re.compile(_PREFIX + r"virials?" + _SUFFIX, re.IGNORECASE)
_GROUP = ("config_type", "config", "group", "label")

# Closer than any pair of nuclei in a sensible data set, Å.
_TOO_CLOSE = 0.2


class DataError(ValueError):
    """Data that cannot be used; the text says which file and frame, what was found and what was expected."""


@dataclass
class Frame:
    """A structure with labels: energy in eV, forces (n, 3) in eV/Å, stress (6,) in eV/Å³ or None."""

    atoms: Atoms
    energy: float
    forces: np.ndarray
    stress: np.ndarray | None
    group: str
    origin: str  # file:frame

    @property
    def virial(self) -> np.ndarray | None:
        """−V σ, shape (3, 3), eV."""
        return None if self.stress is None else -self.atoms.get_volume() * voigt_6_to_full_3x3_stress(self.stress)


@dataclass
class Dataset:
    """The frames of some files, and what was found there."""

    frames: list[Frame] = field(default_factory=list)
    names: Counter = field(default_factory=Counter)  # under which names labels were found
    skipped: Counter = field(default_factory=Counter)  # reason: number of frames

    @property
    def elements(self) -> list[str]:
        """Chemical symbols in order of atomic number."""
        numbers = {int(z) for frame in self.frames for z in frame.atoms.numbers}
        return [ase.data.chemical_symbols[z] for z in sorted(numbers)]

    @property
    def n_atoms(self) -> int:
        return sum(len(frame.atoms) for frame in self.frames)

    def summary(self) -> str:
        """What was found, in one or two sentences."""
        stress = sum(frame.stress is not None for frame in self.frames)
        groups = len({frame.group for frame in self.frames})
        text = (
            f"{len(self.frames)} frames, {self.n_atoms} atoms of {' '.join(self.elements)}, stress in {stress}, "
            f"{groups} group{'s' if groups > 1 else ''}; labels: {', '.join(sorted(self.names))}"
        )
        for reason, count in self.skipped.items():
            text += f"; skipped {count} frame{'s' if count > 1 else ''}: {reason}"
        return text


def read(paths: Sequence[str | Path]) -> Dataset:
    """All usable frames of the files (any format that ASE reads, also gzipped)."""
    data = Dataset()
    for path in paths:
        _read_file(Path(path), data)
    if not data.frames:
        reasons = ", ".join(data.skipped) or "the file is empty"
        raise DataError(f"{', '.join(map(str, paths))}: no usable frame ({reasons}); expected energies and forces")
    return data


def _read_file(path: Path, data: Dataset) -> None:
    if not path.is_file():
        raise DataError(f"{path}: no such file")
    try:
        frames = _read_frames(path)
    except Exception as error:  # ASE's readers raise whatever comes up
        raise DataError(f"{path}: ASE cannot read it ({type(error).__name__}: {error})") from error
    for n, atoms in enumerate(frames):
        frame = _labelled(atoms, f"{path}:frame {n}", data)
        if frame is not None:
            data.frames.append(frame)


def _read_frames(path: Path) -> list[Atoms]:
    kind = ase.io.formats.filetype(str(path), read=True)
    if path.suffix == ".gz" and kind == "extxyz":
        # The reader jumps back and forth, which makes it quadratic in the length of a compressed file.
        with gzip.open(path, "rt") as file:
            return ase.io.read(io.StringIO(file.read()), index=":", format=kind)
    return ase.io.read(path, index=":", format=kind)


def _labelled(atoms: Atoms, origin: str, data: Dataset) -> Frame | None:
    sources = [atoms.info, atoms.arrays]
    if atoms.calc is not None:
        sources.insert(0, atoms.calc.results)
    energy_name, energy = _find(_ENERGY, sources)
    forces_name, forces = _find(_FORCES, sources)
    if forces is None and len(atoms) == 1 and energy is not None:
        forces_name, forces = "none needed for a single atom", np.zeros((1, 3))
    for name, value in (("energy", energy), ("forces", forces)):
        if value is None:
            data.skipped[f"no {name}"] += 1
            return None
    stress_name, stress = _find_stress(atoms, sources, origin)
    forces = np.asarray(forces, dtype=float)
    if forces.shape != (len(atoms), 3):
        raise DataError(f"{origin}: forces have shape {forces.shape}, expected ({len(atoms)}, 3)")
    for name, value in ((energy_name, energy), (forces_name, forces), (stress_name, stress)):
        if value is not None and not np.isfinite(value).all():
            raise DataError(f"{origin}: {name} holds NaN or infinity, expected finite numbers")
    _check_geometry(atoms, origin)
    data.names.update(name for name in (energy_name, forces_name, stress_name) if name)
    group = next((str(atoms.info[key]) for key in _GROUP if key in atoms.info), "all")
    bare = Atoms(atoms.numbers, atoms.positions, cell=atoms.cell, pbc=atoms.pbc)
    return Frame(bare, float(energy), forces, stress, group, origin)


def _find(pattern: re.Pattern, sources: Sequence[dict]) -> tuple[str | None, object]:
    for source in sources:
        for name in sorted(source, key=lambda key: (len(key), key)):
            if pattern.match(name) and source[name] is not None:
                return name, source[name]
    return None, None


def _find_stress(atoms: Atoms, sources: Sequence[dict], origin: str) -> tuple[str | None, np.ndarray | None]:
    if not atoms.pbc.all():
        return None, None
    for pattern, factor in ((_STRESS, 1.0), (_VIRIAL, -1.0)):
        name, value = _find(pattern, sources)
        if value is None:
            continue
        value = np.asarray(value, dtype=float)
        if value.size not in (6, 9):
            raise DataError(f"{origin}: {name} has {value.size} numbers, expected 6 (Voigt) or 9")
        if value.size == 9:
            value = full_3x3_to_voigt_6_stress(value.reshape(3, 3))
        return name, value * (factor if factor > 0 else factor / atoms.get_volume())
    return None, None


def _check_geometry(atoms: Atoms, origin: str) -> None:
    if len(atoms) == 0:
        raise DataError(f"{origin}: there are no atoms")
    if not np.isfinite(atoms.positions).all() or not np.isfinite(atoms.cell.array).all():
        raise DataError(f"{origin}: positions or cell hold NaN or infinity")
    lengths = atoms.cell.lengths()
    for axis in range(3):
        if atoms.pbc[axis] and lengths[axis] == 0:
            raise DataError(f"{origin}: periodic along {'abc'[axis]}, but the cell has no vector there")
    if atoms.pbc.all() and abs(np.linalg.det(atoms.cell.array)) < 1e-6:
        raise DataError(f"{origin}: the cell has no volume")
    if atoms.cell.rank == 3:
        extent = np.ptp(atoms.get_scaled_positions(wrap=False), axis=0)
        for axis in np.flatnonzero(~atoms.pbc & (extent > 1 + 1e-6)):
            raise DataError(
                f"{origin}: not periodic along {'abc'[axis]}, but the atoms spread over {extent[axis]:.2f} cells "
                'there; expected a cell that holds them, or pbc="T T T"'
            )
    i, j, d = full_list(atoms, 5 * _TOO_CLOSE)  # a tiny cutoff would make for a huge number of cells
    r = np.linalg.norm(d, axis=1)
    for n in np.flatnonzero(r < _TOO_CLOSE)[:1]:
        raise DataError(f"{origin}: atoms {i[n]} and {j[n]} are {r[n]:.3f} Å apart")


def split(frames: Sequence[Frame], fraction: float, seed: int) -> tuple[list[Frame], list[Frame]]:
    """Training and validation frames: from each group the same fraction, at random."""
    rng = np.random.default_rng(seed)
    held_out: set[int] = set()
    carried = 0.0
    for group in sorted({frame.group for frame in frames}):
        members = [n for n, frame in enumerate(frames) if frame.group == group]
        # Small groups share: what one is short of a whole frame, the next one gets.
        carried += fraction * len(members)
        count = min(int(carried), len(members) - 1)
        carried -= count
        held_out.update(int(n) for n in rng.permutation(members)[:count])
    if not held_out and len(frames) > 1 and fraction > 0:
        held_out.add(int(rng.integers(len(frames))))
    train = [frame for n, frame in enumerate(frames) if n not in held_out]
    return train, [frames[n] for n in sorted(held_out)]
