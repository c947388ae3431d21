"""A few extreme structures do not rule a fit, and data without them are not touched."""

import numpy as np
import pytest
from ase.build import bulk
from ase.calculators.emt import EMT
from ase.calculators.singlepoint import SinglePointCalculator

import snnp
from snnp.data import Frame, from_atoms
from snnp.data.robust import robust

KINDS = {
    "pair": ({"kind": "pair"}, {}),
    "snnp": (
        {
            "two_body_filters": 2,
            "three_body_filters": 2,
            "hidden": [4],
            "pair_knots": 18,
            "radial_knots": 8,
            "angle_knots": 4,
            "pair_cutoff": 5.0,
            "three_body_cutoff": 3.4,
        },
        {"steps": 200},
    ),
}


def copper(count, stretch, amplitude, seed):
    """Frames of shaken fcc copper, labelled by effective-medium theory."""
    rng, frames = np.random.default_rng(seed), []
    for _ in range(count):
        atoms = bulk("Cu", "fcc", a=3.62 * rng.uniform(*stretch), cubic=True)
        atoms.positions += rng.normal(scale=amplitude, size=(4, 3))
        atoms.calc = EMT()
        energy, forces = atoms.get_potential_energy(), atoms.get_forces()
        atoms.calc = SinglePointCalculator(atoms, energy=energy, forces=forces)
        frames.append(atoms)
    return frames


NORMAL = copper(60, (0.95, 1.04), 0.14, 0)
COMPRESSED = copper(8, (0.66, 0.70), 0.15, 1)
TEST = copper(30, (0.97, 1.04), 0.10, 2)


def force_error(frames, kind, **loss):
    """Root mean square error of forces of normal test frames, eV/Å."""
    model, training = KINDS[kind]
    result = snnp.fit(frames, test=TEST, model=model, loss=loss, training={"threads": 1, **training}, progress=False)
    return result.errors["test"].all.force[1]


def of_no_weight(frames):
    """The frames, which only say how near atoms may come, and so where knots are."""
    copies = [atoms.copy() for atoms in frames]
    for atoms, original in zip(copies, frames, strict=True):
        atoms.calc, atoms.info["weight"] = original.calc, 1e-12
    return copies


@pytest.mark.parametrize("kind", KINDS)
def test_a_few_compressed_frames_leave_the_others_nearly_as_accurate(kind):
    assert max(np.abs(atoms.get_forces()).max() for atoms in COMPRESSED) > 100
    without = force_error(NORMAL + of_no_weight(COMPRESSED), kind, robust=False)
    reduced = force_error(NORMAL + COMPRESSED, kind)
    in_full = force_error(NORMAL + COMPRESSED, kind, robust=False)
    assert reduced < 1.5 * without
    assert in_full > 1.2 * reduced


def test_data_without_extremes_are_the_same():
    frames = from_atoms(NORMAL).frames
    found = robust({"train": frames[:50], "validation": frames[50:]})
    assert not found.notes
    assert all(a is b for a, b in zip(found.sets["train"] + found.sets["validation"], frames, strict=True))


def test_weights_fall_with_the_eighth_power_of_the_size():
    def frame(n, energy, force):
        atoms = bulk("Cu", cubic=True)
        forces = np.zeros((4, 3))
        forces[:, n % 3] = force
        return Frame(atoms, 4 * energy, forces, None, "all", f"a.xyz:frame {n}")

    usual = [frame(n, -3.5 + 0.1 * (n % 2), 1.0) for n in range(20)]
    # Limits are 5 eV/atom and 15 eV/Å; unknown labels have no size.
    far = [frame(20, 6.55, 1.0), frame(21, -3.5, 30.0), frame(22, np.nan, np.nan), frame(23, 6.55, 60.0)]
    found = robust({"train": usual, "validation": far})
    weights = [frame.label_weights for frame in found.sets["validation"]]
    # The median energy is that of all frames, within 0.1 eV of the usual ones.
    assert [w.energy for w in weights] == pytest.approx([2.0**-8, 2.0**-8, 1.0, 4.0**-8], rel=0.1)
    assert all(w.energy == w.force == w.stress for w in weights)
    assert found.sets["train"] == usual
    assert found.notes == [
        "3 frames count less than 1, down to 1.5e-05 (a.xyz:frame 23), for energies beyond 5 eV/atom and forces beyond "
        "15 eV/Å: loss.robust=false gives them full weight"
    ]
