"""The plan of a validation and its record: what is done is kept, what is asked again is not done again."""

import csv
import io
import json
from html.parser import HTMLParser

import numpy as np
import pytest
from ase.build import bulk
from ase.calculators.emt import EMT
from matplotlib.figure import Figure

from snnp.data import DataError
from snnp.validation.check import Check, Level, Setting
from snnp.validation.crystals import Crystal
from snnp.validation.model import CalculatorModel
from snnp.validation.outcome import Line, Outcome, Verdict, compare
from snnp.validation.outputs import Files
from snnp.validation.page import page
from snnp.validation.plan import choose, identity, plan, run
from snnp.validation.record import Item, Record
from snnp.validation.references import References
from snnp.validation.table import as_csv, rows


class Energy(Check):
    """A check of two crystals that counts how often it is made, and can be told to stop or to break."""

    name, title, level = "energy", "Energy of <crystals>", Level.QUICK

    def __init__(self, stop_at: int | None = None, broken: bool = False):
        self.made, self.stop_at, self.broken = [], stop_at, broken

    def subjects(self, setting):
        return [crystal.name for crystal in setting.crystals]

    def run(self, setting, subject):
        if len(self.made) == self.stop_at:
            raise KeyboardInterrupt
        if self.broken:
            raise ZeroDivisionError("of <something>")
        self.made.append(subject)
        atoms = next(c.atoms for c in setting.crystals if c.name == subject).copy()
        atoms.calc = setting.model.calculator()
        line = Line("energy", atoms.get_potential_energy(), "eV", 0.0, "a & b", Verdict.WARN, "not <zero>")
        return Outcome([line], {"x": np.arange(3.0), "none": np.nan}, [atoms])

    def seconds(self, setting, subject):
        return 1000.0 if subject == "fcc Cu" else 1e-9

    def figure(self, subject, data):
        figure = Figure()
        for name, content in data.items():
            figure.subplots().plot(content["x"], label=name)
        return figure


def setting() -> Setting:
    cells = [Crystal("bcc Cu", bulk("Cu", "bcc", a=2.9), "named"), Crystal("fcc Cu", bulk("Cu"), "named")]
    return Setting(CalculatorModel(EMT, ["Cu"], "EMT"), cells, References())


def made(check: Energy, path=None, **options) -> Record:
    here = setting()
    record = Record(identity([here], [check], ""), path)
    run(plan([check], [here]), record, options.pop("tell", lambda line: None), **options)
    return record


def test_stopped_validation_goes_on_where_it_was(tmp_path):
    path = tmp_path / "x.json"
    check = Energy(stop_at=1)
    with pytest.raises(KeyboardInterrupt):
        made(check, path)
    saved = Record.read(path)
    assert not saved.finished and len(saved.outcomes) == 1
    rest = Energy()
    assert saved.identity == identity([setting()], [rest], "")
    run(plan([rest], [setting()]), saved, lambda line: None)
    assert (check.made, rest.made) == (["bcc Cu"], ["fcc Cu"])

    whole, again = made(Energy()).as_dict(), Record.read(path).as_dict()
    for content in (whole, again):
        for item in content["items"]:
            del item["seconds"]
    assert again == json.loads(json.dumps(whole))  # NaN is null in both


def test_record_that_is_read_has_the_structures():
    kept = made(Energy()).outcomes[Item("energy", "bcc Cu", "EMT")].structures[0]
    assert np.allclose(kept.cell, bulk("Cu", "bcc", a=2.9).cell)


@pytest.mark.parametrize("content", [None, "", "{", "[]", "{}", '{"identity": 1}'])
def test_file_that_is_no_record_is_none(tmp_path, content):
    path = tmp_path / "x.json"
    if content is not None:
        path.write_text(content)
    assert Record.read(path) is None


def test_what_would_take_too_long_is_left_out_and_named():
    record = made(Energy(), budget=20.0)
    assert [item.subject for item in record.outcomes] == ["bcc Cu"]
    assert list(record.left_out) == ["energy, fcc Cu"]
    assert record.finished


def test_error_in_a_check_is_a_failure_that_says_where():
    record = made(Energy(broken=True))
    assert record.verdict is Verdict.FAIL
    assert record.complaints[0][2] == "energy of bcc Cu ended with ZeroDivisionError: of <something>"


def test_each_piece_of_work_is_a_line_with_the_time_left():
    lines = []
    made(Energy(), tell=lines.append)
    assert lines[0].startswith("  1/2  energy, bcc Cu: warn  (") and " left)" in lines[0]
    assert lines[1].startswith("  2/2  energy, fcc Cu: warn  (") and " left)" not in lines[1]


def test_checks_are_chosen_by_level_or_name():
    quick, full = Energy(), Energy()
    full.name, full.level = "long", Level.FULL
    assert choose([quick, full], Level.STANDARD) == [quick]
    assert choose([quick, full], Level.FULL) == [quick, full]
    assert choose([quick, full], Level.QUICK, ["long"]) == [full]
    with pytest.raises(ValueError, match=r"there is no check 'slow', expected some of energy, long"):
        choose([quick, full], Level.QUICK, ["slow"])


@pytest.mark.parametrize(
    ("value", "verdict"),
    [(10.4, Verdict.PASS), (9.0, Verdict.WARN), (5.0, Verdict.FAIL), (-10.0, Verdict.FAIL), (np.nan, Verdict.FAIL)],
)
def test_deviations_from_a_reference_get_verdicts(value, verdict):
    line = compare("c11", value, "GPa", 10.0, "DFT", warn=0.05, fail=0.2)
    assert line.verdict is verdict
    assert bool(line.sentence) == (verdict is not Verdict.PASS)
    assert compare("c11", value, "GPa", None, "", warn=0.05, fail=0.2).verdict is Verdict.INFO


class Outline(HTMLParser):
    """Whether tags are closed in their order; all text, and what is loaded from elsewhere."""

    def __init__(self):
        super().__init__()
        self.open, self.text, self.sources, self.tags, self.ids = [], "", [], [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.sources += [value for name, value in attrs if name in ("src", "href", "xlink:href")]
        self.ids += [value for name, value in attrs if name == "id"]
        if tag not in ("meta", "img"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open[-1:] not in (["style"], ["title"]):
            self.text += data


def test_page_holds_everything_and_needs_nothing_else():
    check = Energy()
    record = made(check)
    outline = Outline()
    outline.feed(page(record, [check]))
    assert outline.open == []
    assert "Energy of <crystals>" in outline.text and "not <zero>" in outline.text and "a & b" in outline.text
    # Figures are drawn in the page itself, and refer to nothing but their own parts.
    assert outline.tags.count("figure") == outline.tags.count("svg") == 2
    parts = [source.removeprefix("#") for source in outline.sources]
    assert parts and set(parts) <= set(outline.ids) and not set(parts) & set(outline.sources)
    shared = [name for name in outline.ids if name in parts]
    assert len(shared) == len(set(shared))
    energy = record.outcomes[Item("energy", "bcc Cu", "EMT")].lines[0].value
    assert f"{energy:.4g}" in outline.text


def test_models_are_columns_of_one_row():
    first, second = setting(), setting()
    second.model = CalculatorModel(EMT, ["Cu"], "other")
    check = Energy()
    record = Record(identity([first, second], [check], ""))
    run(plan([check], [first, second]), record, lambda line: None)
    assert [list(row.lines) for row in rows(record)] == [["EMT", "other"]] * 2
    table = list(csv.DictReader(io.StringIO(as_csv(record))))
    assert [(line["subject"], line["model"]) for line in table[:2]] == [("bcc Cu", "EMT"), ("bcc Cu", "other")]
    assert record.verdict is Verdict.WARN and len(record.complaints) == 2  # those of the first model


def test_files_of_others_are_not_replaced(tmp_path):
    files = Files(tmp_path / "Mo.v1")
    assert files["json"].name == "Mo.v1.validation.json"
    files["xyz"].write_text("1\nmine\nCu 0 0 0\n")
    with pytest.raises(DataError, match=r"validation\.xyz is there already and was not written by this program"):
        files.check()
