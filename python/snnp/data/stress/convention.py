"""Conventions for stress labels: sign, unit and order of components, and how to bring them to ASE's."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import permutations

import numpy as np
from ase.units import Bohr, GPa, Hartree, Rydberg

from snnp.data.frames import DataError, Frame

SHEAR = ("yz", "xz", "xy")  # ASE's order of the off-diagonal components
VOIGT = ("xx", "yy", "zz", *SHEAR)
# Shear components last, in any order, or the upper or lower triangle of the tensor row by row.
ORDERS = [
    *(("xx", "yy", "zz", *order) for order in permutations(SHEAR)),
    ("xx", "xy", "xz", "yy", "yz", "zz"),
    ("xx", "xy", "yy", "xz", "yz", "zz"),
]
# Units in eV/Å³; eV: the stress times the volume of the cell (with sign −1, the virial).
UNITS = {
    "eV/A^3": 1.0,
    "GPa": GPa,
    "kbar": 0.1 * GPa,
    "bar": 1e-4 * GPa,
    "Pa": 1e-9 * GPa,
    "Ha/Bohr^3": Hartree / Bohr**3,
    "Ry/Bohr^3": Rydberg / Bohr**3,
    "eV": None,
}
LEFT_OUT = "left out"


@dataclass(frozen=True)
class Convention:
    """How the six numbers of a stress label are meant; the default is ASE's way: eV/Å³, tension positive."""

    sign: int = 1  # −1: compression is positive
    unit: str = "eV/A^3"
    order: tuple[str, ...] = VOIGT

    def stress(self, label: np.ndarray, volume: np.ndarray | float) -> np.ndarray:
        """ASE's stress, eV/Å³, of labels (…, 6) of cells of a volume (…), Å³."""
        factor = UNITS[self.unit] or 1 / np.asarray(volume)[..., None]
        return self.sign * factor * label[..., [self.order.index(name) for name in VOIGT]]

    @property
    def settings(self) -> dict:
        """What differs from ASE's convention, as in `data.stress_convention`."""
        order = self.order[3:] if self.order[:3] == VOIGT[:3] else self.order
        given = {"sign": self.sign, "unit": self.unit, "order": " ".join(order)}
        usual = {"sign": 1, "unit": "eV/A^3", "order": " ".join(SHEAR)}
        return {key: value for key, value in given.items() if value != usual[key]}

    def __str__(self) -> str:
        """What differs from ASE's convention, in words."""
        words = {
            "sign": "with compression positive",
            "unit": "as stress times volume, in eV" if self.unit == "eV" else f"in {self.unit}",
            "order": f"in the order {self.settings.get('order')}",
        }
        return ", ".join(words[key] for key in ("unit", "sign", "order") if key in self.settings) or "as ASE has them"


ASE = Convention()
# By group of frames, or by file and group as "train.xyz:bulk", which counts first; None: its stresses are left out.
Conventions = dict[str, Convention | None]


def parse_convention(given: Mapping | str, where: str) -> Convention | None:
    """A convention from {sign: -1, unit: GPa, order: "xy yz xz"}, each of them optional; None: "left out".

    Raises DataError, which begins with `where`, for anything else.
    """
    if given == LEFT_OUT:
        return None
    if not isinstance(given, Mapping):
        raise DataError(f"{where}: expected sign, unit and order, or '{LEFT_OUT}', found {given!r}")
    unknown = sorted(set(map(str, given)) - {"sign", "unit", "order"})
    if unknown:
        raise DataError(f"{where}: unknown key {unknown[0]}, expected sign, unit or order")
    sign, unit = given.get("sign", 1), given.get("unit", "eV/A^3")
    if sign not in (1, -1) or isinstance(sign, bool):
        raise DataError(f"{where}: sign: expected 1 (tension positive) or -1 (compression positive), found {sign!r}")
    unit = str(unit).replace("Å", "A").replace("³", "^3").replace("**", "^")
    if unit not in UNITS:
        raise DataError(f"{where}: unit: expected one of {', '.join(UNITS)}, found {given['unit']!r}")
    return Convention(int(sign), unit, parse_order(given.get("order", " ".join(SHEAR)), f"{where}: order"))


def parse_order(text: str, where: str) -> tuple[str, ...]:
    """The order of components from text: three for the shear components after xx yy zz, or all six."""
    names = tuple(str(text).split())
    order = VOIGT[:3] + names if len(names) == 3 else names
    if sorted(order) != sorted(VOIGT):
        raise DataError(f"{where}: expected yz, xz and xy in some order, or all six components, found '{text}'")
    return order


def given_conventions(stress_convention, shear_order: str | Mapping[str, str] | None, groups: set[str]) -> Conventions:
    """What `data.stress_convention` and `data.shear_order` say, by group; for all groups at once, those of `groups`.

    Raises DataError for what is no convention, or no group.
    """
    found: Conventions = {}
    if shear_order is not None:
        by_group = shear_order if isinstance(shear_order, Mapping) else dict.fromkeys(groups, shear_order)
        _check_groups(by_group, groups, "data.shear_order")
        found = {g: Convention(order=parse_order(text, "data.shear_order")) for g, text in by_group.items()}
    if stress_convention is not None:
        key = "data.stress_convention"
        for_all = stress_convention == LEFT_OUT or bool({"sign", "unit", "order"} & set(stress_convention))
        by_group = dict.fromkeys(groups, stress_convention) if for_all else stress_convention
        _check_groups(by_group, groups, key)
        found |= {g: parse_convention(c, key if for_all else f"{key}: {g}") for g, c in by_group.items()}
    return found


def _check_groups(given: Mapping, groups: set[str], key: str) -> None:
    unknown = [name for name in given if name not in groups and name.rpartition(":")[2] not in groups]
    if unknown:
        raise DataError(f"{key}: no frames of group {unknown[0]}, expected some of {', '.join(sorted(groups))}")


def source(frame: Frame) -> tuple[str, str]:
    """The file that a frame is from, without its folder, and its group."""
    return frame.origin.rpartition(":")[0].rpartition("/")[2], frame.group


def with_conventions(frames: Sequence[Frame], conventions: Conventions) -> list[Frame]:
    """The frames with their stresses brought to ASE's convention, or without if they are to be left out."""

    def converted(frame: Frame) -> Frame:
        known = conventions.get(":".join(source(frame)), conventions.get(frame.group, ASE))
        if frame.stress is None or known == ASE:
            return frame
        return replace(frame, stress=known and known.stress(frame.stress, frame.atoms.get_volume()))

    return [converted(frame) for frame in frames]
