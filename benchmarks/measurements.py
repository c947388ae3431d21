"""What `results.py measure` measures: each part writes one file of docs/results."""

import csv
import json
import re
import resource
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path

import ase.io

import atomic_energies as teachers
import constraints
import silicon_atoms
import snnp
from domain import crystal, divided, flagged
from heating import heated
from records import ELEMENTS, ENERGY, FORCE, ROOT, circumstances, rounded, store
from snnp import _core
from snnp.data import read
from snnp.data.duplicates import find_duplicates
from snnp.models.gauge import without_floor

sys.path.insert(0, str(ROOT / "examples/02_boundary"))

from costs import block, measure
from potentials import (
    KINDS,
    LAMMPS_STYLES,
    POTENTIALS,
    Point,
    exported,
    fits,
    fitted,
    lammps_errors,
    program,
    run,
    snap,
    style,
)

INDIUM_PHOSPHIDE = ROOT / "benchmarks" / "InP.snnp"
FULL = ("Mo", "Si")  # elements for which every kind is fitted, and three seeds
SEEDS = (0, 1, 2)
FILTERS = (2, 4, 8)  # three-body filters of s-NNP beside the default, which is the potential in potentials/
ERRORS = (ENERGY, FORCE)


class Session:
    """Where data are and where fits go."""

    def __init__(self, data: Path, folder: Path):
        self.data, self.folder = data, folder

    def files(self, element: str) -> tuple[Path, Path]:
        """Training and test data of an element."""
        return tuple(self.data / "mlearn" / f"{element}_{part}.xyz.gz" for part in ("train", "test"))

    def frames(self, element: str) -> tuple[list, list]:
        return tuple(ase.io.read(path, ":") for path in self.files(element))

    @property
    def indium_phosphide(self) -> Path:
        return self.data / "fitsnap" / "InP.xyz.gz"

    def fit(self, name: str, element: str, settings: list[str]) -> dict:
        """A fit on one thread, unless the folder holds it: its potential, its command, and what it took."""
        train, test = self.files(element)
        return self.fit_to(self.folder / element / f"{name}.snnp", train, settings, ["--test", test])

    def fit_to(self, file: Path, train: Path, settings: list[str], more: list = ()) -> dict:
        """As `fit`, of any data."""
        record = file.with_suffix(".fit.json")
        if not record.exists():
            print(f"fit of {file.stem} to {train.name}", flush=True)
            file.parent.mkdir(parents=True, exist_ok=True)
            options = [word for s in [*settings, "training.threads=1"] for word in ("--set", s)]
            begun, used = time.monotonic(), _processor_time()
            run(program("snnp-fit"), train, *more, "-o", file, "--restart", *options, threads=1)
            took = {"cpu_seconds": _processor_time() - used, "wall_seconds": time.monotonic() - begun}
            command = ["snnp-fit", train.name, *options]
            content = {"command": " ".join(command), **circumstances(), **rounded(took)}
            record.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n")
        return {"file": file, "fit": json.loads(record.read_text())}


def shipped(session: Session) -> None:
    """Fits the potentials in potentials/ anew, and that of In-P, which is not shipped: they replace what is there."""
    results = {}
    for name in (*ELEMENTS, "InP"):
        train, more = session.indium_phosphide, []
        if name in ELEMENTS:
            train, test = session.files(name)
            more = ["--test", test]
        done = session.fit_to(session.folder / "shipped" / f"{name}.snnp", train, OPTIONS.get(name, []), more)
        shutil.copy(done["file"], INDIUM_PHOSPHIDE if name == "InP" else ROOT / "potentials" / f"{name}.snnp")
        results[name] = {
            "options": OPTIONS.get(name, []),
            **done["fit"],
            "validation": _validation_errors(done["file"]),
        }
    write("shipped_fits", results)


# What is not the default: the curves of Mo bend where its data end, else.
OPTIONS = {"Mo": ["training.weight_decay=0.2"]}


def _validation_errors(file: Path) -> dict:
    """Errors of the frames that were held out, before the last steps of the fit took these, too."""
    frames = re.search(r"validation: (\d+) of these frames", file.with_suffix(".log").read_text())
    names, _, *rows = csv.reader(file.with_suffix(".csv").read_text().splitlines())
    curve = [dict(zip(names, map(float, row), strict=True)) for row in rows]
    best = min((one for one in curve if one["validation_loss"] > 0), key=lambda one: one["validation_loss"])
    return {"frames": int(frames[1])} | dict(zip(ERRORS, (best["energy_error"], best["force_error"]), strict=True))


def potentials(session: Session) -> None:
    """The potentials in potentials/, on the test sets, and that of In-P, which is not shipped, on all frames."""
    results = {}
    for element in ELEMENTS:
        file, test = ROOT / "potentials" / f"{element}.snnp", session.files(element)[1]
        results[element] = {**errors_of(file, test), "new": without_repeats(file, *session.files(element))}
    results["InP"] = errors_of(INDIUM_PHOSPHIDE, session.indium_phosphide)
    write("potentials", results)


def peers(session: Session) -> None:
    """SNAP potentials that come with LAMMPS, on the same files."""
    results = {}
    for element in ELEMENTS:
        train, test = session.frames(element)
        results[element] = {p.name: lammps_errors(p.pair, [element], train, test) for p in snap(element)}
    frames = ase.io.read(session.indium_phosphide, ":")
    results["InP"] = {"SNAP": lammps_errors(_INDIUM_PHOSPHIDE_SNAP, ["In", "P"], frames, frames)}
    rule = (
        "Energies after removing one energy per element: least squares of the differences per atom on the whole "
        "training set, for one element their mean. InP: on all frames, which are the training set."
    )
    write("snap", results, rule=rule)


# Those of InP_JCPA2020.snap, which comes with LAMMPS.
_INDIUM_PHOSPHIDE_SNAP = f"""\
pair_style hybrid/overlay zbl 4 4.2 snap
pair_coeff 1 1 zbl 49 49
pair_coeff 1 2 zbl 49 15
pair_coeff 2 2 zbl 15 15
pair_coeff * * snap {POTENTIALS}/InP_JCPA2020.snapcoeff {POTENTIALS}/InP_JCPA2020.snapparam In P"""


def seeds(session: Session) -> None:
    """Default fits that differ in their seed: what chance does to the errors."""
    results = {}
    for element in FULL:
        runs = {}
        for seed in SEEDS:
            done = session.fit(f"seed{seed}", element, [f"training.seed={seed}"])
            runs[str(seed)] = {**brief(done["file"], session.files(element)[1]), "fit": done["fit"]}
        results[element] = {"seeds": runs} | {
            which: {"median": statistics.median(values), "lowest": min(values), "highest": max(values)}
            for which, values in ((which, [r[which] for r in runs.values()]) for which in ERRORS)
        }
    write("seeds", results)


def kinds(session: Session) -> None:
    """Every kind of model, fitted to the same data; s-NNP with its default number of filters is in `potentials`."""
    results = {}
    for element in FULL:
        results[element] = {}
        for name, settings in fits(list(KINDS), list(FILTERS), []).items():
            done = session.fit(name, element, settings)
            results[element][name] = {**brief(done["file"], session.files(element)[1]), "fit": done["fit"]}
    write("kinds", results)


def shear(session: Session) -> None:
    """A fit that takes shear stresses in the order of the file, beside the default, which notices that they are not."""
    done = session.fit("shear", "Mo", ["data.shear_order=yz xz xy"])
    test = session.files("Mo")[1]
    corrected = session.fit("seed0", "Mo", ["training.seed=0"])
    results = {
        name: errors_of(one["file"], test)["groups"]["Elastic"] | {"fit": one["fit"]}
        for name, one in (("as in the file", done), ("corrected", corrected))
    }
    write("shear", {"Mo, group Elastic": results})


def validation(session: Session) -> None:
    """What `snnp validate` says of the potentials in potentials/, and of In-P; its pages go to docs/validation."""
    pages = ROOT / "docs" / "validation"
    pages.mkdir(exist_ok=True)
    results = {}
    for file in [*sorted((ROOT / "potentials").glob("*.snnp")), INDIUM_PHOSPHIDE]:
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


def floor(session: Session) -> None:
    """The potentials in potentials/, and that of In-P, with their floors and without: errors and random cells."""
    results = {}
    for name in (*ELEMENTS, "InP"):
        train, test = session.files(name) if name in ELEMENTS else (session.indium_phosphide,) * 2
        files = {"with": INDIUM_PHOSPHIDE if name == "InP" else ROOT / "potentials" / f"{name}.snnp"}
        files["without"] = session.folder / "floor" / f"{name}.snnp"
        files["without"].parent.mkdir(parents=True, exist_ok=True)
        files["without"].write_text(_core.format_potential(without_floor(_core.read_potential(files["with"]))))
        results[name] = {}
        for how, file in files.items():
            lines = validated(session, file, train, f"floor/{name} {how}", ["--only", "search"])["lines"][name]
            below = next(line for quantity, line in lines.items() if quantity.startswith("random cells below"))
            lowest = lines["lowest state found, relative"].get("value", 0)
            cells = {"below": below.get("value", 0), "of": below["unit"], "lowest": lowest}
            results[name][how] = {**brief(file, test), **cells}
    write("floor", results)


BASELINE = [
    "model.two_body_filters=2",
    "model.three_body_filters=0",
    "model.hidden=[8]",
    "model.pair_cutoff=5.0",
    "training.steps=400",
    "validate=off",
]


def baseline(session: Session) -> None:
    """Copper with a published EAM as baseline and without, otherwise alike, and the EAM by itself."""
    eam, test = session.folder / "baseline" / "Cu_eam.snnp", session.files("Cu")[1]
    eam.parent.mkdir(parents=True, exist_ok=True)
    run(program("snnp"), "convert", POTENTIALS / "Cu_mishin1.eam.alloy", eam)
    results = {"baseline alone": brief(eam, test)}
    for name, more in {"with": [f"model.baseline={eam}"], "without": []}.items():
        results[name] = brief(session.fit(f"baseline {name}", "Cu", [*BASELINE, *more])["file"], test)
    write("baseline", results, settings=BASELINE)


PROPERTIES = ("equation_of_state", "elastic", "phases", "phonons", "surfaces", "defects")


def melting(session: Session, elements: tuple[str, ...] = ELEMENTS) -> None:
    """Melting temperatures of the potentials in potentials/, by coexistence of crystal and melt; some take an hour."""
    results = {}
    for element in elements:
        file, data = ROOT / "potentials" / f"{element}.snnp", session.files(element)[0]
        results[element] = validated(session, file, data, f"melting/{element}", ["--only", "melting"])
    write("melting", results)


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


def validated(session: Session, potential: Path, data: Path, prefix: str, options: list) -> dict:
    """The lines of a validation by subject and quantity, its verdict, and a sentence for all that does not pass."""
    output = session.folder / prefix
    output.parent.mkdir(parents=True, exist_ok=True)
    command = [program("snnp"), "validate", potential, "--data", data, "-o", output, *options]
    print(f"validation of {potential.name}", flush=True)
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True)
    if done.returncode not in (0, 3):
        sys.exit(done.stdout + done.stderr)
    content = json.loads(output.with_name(f"{output.name}.validation.json").read_text())
    lines: dict[str, dict] = {}
    for item in content["items"]:
        for line in item["lines"]:
            kept = {key: line[key] for key in ("value", "unit", "reference", "source", "verdict") if line[key]}
            lines.setdefault(item["subject"], {})[line["quantity"]] = kept
    sentences = [
        f"{line['verdict']}: {item['subject']}: {line['sentence']}"
        for item in content["items"]
        for line in item["lines"]
        if line["sentence"]
    ]
    return {"verdict": content["verdict"], "sentences": sentences, "lines": lines}


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


def atomic_energies(session: Session) -> None:
    """Fits to teachers whose atomic energies are known."""
    write("atomic_energies", teachers.measured(session.folder / "atomic_energies"))


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


PARTS = {
    "shipped_fits": shipped,
    "potentials": potentials,
    "snap": peers,
    "seeds": seeds,
    "shear": shear,
    "kinds": kinds,
    "validation": validation,
    "properties": properties,
    "domain": domain,
    "floor": floor,
    "baseline": baseline,
    "melting": melting,
    "heating": heating,
    "conservation": conservation,
    "atomic_energies": atomic_energies,
    "silicon_atoms": lambda session: write("silicon_atoms", silicon_atoms.measured(session)),
    "constraints": lambda session: write("constraints", constraints.measured(session, brief)),
    "costs": costs,
}


def write(name: str, results: dict, **more) -> None:
    store(name, f"python benchmarks/results.py measure DATA --only {name}", rounded(results), **more)


def errors_of(potential: Path, data: Path) -> dict:
    """What `snnp eval` finds, overall and by group."""
    found = json.loads(run(program("snnp"), "eval", potential, data, "--json", "--threads", 1))
    return {"data": data.name, "all": found["all"], "groups": found["groups"]}


def without_repeats(potential: Path, train: Path, test: Path) -> dict[str, float]:
    """Errors of the test frames that are not in the training data, too, and how many these are."""
    found = find_duplicates({name: read([path]).frames for name, path in (("train", train), ("test", test))})
    repeated = {frame.origin for frame, _ in found.between["test"]}
    frames = [a for n, a in enumerate(ase.io.read(test, ":")) if f"{test}:frame {n}" not in repeated]
    errors = snnp.evaluate(potential, frames).errors.all
    return {"frames": len(frames), **dict(zip(ERRORS, (errors.energy[0], errors.force[0]), strict=True))}


def brief(potential: Path, data: Path) -> dict[str, float]:
    """Mean absolute errors of energies and forces."""
    found = errors_of(potential, data)["all"]
    return {name: found[name] for name in ERRORS}


def _processor_time() -> float:
    """Seconds of processor time of all programs that ended, s."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
