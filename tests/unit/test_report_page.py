"""The page of a report needs nothing else, can be read without seeing its figures, and fits screens of all widths."""

import json
import re
import shutil
import subprocess
from html.parser import HTMLParser

import ase.io
import pytest
from ase.build import bulk

import snnp
from fitting import command
from snnp.analysis.panels import Panel
from snnp.analysis.report import write_figures
from snnp.calculator import SNNP
from snnp.cli import app
from snnp.data import DataError
from support import random_potential, shaken, silicon

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
VOID = {"meta", "br"}
MOST_BYTES = 2_000_000
GROUPS = ("cold", "hot", "a_group_with_a_long_name_" * 6)


class Outline(HTMLParser):
    """Elements of a page: name, attributes, names of those that they are in. All have to be closed."""

    def __init__(self, page):
        super().__init__()
        self.elements, self.open = [], []
        self.feed(page)
        assert not self.open

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs), tuple(self.open)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs), tuple(self.open)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def all(self, *names):
        return [(attrs, within) for tag, attrs, within in self.elements if tag in names]


def labelled(potential, crystal, groups=("cold", "hot")):
    frames = []
    for n, group in enumerate(groups):
        for seed in range(3):
            atoms = shaken(crystal, 0.05 + 0.05 * n, seed)
            atoms.calc = SNNP(potential)
            atoms.get_potential_energy(), atoms.get_stress()
            atoms.info["config_type"] = group
            frames.append(atoms)
    return [crystal_at_rest(potential, crystal), *frames]


def crystal_at_rest(potential, crystal):
    atoms = crystal.copy()
    atoms.calc = SNNP(potential)
    atoms.get_potential_energy(), atoms.get_stress()
    return atoms


@pytest.fixture(scope="module")
def silicon_page(tmp_path_factory):
    """A report with all that a fit leaves beside its potential, and a second potential."""
    folder = tmp_path_factory.mktemp("silicon")
    snnp.Potential(silicon()).write(folder / "Si.snnp")
    snnp.Potential(silicon()).write(folder / "other.snnp")
    (folder / "Si.yaml").write_text("# snnp-fit 0: a configuration\nmodel: {kind: '<snnp>'}\n")
    heads = "step,train_loss,validation_loss,force_error\n1,linear = 1,linear = 1,eV/Å\n"
    (folder / "Si.csv").write_text(heads + "0,1,1,0.2\n50,0.5,0.6,0.1\n100,0.4,0.7,0.1\n")
    ase.io.write(folder / "data.xyz", labelled(silicon(), bulk("Si", "diamond", a=5.43, cubic=True), GROUPS))
    done = run(folder, "Si.snnp", "data.xyz", "--against", folder / "other.snnp", "--json", "--figures", folder / "all")
    (folder / "numbers.json").write_text(done.stdout)
    return folder


@pytest.fixture(scope="module")
def compound_page(tmp_path_factory):
    """A report on two elements, whose size counts: so many filters as fits have."""
    folder = tmp_path_factory.mktemp("compound")
    p = random_potential(("In", "P"), n2=7, n3=16)
    snnp.Potential(p).write(folder / "In&P.snnp")
    ase.io.write(folder / "data.xyz", labelled(p, bulk("InP", "zincblende", a=5.87, cubic=True)))
    run(folder, "In&P.snnp", "data.xyz")
    return folder


def run(folder, potential, *words, check=True):
    words = [folder / word if word == "data.xyz" else word for word in words]
    page = folder / potential.replace(".snnp", ".report.html")
    words = ["report", folder / potential, *words, "--threads", 1, *([] if "-o" in words else ["-o", page])]
    return command(app, *words, check=check)


@pytest.mark.parametrize("which", ["silicon_page", "compound_page"])
def test_page_needs_nothing_else_and_can_be_read_without_figures(which, request):
    folder = request.getfixturevalue(which)
    (path,) = folder.glob("*.report.html")
    assert path.stat().st_size < MOST_BYTES
    page = path.read_text(encoding="utf-8")
    outline = Outline(page)
    assert not outline.all("script", "link", "iframe", "object")
    ids = [attrs["id"] for _, attrs, _ in outline.elements if "id" in attrs]
    assert len(set(ids)) == len(ids)
    links = [attrs[name] for _, attrs, _ in outline.elements for name in ("href", "xlink:href", "src") if name in attrs]
    assert links and all(link.startswith(("#", "data:")) for link in links)
    assert {link[1:] for link in links if link.startswith("#")} <= set(ids)
    figures, drawings = outline.all("figure"), [svg for svg in outline.all("svg") if "figure" in svg[1]]
    assert len(figures) == len(drawings) > 8
    assert all(attrs["role"] == "img" and len(attrs["aria-label"]) > 10 for attrs, _ in drawings)
    assert all("thead" in within or attrs["scope"] == "row" for attrs, within in outline.all("th"))
    assert len(outline.all("table")) == len(outline.all("thead")) > 5
    assert not re.search(r"(?<![\w/+=])nan(?![\w/+=])", page)


def test_page_holds_what_fit_and_data_tell(silicon_page):
    page = (silicon_page / "Si.report.html").read_text(encoding="utf-8")
    titles = ["Errors", "Parts of the energy", "Bonds and angles", "Splines", "Sensitivities", "Beside other.snnp"]
    titles += ["Invariant points", "Checks of physics", "Convergence of the fit", "Where this comes from"]
    for title in titles:
        assert f">{title}</h2>" in page
    assert "at step 50 of 100" in page
    assert "model: {kind: &#x27;&lt;snnp&gt;&#x27;}" in page  # the configuration, word for word
    assert "diamond Si" in page
    assert "config_type" in page and ">cold<" in page and ">hot<" in page


def test_each_figure_of_the_page_is_a_file_too(silicon_page):
    page = (silicon_page / "Si.report.html").read_text(encoding="utf-8")
    names = {file.stem for file in (silicon_page / "all").glob("*.svg")}
    assert len(names) == page.count("<figure") and names == {file.stem for file in (silicon_page / "all").glob("*.png")}
    assert {"convergence", "check_equation_of_state_diamond_Si", "check_dimers_Si-Si", "check_trimers_Si-Si-Si"} < names


def test_numbers_as_json(silicon_page):
    found = json.loads((silicon_page / "numbers.json").read_text())
    assert found["errors"]["all"]["force_mae_eV_per_A"] == pytest.approx(0, abs=1e-6)  # labels are its own forces
    assert {part["part"] for part in found["parts"]} >= {"pair", "f1 g1", "network, beyond linear"}
    assert found["alike"]["f1 g1"] == pytest.approx(1)


def test_without_data_there_are_curves_and_a_sentence_about_what_is_missing(tmp_path):
    snnp.Potential(random_potential(activation="density")).write(tmp_path / "x.snnp")
    run(tmp_path, "x.snnp", "--figures", tmp_path / "figures", "-o", tmp_path / "new" / "folder" / "x.html")
    page = (tmp_path / "new" / "folder" / "x.html").read_text(encoding="utf-8")
    assert "No data were given" in page
    assert "U, Si" in page and ">Errors</h2>" not in page
    figures = sorted((tmp_path / "figures").iterdir())
    curves = ["U_Si", "f_Si-Si", "g_Si-Si-Si", "phi_Si-Si", "rho_Si-Si"]
    assert {file.stem for file in figures} == {*curves, "check_dimers_Si-Si", "check_trimers_Si-Si-Si"}
    assert {file.suffix for file in figures} == {".png", ".svg"}


def test_figures_replace_their_own_only(tmp_path):
    panel = Panel("line", "a line", "A line.", lambda axes: axes.plot([0, 1]))
    for _ in range(2):
        write_figures(tmp_path, [panel])
    assert (tmp_path / "line.png").read_bytes().startswith(b"\x89PNG")
    (tmp_path / "line.svg").write_text("of someone else")
    with pytest.raises(DataError, match=r"line\.svg is there already and was not written by this program"):
        write_figures(tmp_path, [panel])
    assert (tmp_path / "line.svg").read_text() == "of someone else"


def test_mistakes_get_one_sentence(tmp_path, silicon_page):
    copy = shutil.copy(silicon_page / "Si.snnp", tmp_path)
    foreign = tmp_path / "foreign.html"
    foreign.write_text("<html>mine</html>")
    ase.io.write(tmp_path / "Cu.xyz", crystal_at_rest(random_potential(("Cu",)), bulk("Cu")))
    snnp.Potential(random_potential(("Cu",))).write(tmp_path / "Cu.snnp")
    cases = {
        ("-o", foreign): "is there already and was not written by this program: expected another output (-o)",
        ("-o", copy): "is an input of the same command",
        (tmp_path / "Cu.xyz",): "element Cu is not among those of the potential (Si)",
        (tmp_path / "none.xyz",): "none.xyz",
        ("--against", copy): "--against: expected data, too",
        (
            tmp_path / "Cu.snnp",
        ): "has functions ρ that are not like those of the kind snnp: expected potentials of one fit",
        ("data.xyz", "--against", tmp_path / "Cu.snnp"): "Cu.snnp: its elements are Cu, expected Si, in this order",
        ("-o", tmp_path / "data.xyz" / "page.html"): "page.html cannot be used (Not a directory)",
        ("--figures", copy): "is a file, expected a folder",
    }
    ase.io.write(tmp_path / "data.xyz", crystal_at_rest(silicon(), bulk("Si", "diamond", a=5.43)))
    for words, sentence in cases.items():
        found = run(tmp_path, "Si.snnp", *words, check=False)
        assert found.returncode == 1, words
        assert sentence in found.stderr and found.stderr.count("error:") == 1
        assert not (tmp_path / "Si.report.html").exists()


MEASURE = """<script>addEventListener("load", () => {
  const inside = e => e.closest(".table, .wide, pre, svg") !== null;
  const over = [...document.querySelectorAll("body *, figure > svg")].filter(
    e => !inside(e.parentElement) && e.getBoundingClientRect().right > innerWidth + 1).map(e => e.tagName);
  const figures = [...document.querySelectorAll("figure:not(.wide) svg")].map(e => e.getBoundingClientRect().width);
  parent.postMessage({width: innerWidth, scroll: document.documentElement.scrollWidth, over,
    cell: Math.max(...[...document.querySelectorAll("th, td")].map(e => e.clientWidth)),
    smallest: Math.min(...figures)}, "*");
});</script></body>"""
FRAME = """<body style="margin: 0"><script>
addEventListener("message", e => { document.title = JSON.stringify(e.data); });
</script><iframe src="page.html" style="border: 0" width="WIDTH" height="800"></iframe></body>"""


@pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium")
@pytest.mark.parametrize(("which", "width"), [("silicon_page", 1280), ("silicon_page", 390), ("compound_page", 390)])
def test_page_fits_screens_in_a_browser(which, width, request, tmp_path):
    """No error, nothing beyond the edge of the screen, no name that pushes numbers out of sight, and no figure so small
    that its text (8 points and more of one that is 4.2 inches or 403 pixels wide) is below 9 pixels."""
    (path,) = request.getfixturevalue(which).glob("*.report.html")
    content = path.read_text(encoding="utf-8").replace("</body>", MEASURE)
    (tmp_path / "page.html").write_text(content, encoding="utf-8")
    (tmp_path / "frame.html").write_text(FRAME.replace("WIDTH", str(width)))
    flags = [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-background-networking",
        "--enable-logging=stderr",
    ]
    flags += [f"--user-data-dir={tmp_path}/profile", "--hide-scrollbars", "--window-size=1400,900"]
    flags += ["--virtual-time-budget=10000", "--dump-dom", f"file://{tmp_path}/frame.html"]
    found = subprocess.run([CHROMIUM, *flags], capture_output=True, text=True, timeout=120)
    assert found.returncode == 0, found.stderr
    assert "CONSOLE" not in found.stderr
    measured = json.loads(found.stdout.partition("<title>")[2].partition("</title>")[0].replace("&quot;", '"'))
    assert measured["width"] == width
    assert measured["scroll"] <= width and not measured["over"]
    assert measured["cell"] < 30 * 16
    assert measured["smallest"] * 8 * 96 / 72 / 403 >= 9
