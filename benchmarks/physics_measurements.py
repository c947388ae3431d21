"""Parts of `results.py measure` about materials, and about runs of LAMMPS: each writes one file of docs/results."""

import json
import shutil
import sys

import ase.io
from costs import block, measure
from potentials import KINDS, LAMMPS_STYLES, Point, exported, fits, fitted, run, snap, style

from domain import crystal, divided, flagged
from heating import heated
from records import ELEMENTS, ROOT, rounded
from session import FILTERS, FULL, INDIUM_PHOSPHIDE, OPTIONS, Session, brief, validated, write


def validation(session: Session) -> None:
    """What `snnp validate` says of the potentials in potentials/, and of In-P; its pages go to docs/validation."""
    pages = ROOT / "docs" / "validation"
    pages.mkdir(exist_ok=True)
    results = {}
    for file in [*(ROOT / "potentials" / f"{name}.snnp" for name in sorted(ELEMENTS)), INDIUM_PHOSPHIDE]:
        name = file.stem
        data = session.indium_phosphide if name == "InP" else session.files(name)[0]
        results[name] = validated(session, file, data, f"validation/{name}", [])
        shutil.copy(session.folder / f"validation/{name}.validation.html", pages / f"{name}.html")
    write("validation", results)


def properties(session: Session) -> None:
    """Properties of the crystal by every kind of model, fitted to the same data."""
    checks = [word for name in PROPERTIES for word in ("--only", name)]
    results = {}
    for element in FULL:
        train = session.files(element)[0]
        results[element] = {}
        for name, settings in fits(list(KINDS), [], []).items():
            file = session.fit(name, element, settings)["file"]
            results[element][name] = validated(session, file, train, f"{element}/{name}", checks)
        shipped = ROOT / "potentials" / f"{element}.snnp"
        results[element]["snnp"] = validated(session, shipped, train, f"{element}/shipped", checks)
    write("properties", results)


PROPERTIES = ("equation_of_state", "elastic", "phases", "phonons", "surfaces", "defects")


def bounds(session: Session) -> None:
    """The potentials in potentials/, and that of In-P, and the same fits without bounds: cells, kinks and errors."""
    results = {}
    for name in (*ELEMENTS, "InP"):
        train, test = session.files(name) if name in ELEMENTS else (session.indium_phosphide,) * 2
        files = {"with": INDIUM_PHOSPHIDE if name == "InP" else ROOT / "potentials" / f"{name}.snnp"}
        settings = [*OPTIONS.get(name, []), "model.bounds=false", "validate=off"]
        files["without"] = session.fit_to(session.folder / "bounds" / f"{name}.snnp", train, settings)["file"]
        results[name] = {}
        for how, file in files.items():
            checks = ["--only", "search", "--only", "equation_of_state"]
            found = validated(session, file, train, f"bounds/{name} {how}", checks)["lines"]
            lines = found.pop(name)
            below = next(line for quantity, line in lines.items() if quantity.startswith("random cells below"))
            lowest = lines["lowest state found, relative"].get("value", 0)
            cells = {"below": below.get("value", 0), "of": below["unit"], "lowest": lowest}
            kinks = {
                subject: line["value"] for subject, own in found.items() for what, line in own.items() if what == KINK
            }
            results[name][how] = {**brief(file, test), **cells, "kinks": kinks}
    write("bounds", results)


KINK = "largest change of the bulk modulus within 0.01 V0"


def domain(session: Session) -> None:
    """Shares of atoms that are flagged, of potentials of every kind and of all data sets."""
    results = {}
    for element, cell in CRYSTALS.items():
        frames = session.frames(element)
        files = {"s-NNP": ROOT / "potentials" / f"{element}.snnp"}
        for name, settings in fits(list(KINDS), [], []).items() if element in FULL else ():
            files[KINDS[name]] = session.fit(name, element, settings)["file"]
        results |= {f"{element}, {kind}": flagged(file, *frames, cell) for kind, file in files.items()}
    cell = crystal("zincblende", "InP", 5.87)
    results["In-P, s-NNP"] = flagged(INDIUM_PHOSPHIDE, *divided(session.indium_phosphide), cell)
    data, file = session.data / "fitsnap" / "Ta.xyz.gz", session.folder / "fits" / "Ta.snnp"
    session.fit_to(file, data, ["model.kind=uf3", "validate=off"])
    results["Ta, UF3"] = flagged(file, *divided(data), crystal("bcc", "Ta", 3.32))
    train, held_out = (session.data / "pwmlff" / f"LiSiC_{part}.xyz.gz" for part in ("train", "valid"))
    file = session.folder / "fits" / "LiSiC.snnp"
    session.fit_to(file, train, ["model.kind=pair", "validate=off"])
    frames = ase.io.read(train, ":"), ase.io.read(held_out, ":")
    results["Li-Si-C, pair"] = flagged(file, *frames, crystal("diamond", "Si", 5.47))
    rule = (
        "Held out: test or validation frames, or every tenth frame where there are none, with the domain of all "
        "others. Before: by distances and filter values alone."
    )
    write("domain", results, rule=rule)


CRYSTALS = {
    "Mo": crystal("bcc", "Mo", 3.17),
    "Si": crystal("diamond", "Si", 5.47),
    "Cu": crystal("fcc", "Cu", 3.63),
    "Li": crystal("bcc", "Li", 3.44),
}


def melting(session: Session, elements: tuple[str, ...] = ELEMENTS) -> None:
    """Melting temperatures of the potentials in potentials/, by coexistence of crystal and melt; some take an hour."""
    results = {}
    for element in elements:
        file, data = ROOT / "potentials" / f"{element}.snnp", session.files(element)[0]
        results[element] = validated(session, file, data, f"melting/{element}", ["--only", "melting"])
    write("melting", results)


def heating(session: Session) -> None:
    """The potential of In-P, whose data hold no molecular dynamics, at three temperatures."""
    crystal = ("InP", "zincblende", 5.87)
    write("heating", {"InP": [heated(INDIUM_PHOSPHIDE, crystal, kelvin, 20) for kelvin in (300, 600, 1000)]})


def conservation(session: Session) -> None:
    """Energy conservation over 1 ps at four time steps, and over 15 ps at two."""
    long = ["--picoseconds", 15, "--steps", 1, 2]
    results = {}
    for name, options in (("1 ps", []), ("15 ps", long)):
        folder = session.folder / f"conservation {name}"
        run(sys.executable, ROOT / "benchmarks/conservation.py", "--output", folder, *options, threads=1)
        results[name] = json.loads((folder / "conservation.json").read_text())
    write("conservation", results)


def costs(session: Session) -> None:
    """Time in LAMMPS of every kind, of the same potentials in LAMMPS' own styles, and of SNAP; on a quiet machine."""
    results = {}
    for element in FULL:
        print(f"costs of {element}", flush=True)
        points = points_of(session, element)
        measure(points, block(element, 2000), session.folder / element, 3, 1e5)
        results[element] = {point.name: rounded(point.cost, 3) for point in points}
    what = "µs per atom and step of the whole LAMMPS loop at 300 K, about 2000 atoms"
    write("costs", results, unit=f"{what}, double precision; the fastest of three")


def points_of(session: Session, element: str) -> list[Point]:
    """What costs are measured of."""
    folder, test = session.folder / element, session.files(element)[1]
    points = [
        fitted(session.fit(name, element, settings)["file"], test, element)
        for name, settings in fits(list(KINDS), list(FILTERS), []).items()
    ]
    default = ROOT / "potentials" / f"{element}.snnp"
    points.append(Point("snnp16", "snnp", style(default, element)))
    own = [exported(p, folder / f"{p.name}.snnp", folder, element) for p in points if p.name in LAMMPS_STYLES]
    return points + own + snap(element)
