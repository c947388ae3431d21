"""What cannot be read or written is refused in one sentence, with the place."""

from pathlib import Path

import numpy as np
import pytest

import foreign_files
from snnp import _core
from snnp.convert import ConvertError, Options, convert
from support import random_potential, with_four_body, with_tensors, write

TEXTS = {
    ".meam.spline": foreign_files.meam_spline(np.random.default_rng(0), ["Ti", "O"]),
    ".meam.sw.spline": foreign_files.meam_sw_spline(np.random.default_rng(0)),
    ".uf3": foreign_files.uf3(np.random.default_rng(0), ["W", "Ta"]),
    ".eam.alloy": foreign_files.setfl(["Si", "Al"], points=30),
    ".eam.fs": foreign_files.setfl(["Si", "Al"], fs=True, points=30),
    ".json": foreign_files.uf3_json(foreign_files.uf3(np.random.default_rng(0), ["W"]), {"W": -8.0}),
}
OPTIONS = {"elements": ["Ti"]}


def refused(path, text=None, target="out.snnp", **options):
    """The sentence with which a conversion is refused; nothing is left behind."""
    if text is not None:
        path.write_text(text)
    target = path.with_name(target)
    with pytest.raises((ConvertError, _core.Error)) as error:
        convert(path, target, Options(**options))
    assert not target.exists() and not Path(f"{target}.part").exists()
    assert "\n" not in str(error.value)
    return str(error.value)


@pytest.mark.parametrize("suffix", TEXTS)
def test_a_file_that_is_cut_off_anywhere_is_refused(suffix, tmp_path):
    lines = TEXTS[suffix].rstrip("#\n").splitlines()
    path = tmp_path / f"X{suffix}"
    cuts = np.unique(np.linspace(0, len(lines) - 1, 40).astype(int))
    # A file of pairs only is a whole file, too.
    whole = [
        n
        for n, line in enumerate(lines)
        if suffix == ".uf3" and line.startswith("#") and n > lines.index("2B Ta Ta 0 3 nk")
    ]
    for n in (n for n in cuts if n not in whole):
        options = OPTIONS if "meam.sw" in suffix else {}
        sentence = refused(path, "\n".join(lines[:n]), **options)
        assert sentence.startswith(str(path))


@pytest.mark.parametrize("suffix", [s for s in TEXTS if s != ".json"])
def test_a_word_that_should_be_a_number_is_named_with_its_line(suffix, tmp_path):
    lines = TEXTS[suffix].splitlines()
    rng = np.random.default_rng(1)
    numeric = [n for n, line in enumerate(lines) if len(line.split()) > 1 and line.split()[1].lstrip("-")[:1].isdigit()]
    numeric = [n for n in numeric if not lines[n].split()[0].isalpha() and lines[n] != "1 1 1 1"]
    for n in rng.choice(numeric, 15, replace=False):
        words = lines[n].split()
        for bad in ("0.5x", "nan"):
            text = "\n".join([*lines[:n], " ".join([words[0], bad, *words[2:]]), *lines[n + 1 :]])
            sentence = refused(tmp_path / f"X{suffix}", text, **(OPTIONS if "sw" in suffix else {}))
            assert f"X{suffix}:{n + 1}: found '{bad}', expected" in sentence


def change(suffix, old, new):
    assert TEXTS[suffix].count(old)
    return TEXTS[suffix].replace(old, new, 1)


BAD = [
    (".meam.spline", "meam/spline 2 Ti O", "meam/spline 2 Ti", "X.meam.spline:2: found 1 elements, expected 2"),
    (
        ".meam.spline",
        "meam/spline 2 Ti O",
        "meam/spline 2 Ti Zz",
        "found 'Zz', expected the symbol of a chemical element",
    ),
    (".meam.spline", "spline3eq", "spline4", "X.meam.spline:3: found 'spline4', expected 'spline3eq'"),
    (".meam.spline", "UNITS: metal", "UNITS: real", "X.meam.spline:1: found units 'real', expected metal"),
    (".meam.spline", "\n1.8 ", "\n1.83 ", "the knots of this spline are not uniform"),
    (".uf3", "2B W W 0 3 nk", "2B W W 0 3", "X.uf3:2: found 5 words"),
    (".uf3", "2B W W 0 3 nk", "2B W W 0 3 xk", "X.uf3:2: found 'xk', expected 'uk' or 'nk'"),
    (".uf3", "2B W W 0 3 nk", "4B W W 0 3 nk", "X.uf3:2: found '4B', expected '2B' or '3B'"),
    (".uf3", "2B W W 0 3 nk", "2B W Ta 0 3 nk", "a second block for Ta-W"),
    (".uf3", "2B Ta Ta 0 3 nk", "2B Nb Nb 0 3 nk", "expected a 2B block for W-Nb"),
    (".uf3", "5.0 16\n", "5.5 16\n", "X.uf3:4: the last knot is 5, expected the cutoff 5.5"),
    (".uf3", "\n12\n", "\n13\n", "found 13 coefficients for 16 knots, expected 12"),
    (".eam.alloy", "2 Si Al", "3 Si Al", "X.eam.alloy:4: found 2 elements, expected 3"),
    (".eam.alloy", "2 Si Al", "two Si Al", "X.eam.alloy:4: found 'two', expected a number of elements, at least 1"),
]


@pytest.mark.parametrize(("suffix", "old", "new", "sentence"), BAD)
def test_a_wrong_header_is_named(suffix, old, new, sentence, tmp_path):
    assert sentence in refused(tmp_path / f"X{suffix}", change(suffix, old, new))


def test_uf3_that_depends_on_the_order_of_equal_neighbors_is_refused(tmp_path):
    lines = foreign_files.uf3(np.random.default_rng(0), ["W"]).splitlines()
    first = next(n for n, line in enumerate(lines) if line.startswith("3B")) + 6
    words = lines[first + 1].split()
    lines[first + 1] = " ".join([str(float(words[0]) + 0.5), *words[1:]])
    sentence = refused(tmp_path / "X.uf3", "\n".join(lines))
    assert f"X.uf3:{first + 1}: these coefficients change when the two equal neighbors are exchanged" in sentence


def test_unknown_suffixes_elements_and_files_are_named(tmp_path):
    assert "unknown format, expected a file named *.meam.sw.spline" in refused(tmp_path / "X.pot", "text")
    assert "unknown format" in refused(tmp_path / "X.uf3", TEXTS[".uf3"], target="out.pot")
    assert "unknown format" in refused(tmp_path / "X.table", "text")
    assert "No such file" in refused(tmp_path / "missing.uf3")
    assert "expected --elements" in refused(tmp_path / "what.meam.sw.spline", TEXTS[".meam.sw.spline"])
    assert "--e0 Cu: the file has no element Cu, but W Ta" in refused(tmp_path / "X.uf3", TEXTS[".uf3"], e0={"Cu": 1.0})


def test_a_potential_that_a_format_cannot_hold_is_refused_with_the_reason(tmp_path):
    def reason(potential, suffix):
        return refused(write(potential, tmp_path / "p.snnp"), target=f"out{suffix}")

    network = random_potential(["Si"], n2=1, n3=1)
    for suffix in (".meam.spline", ".uf3", ".eam.alloy", ".eam.fs", ".table", ".meam.sw.spline"):
        assert "neural network" in reason(network, suffix)
    four_body = with_four_body(random_potential(["Si"], n2=1, n3=0, activation="none"))
    for suffix in (".uf3", ".eam.alloy", ".table"):
        assert "four-body terms" in reason(four_body, suffix)
    spline_meam = random_potential(["Si"], n2=1, n3=1, activation="density")
    assert "three-body" in reason(spline_meam, ".eam.alloy")
    assert "embedding" in reason(spline_meam, ".uf3")
    assert "more than a pair potential" in reason(spline_meam, ".table")
    assert "more triplet terms" in reason(random_potential(["Si"], n2=1, n3=3, activation="density"), ".meam.spline")
    two = random_potential(["Si", "Ge"], n2=1, n3=1, activation="density")
    assert "element in the middle" in reason(two, ".meam.spline")
    assert "one" in reason(two, ".meam.sw.spline")
    assert "pair_style eam/fs" in reason(random_potential(["Si", "Ge"], n2=1, n3=0, activation="density"), ".eam.alloy")
    assert "tensor" in reason(with_tensors(random_potential(["Si"], n2=0, n3=0, activation="none")), ".meam.spline")
    assert "triplets f f g" in reason(random_potential(["Si"], n2=0, n3=1, activation="none"), ".uf3")
