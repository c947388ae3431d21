"""`snnp data` shows what would be read, writes it as extended XYZ, and never overwrites a file."""

import json
import re

import ase.io
import numpy as np
import pytest
from ase.build import bulk
from ase.calculators.lj import LennardJones
from ase.calculators.singlepoint import SinglePointCalculator
from typer.testing import CliRunner

import data_files as files
from snnp.cli import app
from snnp.data import read

FRAMES = files.frames(12)


def snnp_data(*words):
    return CliRunner().invoke(app, ["data", *map(str, words)])


def failing(result):
    """The one line on stderr of a command that failed."""
    assert result.exit_code == 1
    (line,) = result.stderr.strip().splitlines()
    return line.removeprefix("error: ")


@pytest.fixture
def train(tmp_path):
    path = tmp_path / "train.xyz"
    path.write_text(files.extxyz(FRAMES[:6], config_type="bulk") + files.extxyz(FRAMES[6:], config_type="defect"))
    return path


def test_numbers_are_those_of_the_data(train):
    result = snnp_data(train, "--json")
    found = json.loads(result.stdout)
    whole = found["sets"]["train"]["all"]
    energies = [f.energy / 5 for f in FRAMES]
    forces = np.concatenate([f.forces for f in FRAMES])
    volumes = [f.atoms.get_volume() / 5 for f in FRAMES]
    assert (whole["frames"], whole["atoms"], whole["stresses"]) == (12, 60, 12)
    assert whole["energy"] == pytest.approx([min(energies), max(energies)])
    assert whole["volume"] == pytest.approx([min(volumes), max(volumes)])
    assert whole["force"] == pytest.approx([np.sqrt((forces**2).mean()), np.linalg.norm(forces, axis=1).max()])
    assert {name: part["frames"] for name, part in found["sets"]["train"]["groups"].items()} == {"bulk": 6, "defect": 6}
    assert found["sets"]["train"]["elements"] == {"P": 36, "In": 24}
    nearest = min(f.atoms.get_all_distances(mic=True)[a, b] for f in FRAMES for a in (0, 3) for b in (0, 3) if a != b)
    assert found["sets"]["train"]["shortest"]["In-In"] == pytest.approx(nearest)


@pytest.mark.parametrize("right", [True, False])
def test_the_convention_of_stresses_is_said(right, tmp_path):
    """Stresses follow from the energies of cells under pressure, by a Lennard-Jones potential."""
    frames = []
    for k, size in enumerate(np.linspace(0.94, 1.1, 12)):
        atoms = bulk("Ar", "fcc", a=5.3 * size, cubic=True)
        atoms.rattle(0.1, seed=k)
        atoms.calc = LennardJones(sigma=3.4, epsilon=0.01, rc=7.0, smooth=True)
        stress = atoms.get_stress() * (1 if right else -1)
        energy, forces = atoms.get_potential_energy(), atoms.get_forces()
        atoms.calc = SinglePointCalculator(atoms, energy=energy, forces=forces, stress=stress)
        frames.append(atoms)
    ase.io.write(tmp_path / "train.xyz", frames)
    notes = json.loads(snnp_data(tmp_path / "train.xyz", "--json").stdout)["notes"]
    said = "stresses of all are labelled with compression positive: this is what agrees with energies and forces"
    assert any(said in note for note in notes) != right


def test_tables_and_notes(train, tmp_path):
    (tmp_path / "test.xyz").write_text(files.extxyz(FRAMES[2:4]))
    text = snnp_data(train, "--test", tmp_path / "test.xyz").stdout
    assert "train: 12 frames, 60 atoms of P In: energy in 12, forces in 12, stress in 12; 2 groups; labels: " in text
    assert "defect" in text
    assert "compositions (frames): In2P3 (12)" in text
    assert "note: test: 2 frames are in train, too" in text


@pytest.mark.parametrize("name", ["all.xyz", "all.xyz.gz"])
def test_what_is_written_is_what_was_read(name, train, tmp_path):
    """To the eight digits of extended XYZ after the point."""
    assert snnp_data(train, "-o", tmp_path / name).exit_code == 0
    for written, original in zip(read([tmp_path / name]).frames, read([train]).frames, strict=True):
        assert np.allclose(written.atoms.positions, original.atoms.positions, atol=1e-8)
        assert np.allclose(written.forces, original.forces, atol=1e-8)
        assert np.allclose(written.stress, original.stress, atol=1e-12)
        assert written.energy == pytest.approx(original.energy, rel=1e-12)
        assert written.group == original.group
    if name == "all.xyz":
        assert ase.io.read(tmp_path / name, ":")[3].get_potential_energy() == pytest.approx(FRAMES[3].energy)


def test_weights_and_unknown_labels_are_kept(tmp_path):
    text = files.extxyz(FRAMES[:3]).splitlines()
    text[1] += " config_weight=0.25 forces_weight=0.5"
    text[8] = text[8].replace("energy=", "other=")
    (tmp_path / "train.xyz").write_text("\n".join(text) + "\n")
    assert snnp_data(tmp_path / "train.xyz", "-o", tmp_path / "all.xyz").exit_code == 0
    first, second, third = read([tmp_path / "all.xyz"]).frames
    assert (first.weight, first.label_weights.force, first.label_weights.energy) == (0.25, 0.5, 1.0)
    assert np.isnan(second.energy)
    assert (third.weight, third.label_weights.force) == (1.0, 1.0)


def test_other_formats_are_converted(tmp_path):
    (tmp_path / "train.cfg").write_text(files.mtp(FRAMES, ["In", "P"]))
    assert snnp_data(tmp_path / "train.cfg", "--elements", "In P", "-o", tmp_path / "all.xyz").exit_code == 0
    assert np.allclose(read([tmp_path / "all.xyz"]).frames[-1].stress, FRAMES[-1].stress, atol=1e-12)
    (tmp_path / "input.data").write_text(files.n2p2(FRAMES, **files.ATOMIC_UNITS))
    result = snnp_data(tmp_path / "input.data", "--units", "energy=Hartree,length=Bohr", "--json")
    assert json.loads(result.stdout)["sets"]["train"]["all"]["energy"][0] == pytest.approx(
        min(f.energy for f in FRAMES) / 5
    )


def test_labels_of_the_choice_of_the_user(tmp_path):
    text = files.extxyz(FRAMES).replace("energy=", "E_cc=").replace("forces:R:3", "F_cc:R:3")
    (tmp_path / "train.xyz").write_text(text)
    assert "there are E_cc, F_cc, stress; " in failing(snnp_data(tmp_path / "train.xyz"))
    result = snnp_data(tmp_path / "train.xyz", "--labels", "energy=E_cc,forces=F_cc,stress=stress", "--json")
    assert json.loads(result.stdout)["sets"]["train"]["labels"] == {"E_cc": 12, "F_cc": 12, "stress": 12}


def test_nothing_is_overwritten(train, tmp_path):
    before = train.read_bytes()
    assert "exists already, and is not overwritten" in failing(snnp_data(train, "-o", train))
    (tmp_path / "link.xyz").symlink_to(tmp_path / "nowhere")
    assert "exists already" in failing(snnp_data(train, "-o", tmp_path / "link.xyz"))
    assert "is in a folder that is read" in failing(snnp_data(tmp_path, "-o", tmp_path / "all.xyz"))
    assert "there is no folder" in failing(snnp_data(train, "-o", tmp_path / "none" / "all.xyz"))
    assert train.read_bytes() == before


def test_the_data_of_a_configuration(train, tmp_path):
    (tmp_path / "Mo.yaml").write_text("data: {train: [train.xyz], test: [train.xyz]}\n")
    text = snnp_data(tmp_path / "Mo.yaml").stdout
    assert "test: 12 frames are in train, too" in text
    assert "no other options" in failing(snnp_data(tmp_path / "Mo.yaml", "--units", "metal"))


def test_of_many_groups_those_with_most_frames_are_shown(tmp_path):
    """40 frames with names of their own, and a group of three."""
    frames = files.frames(43)
    parts = [files.extxyz(frames[n : n + 1], config_type=f"mp-{n}") for n in range(40)]
    (tmp_path / "all.xyz").write_text("".join([*parts, files.extxyz(frames[40:], config_type="bulk")]))
    said = snnp_data(tmp_path / "all.xyz").stdout
    assert "│ bulk" in said and "and 11 more" in said
    assert len(set(re.findall(r"mp-\d+", said.partition("shortest distances")[0]))) == 29
