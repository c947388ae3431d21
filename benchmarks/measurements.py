"""What `results.py measure` measures: each part writes one file of docs/results.

Here fits and their errors; `PARTS` has those of `physics_measurements`, too.
"""

import csv
import re
import shutil
import statistics
from pathlib import Path

import ase.io
from potentials import KINDS, POTENTIALS, fits, lammps_errors, program, run, snap

import atomic_energies as teachers
import constraints
import curvature
import reference_filters
import silicon_atoms
import snnp
from physics_measurements import bounds, conservation, costs, domain, heating, melting, properties, validation
from records import ELEMENTS, ROOT
from session import ERRORS, FILTERS, FULL, INDIUM_PHOSPHIDE, OPTIONS, Session, brief, errors_of, write
from snnp.data import read
from snnp.data.duplicates import find_duplicates

SEEDS = (0, 1, 2)


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


def atomic_energies(session: Session) -> None:
    """Fits to teachers whose atomic energies are known."""
    write("atomic_energies", teachers.measured(session.folder / "atomic_energies"))


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
    "bounds": bounds,
    "baseline": baseline,
    "melting": melting,
    "heating": heating,
    "conservation": conservation,
    "atomic_energies": atomic_energies,
    "silicon_atoms": lambda session: write("silicon_atoms", silicon_atoms.measured(session)),
    "constraints": lambda session: write("constraints", constraints.measured(session, brief)),
    "curvature": lambda session: write("curvature", curvature.measured(session, brief)),
    "systems": lambda session: write("systems", reference_filters.measured(session, brief)),
    "costs": costs,
}


def without_repeats(potential: Path, train: Path, test: Path) -> dict[str, float]:
    """Errors of the test frames that are not in the training data, too, and how many these are."""
    found = find_duplicates({name: read([path]).frames for name, path in (("train", train), ("test", test))})
    repeated = {frame.origin for frame, _ in found.between["test"]}
    frames = [a for n, a in enumerate(ase.io.read(test, ":")) if f"{test}:frame {n}" not in repeated]
    errors = snnp.evaluate(potential, frames).errors.all
    return {"frames": len(frames), **dict(zip(ERRORS, (errors.energy[0], errors.force[0]), strict=True))}
