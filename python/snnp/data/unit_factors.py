"""What units of energy, length and force are in eV, Å and eV/Å, by the names that messages and configurations have."""

from ase import units

ENERGIES = {
    "eV": 1.0,
    "meV": 1e-3,
    "Hartree": units.Hartree,
    "Rydberg": units.Rydberg,
    "kcal/mol": units.kcal / units.mol,
    "kJ/mol": units.kJ / units.mol,
}
LENGTHS = {"Å": 1.0, "Bohr": units.Bohr, "nm": units.nm}
# Those that programs write, besides eV/Å.
FORCES = {
    f"{energy}/{length}": ENERGIES[energy] / LENGTHS[length]
    for energy, length in (
        ("Hartree", "Bohr"),
        ("Rydberg", "Bohr"),
        ("eV", "Bohr"),
        ("Hartree", "Å"),
        ("Rydberg", "Å"),
        ("kcal/mol", "Å"),
        ("kJ/mol", "Å"),
        ("meV", "Å"),
    )
}


def units_near(table: dict[str, float], value: float, factor: float) -> list[str]:
    """Names of the units of a table, but that of 1, that are within a factor of a value."""
    return [name for name, one in table.items() if one != 1 and 1 / factor < value / one < factor]
