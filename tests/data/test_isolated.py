"""Isolated atoms fix energies of elements and are in neither set; whatever is rare stays in the training set."""

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.calculators.lj import LennardJones

import snnp
from snnp.data import from_atoms, split
from snnp.data.isolated import isolated_atoms, set_aside, unbound
from snnp.fitting.elements_of_compounds import isolated_energies
from support import shaken

E0 = {"In": 0.678, "P": -4.397}


def isolated(symbol, energy, box=15.0, group="IsolatedAtom", pbc=True):
    atoms = Atoms(symbol, cell=3 * [box], pbc=pbc)
    atoms.info.update(energy=energy, config_type=group)
    atoms.arrays["forces"] = np.zeros((1, 3))
    return atoms


def crystal(seed, symbols="InP", group="bulk", a=5.87):
    """A cell whose energy is that of its atoms, plus a bond energy that goes with its volume."""
    atoms = shaken(bulk("InP", "zincblende", a=a, cubic=True), 0.1, seed)
    if symbols != "InP":
        atoms.set_chemical_symbols([symbols] * len(atoms))
    energy = sum(E0.get(symbol, 0.0) - 3.0 for symbol in atoms.get_chemical_symbols())
    atoms.info.update(energy=energy + 1e-3 * seed, config_type=group)
    atoms.arrays["forces"] = np.random.default_rng(seed).normal(size=(len(atoms), 3))
    return atoms


def crystals(n=12):
    return [crystal(seed) for seed in range(n)]


def both():
    return [isolated(symbol, energy) for symbol, energy in E0.items()]


def fit(frames, model=(), **settings):
    cutoff = {"kind": "pair", "pair_knots": 8, "pair_cutoff": 6.0}
    return snnp.fit(frames, model={**cutoff, **dict(model)}, training={"seed": 3, "threads": 1}, **settings)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("group", ["IsolatedAtom", "isolated_atom", "bulk"])
def test_energies_of_isolated_atoms_are_those_of_the_data_whatever_is_held_out(seed, group, capsys):
    frames = [*crystals(4), *(isolated(symbol, energy, group=group) for symbol, energy in E0.items())]
    done = snnp.fit(
        frames,
        data={"validation_fraction": 0.5},
        model={"kind": "pair", "pair_knots": 6, "pair_cutoff": 6.0},
        training={"seed": seed, "threads": 1},
    )
    assert done.potential.e0 == pytest.approx(E0, abs=1e-9)
    assert done.errors["train"].all.frames == done.errors["validation"].all.frames == 2
    assert "isolated atoms: energies of In P from 2 frames, which are in no set" in capsys.readouterr().out


def test_isolated_atoms_below_all_crystals_are_pointed_out(capsys):
    """Crystals that are bound by 3 eV/atom, and isolated atoms of another zero of energies."""
    fit([*crystals(), *both()])
    assert "is bound" not in capsys.readouterr().out
    fit([*crystals(), *(isolated(symbol, energy - 3.5) for symbol, energy in E0.items())])
    said = " ".join(capsys.readouterr().out.split())
    assert "warning: no training frame is bound, the lowest is 0.5 eV/atom above its isolated atoms" in said


def test_what_a_fit_leaves_unbound_is_named(capsys):
    """Copper that only repels: pairs of Lennard-Jones within its minimum, at 4.5 Å."""
    frames = []
    for seed in range(8):
        atoms = shaken(bulk("Cu", a=3.6 + 0.05 * seed, cubic=True), 0.05, seed)
        atoms.calc = LennardJones(sigma=4.0, epsilon=1e-3, rc=4.4)
        atoms.get_forces()  # with the energy, as a label
        frames.append(atoms)
    done = fit(frames, model={"pair_cutoff": 4.4})
    (lowest,) = unbound(from_atoms(frames).frames, done.potential.e0).values()
    assert (
        f"warning: Cu is not bound: its lowest training frame is {lowest:.3g} eV/atom above" in capsys.readouterr().out
    )


def test_isolated_atoms_of_validation_files_do_not_enter_the_validation_loss():
    done = fit(crystals(), validation=[*crystals(3), *both()])
    assert done.errors["validation"].all.frames == 3
    assert done.potential.e0 == pytest.approx(E0, abs=1e-9)


def test_a_box_smaller_than_the_cutoff_counts_if_the_group_says_so():
    named, plain = from_atoms([isolated("P", -4.0, box=5.5), isolated("P", -3.0, box=5.5, group="sc")]).frames
    aside, others = set_aside([named, plain])
    assert aside == [named, plain]
    assert not others
    found = isolated_atoms(aside, 6.0, {})
    assert found.energies == {"P": -4.0}
    assert found.others == [plain]
    assert found.notes[0].startswith("atoms:frame 0 is taken for an isolated atom, as its group IsolatedAtom says")


def test_crystals_of_one_atom_are_no_isolated_atoms():
    fcc = bulk("Cu", "fcc", a=3.6)
    fcc.info.update(energy=-3.5)
    fcc.arrays["forces"] = np.zeros((1, 3))
    assert set_aside(from_atoms([fcc]).frames)[0] == []


def test_a_dilute_lattice_within_the_cutoff_is_fitted():
    done = fit([*crystals(), isolated("P", -4.5, box=5.5, group="sc")])
    assert done.errors["train"].groups["sc"].frames == 1
    assert "P" not in done.config.model.e0


def test_two_energies_of_one_element_are_said_and_the_lower_one_taken(capsys):
    done = fit([*crystals(), *both(), isolated("P", -4.0)])
    assert done.potential.e0["P"] == pytest.approx(E0["P"], abs=1e-9)
    sentence = "isolated atoms of P have energies of -4.397 eV (train:frame 13) and -4 eV (train:frame 14)"
    assert f"note: {sentence}; the lowest is used" in capsys.readouterr().out


def test_energy_of_the_configuration_that_contradicts_the_data_is_said(capsys):
    done = fit([*crystals(), *both()], model={"e0": {"P": -4.0, "In": E0["In"]}})
    assert done.potential.e0 == pytest.approx({"In": E0["In"], "P": -4.0}, abs=1e-9)
    out = capsys.readouterr().out
    assert "note: model.e0 of P, -4 eV, is used, not the energy of the isolated atom in the data, -4.397 eV" in out
    assert "model.e0 of In" not in out


def test_an_element_without_structures_is_said(capsys):
    fit([*crystals(), *both(), isolated("Cu", -0.5)])
    assert "Cu occurs as an isolated atom only: how it interacts is not known" in capsys.readouterr().out


def test_nothing_but_isolated_atoms():
    with pytest.raises(snnp.DataError, match="the training data hold nothing but isolated atoms"):
        fit(both())


def test_nothing_to_fit():
    atoms = bulk("Si", "diamond", a=5.43)
    atoms.info["energy"] = -10.0
    with pytest.raises(snnp.DataError, match="there is nothing to fit"):
        fit([atoms])


@pytest.mark.parametrize("seed", range(20))
def test_rare_elements_groups_and_labels_stay_in_the_training_set(seed):
    """Copper and one label of stress are in one frame each, of small groups; half of all frames are held out."""
    atoms = [*crystals(8), *(crystal(n, symbols="Cu", group="rare") for n in range(2)), crystal(20, group="alone")]
    atoms[-1].info["stress"] = np.ones(6)
    atoms[8].info["config_type"] = "bulk"
    train, validation = split(from_atoms(atoms).frames, 0.5, seed)
    assert len(train) + len(validation) == 11
    assert len(validation) >= 4
    assert {"In", "P", "Cu"} == {s for frame in train for s in frame.atoms.get_chemical_symbols()}
    assert any(frame.stress is not None for frame in train)
    assert {frame.group for frame in train} == {"bulk", "rare", "alone"}


def test_a_small_set_holds_out_a_frame_that_can_be_spared():
    """Of three frames two have an element of their own."""
    frames = from_atoms([crystal(0, "Cu"), crystal(1), crystal(2), crystal(3, "Si")]).frames
    for seed in range(10):
        _, validation = split(frames, 0.1, seed)
        assert [frame.atoms.get_chemical_formula() for frame in validation] == ["In4P4"]


def test_frames_that_each_have_a_name_are_held_out_like_those_of_one_group():
    frames = from_atoms([crystal(n, group=f"mp-{n}") for n in range(40)]).frames
    train, validation = split(frames, 0.1, 0)
    assert (len(train), len(validation)) == (36, 4)


def labelled(symbols, energy, n=1):
    return from_atoms([alloy(symbols, energy) for _ in range(n)]).frames


def alloy(symbols, energy):
    atoms = Atoms(symbols, np.random.default_rng(0).uniform(0, 6, (len(Atoms(symbols)), 3)), cell=[6, 6, 6], pbc=True)
    atoms.info.update(energy=energy)
    atoms.arrays["forces"] = np.zeros((len(atoms), 3))
    return atoms


def test_elements_of_compounds_are_below_isolated_atoms_by_the_known_cohesive_energy():
    """Silicon has crystals of its own; lithium has compounds, and a frame that may be a mistake."""
    silicon, lithium = -5.4, -1.9
    frames = [
        *labelled("Si8", 8 * silicon, 300),
        *labelled("Si8", 8 * silicon + 3.0, 300),  # hot
        *labelled("Li2Si4", 2 * lithium + 4 * silicon, 3),
        *labelled("Li4Si2", 4 * lithium + 2 * silicon, 3),
        *labelled("Li4", 40.0),
    ]
    assert isolated_energies(frames, ["Li", "Si"], ()) == {"Li": pytest.approx(lithium + 1.63, abs=1e-3)}
    assert isolated_energies(frames, ["Li", "Si"], {"Li": 0.0}) == {}
    assert isolated_energies(labelled("Li4", 4 * lithium, 5), ["Li"], ()) == {}


def test_energies_that_compositions_do_not_share_among_elements_stay_open():
    """One compound, with few frames of others; an element that is in few frames only."""
    compound, rare = labelled("In4P4", -40.0, 1000), labelled("In5P3", -30.0)
    assert isolated_energies(compound, ["In", "P"], ()) == {}
    assert isolated_energies([*compound, *rare], ["In", "P"], ()) == {}
    assert isolated_energies([*compound, *labelled("In3P5", -42.0, 9), *rare], ["In", "P"], ()).keys() == {"In", "P"}
    assert isolated_energies([*labelled("Si8", -43.0, 1000), *labelled("Si4C4", -60.0)], ["C", "Si"], ()) == {}


def test_a_fit_says_what_it_takes_for_elements_of_compounds(capsys):
    antisites = crystal(20)
    antisites.symbols[antisites.symbols.indices()["P"][0]] = "In"
    antisites.info["energy"] += E0["In"] - E0["P"]
    done = fit([*crystals(), antisites])
    said = " ".join(capsys.readouterr().out.split())
    assert f"isolated atoms: P {done.potential.e0['P']:g} eV, In {done.potential.e0['In']:g} eV, by" in said
    assert done.potential.e0["In"] - 2.52 + done.potential.e0["P"] - 3.43 == pytest.approx(
        sum(E0.values()) - 6, abs=0.1
    )
