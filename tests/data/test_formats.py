"""Each format gives the structures, energies, forces and stresses that extended XYZ of the same frames gives."""

import bz2
import gzip
import json
import lzma
from pathlib import Path

import ase.io
import numpy as np
import pytest
from ase.calculators.singlepoint import SinglePointCalculator
from ase.units import Bohr, Hartree, kcal, mol

import data_files as files
from snnp.data import DataError, read
from snnp.data.formats import Reading

FRAMES = files.frames()
INDIUM_PHOSPHIDE = Reading(elements=["In", "P"])


def write_text(name, text):
    """A case that writes one text file."""

    def write(folder):
        (folder / name).write_text(text, encoding="utf-8")
        return folder / name

    return write


def write_fitsnap(style):
    def write(folder):
        for n, frame in enumerate(FRAMES):
            group = folder / "JSON" / "Bulk"
            group.mkdir(parents=True, exist_ok=True)
            (group / f"{n}.json").write_text(files.fitsnap(frame, style))
        return folder / "JSON"

    return write


def write_deepmd(mixed):
    def write(folder):
        files.deepmd(folder / "system", [*FRAMES[::2], *FRAMES[1::2]], ["P", "In"], mixed, sets=1)
        return folder

    return write


def write_traj(folder):
    structures = []
    for frame in FRAMES:
        atoms = frame.atoms.copy()
        atoms.calc = SinglePointCalculator(atoms, energy=frame.energy, forces=frame.forces, stress=frame.stress)
        structures.append(atoms)
    ase.io.write(folder / "a.traj", structures)
    return folder / "a.traj"


CASES = {
    "extended XYZ": write_text("train.xyz", files.extxyz(FRAMES)),
    "NEP": write_text("train.xyz", files.nep(FRAMES)),
    "trajectory of ASE": write_traj,
    "MTP": write_text("train.cfg", files.mtp(FRAMES, ["In", "P"])),
    "MTP, other order, fractional": write_text(
        "train.cfg", files.mtp(FRAMES, ["In", "P"], ("xx", "xy", "yy", "yz", "zz", "xz"), direct=True)
    ),
    "vasprun.xml": write_text("run.txt", files.vasprun(FRAMES)),
    "OUTCAR, sorted": write_text("calculation", files.outcar(FRAMES)),
    "ML_AB, sorted": write_text("ML_AB", files.ml_ab(FRAMES)),
    "FitSNAP, bar": write_fitsnap("bar"),
    "FitSNAP, kB": write_fitsnap("kB"),
    "pymatgen": write_text("mlearn.json", json.dumps([files.pymatgen(f) for f in FRAMES])),
    "pymatgen, nested": write_text("mp.json", json.dumps({"a": dict(enumerate(map(files.pymatgen, FRAMES)))})),
    "DeePMD": write_deepmd(mixed=False),
    "DeePMD, mixed types": write_deepmd(mixed=True),
    "n2p2": write_text("input.data", files.n2p2(FRAMES, "units: Angstrom, eV")),
    "n2p2, atomic units": write_text("input.data", files.n2p2(FRAMES, "energy in Ha, Bohr", **files.ATOMIC_UNITS)),
    "n2p2, unit by distances": write_text("input.data", files.n2p2(FRAMES)),
    "n2p2, atomic unit by distances": write_text("input.data", files.n2p2(FRAMES, **files.ATOMIC_UNITS)),
}


@pytest.mark.parametrize("case", CASES)
def test_structures_and_labels_are_those_of_extended_xyz(case, tmp_path):
    """To rounding: units are converted, and stresses are divided by volumes."""
    data = read([CASES[case](tmp_path)], INDIUM_PHOSPHIDE if "MTP" in case else None)
    assert len(data.frames) == len(FRAMES)
    expected = [FRAMES[n] for n in ([0, 2, 1, 3] if "DeePMD" in case else range(len(FRAMES)))]
    for found, frame in zip(data.frames, expected, strict=True):
        order = slice(None)
        if "sorted" in case:  # by element
            order = np.concatenate([np.flatnonzero(frame.atoms.symbols == s) for s in ("In", "P")])
        assert list(found.atoms.symbols) == list(frame.atoms.symbols[order])
        assert np.allclose(found.atoms.positions, frame.atoms.positions[order], atol=1e-12)
        assert np.allclose(found.atoms.cell.array, frame.atoms.cell.array, atol=1e-12)
        assert found.atoms.pbc.all()
        assert found.energy == pytest.approx(frame.energy, rel=1e-12)
        assert np.allclose(found.forces, frame.forces[order], atol=1e-12)
        if "n2p2" in case:
            assert found.stress is None
        else:
            assert np.allclose(found.stress, frame.stress, atol=1e-12)


PICKLES = sorted((Path(__file__).parent / "pacemaker").glob("*.pckl.gzip"))


@pytest.mark.parametrize("path", PICKLES, ids=lambda path: path.stem)
def test_tables_of_pacemaker_are_read_without_pandas(path):
    """Written by the pandas that their names say, by `DataFrame.to_pickle(path, compression="gzip")`, from the columns
    ase_atoms, energy_corrected, forces, w_energy of `FRAMES[:2]` and one of text."""
    data = read([path])
    for found, frame in zip(data.frames, FRAMES[:2], strict=True):
        assert list(found.atoms.symbols) == list(frame.atoms.symbols)
        assert np.allclose(found.atoms.positions, frame.atoms.positions, atol=1e-12)
        assert np.allclose(found.atoms.cell.array, frame.atoms.cell.array, atol=1e-12)
        assert found.atoms.pbc.all()
        assert found.energy == pytest.approx(frame.energy, rel=1e-12)
        assert np.allclose(found.forces, frame.forces, atol=1e-12)
    assert [frame.label_weights.energy for frame in data.frames] == [1.0, 0.5]


def test_there_are_tables_of_three_versions_of_pandas():
    assert len(PICKLES) == 3


def test_fitsnap_folders_and_mlearn_entries_are_groups(tmp_path):
    assert {f.group for f in read([CASES["FitSNAP, bar"](tmp_path)]).frames} == {"Bulk"}
    assert {f.group for f in read([CASES["pymatgen"](tmp_path)]).frames} == {"bulk"}


PACKERS = {"": lambda raw: raw, ".gz": gzip.compress, ".bz2": bz2.compress, ".xz": lzma.compress}
TEXTS = {
    "extxyz": files.extxyz(FRAMES),
    "mtp": files.mtp(FRAMES, ["In", "P"]),
    "n2p2": files.n2p2(FRAMES, "eV Angstrom"),
    "ml_ab": files.ml_ab(FRAMES),
    "json": json.dumps([files.pymatgen(f) for f in FRAMES]),
    "OUTCAR": files.outcar(FRAMES),
    "vasprun.xml": files.vasprun(FRAMES),
}


@pytest.mark.parametrize("packed", PACKERS)
@pytest.mark.parametrize("kind", TEXTS)
def test_content_tells_the_format_whatever_the_name_and_packing(kind, packed, tmp_path):
    path = tmp_path / f"Größe @1 of{packed}"
    path.write_bytes(PACKERS[packed](TEXTS[kind].encode()))
    assert len(read([path], INDIUM_PHOSPHIDE).frames) == len(FRAMES)
    plain = tmp_path / "no_ending"
    plain.write_bytes(PACKERS[packed](TEXTS[kind].encode()))
    assert len(read([plain], INDIUM_PHOSPHIDE).frames) == len(FRAMES)


@pytest.mark.parametrize("name", ["train.txt", "train.dat", "train@2", "a b.xyz", "原子.data", "x.cfg"])
def test_extended_xyz_under_other_names(name, tmp_path):
    (tmp_path / name).write_text(files.extxyz(FRAMES))
    assert len(read([tmp_path / name]).frames) == len(FRAMES)


@pytest.mark.parametrize("kind", TEXTS)
@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_byte_order_marks_and_line_ends_of_windows(kind, encoding, tmp_path):
    (tmp_path / "train").write_bytes(TEXTS[kind].replace("\n", "\r\n").encode(encoding))
    assert len(read([tmp_path / "train"], INDIUM_PHOSPHIDE).frames) == len(FRAMES)


def test_blank_lines_between_frames_hide_nothing(tmp_path):
    text = "".join(files.extxyz([frame]) + "\n\n" for frame in FRAMES)
    (tmp_path / "train.xyz").write_text(text)
    assert len(read([tmp_path / "train.xyz"]).frames) == len(FRAMES)


def test_patterns_and_folders(tmp_path, monkeypatch):
    for n, frame in enumerate(FRAMES):
        run = tmp_path / f"run{n}"
        run.mkdir()
        (run / "frames.xyz").write_text(files.extxyz([frame]))
        (run / "notes").write_text("nothing to read\n")
    monkeypatch.chdir(tmp_path)
    by_pattern = read(["run*/frames.xyz"])
    assert [f.energy for f in by_pattern.frames] == [f.energy for f in FRAMES]
    assert by_pattern.frames[1].origin == "run1/frames.xyz:frame 0"
    by_folder = read(["."])
    assert [f.energy for f in by_folder.frames] == [f.energy for f in FRAMES]
    assert by_folder.notes == [".: 4 files are read, 4 others are not (notes)"]


@pytest.mark.parametrize(("text", "within"), [("OUTCAR", " POSITION "), ("vasprun.xml", 'name="forces"')])
def test_a_run_of_vasp_that_was_stopped_is_read_as_far_as_it_went(text, within, tmp_path):
    whole = TEXTS[text]
    (tmp_path / "run").write_text(whole[: whole.rindex(within)])
    data = read([tmp_path / "run"])
    assert [frame.energy for frame in data.frames] == [frame.energy for frame in FRAMES[:-1]]


def test_of_a_folder_of_vasp_one_output_is_read(tmp_path):
    (tmp_path / "vasprun.xml").write_text(TEXTS["vasprun.xml"])
    (tmp_path / "OUTCAR").write_text(TEXTS["OUTCAR"])
    data = read([tmp_path])
    assert len(data.frames) == len(FRAMES)
    assert data.notes == [f"{tmp_path}: 1 file is read, 1 other is not (OUTCAR)"]


def test_a_file_named_twice_is_read_once_and_said(tmp_path):
    path = tmp_path / "train.xyz"
    path.write_text(files.extxyz(FRAMES))
    (tmp_path / "link.xyz").symlink_to(path)
    data = read([path, tmp_path / "link.xyz"])
    assert len(data.frames) == len(FRAMES)
    assert "named more than once" in data.notes[0]


def test_labels_of_atoms_become_symbols_with_a_note(tmp_path):
    text = files.extxyz(FRAMES).replace("\nIn ", "\nIn1 ").replace("\nP ", "\nP_surf ")
    (tmp_path / "train.xyz").write_text(text)
    data = read([tmp_path / "train.xyz"])
    assert np.allclose(data.frames[-1].forces, FRAMES[-1].forces)
    assert list(data.frames[-1].atoms.symbols) == list(FRAMES[-1].atoms.symbols)
    assert "atoms like 'In1' are read as In" in data.notes[0]


def test_types_of_atoms_by_number(tmp_path):
    text = files.extxyz(FRAMES).replace("\nIn ", "\n1 ").replace("\nP ", "\n2 ")
    (tmp_path / "train.xyz").write_text(text)
    (first, *_) = read([tmp_path / "train.xyz"], INDIUM_PHOSPHIDE).frames
    assert list(first.atoms.symbols) == list(FRAMES[0].atoms.symbols)


@pytest.mark.parametrize("form", ["_JSON {}", "{}"])
def test_stress_as_a_list_of_lists(form, tmp_path):
    frame = FRAMES[0]
    listed = form.format(json.dumps(frame.matrix(frame.stress).tolist()))
    (tmp_path / "train.xyz").write_text(files.extxyz([frame]).replace("stress=", f'stress="{listed}" other='))
    assert np.allclose(read([tmp_path / "train.xyz"]).frames[0].stress, frame.stress, atol=1e-12)


def test_virial_of_six_numbers(tmp_path):
    frame = FRAMES[0]
    text = files.extxyz([frame]).replace("stress=", f'virial="{files.row(frame.virial)}" other=')
    (tmp_path / "train.xyz").write_text(text)
    data = read([tmp_path / "train.xyz"])
    assert np.allclose(data.frames[0].stress, frame.stress, atol=1e-12)
    assert "virial of six numbers is read in the order xx yy zz yz xz xy" in data.notes[0]


@pytest.mark.parametrize("units", ["atomic", {"energy": "Hartree", "length": "Bohr"}, "energy=Ha,length=bohr"])
def test_units_said_by_the_user(units, tmp_path):
    """Stresses, too, are in Hartree/Bohr³ then."""
    frame = files.Labelled(0)
    frame.atoms.set_cell(frame.atoms.cell / Bohr, scale_atoms=True)
    frame.energy, frame.forces = frame.energy / Hartree, frame.forces * Bohr / Hartree
    frame.stress = frame.stress * Bohr**3 / Hartree
    (tmp_path / "train.xyz").write_text(files.extxyz([frame]))
    (found,) = read([tmp_path / "train.xyz"], Reading.of(units=units)).frames
    original = files.Labelled(0)
    assert np.allclose(found.atoms.positions, original.atoms.positions, atol=1e-12)
    assert found.energy == pytest.approx(original.energy, rel=1e-12)
    assert np.allclose(found.forces, original.forces, atol=1e-12)
    assert np.allclose(found.stress, original.stress, atol=1e-12)


@pytest.mark.parametrize(
    "units", [{"energy": "Hartree", "force": "Hartree/Bohr"}, "energy=Ha,length=Angstrom,force=Ha/Bohr"]
)
def test_forces_in_another_length_than_positions(units, tmp_path):
    """As programs for molecules write them."""
    frame = files.Labelled(0)
    frame.energy, frame.forces = frame.energy / Hartree, frame.forces * Bohr / Hartree
    (tmp_path / "train.xyz").write_text(files.extxyz([frame]))
    (found,) = read([tmp_path / "train.xyz"], Reading.of(units=units)).frames
    original = files.Labelled(0)
    assert np.allclose(found.atoms.positions, original.atoms.positions, atol=1e-12)
    assert found.energy == pytest.approx(original.energy, rel=1e-12)
    assert np.allclose(found.forces, original.forces, atol=1e-12)


def test_what_was_assumed_about_units_is_said(tmp_path):
    path = tmp_path / "input.data"
    path.write_text(files.n2p2(FRAMES, "units: Angstrom, eV"))
    (note,) = read([path]).notes
    assert note == f"{path}: units are eV and Angstrom, as the comments say; data.units says otherwise"
    path.write_text(files.n2p2(FRAMES, **files.ATOMIC_UNITS))
    (note,) = read([path]).notes
    assert "does not say its units: taken to be Hartree and Bohr" in note
    assert read([path], Reading.of(units="metal")).notes == []


def test_units_that_cannot_be_told_are_asked_for(tmp_path):
    path = tmp_path / "input.data"
    path.write_text(files.n2p2(files.frames(1, "ArArArArAr")))
    with pytest.raises(DataError, match=r"does not say its units.*expected data\.units"):
        read([path])


def test_types_of_a_lammps_dump_are_named_by_the_user_and_it_has_no_energies(tmp_path):
    """ASE makes hydrogen of type 1, helium of type 2, and says that energies are zero."""
    atoms = "1 2 0.1 0.2 0.3 0.1 0 -0.2\n2 1 2.1 2.2 0.3 -0.1 0 0.2\n"
    dump = "ITEM: TIMESTEP\n0\nITEM: NUMBER OF ATOMS\n2\nITEM: BOX BOUNDS pp pp pp\n0 4\n0 4\n0 4\nITEM: ATOMS id type"
    (tmp_path / "run.lammpstrj").write_text(f"{dump} x y z fx fy fz\n{atoms}")
    with pytest.raises(DataError, match=r"run.lammpstrj: atoms have types and no elements; expected data.elements"):
        read([tmp_path / "run.lammpstrj"])
    data = read([tmp_path / "run.lammpstrj"], Reading(elements=["Pd", "Ag"]))
    assert data.frames[0].atoms.get_chemical_symbols() == ["Ag", "Pd"]
    assert data.frames[0].forces[0] == pytest.approx([0.1, 0, -0.2])
    assert np.isnan(data.frames[0].energy)
    assert "not used: an energy of exactly 0 beside forces, in 1 frame" in data.summary()
    named = atoms.replace("1 2 0.1", "1 2 Ag 0.1").replace("2 1 2.1", "2 1 Pd 2.1")
    (tmp_path / "named.lammpstrj").write_text(f"{dump} element x y z fx fy fz\n{named}")
    assert read([tmp_path / "named.lammpstrj"]).elements == ["Pd", "Ag"]


@pytest.mark.parametrize(
    ("units", "energy", "length"), [("metal", 1, 1), ("real", kcal / mol, 1), ("electron", Hartree, Bohr)]
)
def test_units_of_a_lammps_dump(units, energy, length, tmp_path):
    """As the dump says, or else as the user says, or else metal, which is told."""
    dump = (
        "ITEM: TIMESTEP\n0\nITEM: NUMBER OF ATOMS\n2\nITEM: BOX BOUNDS pp pp pp\n0 8\n0 8\n0 8\nITEM: ATOMS id element"
    )
    dump += " x y z fx fy fz\n1 Ag 0.1 0.2 0.3 0.1 0 -0.2\n2 Pd 4.1 4.2 0.3 -0.1 0 0.2\n"
    (tmp_path / "said.dump").write_text(f"ITEM: UNITS\n{units}\n{dump}")
    (tmp_path / "plain.dump").write_text(dump)
    said = read([tmp_path / "said.dump"])
    by_user = read([tmp_path / "plain.dump"], Reading.of(units=units))
    both = read([tmp_path / "said.dump"], Reading.of(units=units))
    for data in (said, by_user, both):
        assert data.frames[0].forces[0] == pytest.approx(np.array([0.1, 0, -0.2]) * energy / length)
        assert data.frames[0].atoms.cell.lengths() == pytest.approx(3 * [8 * length])
        assert data.frames[0].atoms.positions[1] == pytest.approx(np.array([4.1, 4.2, 0.3]) * length)
    assert any("as ITEM: UNITS says" in note for note in said.notes) == (units != "metal")
    assert "does not say its units" in read([tmp_path / "plain.dump"]).notes[0]


def test_keys_of_extended_xyz_that_say_the_same_twice_do_no_harm(tmp_path):
    """Nor does a second cell beside Lattice, a cell of what is not periodic, nor an equal column of atomic numbers."""
    text = files.extxyz(FRAMES, cell='"6 6 6"', step="1", comment='"energy=3 step=2"').replace(" pbc", " step=2 pbc")
    text = text.replace("species:S:1", "species:S:1:Z:I:1").replace("\nIn ", "\nIn1 49 ").replace("\nP ", "\nP 15 ")
    text = text.replace("Properties", f"energy={FRAMES[0].energy:.20f} Properties", 1)
    (tmp_path / "train.xyz").write_text(text)
    assert [frame.energy for frame in read([tmp_path / "train.xyz"]).frames] == [frame.energy for frame in FRAMES]
    cluster = files.extxyz(FRAMES[:1]).replace("Lattice=", "cell=").replace("T T T", "F F F")
    (tmp_path / "cluster.xyz").write_text(cluster)
    assert not read([tmp_path / "cluster.xyz"]).frames[0].atoms.pbc.any()
    (tmp_path / "cluster.xyz").write_text(cluster.replace("cell=", 'cell="0 0 0" other=').replace('pbc="F F F"', ""))
    assert not read([tmp_path / "cluster.xyz"]).frames[0].atoms.pbc.any()
