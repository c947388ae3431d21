"""Conventions for stress labels: sign, unit and order of components, and how to bring them to ASE's."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import permutations, product

import numpy as np
from ase.units import Bohr, GPa, Hartree, Rydberg

from snnp.data.frames import DataError, Frame
from snnp.data.sources import named, require_named

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
_IMPOSSIBLE = 1e3  # eV/Å³, 160 TPa
# Labels of one frame are the same if they differ by less than this part, and by what files round, eV/Å³.
_SAME, _ROUNDING = 0.03, 1e-5


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


def settings(conventions: Conventions) -> dict[str, dict | str] | None:
    """The same as in `data.stress_convention`; None: nothing."""
    return {name: LEFT_OUT if c is None else c.settings for name, c in conventions.items()} or None


def given_conventions(
    stress_convention, shear_order: str | Mapping[str, str] | None, frames: Sequence[Frame] | None = None
) -> Conventions:
    """What `data.stress_convention` and `data.shear_order` say, by group; for all groups at once, those of the frames.

    frames: None: of any groups. Raises DataError for what is no convention, or no group.
    """
    found: Conventions = {}
    if shear_order is not None:
        key = "data.shear_order"
        for group, text in _by_name(shear_order, isinstance(shear_order, str), frames, key).items():
            found[group] = Convention(order=parse_order(text, key))
    if stress_convention is not None:
        key = "data.stress_convention"
        for_all = stress_convention == LEFT_OUT or bool({"sign", "unit", "order"} & set(stress_convention))
        for group, convention in _by_name(stress_convention, for_all, frames, key).items():
            found[group] = parse_convention(convention, key if for_all else f"{key}: {group}")
    return found


def _by_name(given, for_all: bool, frames: Sequence[Frame] | None, key: str) -> Mapping:
    if for_all:
        return dict.fromkeys(["all"] if frames is None else sorted({frame.group for frame in frames}), given)
    if frames is not None:
        require_named(given, frames, key)
    return given


def with_conventions(frames: Sequence[Frame], conventions: Conventions) -> tuple[list[Frame], list[str]]:
    """The frames with their stresses brought to ASE's convention, or without those that are to be left out; and a
    sentence for each that no structure can have, which are left out, too."""
    notes = []

    def converted(frame: Frame) -> Frame:
        known = conventions.get(named(frame, conventions), ASE)
        if frame.stress is None or known is None:
            return replace(frame, stress=None)
        stress = known.stress(frame.stress, frame.atoms.get_volume())
        largest = np.nanmax(np.abs(stress))
        if largest > _IMPOSSIBLE:
            notes.append(f"{frame.origin}: stress of {largest / GPa:.3g} GPa cannot be: it is left out")
            return replace(frame, stress=None)
        return frame if known == ASE else replace(frame, stress=stress)

    return [converted(frame) for frame in frames], notes


def agreement(stress: np.ndarray, other: np.ndarray, volume: float) -> Convention | None:
    """The convention by which a label is the stress that another label of the same frame says, both (6,); None: none.

    other: eV/Å³, in ASE's order; volume: Å³.
    """
    for order, sign, unit in product(ORDERS, (1, -1), UNITS):
        convention = Convention(sign, unit, order)
        if np.abs(convention.stress(stress, volume) - other).mean() < _SAME * np.abs(other).mean() + _ROUNDING:
            return convention
    return None
