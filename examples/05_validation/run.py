"""Does a fit get back what it was not shown? Elastic constants and phonons of a teacher, kind by kind.

python examples/05_validation/run.py [--folder validation_example] [--frames 30] [--kinds pair uf3 snnp]

Training data are energies, forces and stresses of Stillinger-Weber silicon from molecular dynamics in LAMMPS. Elastic
constants and phonon frequencies are in none of them. `snnp.validate` computes them for each fit and for the teacher: a
pair potential fails, kinds with three-body terms come close, UF3, whose form the teacher has, closest.
"""

import argparse
import sys
from pathlib import Path

import snnp

sys.path.insert(0, str(Path(__file__).parents[1] / "01_quickstart"))
from teacher import PAIR, make_data

CHECKS = ["elastic", "phonons"]
SETTINGS = {
    "pair": {"model": {"kind": "pair", "pair_cutoff": 4.0}},
    "uf3": {"model": {"kind": "uf3", "pair_cutoff": 4.0, "three_body_cutoff": 4.0}},
    "snnp": {
        "model": {"three_body_filters": 8, "pair_cutoff": 4.0, "three_body_cutoff": 4.0},
        "training": {"steps": 2000},
    },
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, default=Path("validation_example"))
    parser.add_argument("--frames", type=int, default=30, help="structures of each kind")
    parser.add_argument("--kinds", nargs="+", choices=SETTINGS, default=list(SETTINGS))
    parser.add_argument("--steps", type=int, help="training steps of s-NNP")
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)

    train = make_data(arguments.frames, 1, tick=lambda kind: None)
    files = []
    for kind in arguments.kinds:
        print(f"fitting {kind}", flush=True)
        files.append(arguments.folder / f"{kind}.snnp")
        settings = {"validate": "off", **SETTINGS[kind]}
        if kind == "snnp" and arguments.steps:
            settings["training"] = {"steps": arguments.steps}
        snnp.fit(train, output=files[-1], config=settings, restart=True, progress=False)

    teacher = " / ".join(PAIR.strip().splitlines())
    record = snnp.validate(
        files[-1],
        crystals=["diamond Si=5.43"],
        compare=[teacher, *map(str, files[:-1])],
        only=CHECKS,
        output=arguments.folder / "Si",
    )
    show(record, arguments.kinds)


def show(record, kinds: list[str]) -> None:
    """The quantities of the teacher, and how far each fit is from them."""
    values = {}
    for item, outcome in record.outcomes.items():
        for line in outcome.lines:
            if isinstance(line.value, float):
                values.setdefault((item.subject, line.quantity, line.unit), {})[item.model] = line.value
    print(f"{'':56}{'teacher':>10}" + "".join(f"{kind:>10}" for kind in kinds))
    for (subject, quantity, unit), found in values.items():
        if len(found) == len(kinds) + 1:
            here = f"{found['sw']:10.3f}" + "".join(f"{found[kind] - found['sw']:+10.3f}" for kind in kinds)
            print(f"{f'{subject}, {quantity}, {unit}':56}{here}")


if __name__ == "__main__":
    main()
