"""Potentials of LAMMPS for tests of validation, as one says them to `--compare`; some are no material."""

from pathlib import Path

import numpy as np
from ase.build import bulk

import lammps
from snnp.validation.check import Level, Setting
from snnp.validation.crystals import Crystal
from snnp.validation.model import LammpsModel
from snnp.validation.references import References

FOLDER = Path(lammps.__file__).parent / "share" / "lammps" / "potentials"
ARGON = "pair_style lj/smooth/linear 12 / pair_coeff * * 0.0104 3.4"  # ε/k = 120.7 K; melts at 0.69 of it
ARGON_MELTS = 84.0  # K


def silicon() -> LammpsModel:
    return LammpsModel(f"pair_style sw / pair_coeff * * {FOLDER}/Si.sw {{elements}}", ["Si"])


def copper() -> LammpsModel:
    return LammpsModel(f"pair_style eam / pair_coeff * * {FOLDER}/Cu_u3.eam", ["Cu"])


def argon() -> LammpsModel:
    return LammpsModel(ARGON, ["Ar"])


def with_hole(folder: Path) -> LammpsModel:
    """A Morse crystal with neighbours at 2.5 Å, which knows nothing of a well for pairs at 1.7 Å, 3.4 eV deep."""
    r = np.linspace(1.0, 6.0, 2000)

    def morse(r):
        return 0.35 * (np.exp(-2 * 2.0 * (r - 2.6)) - 2 * np.exp(-2.0 * (r - 2.6)))

    energy = morse(r) - morse(6.0) - 12.0 * np.exp(-(((r - 1.7) / 0.15) ** 2))
    rows = zip(range(1, len(r) + 1), r, energy, -np.gradient(energy, r), strict=True)
    text = f"WELL\nN {len(r)} R 1.0 6.0\n\n" + "\n".join(f"{n} {x:.8f} {e:.10f} {f:.10f}" for n, x, e, f in rows)
    (folder / "well.table").write_text(text + "\n")
    return LammpsModel(f"pair_style table spline 4000 / pair_coeff * * {folder}/well.table WELL", ["Cu"])


def setting(model, structure: str, a: float, level=Level.QUICK, origin="named", **more) -> Setting:
    element = model.elements[0]
    crystal = Crystal(f"{structure} {element}", bulk(element, structure, a=a), origin)
    return Setting(model, [crystal], References(), level, **more)
