"""Atomic energies of fits to DFT data of silicon: cells with a vacancy alone, and with bulk cells beside them.

Diamond crystals, of which the energy of an atom is known, are watched and not fitted to.
"""

import csv

import ase.io
import numpy as np

import snnp
from records import ENERGY, FORCE

# Groups of frames that are fitted to.
DATA = {"narrow": ["Vacancy"], "recommended": ["Vacancy", "AIMD-NVT"]}
WORDS = {"narrow": "cells with a vacancy", "recommended": "and bulk cells"}
_WATCHED, _SITES = "Elastic", 64
_NEAR = 0.05  # eV/atom above the ground state: more strained crystals are unlike all of the data


def measured(session) -> dict:
    """Errors of both fits, as the tables show them."""
    train, test = session.frames("Si")
    folder = session.folder / "silicon atoms"
    folder.mkdir(exist_ok=True)
    crystals = _watched(train)
    ase.io.write(folder / "crystals.xyz", crystals)
    ase.io.write(folder / "test.xyz", _of(test, ["Vacancy"]))
    settings = ["validate=off", f"invariant_points.structures=[{folder / 'crystals.xyz'}]"]
    results = {}
    for name, groups in DATA.items():
        frames = _of(train, groups)
        ase.io.write(folder / f"{name}_train.xyz", frames)
        done = session.fit_to(folder / f"{name}.snnp", folder / f"{name}_train.xyz", settings)
        results[name] = {
            "frames": len(frames),
            "note": _note(done["file"]),
            "test": _errors(done["file"], folder / "test.xyz"),
            "curve": _curve(done["file"]),
            "crystals": _atomic_errors(done["file"], crystals),
            "fit": {**done["fit"], "command": done["fit"]["command"].replace(f"{folder}/", "")},
        }
    return results


def _of(frames, groups) -> list:
    return [atoms for atoms in frames if atoms.info["config_type"] in groups]


def _per_atom(atoms) -> float:
    return atoms.get_potential_energy() / len(atoms)


def _watched(frames) -> list:
    """Crystals that are little strained, each once, that of lowest energy first."""
    by_energy = {round(_per_atom(atoms), 6): atoms for atoms in _of(frames, [_WATCHED])}
    lowest = min(by_energy)
    return [by_energy[e] for e in sorted(by_energy) if e < lowest + _NEAR]


def _note(potential) -> str:
    """What the fit said about atomic energies before it began."""
    lines = potential.with_suffix(".log").read_text().splitlines()
    return next((line for line in lines if line.startswith("note: atomic energies:")), "")


def _errors(potential, data) -> dict:
    found = snnp.evaluate(potential, data, threads=1).errors.all
    return {ENERGY: found.energy[0], FORCE: found.force[0]}


def _curve(potential) -> dict:
    """The error at invariant points by step, meV."""
    names, _, *rows = csv.reader(potential.with_suffix(".csv").read_text().splitlines())
    steps, points = (names.index(name) for name in ("step", "invariant_points"))
    return {"step": [int(row[steps]) for row in rows], "invariant_points": [float(row[points]) for row in rows]}


def _atomic_errors(potential, crystals) -> dict:
    """Of atoms of the crystals, meV: of that of lowest energy, root mean square and largest of all."""
    calculator = snnp.load(potential)
    errors = [1000 * (calculator.get_potential_energy(atoms) / len(atoms) - _per_atom(atoms)) for atoms in crystals]
    rms = float(np.sqrt(np.mean(np.square(errors))))
    return {"count": len(crystals), "ground_state": errors[0], "rmse": rms, "largest": max(errors, key=abs)}


def table(results: dict) -> str:
    """Right totals and wrong atoms, and what that means for a vacancy."""
    found = results["silicon_atoms"]["results"]
    lines = [
        "| fitted to | test, cells with a vacancy: meV/atom | eV/Å | atoms of diamond, meV: first step | last step | "
        "as it is strained least | error that follows for a vacancy, eV |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, words in WORDS.items():
        one = found[name]
        test, watched, crystals = one["test"], one["curve"]["invariant_points"], one["crystals"]
        cells = [f"{one['frames']} frames: {words}", f"{test[ENERGY]:.1f}"]
        cells += [f"{test[FORCE]:.3f}", f"{watched[0]:.1f}", f"{watched[-1]:.1f}"]
        cells += [f"{crystals['ground_state']:+.1f}", f"{-(_SITES - 1) * crystals['ground_state'] / 1000:+.2f}"]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def said(results: dict) -> str:
    """What the first fit said before it began."""
    note = results["silicon_atoms"]["results"]["narrow"]["note"]
    return f"    {note}"


TABLES = {"silicon-atoms": table, "silicon-atoms-note": said}
