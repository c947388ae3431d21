"""Errors of a potential on labelled structures, through the engine: overall, per group and per element."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from ase.units import GPa

from snnp import _core
from snnp.data import Frame
from snnp.data.neighbors import NeighborLists
from snnp.virial import matrix, stress


@dataclass
class Predictions:
    """Labels and predictions of some frames.

    energies: eV per atom (frames,), forces: eV/Å (atoms, 3), stresses: GPa (frames with stress, 6). Labels that are not
    known are NaN, and count nowhere.
    """

    energies: np.ndarray
    energy_labels: np.ndarray
    forces: np.ndarray
    force_labels: np.ndarray
    stresses: np.ndarray
    stress_labels: np.ndarray
    groups: np.ndarray  # (frames,)
    symbols: np.ndarray  # (atoms,)
    atom_groups: np.ndarray  # (atoms,)
    stress_groups: np.ndarray  # (frames with stress,)


@dataclass
class Errors:
    """Mean absolute and root mean square errors of one set of frames or atoms; None: nothing to compare."""

    frames: int
    atoms: int
    energy: tuple[float, float] | None = None  # meV per atom
    force: tuple[float, float] | None = None  # eV/Å, per component
    stress: tuple[float, float] | None = None  # GPa, per component


@dataclass
class Report:
    """Errors of one data set: all of it, and parts by name."""

    all: Errors
    groups: dict[str, Errors] = field(default_factory=dict)
    elements: dict[str, Errors] = field(default_factory=dict)

    def as_dict(self) -> dict:
        """For JSON: nested dictionaries, with units in the names."""
        return {
            "all": _as_dict(self.all),
            "groups": {name: _as_dict(e) for name, e in self.groups.items()},
            "elements": {name: _as_dict(e) for name, e in self.elements.items()},
        }


def predict(
    engine: _core.Engine,
    frames: Sequence[Frame],
    threads: int,
    tick: Callable[[int], None] = lambda n: None,
    lists: NeighborLists | None = None,
) -> Predictions:
    """Evaluates all frames; tick(1) after each. lists: neighbour lists to take, for the elements of the potential."""
    lists = lists or NeighborLists([e.name for e in engine.potential.elements], engine.cutoff, keep=False)
    energies, forces, stresses = [], [], []
    for frame in frames:
        out = engine.evaluate(lists.of(frame.atoms), threads)
        energies.append(out["energy"] / len(frame.atoms))
        forces.append(out["forces"])
        if frame.stress is not None:
            stresses.append(stress(matrix(out["virial"]), frame.atoms.get_volume()) / GPa)
        tick(1)
    stressed = [frame for frame in frames if frame.stress is not None]
    return Predictions(
        energies=np.array(energies),
        energy_labels=np.array([frame.energy / len(frame.atoms) for frame in frames]),
        forces=_stack(forces, 3),
        force_labels=_stack([frame.forces for frame in frames], 3),
        stresses=_stack([s[None] for s in stresses], 6),
        stress_labels=_stack([frame.stress[None] / GPa for frame in stressed], 6),
        groups=np.array([frame.group for frame in frames]),
        symbols=np.array([s for frame in frames for s in frame.atoms.get_chemical_symbols()]),
        atom_groups=np.array([frame.group for frame in frames for _ in range(len(frame.atoms))]),
        stress_groups=np.array([frame.group for frame in stressed]),
    )


def with_stress_labels(p: Predictions, frames: Sequence[Frame], relabelled: Sequence[Frame]) -> Predictions:
    """Predictions of `frames` compared with the stresses of the same frames `relabelled`, where these have one."""
    pairs = [(before, after) for before, after in zip(frames, relabelled, strict=True) if before.stress is not None]
    kept = np.array([after.stress is not None for _, after in pairs], dtype=bool)
    labels = _stack([after.stress[None] / GPa for _, after in pairs if after.stress is not None], 6)
    return replace(p, stresses=p.stresses[kept], stress_labels=labels, stress_groups=p.stress_groups[kept])


def report(p: Predictions) -> Report:
    """Errors of all frames, of each group of configurations, and (forces) of each element."""
    result = Report(_errors(p, slice(None), slice(None), slice(None)))
    for group in _names(p.groups):
        result.groups[group] = _errors(p, p.groups == group, p.atom_groups == group, p.stress_groups == group)
    for symbol in _names(p.symbols):
        here = p.symbols == symbol
        force = _mae_rmse(p.forces[here], p.force_labels[here])
        result.elements[symbol] = Errors(frames=0, atoms=int(here.sum()), force=force)
    return result


def _errors(p: Predictions, frames, atoms, stressed) -> Errors:
    energy = _mae_rmse(p.energies[frames], p.energy_labels[frames])
    return Errors(
        frames=len(p.energies[frames]),
        atoms=len(p.forces[atoms]),
        energy=None if energy is None else (1000 * energy[0], 1000 * energy[1]),
        force=_mae_rmse(p.forces[atoms], p.force_labels[atoms]),
        stress=_mae_rmse(p.stresses[stressed], p.stress_labels[stressed]),
    )


def _mae_rmse(found: np.ndarray, expected: np.ndarray) -> tuple[float, float] | None:
    known = ~np.isnan(expected)
    if not known.any():
        return None
    difference = found[known] - expected[known]
    return float(np.abs(difference).mean()), float(np.sqrt((difference**2).mean()))


def _names(values: np.ndarray) -> list[str]:
    return sorted({str(v) for v in values})


def _stack(parts: Iterable[np.ndarray], width: int) -> np.ndarray:
    parts = list(parts)
    return np.concatenate(parts) if parts else np.zeros((0, width))


def _as_dict(e: Errors) -> dict:
    units = {"energy": "meV_per_atom", "force": "eV_per_A", "stress": "GPa"}
    out: dict = {"frames": e.frames, "atoms": e.atoms}
    for name, unit in units.items():
        value = getattr(e, name)
        if value is not None:
            out[f"{name}_mae_{unit}"], out[f"{name}_rmse_{unit}"] = value
    return out
