"""What a report says of a potential: parts add up, curves of one potential are alike, files are there."""

import json
import xml.etree.ElementTree as ElementTree

import ase.io
import numpy as np
import pytest
from ase import Atoms
from ase.calculators.singlepoint import SinglePointCalculator

import snnp
from fitting import command
from models import KINDS, random_model
from snnp import _core
from snnp.analysis.curves_figure import curves_figure
from snnp.analysis.reading import alike, read_potential
from snnp.cli import app
from snnp.data import from_atoms
from snnp.data.neighbors import structures
from snnp.models.gauge import embedding, filters


def liquid(elements, seed):
    rng = np.random.default_rng(seed)
    grid = np.array(list(np.ndindex(3, 3, 3)))[:20] * 2.4
    symbols = [elements[k % len(elements)] for k in range(20)]
    atoms = Atoms(symbols, grid + rng.normal(0, 0.25, (20, 3)), cell=[7.2] * 3, pbc=True)
    atoms.calc = SinglePointCalculator(atoms, energy=-1.0)
    return atoms


@pytest.fixture(params=["one element, tanh", "two elements, silu"])
def case(request):
    potential = random_model(*KINDS[request.param]).potential(" DATE: none")
    return potential, [liquid([e.name for e in potential.elements], seed) for seed in range(3)]


def test_parts_of_atomic_energies_are_those_of_the_engine(case):
    """e0, half of the pair sums and the embedding of the filters are all there is."""
    potential, atoms = case
    names = [e.name for e in potential.elements]
    s = structures(atoms, names, potential.cutoff())
    out = _core.Engine(potential).evaluate(s, 1)
    G, kinds = filters(potential, [s])
    for a, element in enumerate(potential.elements):
        here = kinds == a
        energies = element.e0 + out["filters"][here, 0] / 2 + embedding(element, G[here])[0]
        np.testing.assert_allclose(energies, out["energies"][here], rtol=1e-10, atol=1e-9)


def test_slopes_of_the_embedding_are_derivatives(case):
    potential, atoms = case
    s = structures(atoms, [e.name for e in potential.elements], potential.cutoff())
    G, kinds = filters(potential, [s])
    element, h = potential.elements[0], 1e-5
    here = G[kinds == 0]
    slopes = embedding(element, here)[1]
    for m in range(here.shape[1]):
        step = h * np.eye(here.shape[1])[m]
        found = (embedding(element, here + step)[0] - embedding(element, here - step)[0]) / (2 * h)
        np.testing.assert_allclose(slopes[:, m], found, atol=1e-6 * max(np.abs(slopes).max(), 1))  # h² and rounding/h


def test_leading_filters_carry_nine_tenths(case):
    potential, atoms = case
    reading = read_potential(potential, from_atoms(atoms, "here").frames)
    two, three = reading.leading
    chosen = [*two, *(potential.n2 + m for m in three)]
    squares = reading.contributions**2
    assert squares[chosen].sum() >= 0.9 * squares.sum()
    assert squares[chosen].sum() - squares[chosen].min() < 0.9 * squares.sum()


def test_a_potential_is_like_itself_and_not_like_another(case):
    potential, atoms = case
    frames = from_atoms(atoms, "here").frames
    reading = read_potential(potential, frames)
    assert all(value == pytest.approx(1) for value in alike(reading.potential, reading.potential).values())
    other = read_potential(changed(potential), frames)
    assert min(alike(reading.potential, other.potential).values()) < 0.99


def changed(potential):
    other = _core.parse_potential(_core.format_potential(potential), "copy")
    pairs = other.pairs
    for pair in pairs:
        bumps = np.sin(np.arange(len(pair.phi.coefficients) - 3.0))
        pair.phi = _core.Spline(pair.phi.knots, np.r_[bumps, 0, 0, 0])
    other.pairs = pairs
    return other


def test_axes_of_the_figure_have_units(case):
    potential, atoms = case
    figure = curves_figure(read_potential(potential, from_atoms(atoms, "here").frames))
    labels = {text for axes in figure.axes for text in (axes.get_xlabel(), axes.get_ylabel()) if text}
    assert {"r, Å", "φ, eV"} <= labels
    assert any("meV" in label for label in labels)


def test_command_writes_figure_and_numbers(tmp_path, case, monkeypatch):
    potential, atoms = case
    monkeypatch.chdir(tmp_path)
    snnp.Potential(potential).write("a.snnp")
    ase.io.write("data.xyz", atoms)
    words = ["report", "a.snnp", "data.xyz", "--compare", "a.snnp"]
    assert "90 % of it" in command(app, *words, check=True).stdout
    found = json.loads((tmp_path / "a_curves.json").read_text())
    assert len(found["contributions_meV"]) == potential.n2 + potential.n3
    assert min(found["alike"].values()) == pytest.approx(1)
    assert (tmp_path / "a_curves.png").read_bytes().startswith(b"\x89PNG")
    assert ElementTree.parse(tmp_path / "a_curves.svg").getroot().tag.endswith("svg")
    again = command(app, *words)
    assert again.returncode == 1
    assert "exists already" in again.stderr
