"""Units of the numbers in a file, and frames brought to eV and Å."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from snnp.data.frames import DataError, Frame
from snnp.data.unit_factors import ENERGIES, LENGTHS

_ENERGY = {name.lower(): eV for name, eV in ENERGIES.items()} | {"ha": ENERGIES["Hartree"], "ry": ENERGIES["Rydberg"]}
_LENGTH = {"angstrom": 1.0, "ang": 1.0} | {name.lower(): angstrom for name, angstrom in LENGTHS.items()}
# Systems of units, by the names that LAMMPS and others give them.
_SYSTEMS = {
    "metal": ("eV", "Angstrom"),
    "ev": ("eV", "Angstrom"),
    "real": ("kcal/mol", "Angstrom"),
    "atomic": ("Hartree", "Bohr"),
    "electron": ("Hartree", "Bohr"),
    "hartree": ("Hartree", "Bohr"),
    "ha": ("Hartree", "Bohr"),
    "rydberg": ("Rydberg", "Bohr"),
    "ry": ("Rydberg", "Bohr"),
}


@dataclass(frozen=True)
class Units:
    """What the unit of energy is in eV, that of length in Å, and that of forces in eV/Å; stresses are in
    energy/length³."""

    energy: float
    length: float
    force: float
    text: str  # as in a message: "Hartree and Bohr"


def parse_units(value: str | Mapping[str, str]) -> Units:
    """Units from the name of a system of units ("metal", "atomic", "Ry") or from {"energy": …, "length": …}; a text may
    also be "energy=Hartree,length=Bohr". Forces are in energy/length, unless "force" says otherwise ("Hartree/Bohr").

    Raises DataError with one sentence.
    """
    if isinstance(value, str) and "=" in value:
        value = dict(part.split("=", 1) for part in value.replace(" ", "").split(",") if "=" in part)
    if isinstance(value, str):
        if value.lower() not in _SYSTEMS:
            raise DataError(
                f"units '{value}': expected one of {', '.join(_SYSTEMS)}, or an energy and a length "
                "({energy: Hartree, length: Bohr})"
            )
        value = dict(zip(("energy", "length"), _SYSTEMS[value.lower()], strict=True))
    unknown = sorted(set(value) - {"energy", "length", "force"})
    if unknown:
        raise DataError(f"units: unknown key {unknown[0]}: expected energy, length, and force if not energy/length")
    energy, length = str(value.get("energy", "eV")), str(value.get("length", "Angstrom"))
    above, slash, below = str(value.get("force", f"{energy}/{length}")).rpartition("/")
    if not slash:
        raise DataError(f"units: force is '{below}', expected an energy and a length, e.g. Hartree/Bohr")
    for name, known in ((energy, _ENERGY), (length, _LENGTH), (above, _ENERGY), (below, _LENGTH)):
        if name.lower() not in known:
            raise DataError(f"units: '{name}' is unknown: expected one of {', '.join(known)}")
    text = f"{energy} and {length}" + (f" with forces in {above}/{below}" if "force" in value else "")
    return Units(
        _ENERGY[energy.lower()], _LENGTH[length.lower()], _ENERGY[above.lower()] / _LENGTH[below.lower()], text
    )


def to_ev_and_angstrom(frame: Frame, units: Units) -> Frame:
    """A frame whose numbers, stress included, are in `units`, in eV and Å."""
    atoms = frame.atoms.copy()
    atoms.set_cell(units.length * atoms.cell.array, scale_atoms=False)
    atoms.positions *= units.length
    stress = None if frame.stress is None else frame.stress * (units.energy / units.length**3)
    forces = frame.forces * units.force
    return replace(frame, atoms=atoms, energy=units.energy * frame.energy, forces=forces, stress=stress)
