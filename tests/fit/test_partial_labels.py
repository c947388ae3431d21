"""Fits to data of which only a part is known, or counts: in process, with a teacher of the same form."""

import numpy as np
import pytest
from ase.build import bulk

import snnp
from snnp.calculator import SNNP
from support import shaken, silicon

SMALL = {
    "pair": {"pair_knots": 12},
    "uf3": {"pair_knots": 10, "radial_knots": 5, "three_body_cutoff": 3.6},
    "eam": {"pair_knots": 8, "density_knots": 6, "embedding_knots": 5},
    "snnp": {
        "two_body_filters": 1,
        "three_body_filters": 2,
        "hidden": [3],
        "pair_knots": 7,
        "radial_knots": 5,
        "angle_knots": 5,
        "three_body_cutoff": 3.6,
    },
}
# Part of forces and energies that each kind may leave: diamond is not made of pairs.
LEFT = {"pair": 0.6, "uf3": 0.2, "eam": 0.6, "snnp": 0.3}


def train(n=12, seed=0):
    """Structures of silicon labelled by a potential: calculator, all of energy, forces and stress."""
    calculator = SNNP(silicon(), threads=1)
    frames = []
    for k in range(n):
        atoms = bulk("Si", "diamond", a=5.43 * (0.96 + 0.08 * k / n), cubic=True)
        atoms = shaken(atoms, 0.15, seed + k)
        atoms.calc = calculator
        atoms.info["energy"] = atoms.get_potential_energy()
        atoms.info["stress"] = atoms.get_stress()
        atoms.arrays["forces"] = atoms.get_forces()
        atoms.calc = None
        frames.append(atoms)
    return frames


def fit(frames, kind="pair", **settings):
    model = {"kind": kind, "pair_cutoff": 4.2, **SMALL[kind]}
    training = {"threads": 1, **({} if kind in ("pair", "uf3") else {"steps": 5})}
    return snnp.fit(frames, model=model, training=training, progress=False, **settings)


@pytest.mark.parametrize("kind", SMALL)
def test_every_kind_is_fitted_to_what_is_known(kind):
    """Half of the labels of each kind are known; the errors of the others are those of a fit, too."""
    frames = train()
    for n, atoms in enumerate(frames):
        if n % 4 == 0:
            del atoms.arrays["forces"]
        elif n % 4 == 1:
            atoms.info["energy"] = np.nan
        elif n % 4 == 2:
            del atoms.info["stress"]
            atoms.arrays["forces"][0] = np.nan
        else:
            atoms.info["stress"][4] = np.nan
    potential = fit(frames, kind).potential
    whole = train()
    errors = snnp.evaluate(potential, whole, threads=1).errors.all
    assert errors.force[1] < LEFT[kind] * np.std([atoms.arrays["forces"] for atoms in whole])
    assert errors.energy[1] < 1000 * LEFT[kind] * np.std([atoms.info["energy"] / 8 for atoms in whole])
