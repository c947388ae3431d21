"""Labels of structures: found under the names that programs give them, checked, brought to one form."""

from collections.abc import Iterable, Sequence

import numpy as np
from ase import Atoms
from ase.stress import full_3x3_to_voigt_6_stress

from snnp.data.entries import Structure, listed, look
from snnp.data.families import LabelKeys, choose
from snnp.data.frames import DataError, Dataset, Frame
from snnp.data.stress.convention import ASE, agreement
from snnp.data.weights import frame_weights

_GROUP = ("config_type", "config", "group", "label")


def label(structures: Iterable[tuple[Atoms, str]], keys: LabelKeys) -> Dataset:
    """The frames that structures with labels make, each given with its origin, "file:frame n".

    Structures without labels, and those of weight 0, are counted in `skipped`; what was noticed is in `notes`. Raises
    DataError, which names the structure, for labels of wrong form, for given names that are nowhere, and if there is no
    label at all.
    """
    found = [look(atoms, origin) for atoms, origin in structures]
    choice = choose(found, keys)
    data = Dataset(notes=choice.notes)
    for structure, labels, reason in zip(found, choice.labels, choice.reasons, strict=True):
        frame = _frame(structure, labels, data)
        if isinstance(frame, Frame):
            data.frames.append(frame)
        else:
            data.skipped[frame or reason] += 1
    if found:
        _say_what_is_missing(data, found[0])
    _say_which_stresses_are_unknown(data, found)
    return data


def _frame(structure: Structure, labels: dict[str, tuple[str, object]], data: Dataset) -> Frame | str:
    """The frame, or why there is none ("": it has no label)."""
    atoms, origin = structure.atoms, structure.origin
    weight, weights = frame_weights(atoms, origin, data)
    if weight == 0:
        return "weight 0"
    energy, forces, stress = np.nan, np.full((len(atoms), 3), np.nan), None
    if "energy" in labels and weights.energy:
        energy = _numbers(*labels["energy"], origin, ((), (1,))).item()
    if "forces" in labels and np.any(weights.force):
        forces = _numbers(*labels["forces"], origin, ((len(atoms), 3),))
        forces[np.broadcast_to(np.equal(weights.force, 0), len(atoms))] = np.nan
    if energy == 0 and len(atoms) > 1 and np.nan_to_num(forces).any():
        energy = np.nan
        data.unused["an energy of exactly 0 beside forces"] += 1
    if weights.stress:
        stress = _stress(labels, structure, data)
    if np.isnan(energy) and np.isnan(forces).all() and stress is None:
        return "no label is known" if labels else ""
    if len(atoms) == 1 and np.isnan(forces).all():
        forces = np.zeros((1, 3))  # by symmetry
    data.names.update(key for key, _ in labels.values())
    group = next((str(atoms.info[key]) for key in _GROUP if key in atoms.info), "all")
    bare = Atoms(atoms.numbers, atoms.positions, cell=atoms.cell, pbc=atoms.pbc)
    return Frame(bare, energy, forces, stress, group, origin, weight, weights)


def _numbers(key: str, value: object, origin: str, shapes: Sequence[tuple[int, ...]]) -> np.ndarray:
    """A label as floating-point numbers of one of the shapes; NaN stands for what is not known."""
    array = np.asarray(value)
    if array.dtype.kind not in "iuf":
        expected = "a number" if () in shapes else "numbers"
        raise DataError(f"{origin}: {key} is {str(value)[:40]!r}, expected {expected}")
    if array.shape not in shapes:
        expected = "one number" if () in shapes else " or ".join(map(str, shapes))
        raise DataError(f"{origin}: {key} has shape {array.shape}, expected {expected}")
    if np.isinf(array).any():
        raise DataError(f"{origin}: {key} holds infinity, expected finite numbers, or NaN for what is not known")
    return array.astype(float)


def _stress(labels: dict[str, tuple[str, object]], structure: Structure, data: Dataset) -> np.ndarray | None:
    """The stress (6,), eV/Å³; None if nothing of it is known, or if the cell is not periodic in all directions."""
    kinds = [kind for kind in ("stress", "virial") if kind in labels]
    if not kinds:
        return None
    if not structure.atoms.pbc.all():
        for kind in kinds:
            del labels[kind]
        data.unused["stress of a cell that is not periodic in three directions"] += 1
        return None
    values = [_one_stress(kind, labels, structure) for kind in kinds]
    value = values[0] if len(values) == 1 else _of_both(*values, labels, structure, data)
    return value if value is not None and np.isfinite(value).any() else None


def _one_stress(kind: str, labels: dict[str, tuple[str, object]], structure: Structure) -> np.ndarray:
    """The stress (6,) that one of the labels says: as it stands in the file, and −virial/V."""
    value = _numbers(*labels[kind], structure.origin, ((3, 3), (9,), (6,)))
    if value.size == 9:
        value = full_3x3_to_voigt_6_stress(value.reshape(3, 3))
    if kind == "stress":
        return value
    volume = abs(np.linalg.det(structure.atoms.cell.array))
    return value * (-1.0 / volume if volume else np.nan)


def _of_both(stress: np.ndarray, virial: np.ndarray, labels, structure: Structure, data: Dataset) -> np.ndarray | None:
    """The one to take of stress and virial of the same frame; None: they contradict each other."""
    volume = abs(np.linalg.det(structure.atoms.cell.array))
    convention = agreement(stress, virial, volume) if np.isfinite(stress + virial).all() else ASE
    if convention == ASE:
        return stress
    names = labels["stress"][0], labels["virial"][0]
    if convention is None:
        data.unused[f"{names[0]} and {names[1]}, which contradict each other"] += 1
        return None
    data.unused[f"{names[0]}, which agrees with {names[1]} only if it is {convention}"] += 1
    return virial


def _say_what_is_missing(data: Dataset, first: Structure) -> None:
    """Raises DataError if there is no label at all; a note if there are no energies, or no forces."""
    unknown = not data.n_energies and not data.n_forces
    if unknown and (data.frames or set(data.skipped) == {"no label"}):
        raise DataError(
            f"{first.origin}: no energy and no forces under a known name; there are {first.all_names()}; "
            "data.energy_key and data.forces_key name the labels"
        )
    for kind, count in (("energy", data.n_energies), ("forces", data.n_forces)):
        if data.frames and count == 0:
            data.notes.append(
                f"{kind}: known in no frame; {first.origin} holds {first.all_names()}; data.{kind}_key names them"
            )


def _say_which_stresses_are_unknown(data: Dataset, found: Sequence[Structure]) -> None:
    """A note if there are no stresses, but something that by its name is one."""
    if data.unused or any(frame.stress is not None for frame in data.frames):
        return
    names = {
        name.key
        for structure in found
        for name in structure.names()
        if name.kind in ("stress", "virial") and not name.is_label and not name.is_prediction
    }
    if names:
        data.notes.append(
            f"stress: in no frame; {listed(sorted(names))} may be one; data.stress_key or data.virial_key names it"
        )
