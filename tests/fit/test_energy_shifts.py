"""Groups whose energies are shifted by a constant against all others are found, and do not spoil a fit."""

import re

import numpy as np
import pytest
from ase.build import bulk, fcc111
from ase.calculators.emt import EMT

import snnp
from snnp.config import ConfigError
from snnp.console import Log
from snnp.data import Dataset, Frame
from snnp.data.neighbors import NeighborLists
from snnp.fitting.energy_shifts import find_shifts, sample
from snnp.fitting.review_labels import review_labels
from snnp.kinds import KINDS
from snnp.kinds.choose import choose

# EMT is a many-body potential that a linear model describes to some meV/atom only; shifts are found to that.
ACCURACY = 0.02  # eV/atom
FIT = {"model": {"kind": "pair", "pair_cutoff": 5.0, "pair_knots": 10}, "training": {"threads": 1}, "progress": False}


def labelled(atoms, group, rng, shake):
    atoms = atoms.copy()
    atoms.rattle(shake, rng=rng)
    atoms.calc = EMT()
    atoms.info = {"energy": atoms.get_potential_energy(), "config_type": group}
    atoms.arrays["forces"] = atoms.get_forces()
    atoms.calc = None
    return atoms


def crystals(group, count, seed, symbol="Cu", scales=(0.97, 1.03), shake=0.1):
    rng = np.random.default_rng(seed)
    cell = bulk(symbol, cubic=True) * (2, 1, 1)
    return [labelled(_scaled(cell, rng.uniform(*scales)), group, rng, shake) for _ in range(count)]


def _scaled(atoms, scale):
    atoms = atoms.copy()
    atoms.set_cell(scale * atoms.cell.array, scale_atoms=True)
    return atoms


def vacancies(group, count, seed, symbol="Cu"):
    rng = np.random.default_rng(seed)
    cell = bulk(symbol, cubic=True) * (2, 2, 1)
    del cell[0]
    return [labelled(cell, group, rng, 0.1) for _ in range(count)]


def slabs(group, count, seed):
    rng = np.random.default_rng(seed)
    slab = fcc111("Cu", (2, 2, 4), vacuum=5.0, periodic=True)
    return [labelled(slab, group, rng, 0.1) for _ in range(count)]


def alloys(group, count, seed):
    rng = np.random.default_rng(seed)
    frames = []
    for _ in range(count):
        atoms = bulk("Cu", cubic=True) * (2, 1, 1)
        atoms.symbols[rng.permutation(8)[: rng.integers(1, 8)]] = "Au"
        frames.append(labelled(_scaled(atoms, 1.06), group, rng, 0.1))
    return frames


def shift(frames, by, group):
    for atoms in frames:
        if atoms.info["config_type"] == group:
            atoms.info["energy"] += by * len(atoms)
    return frames


def copper():
    return crystals("bulk", 25, 0) + vacancies("vacancy", 12, 1) + slabs("slab", 12, 2)


def read(frames, file="Cu.xyz"):
    made = []
    for n, a in enumerate(frames):
        origin = f"{a.info.get('file', file)}:frame {n}"
        made.append(Frame(a, a.info["energy"], a.arrays["forces"], None, a.info["config_type"], origin))
    return made


def shifts(frames, file="Cu.xyz"):
    made = read(frames, file)
    elements = Dataset(made).elements
    shape = choose(KINDS["snnp"].config(), made, elements).shape
    lists = NeighborLists(elements, shape.cutoff, keep=False)
    return find_shifts(sample(made), shape, lists, 1, lambda n: None)


@pytest.mark.parametrize("group, by", [("vacancy", 0.1), ("vacancy", -1.5), ("slab", 0.3)])
def test_a_shifted_group_is_found_with_the_right_number(group, by):
    (found,) = shifts(shift(copper(), by, group))
    assert found.name == group
    assert found.offset == pytest.approx(by, abs=ACCURACY)
    assert abs(found.offset - by) < 3 * found.uncertainty < 3 * ACCURACY


def test_nothing_is_said_of_groups_that_agree():
    assert shifts(copper()) == []
    assert shifts(copper() + crystals("compressed", 10, 5, scales=(0.88, 0.92))) == []
    assert shifts(crystals("cold", 20, 0, shake=0.02) + crystals("hot", 20, 1, shake=0.35)) == []


def test_two_shifted_groups_are_found_beside_each_other():
    frames = shift(shift(copper() + crystals("hot", 12, 3, shake=0.2), 0.2, "vacancy"), -0.4, "hot")
    found = {each.name: each.offset for each in shifts(frames)}
    assert found == {"vacancy": pytest.approx(0.2, abs=ACCURACY), "hot": pytest.approx(-0.4, abs=ACCURACY)}


def test_a_shifted_file_is_found():
    frames = copper()
    for atoms in frames[::3]:
        atoms.info["file"] = "b.xyz"
        atoms.info["energy"] += 0.2 * len(atoms)
    (found,) = shifts(frames, "a.xyz")
    assert found.name == "b.xyz"
    assert found.sources == {("b.xyz", group) for group in ("bulk", "vacancy", "slab")}
    assert found.offset == pytest.approx(0.2, abs=ACCURACY)


def test_a_group_of_another_composition_has_no_offset_that_could_be_known():
    assert shifts(shift(copper() + crystals("gold", 12, 4, "Au"), 0.5, "gold")) == []


def test_a_shifted_group_of_alloys_is_found_where_elements_are_known_from_others():
    frames = crystals("Cu", 20, 0) + crystals("Au", 20, 1, "Au") + alloys("alloy", 30, 2) + alloys("other", 20, 3)
    assert shifts(frames) == []
    (found,) = shifts(shift(frames, 0.2, "other"))
    assert (found.name, found.offset) == ("other", pytest.approx(0.2, abs=ACCURACY))


def test_small_groups_are_named_only_if_they_are_far_off():
    frames = crystals("bulk", 30, 0) + vacancies("few", 3, 1) + vacancies("one", 1, 2)
    assert shifts(frames) == []
    assert shifts(shift(frames, 1.0, "one")) == []  # one frame is an outlier, not a group
    (found,) = shifts(shift(frames, 1.0, "few"))
    assert (found.name, found.offset) == ("few", pytest.approx(1.0, abs=3 * ACCURACY))


def test_without_forces_nothing_is_said():
    frames = shift(copper(), 0.3, "vacancy")
    for atoms in frames:
        atoms.arrays["forces"][:] = np.nan
    assert shifts(frames) == []


def test_a_look_at_the_data_says_the_same():
    frames = shift(copper(), 0.3, "vacancy")
    (note,) = review_labels({"train": Dataset(read(frames))}, 1, Log(quiet=True))
    assert note.startswith(f"{shifts(frames)[0]}: a fit leaves them out")


# -- in a fit -----------------------------------------------------------------------------------------------------


def coefficients(result):
    return result.potential.data.pairs[0].phi.coefficients


def test_shifted_energies_are_left_out_of_a_fit_with_a_note(tmp_path, capsys):
    frames = copper()
    expected = snnp.fit(frames, data={"energy_offsets": {"vacancy": "left out"}}, **FIT)
    result = snnp.fit(shift(copper(), 0.3, "vacancy"), output=tmp_path / "Cu.snnp", **{**FIT, "progress": True})
    decided = {"bulk": "keep", "vacancy": "left out", "slab": "keep"}
    assert result.config.data.energy_offsets == decided
    assert coefficients(result) == pytest.approx(coefficients(expected), rel=1e-12)
    text = " ".join(capsys.readouterr().out.split())
    (number,) = re.findall(r"energies of vacancy are (\S+) ± \S+ eV/atom above what all forces", text)
    assert float(number) == pytest.approx(0.3, abs=ACCURACY)
    # The table is printed when all is decided: the group's energies count nothing.
    row = text[text.index("What counts how much") :].split("│ vacancy │")[1].split("│")
    assert [cell.strip() for cell in row[:4]] == ["11", "165", "1", "–"]
    again = snnp.fit(shift(copper(), 0.3, "vacancy"), config=tmp_path / "Cu.yaml", output=tmp_path / "again.snnp")
    assert again.config.data.energy_offsets == decided


def test_an_offset_is_subtracted_or_kept_by_choice():
    frames = shift(copper(), 0.3, "vacancy")
    auto = snnp.fit(frames, data={"energy_offsets": {"vacancy": "auto"}}, **FIT)
    offset = auto.config.data.energy_offsets["vacancy"]
    assert offset == pytest.approx(0.3, abs=ACCURACY)
    given = snnp.fit(frames, data={"energy_offsets": {"vacancy": offset}}, **FIT)
    right = snnp.fit(shift(copper(), 0.3 - offset, "vacancy"), data={"energy_offsets": "keep"}, **FIT)
    assert coefficients(auto) == pytest.approx(coefficients(given), rel=1e-12)
    assert coefficients(auto) == pytest.approx(coefficients(right), rel=1e-6)  # energies round
    kept = snnp.fit(frames, data={"energy_offsets": "keep"}, **FIT)
    assert kept.errors["train"].all.energy[0] > 2 * auto.errors["train"].all.energy[0]


def test_a_resumed_fit_keeps_to_what_was_decided(tmp_path, monkeypatch):
    model = {"kind": "eam", "pair_cutoff": 4.0, "pair_knots": 7, "density_knots": 6, "embedding_knots": 5}
    eam = {**FIT, "model": model, "training": {"threads": 1, "steps": 2}}
    first = snnp.fit(shift(copper(), 0.3, "vacancy"), output=tmp_path / "Cu.snnp", **eam)
    monkeypatch.setattr("snnp.fitting.settle.find_shifts", None)  # is not asked again
    again = snnp.fit(shift(copper(), 0.3, "vacancy"), output=tmp_path / "Cu.snnp", resume=True, **eam)
    assert again.config.data.energy_offsets == first.config.data.energy_offsets
    assert again.config.data.energy_offsets["vacancy"] == "left out"


@pytest.mark.parametrize(
    "given, sentence",
    [
        ({"bulk": "average"}, "data.energy_offsets: expected auto, keep, left out, or a number of eV/atom, found"),
        ({"nowhere": 0.1}, "data.energy_offsets: there is no group nowhere in the data, only bulk, slab, vacancy"),
    ],
)
def test_offsets_that_make_no_sense_are_refused(given, sentence):
    with pytest.raises((ConfigError, ValueError), match=sentence):
        snnp.fit(copper(), data={"energy_offsets": given}, **FIT)
