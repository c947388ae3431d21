"""What a potential is held against: values from the data, or from the user's file; nothing is typed in from memory."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import permutations
from pathlib import Path

import numpy as np
from ase.formula import Formula
from ase.stress import full_3x3_to_voigt_6_stress, voigt_6_to_full_3x3_stress

from snnp.data.frames import Frame
from snnp.data.stress.convention import SHEAR, VOIGT, Convention
from snnp.files import read_text
from snnp.validation.crystals import Crystal
from snnp.validation.defective import as_slab, is_vacancy
from snnp.validation.elasticity import GPA, Polynomial, bulk_and_shear, constant_name, constants, tensor_of
from snnp.validation.matching import match, primitive
from snnp.validation.naming import lattice_constants
from snnp.validation.series import FEWEST, Sample, Series
from snnp.validation.symmetry import Symmetry

# Energies and stresses contradict each other where constants differ by so much, of the constant and of the largest.
_CONTRADICTS, _OF_LARGEST = 0.3, 0.05
_SURELY = 3.0  # standard errors, by which they do at least
_CLEARLY = 2.0  # times smaller residuals show that shear stresses are in another order
_SAME_CRYSTAL = 0.05  # strain without change of volume between a named crystal and one of the data
# What the checks have, and factors from other units.
_UNITS = {
    "GPa": ("GPa", 1.0),
    "kbar": ("GPa", 0.1),
    "Mbar": ("GPa", 100.0),
    "eV/Å³": ("GPa", GPA),
    "Å": ("Å", 1.0),
    "nm": ("Å", 10.0),
    "Å³": ("Å³", 1.0),
    "eV": ("eV", 1.0),
    "meV": ("eV", 1e-3),
    "meV/atom": ("meV/atom", 1.0),
    "eV/atom": ("meV/atom", 1e3),
    "mJ/m²": ("mJ/m²", 1.0),
    "J/m²": ("mJ/m²", 1e3),
    "eV/Å²": ("mJ/m²", 1e2 * GPA),
    "THz": ("THz", 1.0),
    "cm⁻¹": ("THz", 0.0299792458),
    "K": ("K", 1.0),
    "k_B/atom": ("k_B/atom", 1.0),
}
# Quantities that a file may name, and their units; the names are those of the checks.
_QUANTITIES = (
    (r"c[1-6][1-6](, atoms clamped)?|(bulk|shear) modulus", "GPa"),
    (r"lattice constant [abc]|bond length", "Å"),
    (r"volume per atom", "Å³"),
    (r"dissociation energy|vacancy (formation|migration) energy.*|antisite pair energy, .+|Schottky .+", "eV"),
    (r"energy above ground state|energy of formation", "meV/atom"),
    (r"surface energy \(\d+\)", "mJ/m²"),
    (r"phonon .+|lowest frequency", "THz"),
    (r"heat capacity, 300 K", "k_B/atom"),
    (r"melting temperature", "K"),
)
_SAME_UNITS = {"A": "Å", "Angstrom": "Å", "A^3": "Å³", "eV/A^3": "eV/Å³", "mJ/m^2": "mJ/m²", "J/m^2": "J/m²"}
_SAME_UNITS |= {"eV/A^2": "eV/Å²", "cm^-1": "cm⁻¹", "Å^3": "Å³", "eV/Å^3": "eV/Å³", "eV/Å^2": "eV/Å²"}
_RELAXED = 0.15  # eV/Å: forces in slabs and around vacancies below which their energies are right to some per cent
_MOST_BYTES = 10_000_000
_LARGEST = 1e12  # in any unit: more is no quantity of a crystal


@dataclass(frozen=True)
class Reference:
    """A value in the unit of the quantity, where it is from, and its standard error, 0 if that is not known."""

    value: float
    source: str
    error: float = 0.0


@dataclass
class References:
    """Reference values by subject (a crystal, a pair of elements) and quantity; sentences that the user should read."""

    values: dict[str, dict[str, Reference]] = field(default_factory=dict)
    curves: dict[str, dict[str, dict]] = field(default_factory=dict)  # for figures: subject, name, arrays as lists
    notes: list[str] = field(default_factory=list)

    def get(self, subject: str, quantity: str) -> Reference | None:
        """None: not known."""
        return self.values.get(subject, {}).get(quantity)

    def put(self, subject: str, quantity: str, value: float, source: str, error: float = 0.0) -> None:
        """Takes a value, in place of another one."""
        self.values.setdefault(subject, {})[quantity] = Reference(float(value), source, float(error))

    def update(self, others: "References") -> None:
        """Takes the values, curves and notes of others, which go before those that are there."""
        for subject, quantities in others.values.items():
            self.values.setdefault(subject, {}).update(quantities)
        for subject, curves in others.curves.items():
            self.curves.setdefault(subject, {}).update(curves)
        self.notes += others.notes

    @property
    def identity(self) -> dict:
        """Equal for equal references."""
        return {
            subject: {
                name: [reference.value, reference.source, reference.error] for name, reference in quantities.items()
            }
            for subject, quantities in self.values.items()
        }


def find_references(series: Sequence[Series], crystals: Sequence[Crystal], frames: Sequence[Frame] = ()) -> References:
    """What the data say of crystals: lattice constants, equations of state, elastic constants.

    series: of the data. frames: all of them, among which relaxed slabs and vacancies are looked for.
    """
    found = References()
    for crystal in crystals:
        own = next((one for one in series if _is(one, crystal)), None)
        if own is not None and own.is_at_rest:
            _add_equation(found, crystal.name, own)
            _add_elastic(found, crystal.name, own)
            _add_defects(found, crystal.name, own, frames)
    return found


def _add_defects(found: References, name: str, series: Series, frames: Sequence[Frame]) -> None:
    """Energies of surfaces and of a vacancy, from relaxed frames; of several the lowest."""
    known = {id(sample.frame) for sample in series.samples}
    surfaces: dict[str, list[float]] = {}
    vacancies = []
    for frame in frames:
        whole = frame.atoms.cell.rank == 3 and np.isfinite(frame.energy) and id(frame) not in known
        if not (whole and np.linalg.norm(frame.forces, axis=1).max() < _RELAXED):
            continue
        excess = frame.energy - len(frame.atoms) * series.energy
        if slab := as_slab(frame.atoms, series.atoms):
            quantity = f"surface energy ({''.join(map(str, slab.indices))})"
            surfaces.setdefault(quantity, []).append(1e2 * GPA * excess / (2 * slab.area))
        elif is_vacancy(frame.atoms, series.atoms):
            vacancies.append(excess)
    for quantity, energies in surfaces.items():
        found.put(name, quantity, min(energies), f"data, {_frames(energies)}")
    if vacancies:
        found.put(name, "vacancy formation energy", min(vacancies), f"data, {_frames(vacancies)}")


def _is(series: Series, crystal: Crystal) -> bool:
    if series.name == crystal.name:
        return True
    own = primitive(crystal.atoms)
    return own is not None and match(own, series.atoms, _SAME_CRYSTAL) is not None


def _frames(samples: Sequence) -> str:
    return f"{len(samples)} frame{'s' if len(samples) > 1 else ''}"


def _add_equation(found: References, name: str, series: Series) -> None:
    """Lattice constants and volume where the data tell the state at zero pressure; the curve of energies."""
    points = series.hydrostatic
    if len(points) > 1:
        found.curves.setdefault(name, {})["equation of state"] = {
            "volume": [s.volume for s in points],
            "energy": [s.energy - series.energy for s in points],
        }
    if not series.is_settled:
        return
    source = f"data, {_frames(points if series.equation else series.samples)}"
    for quantity, value in lattice_constants(series.atoms).items():
        found.put(name, quantity, value, source)
    found.put(name, "volume per atom", series.volume, source)
    if series.equation is not None:
        found.put(name, "bulk modulus", series.equation.modulus * GPA, source)


@dataclass(frozen=True)
class _Fitted:
    polynomial: Polynomial
    samples: list[Sample]

    def value(self, at: tuple[int, int], surely: bool = True) -> tuple[float, float] | None:
        """An elastic constant and its standard error, GPa; None: not known, or not even badly."""
        polynomial = self.polynomial
        there = polynomial.known[at] if surely else polynomial.determined[at]
        return (float(polynomial.voigt[at]), float(polynomial.voigt_errors[at])) if there else None


def _add_elastic(found: References, name: str, series: Series) -> None:
    """Elastic constants; those with atoms clamped, where no more is in the data, under names of their own."""
    independent = missing = constants(series.symmetry)
    for clamped, ending in ((False, ""), (True, ", atoms clamped")):
        energies, stresses = _by_energies(series, clamped), _by_stresses(series, clamped, name, found.notes)
        missing = _choose(found, name, missing, ending, energies, stresses)
        if not clamped and not missing and "bulk modulus" not in found.values.get(name, {}):
            _add_bulk_modulus(found, name, series.symmetry, independent)
        if len(series.atoms) == 1:  # nothing that could be clamped
            return


def _add_bulk_modulus(found: References, name: str, symmetry: Symmetry, independent: list[tuple[int, int]]) -> None:
    """From the elastic constants."""
    known = {at: found.values[name][constant_name(*at)] for at in independent}

    def bulk(values: dict[tuple[int, int], float]) -> float:
        return bulk_and_shear(tensor_of(values, symmetry))[0]

    values = {at: reference.value for at, reference in known.items()}
    changes = [bulk({**values, at: known[at].value + known[at].error}) - bulk(values) for at in known]
    found.put(name, "bulk modulus", bulk(values), known[0, 0].source, float(np.linalg.norm(changes)))


def _by_energies(series: Series, clamped: bool) -> _Fitted | None:
    samples = series.strained(clamped)
    return _Fitted(series.by_energies(samples), samples) if len(samples) >= FEWEST else None


def _by_stresses(series: Series, clamped: bool, name: str, notes: list[str]) -> _Fitted | None:
    """As by energies. Shear stresses are taken in the order in which they make sense."""
    samples = [sample for sample in series.strained(clamped) if sample.stress is not None]
    if len(samples) < FEWEST:
        return None
    orders = {order: _reordered(samples, order) for order in permutations(SHEAR)}
    fits = {order: series.by_stresses(reordered) for order, reordered in orders.items()}
    best = min(fits, key=lambda order: fits[order].residual)
    if fits[best].residual * _CLEARLY > fits[SHEAR].residual:
        best = SHEAR
    if best != SHEAR:
        note = f"{name}: shear stresses of the data are labelled in the order {' '.join(best)}, not {' '.join(SHEAR)}"
        notes += [note] if note not in notes else []
    return _Fitted(fits[best], orders[best])


def _reordered(samples: Sequence[Sample], order: tuple[str, ...]) -> list[Sample]:
    convention = Convention(order=VOIGT[:3] + order)

    def stress(sample: Sample) -> np.ndarray:
        return voigt_6_to_full_3x3_stress(convention.stress(full_3x3_to_voigt_6_stress(sample.stress), 1.0))

    return [replace(sample, stress=stress(sample)) for sample in samples]


def _choose(
    found: References,
    name: str,
    wanted: list[tuple[int, int]],
    ending: str,
    energies: _Fitted | None,
    stresses: _Fitted | None,
) -> list[tuple[int, int]]:
    """Takes of each constant the more certain value, that by energies where stresses contradict; returns the rest."""
    by_energy = {at: energies and energies.value(at) for at in wanted}
    by_stress = {at: stresses and stresses.value(at) for at in wanted}
    largest = max((abs(v[0]) for v in (*by_energy.values(), *by_stress.values()) if v is not None), default=0.0)
    doubtful, rest = set(), []  # doubtful: stresses of normal (0) or shear components (1)
    for at in wanted:
        claimed = stresses and stresses.value(at, surely=False)
        if None not in (by_energy[at], claimed) and _differ(by_energy[at], claimed, largest):
            doubtful.add(at[0] // 3)
            groups = ", ".join(sorted({s.frame.group for s in stresses.samples}))
            found.notes.append(
                f"{name}: stresses of the data (group {groups}) give {constant_name(*at)}{ending} {claimed[0]:.3g} "
                f"GPa, their energies {by_energy[at][0]:.3g} GPa; the energies are taken"
            )
    for at in wanted:
        able = [(by_energy[at], "energies", energies)]
        if at[0] // 3 not in doubtful:
            able.append((by_stress[at], "stresses", stresses))
        able = [one for one in able if one[0] is not None]
        if not able:
            rest.append(at)
            continue
        (value, error), kind, fitted = min(able, key=lambda one: one[0][1])
        source = f"data, {kind} of {_frames(fitted.samples)}"
        found.put(name, constant_name(*at) + ending, value, source, error)
    return rest


def _differ(a: tuple[float, float], b: tuple[float, float], largest: float) -> bool:
    """Whether two values with standard errors contradict each other; largest: of all values."""
    apart, error = abs(a[0] - b[0]), np.hypot(a[1], b[1])
    return apart > max(_CONTRADICTS * max(abs(a[0]), abs(b[0])), _OF_LARGEST * largest, _SURELY * error)


def read_references(path: Path, crystals: Sequence[Crystal]) -> References:
    """The user's values: a JSON file of crystals, and of each quantities as the checks name them.

        {"bcc Li": {"c11": {"value": 15, "unit": "GPa", "source": "Phys. Rev. B 59, 11716"}}}

    Raises ValueError with one sentence that names file and entry for anything else.
    """
    try:
        content = json.loads(read_text(path, _MOST_BYTES))
    except json.JSONDecodeError as error:
        raise ValueError(f"{path}:{error.lineno}: this is no JSON: {error.msg}") from error
    except (ValueError, RecursionError) as error:  # numbers of thousands of digits, thousands of brackets
        raise ValueError(f"{path}: this JSON has a number that is too long, or too many brackets") from error
    found = References()
    for name, quantities in _items(content, f"{path}", "crystals such as 'bcc Li'"):
        subject = _subject(name, crystals)
        if subject is None:
            names = ", ".join(crystal.name for crystal in crystals)
            raise ValueError(f"{path}: '{name}' is no crystal that is checked, expected one of {names}")
        for quantity, entry in _items(quantities, f"{path}: {name}", "quantities such as 'c11'"):
            where = f"{path}: {name}, {quantity}"
            unit = next((unit for names, unit in _QUANTITIES if re.fullmatch(names, quantity)), None)
            if unit is None:
                raise ValueError(f"{where}: no check has this quantity, expected a name of the table, such as c11")
            value, error = _value(entry, where, unit)
            found.put(subject, quantity, value, str(entry.get("source") or path.name), error)
    return found


def _items(content: object, where: str, what: str) -> list[tuple[str, object]]:
    if not isinstance(content, dict):
        raise ValueError(f"{where}: found {str(content)[:40]!r}, expected an object {{…}} of {what}")
    return list(content.items())


def _subject(name: str, crystals: Sequence[Crystal]) -> str | None:
    """What is meant: a crystal, with its elements in any order, a composition, a pair or triplet; None: no such."""
    symbols = {symbol for crystal in crystals for symbol in crystal.atoms.symbols}
    if set(re.split(r"[–-]", name)) <= symbols:
        return name
    kind, _, elements = name.rpartition(" ")
    try:
        reduced = Formula(elements).reduce()[0].format("hill")
    except ValueError:
        return None
    for crystal in crystals:
        if crystal.formula == reduced and kind in ("", crystal.name.rpartition(" ")[0]):
            return crystal.name if kind else reduced
    return None


def _value(entry: object, where: str, wanted: str) -> tuple[float, float]:
    """Value and error, in the unit of the checks."""
    example = '{"value": 15, "unit": "GPa", "source": "…"}'
    if not isinstance(entry, dict) or not {"value", "unit"} <= set(entry):
        raise ValueError(f"{where}: found {str(entry)[:40]!r}, expected such as {example}")
    if strange := set(entry) - {"value", "unit", "source", "error"}:
        raise ValueError(f"{where}: found the key '{min(strange)}', expected value, unit, source and error")
    value, unit, error = entry["value"], entry["unit"], entry.get("error", 0.0)
    for name, number in (("value", value), ("error", error)):
        if isinstance(number, bool) or not isinstance(number, int | float) or not abs(number) < _LARGEST:
            raise ValueError(f"{where}: the {name} is {str(number)[:40]!r}, expected a number")
    base, factor = _UNITS.get(_SAME_UNITS.get(unit, unit), ("", 1.0)) if isinstance(unit, str) else ("", 1.0)
    if base != wanted:
        units = ", ".join(name for name, (of, _) in _UNITS.items() if of == wanted)
        raise ValueError(f"{where}: the unit is {str(unit)[:40]!r}, expected {units}")
    return value * factor, abs(error) * factor
