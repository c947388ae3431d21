"""A file that cannot be read is answered at once, by one sentence that says where and what was expected."""

import gzip
import io
import json
import os
import pickle

import numpy as np
import pytest

import data_files as files
from snnp.data import DataError, read
from snnp.data.formats import Reading

FRAMES = files.frames(2)
XYZ = files.extxyz(FRAMES)
MTP = files.mtp(FRAMES, ["In", "P"])
N2P2 = files.n2p2(FRAMES, "eV Angstrom")
ML_AB = files.ml_ab(FRAMES)


def line_of(text, start, nth=0):
    """The number of the nth line that begins so."""
    return [n for n, line in enumerate(text.splitlines(), 1) if line.strip().startswith(start)][nth]


def edited(text, number, new):
    lines = text.splitlines()
    lines[number - 1] = new
    return "\n".join(lines) + "\n"


def with_atomic_numbers(text):
    """Extended XYZ with a column Z behind the symbols."""
    text = text.replace("species:S:1", "species:S:1:Z:I:1")
    return text.replace("\nIn ", "\nIn 49 ").replace("\nP ", "\nP 15 ")


SECOND = len(FRAMES[0].atoms) + 3  # the line with the number of atoms of frame 1
CASES = {
    "unknown symbol": (edited(XYZ, SECOND + 3, "Qq 0 0 0 0 0 0"), f":{SECOND + 3}: frame 1: atom 1 is 'Qq', expected"),
    "numbers as symbols": (edited(XYZ, 3, "7 0 0 0 0 0 0"), ":3: frame 0: atom 0 is '7'.*data.elements names"),
    "missing column": (edited(XYZ, 4, "P 0 0 0 0 0"), ":4: frame 0: found 6 columns, expected 7 by Properties"),
    "no number": (edited(XYZ, 4, "P 0 0 zero 0 0 0"), ":4: frame 0: 'zero' is no number, as pos should be"),
    "cut short": (XYZ[: XYZ.rindex("P ")], f":{SECOND + 5}: the file ends here, expected 5 atoms in frame 1, found 4"),
    "too few atoms": (edited(XYZ, 1, "4"), f":{SECOND - 1}: frame 1: expected the number of atoms, found 'P "),
    "huge number of columns": (XYZ.replace("forces:R:3", "forces:R:99999999999"), "Properties name more than 10000"),
    "huge number of atoms": (edited(XYZ, 1, "99999999999"), "the file ends here, expected 99999999999 atoms"),
    "cell": (XYZ.replace("Lattice=", "cell="), r":2: frame 0: the cell stands under 'cell', expected Lattice="),
    "UnitCell, pbc": (
        XYZ.replace("Lattice=", "UnitCell="),
        ":2: frame 0: the cell stands under 'UnitCell', expected Lat",
    ),
    "box of three numbers": (
        XYZ.replace("Lattice=", 'box_size="6 6 6" other=').replace('pbc="T T T"', ""),
        ":2: frame 0: the cell stands under 'box_size', expected",
    ),
    "no positions": (
        XYZ.replace("pos:R:3", "position:R:3"),
        ":2: frame 0: Properties name no positions, expected pos:R:3",
    ),
    "no elements": (
        XYZ.replace("species:S", "name:S"),
        ":2: frame 0: Properties name no elements, expected species:S:1",
    ),
    "two energies": (
        edited(XYZ, 2, XYZ.splitlines()[1] + " energy=-1.5"),
        ":2: frame 0: energy stands there twice, as '-.*' and as '-1.5'",
    ),
    "two cells": (
        edited(XYZ, SECOND + 1, XYZ.splitlines()[SECOND] + ' lattice="6 0 0 0 6 0 0 0 6"'),
        f":{SECOND + 1}: frame 1: Lattice stands there twice",
    ),
    "two elements": (
        with_atomic_numbers(XYZ).replace("P 15 ", "P 51 ", 1),
        ":4: frame 0: atom 1 is P, but its atomic number is that of Sb",
    ),
    "pointer": (
        "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n",
        "is a pointer of Git LFS in place",
    ),
    "MTP, more atoms than Size": (
        MTP.replace(f"    {len(FRAMES[0].atoms)}\n", "    4\n", 1),
        f":{line_of(MTP, 'AtomData') + 4}: AtomData goes on after 4 atoms, expected no more by Size",
    ),
    "MTP, fewer atoms than Size": (
        MTP.replace(f"    {len(FRAMES[0].atoms)}\n", "    9\n", 1),
        f":{line_of(MTP, 'Energy')}: AtomData ends after 5 atoms, expected 9 by Size",
    ),
    "MTP, negative type": (MTP.replace("   1 0 ", "   1 -1 ", 1), r"atoms have the types 0 to"),
    "MTP without types": (MTP, r"atoms have the types 0 to 1.*data.elements"),
    "MTP cut short": (MTP[: MTP.index("END_CFG")], "the file ends here, expected END_CFG"),
    "MTP, other stress": (MTP.replace("PlusStress:", "Virial:"), "Virial has no clear unit: expected PlusStress"),
    "MTP, column missing": (
        edited(MTP, line_of(MTP, "AtomData") + 2, "2 0 0.1"),
        f":{line_of(MTP, 'AtomData') + 2}: expected 8 numbers",
    ),
    "n2p2, short line": (
        edited(N2P2, line_of(N2P2, "atom", 2), "atom 0 0 0 In"),
        f":{line_of(N2P2, 'atom', 2)}: expected atom x y z element and 5 more columns",
    ),
    "n2p2, energy": (
        edited(N2P2, line_of(N2P2, "energy"), "energy none"),
        f":{line_of(N2P2, 'energy')}: expected 1 number .the energy., found 'none'",
    ),
    "n2p2, cut short": (N2P2[: N2P2.rindex("charge")], "the file ends here, expected the end of frame 1"),
    "ML_AB, fewer than announced": (
        ML_AB[: ML_AB.rindex("     Configuration num.")],
        "the file ends after 1 of 2 configurations",
    ),
    "ML_AB, cut short": (ML_AB[: ML_AB.rindex("     Forces")], "the file ends here, expected 'Forces'"),
    "JSON, cut short": (json.dumps([files.pymatgen(FRAMES[0])])[:-5], ":1: is no valid JSON"),
    "JSON of something else": ('{"a": [1, 2]}', "JSON in no known format, expected FitSNAP's"),
    "FitSNAP, unit": (files.fitsnap(FRAMES[0]).replace('"bar"', '"atm"'), "StressStyle is 'atm', expected bar or kB"),
    "FitSNAP, key missing": (files.fitsnap(FRAMES[0]).replace("Positions", "Pos"), "frame 0.*Positions is missing"),
    "words": ("two\nwords\n", "its format is not known"),
    "nothing": ("", "the file is empty"),
}


@pytest.mark.parametrize("case", CASES)
def test_wrong_content(case, tmp_path):
    text, sentence = CASES[case]
    path = tmp_path / "data"
    path.write_text(text)
    with pytest.raises(DataError, match=sentence) as error:
        read([path], Reading(elements=["In", "P"]) if "negative" in case else None)
    assert str(error.value).startswith(str(path))
    assert "\n" not in str(error.value)


def test_pipes_and_devices_are_refused_without_being_opened(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path, what in ((tmp_path / "pipe", "a pipe"), ("/dev/zero", "a device")):
        with pytest.raises(DataError, match=f"{path}: is {what}, expected a file"):
            read([path])


def test_what_is_binary_or_endless_is_refused_by_its_beginning(tmp_path):
    huge = tmp_path / "huge.xyz"
    with huge.open("wb") as file:
        file.truncate(1 << 40)  # a file with a hole: a terabyte of zeros that takes no space
    with pytest.raises(DataError, match=r"huge\.xyz: is a binary file in no known format"):
        read([huge])
    bomb = tmp_path / "bomb.gz"
    bomb.write_bytes(gzip.compress(b"8\nx\n" + b" " * (1 << 25)))
    with pytest.raises(DataError, match=":3: the line has no end, expected text"):
        read([bomb])


def npz():
    content = io.BytesIO()
    np.savez(content, energy=np.zeros(3), forces=np.zeros((3, 5, 3)))
    return content.getvalue()


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (gzip.compress(XYZ.encode())[:-20], "the packed file is damaged or cut short"),
        (b"\x1f\x8b" + b"junk" * 20, "the packed file is damaged or cut short"),
        (b"\x89HDF\r\n\x1a\n" + bytes(100), "is HDF5: convert it"),
        (b"PK\x03\x04" + bytes(100), "is an archive: unpack it first"),
        (npz(), "holds arrays of NumPy of no known meaning: convert it"),
    ],
)
def test_damaged_and_foreign_files(content, sentence, tmp_path):
    (tmp_path / "train.xyz.gz").write_bytes(content)
    with pytest.raises(DataError, match=sentence):
        read([tmp_path / "train.xyz.gz"])


def test_unreadable_names(tmp_path):
    with pytest.raises(DataError, match=r"none\.xyz: no such file"):
        read([tmp_path / "none.xyz"])
    with pytest.raises(DataError, match="no file matches this pattern"):
        read([tmp_path / "run*" / "OUTCAR"])
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="no file in this folder is in a known format with labels"):
        read([tmp_path / "empty"])


def test_a_format_that_does_not_exist(tmp_path):
    (tmp_path / "a.xyz").write_text(XYZ)
    with pytest.raises(DataError, match=r"data\.format 'exyz' is unknown: expected one of extxyz, n2p2"):
        read([tmp_path / "a.xyz"], Reading(format="exyz"))


@pytest.mark.parametrize(
    ("units", "sentence"),
    [
        ("imperial", "units 'imperial': expected one of metal"),
        ({"energy": "cal"}, "units: 'cal' is unknown: expected one of ev"),
        ({"mass": "kg"}, "units: unknown key mass"),
        ({"force": "Hartree"}, "units: force is 'Hartree', expected an energy and a length, e.g. Hartree/Bohr"),
        ({"force": "eV/inch"}, "units: 'inch' is unknown: expected one of angstrom"),
    ],
)
def test_units_that_do_not_exist(units, sentence):
    with pytest.raises(DataError, match=sentence):
        Reading.of(units=units)


def test_units_of_a_program_that_states_them(tmp_path):
    (tmp_path / "OUTCAR").write_text(" vasp.6.3.0 18Jan22\n")
    with pytest.raises(DataError, match=r"vasp-out state their units, so that data\.units does not apply"):
        read([tmp_path / "OUTCAR"], Reading.of(units="metal"))


DUMP = """ITEM: UNITS
{}
ITEM: TIMESTEP
0
ITEM: NUMBER OF ATOMS
2
ITEM: BOX BOUNDS pp pp pp
0 8
0 8
0 8
ITEM: ATOMS id element x y z fx fy fz
1 Ag 0.1 0.2 0.3 0.1 0 -0.2
2 Pd 4.1 4.2 0.3 -0.1 0 0.2
"""


@pytest.mark.parametrize("style", ["lj", "si", "cgs", "micro", "nano"])
def test_units_of_lammps_that_are_not_those_of_atoms(style, tmp_path):
    (tmp_path / "run.dump").write_text(DUMP.format(style))
    with pytest.raises(DataError, match=rf"run\.dump: ITEM: UNITS is '{style}', expected one of metal, real, electron"):
        read([tmp_path / "run.dump"])


def test_units_of_lammps_that_the_user_contradicts(tmp_path):
    (tmp_path / "run.dump").write_text(DUMP.format("real"))
    with pytest.raises(DataError, match=r"ITEM: UNITS is 'real' \(kcal/mol and Angstrom\), but data.units says eV and"):
        read([tmp_path / "run.dump"], Reading.of(units="metal"))


def test_damaged_folders_of_deepmd(tmp_path):
    def broken(name, spoil):
        files.deepmd(tmp_path / name, FRAMES, ["In", "P"])
        spoil(tmp_path / name)
        with pytest.raises(DataError) as error:
            read([tmp_path / name])
        return str(error.value)

    assert "type_map.raw is missing" in broken("a", lambda f: (f / "type_map.raw").unlink())
    assert "is no NumPy array" in broken("b", lambda f: (f / "set.000/coord.npy").unlink())
    assert "expected (1, 15) of numbers" in broken("c", lambda f: np.save(f / "set.000/force.npy", np.zeros((3, 21))))
    assert "is no NumPy array" in broken("d", lambda f: (f / "set.000/energy.npy").write_bytes(b"junk"))
    pointer = "version https://git-lfs.github.com/spec/v1\n"
    assert "is a pointer of Git LFS" in broken("h", lambda f: (f / "set.000/coord.npy").write_text(pointer))
    assert "expected the type of each atom" in broken("e", lambda f: (f / "type.raw").write_text("In P"))
    assert "has the type -1" in broken("f", lambda f: (f / "type.raw").write_text("-1 0 1 1 0"))
    assert "frame 0: has the type 2, but" in broken("g", lambda f: (f / "type.raw").write_text("0 0 1 2 0"))


@pytest.mark.parametrize(
    "content",
    [
        b"\x80\x04]r\xff\xff\xff\x7f.",  # a list that is remembered under the number 2³¹ − 1
        b"\x80\x04\x8e" + (1 << 40).to_bytes(8, "little") + b"x.",  # a text that would be a terabyte long
        pickle.dumps([1, 2, 3]),
        pickle.dumps([1, 2, 3])[:-3],
        b"\x80\x04cpandas.core.frame\nDataFrame\n)\x81}b.",  # a table without content
    ],
)
def test_pickles_of_something_else(content, tmp_path):
    (tmp_path / "x.pckl.gzip").write_bytes(gzip.compress(content))
    with pytest.raises(DataError, match="expected a table of pacemaker"):
        read([tmp_path / "x.pckl.gzip"])


def test_a_pickle_that_grows_without_end(tmp_path, monkeypatch):
    monkeypatch.setattr("snnp.data.formats.inert._LARGEST", 1 << 20)
    content = b"\x80\x04\x8e" + (1 << 22).to_bytes(8, "little") + bytes(1 << 22) + b"."
    (tmp_path / "x.pckl.gzip").write_bytes(gzip.compress(content))
    with pytest.raises(DataError, match="too much for a pickle"):
        read([tmp_path / "x.pckl.gzip"])


class Runs:
    """Runs a command when it is unpickled."""

    def __reduce__(self):
        return os.mkdir, ("was_run",)


@pytest.mark.parametrize("name", ["x.pckl.gzip", "x.xyz", "x.traj"])
@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_nothing_pickled_is_run(name, protocol, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / name).write_bytes(gzip.compress(pickle.dumps([Runs()], protocol)))
    with pytest.raises(DataError):
        read([name])
    np.save("type.npy", np.array([Runs()], dtype=object), allow_pickle=True)
    files.deepmd(tmp_path / "system", FRAMES, ["In", "P"])
    os.replace("type.npy", "system/set.000/energy.npy")
    with pytest.raises(DataError, match="is no NumPy array"):
        read(["system"])
    assert not (tmp_path / "was_run").exists()
