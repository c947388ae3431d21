"""The numbers of the documentation: measured, kept in docs/results, and written into the pages.

    python benchmarks/results.py measure DATA [--only snap seeds …] [--folder build/results]
    python benchmarks/results.py pages [--check]

`measure` fits and evaluates; DATA holds mlearn/{Mo,Si,Cu,Li}_{train,test}.xyz.gz, fitsnap/{InP,Ta}.xyz.gz and
pwmlff/LiSiC_{train,valid}.xyz.gz (see docs/accuracy.md and docs/systems.md for the sources). Fits go to --folder and
are done once. `costs` wants a quiet machine and is measured only if it is named. `pages` writes every table and figure
from docs/results; with --check it changes nothing and names what is not up to date.
"""

import argparse
import sys
from pathlib import Path

from records import ROOT


def main() -> None:
    args = arguments()
    if args.command == "measure":
        sys.path.insert(0, str(ROOT / "examples/02_boundary"))  # fits and costs are measured as there
        from measurements import PARTS, Session

        args.folder.mkdir(parents=True, exist_ok=True)
        session = Session(args.data.resolve(), args.folder.resolve())
        for name in args.only:
            print(name, flush=True)
            PARTS[name](session)
        return
    import pages

    if args.check:
        stale = pages.outdated(args.root)
        sys.exit("\n".join(f"{path} does not show docs/results: run `results.py pages`" for path in stale) or 0)
    pages.write(args.root)


def arguments() -> argparse.Namespace:
    parts = [
        "shipped_fits",
        "potentials",
        "snap",
        "seeds",
        "shear",
        "kinds",
        "validation",
        "properties",
        "domain",
        "bounds",
        "baseline",
        "melting",
        "heating",
        "conservation",
        "atomic_energies",
        "silicon_atoms",
        "constraints",
        "curvature",
        "systems",
        "costs",
    ]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    measure = commands.add_parser("measure")
    measure.add_argument("data", type=Path)
    measure.add_argument("--only", nargs="+", choices=parts, default=parts[:-1])
    measure.add_argument("--folder", type=Path, default=Path("build/results"), help="where fits go")
    pages = commands.add_parser("pages")
    pages.add_argument("--check", action="store_true")
    pages.add_argument("--root", type=Path, default=ROOT, help="of the repository")
    return parser.parse_args()


if __name__ == "__main__":
    main()
