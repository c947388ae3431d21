"""Elastic constants, and whether a crystal is mechanically stable."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from ase import Atoms
from ase.stress import voigt_6_to_full_3x3_stress

from snnp.validation.check import Check, Level, Setting
from snnp.validation.checks.common import crystal_named, failing, finite, forces, held_against, relaxed, worst
from snnp.validation.crystals import Crystal
from snnp.validation.elasticity import GPA, bulk_and_shear, constant_name, constants, indices, tensor_of, to_voigt
from snnp.validation.outcome import Line, Outcome, Verdict
from snnp.validation.references import Reference
from snnp.validation.series import standardised
from snnp.validation.symmetry import Symmetry, from_mandel, mandel

if TYPE_CHECKING:
    from matplotlib.figure import Figure

STRAIN, STEP = 1e-3, 5e-3  # of differences, Å for positions: errors by higher orders are some 1e-4 of a constant
# Functionals differ by 10 to 15 % in elastic constants, and regressions over few data are as uncertain; relative to the
# constant, or to this part of the largest one where it is small.
WARN, FAIL, SMALL = 0.2, 0.5, 0.1
# An eigenvalue this small, by the largest, is no certain sign of stability; bcc alkali metals have 5 %.
MARGINAL = 0.01
_SHIFT = 1e-2  # eV/Å²: force constants smaller than this are those of shifts of the whole, zero but for rounding


@dataclass(frozen=True)
class Elasticity:
    """Elastic tensors (6, 6), Voigt, GPa. softest: the lowest force constant in the cell, eV/Å²; None: one atom."""

    relaxed: np.ndarray
    clamped: np.ndarray
    softest: float | None

    def value(self, quantity: str) -> float:
        """A constant, "c44" or "c44, atoms clamped", or the "bulk modulus", GPa."""
        if at := indices(quantity):
            return float((self.clamped if "clamped" in quantity else self.relaxed)[at])
        return bulk_and_shear(self.relaxed)[0]


def elasticity(atoms: Atoms) -> Elasticity:
    """Of a relaxed crystal with a calculator, by central differences of stresses and forces.

    What relaxing atoms take off is C = C0 − Λᵀ K⁻¹ Λ/V, with forces Λ by strain and force constants K (Born and Huang,
    Dynamical Theory of Crystal Lattices, 1954, section 11). Raises Failure if the potential cannot be evaluated.
    """
    symmetry, volume = Symmetry.of(atoms), atoms.get_volume()
    clamped, pulls = np.empty((6, 6)), np.empty((atoms.positions.size, 6))
    for n, strain in enumerate(from_mandel(np.eye(6)) * STRAIN):
        plus, minus = (_strained(atoms, np.eye(3) + sign * strain) for sign in (1, -1))
        clamped[:, n] = (_stress(plus) - _stress(minus)) / (2 * STRAIN)
        pulls[:, n] = ((forces(plus) - forces(minus)) / (2 * STRAIN)).ravel()
    clamped = symmetry.symmetrised((clamped + clamped.T) / 2)
    if len(atoms) == 1:
        return Elasticity(to_voigt(clamped), to_voigt(clamped), None)
    values, modes = np.linalg.eigh(_force_constants(atoms))
    inner = np.argsort(np.abs(modes.reshape(-1, 3, len(values)).sum(axis=0)).max(axis=0))[: len(values) - 3]
    values, modes = values[inner], modes[:, inner]
    taken = np.abs(values) > _SHIFT
    along = modes[:, taken].T @ pulls
    relaxed_tensor = clamped - symmetry.symmetrised(along.T @ (along / values[taken, None])) / volume
    return Elasticity(to_voigt(relaxed_tensor), to_voigt(clamped), float(values.min()))


def _strained(atoms: Atoms, gradient: np.ndarray) -> Atoms:
    found = atoms.copy()
    found.set_cell(atoms.cell.array @ gradient, scale_atoms=True)
    found.calc = atoms.calc
    return found


def _stress(atoms: Atoms) -> np.ndarray:
    return mandel(voigt_6_to_full_3x3_stress(finite(atoms, atoms.get_stress)))


def _force_constants(atoms: Atoms) -> np.ndarray:
    """(3n, 3n), eV/Å², of atoms that move with all their images."""
    found = np.empty((atoms.positions.size,) * 2)
    for n in range(len(found)):
        sides = []
        for sign in (1, -1):
            moved = atoms.copy()
            moved.positions[n // 3, n % 3] += sign * STEP
            moved.calc = atoms.calc
            sides.append(forces(moved).ravel())
        found[n] = (sides[1] - sides[0]) / (2 * STEP)
    return (found + found.T) / 2


class Elastic(Check):
    """The elastic tensor with relaxed atoms, moduli, and stability after Born."""

    name = "elastic"
    title = "Elastic constants"
    level = Level.QUICK

    def subjects(self, setting: Setting) -> list[str]:
        """Crystals of data and user."""
        return [crystal.name for crystal in setting.important]

    @failing
    def run(self, setting: Setting, subject: str) -> Outcome:
        """A line for each independent constant, and for stability."""
        crystal = crystal_named(setting, subject)
        atoms = _oriented(relaxed(setting, crystal))
        found, symmetry = elasticity(atoms), Symmetry.of(atoms)
        references = setting.references.values.get(subject, {})
        known = {at: references.get(constant_name(*at)) for at in constants(symmetry)}
        values = [reference.value for reference in known.values() if reference]
        small = SMALL * max(map(abs, values), default=0.0)
        lines, shown = [], {}
        for at in known:
            for ending in ("", ", atoms clamped"):
                quantity = constant_name(*at) + ending
                reference = references.get(quantity)
                if ending and reference is None:
                    continue
                shown[quantity] = found.value(quantity)
                scale = max(abs(reference.value), small) if reference else None
                lines.append(held_against(reference, quantity, shown[quantity], "GPa", WARN, FAIL, scale))
        lines += _stability(setting, crystal, found, symmetry, None if None in known.values() else known, references)
        shown_references = {q: r.value for q in shown if (r := references.get(q))}
        return Outcome(lines, {"constants": shown, "references": shown_references, "tensor": found.relaxed})

    def seconds(self, setting: Setting, subject: str) -> float:
        """A guess: some dozen primitive cells."""
        return 0.3

    def figure(self, subject: str, data: dict[str, dict]) -> "Figure | None":
        """Independent constants; lines: reference."""
        from matplotlib.figure import Figure

        data = {name: found for name, found in data.items() if found.get("constants")}
        if not data:
            return None
        names = list(dict.fromkeys(name for found in data.values() for name in found["constants"]))
        figure = Figure(figsize=(1.5 + 0.9 * len(names), 3.2), layout="constrained")
        axes = figure.subplots()
        wide = 0.8 / len(data)
        for n, (model, found) in enumerate(data.items()):
            where = [names.index(name) + wide * (n + 0.5) - 0.4 for name in found["constants"]]
            axes.bar(where, list(found["constants"].values()), width=0.9 * wide, label=model)
        for name, value in next(iter(data.values()))["references"].items():
            axes.plot(names.index(name) + np.array([-0.4, 0.4]), [value, value], color="black", lw=1.5)
        axes.set_xticks(range(len(names)), [name.replace(", ", ",\n") for name in names])
        axes.set(ylabel="GPa", title=f"{subject}; lines: reference")
        axes.axhline(0, color="black", lw=0.5)
        axes.legend(fontsize=8)
        return figure


def _oriented(atoms: Atoms) -> Atoms:
    """In the orientation that the names of elastic constants refer to."""
    found = standardised(atoms)
    found.calc = atoms.calc
    return found


def _stability(
    setting: Setting,
    crystal: Crystal,
    found: Elasticity,
    symmetry: Symmetry,
    known: dict | None,
    references: dict[str, Reference],
) -> list[Line]:
    """After Born: all eigenvalues of the elastic tensor are positive, and atoms in the cell are at a minimum."""
    lowest, largest = _eigenvalues(found.relaxed)
    reference = source = None
    if known is not None:
        reference = _eigenvalues(tensor_of({at: r.value for at, r in known.items()}, symmetry))[0]
        source = next(iter(known.values())).source
    # That a crystal is stable at all is certain for ground states, and for others if a reference says so.
    stable = crystal in setting.ground_states if reference is None else reference > 0
    fail = worst(setting, crystal) if stable else Verdict.INFO
    lines = []
    if found.softest is not None and found.softest < -_SHIFT:
        text = (
            f"the atoms of {crystal.name} leave their places in the cell: a force constant is {found.softest:.3g} eV/Å²"
        )
        lines.append(Line("lowest force constant in the cell", found.softest, "eV/Å²", None, "", fail, text))
    quantity = "lowest eigenvalue of the elastic tensor"
    if lowest <= 0:
        text = f"{crystal.name} is mechanically unstable: {_broken(found.relaxed, symmetry, lowest)}"
        return [*lines, Line(quantity, lowest, "GPa", reference, source or "", fail, text)]
    if lowest < MARGINAL * largest:
        text = f"{crystal.name} is hardly stable: the lowest eigenvalue of its elastic tensor is {lowest:.3g} GPa"
        lines.append(Line(quantity, lowest, "GPa", reference, source or "", min(fail, Verdict.WARN), text))
    else:
        lines.append(Line(quantity, lowest, "GPa", reference, source or "", Verdict.PASS))
    bulk, shear = bulk_and_shear(found.relaxed)
    for quantity, value in (("bulk modulus", bulk), ("shear modulus", shear)):
        lines.append(held_against(references.get(quantity), quantity, value, "GPa", WARN, FAIL))
    return lines


def _eigenvalues(voigt: np.ndarray) -> tuple[float, float]:
    """The lowest and the largest, of the tensor in Mandel's notation, GPa."""
    values = np.linalg.eigvalsh(voigt / to_voigt(np.ones((6, 6))) * GPA)
    return float(values[0]), float(values[-1])


def _broken(voigt: np.ndarray, symmetry: Symmetry, lowest: float) -> str:
    """Which of Born's conditions does not hold."""
    if symmetry.system == "cubic":
        c11, c12, c44 = voigt[0, 0], voigt[0, 1], voigt[3, 3]
        if c11 <= c12:
            return f"c11 {c11:.3g} < c12 {c12:.3g} GPa"
        return f"c44 is {c44:.3g} GPa" if c44 <= 0 else f"c11 + 2 c12 is {c11 + 2 * c12:.3g} GPa"
    return f"an eigenvalue of its elastic tensor is {lowest:.3g} GPa"
