"""The potential file as Python sees it; tests/cpp/test_potential_file.cc tests the reader itself."""

import re
from pathlib import Path

import pytest
from ase import Atoms

import snnp
import support
from snnp import _core, reference
from tolerances import ENERGY

PAGE = Path(__file__).parents[2] / "docs" / "potential_file.md"


@pytest.mark.parametrize("uniform", [True, False])
def test_what_is_written_reads_back_exactly(tmp_path, uniform):
    potential = support.random_potential(("In", "P"), uniform=uniform)
    path = support.write(potential, tmp_path / "InP.snnp")
    again = _core.read_potential(str(path))
    assert _core.format_potential(again) == path.read_text(encoding="utf-8")
    for name in ("rho", "f", "g"):
        for a, b in zip(getattr(potential, name), getattr(again, name), strict=True):
            assert a.knots == b.knots
            assert a.coefficients == b.coefficients


def test_evenly_spaced_knots_of_numpy_are_written_as_uniform():
    text = _core.format_potential(support.random_potential(("In", "P")))
    assert " uniform " in text
    assert " knots " not in text


def test_an_error_names_file_and_line(tmp_path):
    path = support.write(support.random_potential(), tmp_path / "Si.snnp")
    path.write_text(path.read_text(encoding="utf-8").replace("filters 3 4", "filters 3"), encoding="utf-8")
    with pytest.raises(snnp.Error, match=r"Si\.snnp:4: found 2 words, expected 'filters n2 n3'"):
        snnp.load(path)


def test_bytes_that_are_no_text_give_an_error_of_the_file(tmp_path):
    path = support.write(support.random_potential(), tmp_path / "Si.snnp")
    path.write_bytes(path.read_bytes().replace(b"element Si", b"element \xff\xfe", 1))
    with pytest.raises(snnp.Error, match=r"Si\.snnp:6: found"):
        snnp.load(path)


def test_a_comment_of_several_lines_is_refused(tmp_path):
    potential = support.random_potential()
    potential.comment = "one\ntwo"
    with pytest.raises(snnp.Error, match="comment"):
        support.write(potential, tmp_path / "Si.snnp")


def test_the_example_of_the_page_has_the_energy_that_the_page_states():
    page = PAGE.read_text(encoding="utf-8")
    (example,) = re.findall(r"```snnp\n(.*?)```", page, re.DOTALL)
    (energy,) = re.findall(r"have the energy (\S+) eV", page)
    potential = _core.parse_potential(example, str(PAGE))
    trimer = Atoms("Si3", [[0, 0, 0], [2, 0, 0], [0, 2.5, 0]])
    assert reference.evaluate(potential, trimer).energy == pytest.approx(float(energy), abs=ENERGY)
    assert snnp.SNNP(potential).get_potential_energy(trimer) == pytest.approx(float(energy), abs=ENERGY)
