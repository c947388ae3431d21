"""Potentials and settings for tests of the static checks."""

import numpy as np
from ase.calculators.calculator import Calculator, all_changes

from snnp.data.neighbors import full_list
from snnp.validation.check import Level, Setting
from snnp.validation.crystals import Crystal
from snnp.validation.model import CalculatorModel, LammpsModel
from snnp.validation.references import Reference, References
from teacher import potential_file


def setting(model, crystals=(), level=Level.STANDARD, references=None, relaxed=False, origin="data"):
    """A setting with crystals by name, the ground state first; relaxed: they are taken as they are."""
    known = {
        subject: {quantity: Reference(value, "a test") for quantity, value in values.items()}
        for subject, values in (references or {}).items()
    }
    found = [Crystal(name, atoms, origin) for name, atoms in dict(crystals).items()]
    made = Setting(model, found, References(known), level)
    if relaxed:
        made._relaxed.update(crystals)
    return made


def lammps_model(style, file, *elements):
    """A potential that comes with LAMMPS."""
    return LammpsModel(f'pair_style {style} / pair_coeff * * "{potential_file(file)}" {{elements}}', list(elements))


def lines(outcome):
    """The lines of an outcome by quantity."""
    return {line.quantity: line for line in outcome.lines}


class Pairs(Calculator):
    """Σ φ(r) over pairs within 6 Å, eV; forces by differences of φ."""

    implemented_properties = ("energy", "energies", "forces")

    def __init__(self, phi):
        super().__init__()
        self.phi = phi

    def calculate(self, atoms=None, properties=("energy",), system_changes=all_changes):
        super().calculate(atoms, properties, system_changes)
        i, _, vectors = full_list(self.atoms, 6.0)
        r = np.linalg.norm(vectors, axis=1)
        energies = np.bincount(i, self.phi(r) / 2, len(self.atoms))
        slope = (self.phi(r + 1e-6) - self.phi(r - 1e-6)) / 2e-6
        forces = np.stack([np.bincount(i, slope * along / r, len(self.atoms)) for along in vectors.T], axis=1)
        self.results = {"energy": energies.sum(), "energies": energies, "forces": forces}


class Triangle(Calculator):
    """Pairs that repel, and three atoms that attract each other where all are close: a collapse no pair shows."""

    implemented_properties = ("energy",)

    def calculate(self, atoms=None, properties=("energy",), system_changes=all_changes):
        super().calculate(atoms, properties, system_changes)
        r = self.atoms.get_all_distances()[np.triu_indices(len(self.atoms), 1)]
        self.results = {"energy": repulsion(r).sum() - (400 * np.exp(-((r.sum() - 3.3) ** 2)) if len(r) == 3 else 0)}


def repulsion(r):
    """Smooth, eV; vanishes beyond bonds."""
    return 1000 * np.exp(-3 * r)


def morse(r):
    """A bond of 1 eV at 2.5 Å."""
    return (1 - np.exp(-1.5 * (r - 2.5))) ** 2 - 1


def pair_model(phi, *elements):
    """A model of pairs, the same for all elements."""
    return CalculatorModel(lambda: Pairs(phi), list(elements) or ["Cu"])
