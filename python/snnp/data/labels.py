"""Labels of a structure: found under the names that programs give them, checked, brought to one form."""

import re
from collections.abc import Sequence

import numpy as np
from ase import Atoms
from ase.stress import full_3x3_to_voigt_6_stress

from snnp.data.frames import DataError, Dataset, Frame

_PREFIX, _SUFFIX = r"^(?:ref|dft|qm|mace|true|target)?_?", r"_?(?:ref|dft|qm|true|target)?$"
_ENERGY = re.compile(_PREFIX + r"(?:(?:total|free|potential)_?)?energy" + _SUFFIX, re.IGNORECASE)
_FORCES = re.compile(_PREFIX + r"forces?" + _SUFFIX, re.IGNORECASE)
_STRESS = re.compile(_PREFIX + r"stress(?:es)?" + _SUFFIX, re.IGNORECASE)
_VIRIAL = re.compile(_PREFIX + r"virials?" + _SUFFIX, re.IGNORECASE)
_GROUP = ("config_type", "config", "group", "label")


def labelled(atoms: Atoms, origin: str, data: Dataset) -> Frame | None:
    """The frame that a structure with labels makes; None, and counted in `data`, if labels are missing."""
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
