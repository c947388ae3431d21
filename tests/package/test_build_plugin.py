"""The plugin for a LAMMPS of the user's own, built by one command; and what is said by one that does not fit."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from run_lammps import BIN
from snnp.lammps import PLUGIN, STYLE, mpi_libraries, plugin_folder
from snnp.lammps.build import source_folder
from snnp.lammps.locate import locate, package_folder
from support import silicon, write

PAGE = (Path(__file__).parents[2] / "docs" / "pair_style_snnp.md").read_text()
RUN = """
units metal
lattice diamond 5.43
region box block 0 2 0 2 0 2
create_box 1 box
create_atoms 1 box
mass * 28.0855
{example}
run 0
print "energy $(pe:%.10f)"
"""
REFUSED = (
    r"ERROR: Pair style snnp was built for LAMMPS version (?P<version>.*) and cannot run in this one: (?P<why>.*)\. "
    r"The command 'snnp build-plugin --lammps PATH' builds it for the LAMMPS at PATH"
)


def lmp(folder, example, **environment):
    """What the program prints that the command `lmp` starts, to which no plugin has been made known."""
    libraries = ":".join(str(library.parent) for library in mpi_libraries() if library.exists())
    write(silicon(), folder / "Si.snnp")
    done = subprocess.run(
        [package_folder() / "lmp", "-log", "none"],
        input=RUN.format(example=example),
        cwd=folder,
        env={"LD_LIBRARY_PATH": libraries, "OMP_NUM_THREADS": "1", **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=60,
    )
    return done.stdout


def with_plugin(folder):
    return f"plugin load {folder}/{PLUGIN}\npair_style snnp\npair_coeff * * Si.snnp Si"


def energy(text):
    assert "\nenergy " in text, text
    return text.rpartition("\nenergy ")[2].split()[0]


def refusal(text):
    found = re.search(REFUSED, text)
    assert found, text
    return found["version"], found["why"]


@pytest.fixture(scope="module")
def cmake():
    if not Path(BIN, "cmake").exists():
        pytest.skip("cmake is not in this environment; `make test` puts it there")
    return BIN / "cmake"


def tree_of_sources(folder, version):
    """What a plugin needs of LAMMPS' sources."""
    shutil.copytree(package_folder() / "include" / "lammps", folder / "src")
    (folder / "src" / "version.h").write_text(f'#define LAMMPS_VERSION "{version}"\n')


def test_the_plugin_is_built_and_loaded_as_the_page_says(cmake, tmp_path):
    """For a program in the build folder of a source tree. Compiled without optimisation, to be quick."""
    tree_of_sources(tmp_path / "lammps", "22 Jul 2025")
    (tmp_path / "lammps" / "build").mkdir()
    (tmp_path / "lammps" / "build" / "lmp").symlink_to(package_folder() / "lmp")
    (commands,) = re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)
    (example,) = (e for e in re.findall(r"```lammps\n(.*?)```", PAGE, re.DOTALL) if "plugin load" in e)
    environment = {"HOME": str(tmp_path), "PATH": f"{BIN}:{os.environ['PATH']}", "CMAKE_BUILD_TYPE": "Debug"}
    how = {"input": commands, "cwd": tmp_path, "env": {**os.environ, **environment}, "timeout": 600}
    said = subprocess.run(["bash", "-e"], stdout=subprocess.PIPE, text=True, check=True, **how).stdout
    built = tmp_path / "snnp-plugin"
    assert {file.name for file in built.iterdir()} == {PLUGIN, STYLE}
    assert f"LAMMPS 22 Jul 2025 with the headers in {tmp_path}/lammps/src, integers SMALLBIG, MPICH" in said
    assert f"plugin load {built}/{PLUGIN}" in said
    assert f"export LAMMPS_PLUGIN_PATH={built}" in said

    here = energy(lmp(tmp_path, with_plugin(plugin_folder())))
    assert energy(lmp(tmp_path, example)) == here
    loaded_by_itself = example.partition("\n")[2]
    assert "plugin" not in loaded_by_itself
    assert energy(lmp(tmp_path, loaded_by_itself, LAMMPS_PLUGIN_PATH=str(built))) == here


def test_an_installed_package_brings_all_sources_of_the_plugin():
    """Compared with the checkout, if the tests run in one with an installed package."""
    sources = [Path(folder, "source") for folder in sys.modules["snnp.lammps"].__path__]
    (brought,) = (folder for folder in sources if folder.is_dir())
    checkout = Path(__file__).parents[2]
    for part in ("cmake", "cpp", "lammps_plugin"):
        files = {file.relative_to(checkout) for file in (checkout / part).rglob("*") if file.is_file()}
        assert files
        assert {file.relative_to(brought) for file in (brought / part).rglob("*") if file.is_file()} == files
    assert (brought / "python/snnp/lammps/locate.py").is_file()
    assert (brought / "CMakeLists.txt").is_file()


@pytest.fixture(scope="module")
def of_another_version(cmake, tmp_path_factory):
    """A folder with the plugin for a LAMMPS of another day; the pair style itself is not needed to be refused."""
    folder = tmp_path_factory.mktemp("other")
    tree_of_sources(folder, "2 Apr 2025")
    options = {
        "SNNP_PYTHON": "OFF",
        "SNNP_TESTS": "OFF",
        "SNNP_LAMMPS_PATH": folder,
        "Python_EXECUTABLE": sys.executable,
    }
    options["LAMMPS_MPI_INCLUDE_DIR"] = locate().mpi_headers
    definitions = [f"-D{name}={value}" for name, value in options.items()]
    quiet = {"check": True, "stdout": subprocess.DEVNULL}
    subprocess.run([cmake, "-S", source_folder(), "-B", folder / "build", *definitions], **quiet)
    subprocess.run([cmake, "--build", folder / "build", "--target", "snnpplugin"], **quiet)
    return folder / "build" / "lammps_plugin"


def test_a_plugin_for_another_version_says_what_to_do(of_another_version, tmp_path):
    version, why = refusal(lmp(tmp_path, with_plugin(of_another_version)))
    assert version == "2 Apr 2025"
    assert why == "this is version 22 Jul 2025"


def test_a_plugin_that_fits_replaces_one_that_does_not(of_another_version, tmp_path):
    """As when the LAMMPS of a Python environment was replaced: the plugin of snnp comes first and is of no use."""
    here = energy(lmp(tmp_path, with_plugin(plugin_folder())))
    both = f"plugin load {of_another_version}/{PLUGIN}\n{with_plugin(plugin_folder())}"
    assert energy(lmp(tmp_path, both)) == here
    reverse = f"plugin load {plugin_folder()}/{PLUGIN}\n{with_plugin(of_another_version)}"
    assert energy(lmp(tmp_path, reverse)) == here
    paths = f"{of_another_version}:{plugin_folder()}"
    assert energy(lmp(tmp_path, with_plugin(plugin_folder()).partition("\n")[2], LAMMPS_PLUGIN_PATH=paths)) == here


def test_a_pair_style_that_cannot_be_loaded_says_what_to_do(tmp_path):
    """It is missing, or needs a function that this LAMMPS does not have, as with other C++ strings or integers."""
    shutil.copy(Path(plugin_folder(), PLUGIN), tmp_path)
    _, why = refusal(lmp(tmp_path, with_plugin(tmp_path)))
    assert f"{STYLE}: cannot open shared object file" in why
    (tmp_path / "style.cpp").write_text(
        'void of_another_lammps(); extern "C" void snnp_create_pair() { of_another_lammps(); }'
    )
    subprocess.run(["c++", "-shared", "-fPIC", "style.cpp", "-o", STYLE], cwd=tmp_path, check=True)
    _, why = refusal(lmp(tmp_path, with_plugin(tmp_path)))
    assert "undefined symbol: _Z17of_another_lammpsv" in why


@pytest.mark.parametrize(
    "arguments, sentence",
    [
        (["--lammps", "nowhere"], "nowhere: no such file or folder, expected an lmp program"),
        (["--lammps", "."], "found no headers of LAMMPS"),
        (["-o", "file/plugin"], "file/plugin: Not a directory"),
    ],
)
def test_a_mistake_is_named_in_one_sentence(arguments, sentence, tmp_path):
    (tmp_path / "file").touch()
    done = subprocess.run([BIN / "snnp", "build-plugin", *arguments], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 1
    assert sentence in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_what_cmake_said_is_kept(cmake, tmp_path):
    command = [BIN / "snnp", "build-plugin", "-D", "CMAKE_CXX_COMPILER=no_such_compiler"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 1
    assert re.search(r"the plugin could not be built \(.*no_such_compiler.*\); .*build-plugin.log has all", done.stderr)
    assert "no_such_compiler" in (tmp_path / "snnp-plugin" / "build-plugin.log").read_text()
