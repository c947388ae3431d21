"""Commands on files and programs: `snnp info`, `convert`, `build-plugin`, `version`."""

from pathlib import Path
from typing import Annotated

import typer

from snnp import __version__
from snnp.cli.common import fail, sentences


def info(potential: Annotated[Path, typer.Argument(help="Potential file, file of filters, or `reference`.")]) -> None:
    """What a potential file holds."""
    import numpy as np

    from snnp import _core
    from snnp.models.filter_sets import named_path
    from snnp.models.filters_file import describe_filters, is_filters
    from snnp.models.gauge import without_floor
    from snnp.models.pinned import marked_pairs
    from snnp.models.potentials import bound_of, is_convex, kind_and_sizes, nowhere_negative

    with sentences():
        potential = named_path(potential)
        if is_filters(potential):
            print(describe_filters(potential))
            return
        p = _core.read_potential(str(potential))
    names, given = [e.name for e in p.elements], marked_pairs(p)
    print(p.comment.strip())
    inside = without_floor(p)
    filters = f"{inside.n2} two-body and {p.n3} three-body filters"
    filters += "".join(f", {name} ≥ 0" for name in nowhere_negative(inside))
    if any(t.knots_ij for t in p.V):
        filters += ", three-body tensors"
    if any(e.four_body.radial for e in p.elements):
        filters += ", four-body terms"
    print(f"elements {' '.join(names)}; {filters}; cutoff {p.cutoff():g} Å")
    for e in p.elements:
        kind, sizes = kind_and_sizes(e.network)
        network = f"{kind} {' × '.join(map(str, sizes))}" if sizes else ""
        if sizes and np.isfinite(most := bound_of(e.network)):
            network += f", which adds at most ±{most:.3g} eV"
        spline = f"{'convex ' * is_convex(e.U)}spline of a density" if len(e.density) else ""
        embedding = " and ".join(filter(None, [spline, network])) or "linear"
        embedding += "; a floor lies under atoms unlike those of the data" * bool(e.floor.directions)
        print(f"{e.name}: isolated atom {e.e0:.6f} eV; {embedding}")
    for a, first in enumerate(names):
        for b in range(a, len(names)):
            pair = p.pairs[p.pair_index(a, b)]
            core = (
                f"ZBL core fades out from {pair.zbl_inner:.2f} to {pair.zbl_outer:.2f} Å"
                if pair.zbl_outer
                else "no core"
            )
            seen = f"{pair.shortest:.2f} Å" if pair.shortest else "not known"
            phi = "; φ was given to the fit" if p.pair_index(a, b) in given else ""
            print(f"{first}-{names[b]}: shortest distance in the training data {seen}; {core}{phi}")


def convert(
    source: Annotated[Path, typer.Argument(metavar="IN", help="Potential file.")],
    target: Annotated[Path, typer.Argument(metavar="OUT", help="File to write; its name tells the format.")],
    e0: Annotated[
        list[str] | None, typer.Option(help="Energy of an isolated atom, eV, e.g. Nb=-10.1; may be repeated.")
    ] = None,
    tolerance: Annotated[
        float, typer.Option(help="How close functions have to be where they cannot be exact, eV.", min=1e-12)
    ] = 1e-6,
    to: Annotated[str | None, typer.Option(help="Format of OUT, if its name does not tell, e.g. eam.fs.")] = None,
    elements: Annotated[
        str | None, typer.Option(help="Element of a file that does not tell it (old *.meam.spline).")
    ] = None,
) -> None:
    """Convert between *.snnp and *.meam.spline, *.meam.sw.spline, *.uf3, *.eam.alloy, *.eam.fs, *.table (only OUT).

    snnp convert Ti.meam.spline Ti.snnp
    """
    from snnp import convert as conversion

    with sentences(conversion.ConvertError):
        energies = conversion.energies(e0 or [])
        options = conversion.Options(energies, tolerance, elements.split() if elements else None)
        for note in conversion.convert(source, target, options, to):
            print(note)


def build_plugin(
    lammps: Annotated[
        str | None,
        typer.Option(
            metavar="PATH",
            help="An lmp program, a Python package, a source or build tree, or a folder of headers; "
            "by default the LAMMPS of this Python.",
        ),
    ] = None,
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FOLDER", help="Where to put the plugin.")] = Path(
        "snnp-plugin"
    ),
    define: Annotated[
        list[str] | None, typer.Option("--define", "-D", metavar="NAME=VALUE", help="For CMake; may be repeated.")
    ] = None,
) -> None:
    """Build pair_style snnp for a LAMMPS of your own.

    snnp build-plugin --lammps ~/lammps/build/lmp
    """
    from snnp.lammps import build

    try:
        target = build.find(lammps)
        print(f"{target.describe()}; building takes a minute or two", flush=True)
        print(build.how_to_load(build.build(target, output, define or [])))
    except build.LammpsError as error:
        raise fail(error) from error
    except OSError as error:
        raise fail(f"{error.filename}: {error.strerror}" if error.filename else error) from error


def version() -> None:
    """Version of this package."""
    print(__version__)
