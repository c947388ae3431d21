"""Commands on a potential or labelled structures: `snnp eval`, `data`, `validate`, `report`."""

import json
from pathlib import Path
from typing import Annotated

import typer

from snnp.calculator import available_cores
from snnp.cli.common import Elements, Format, Labels, Threads, UnitsOfFiles, more_packages, reading_of, sentences
from snnp.console import Log, degeneracy_tables, error_table, inspection_tables
from snnp.data import DataError


def evaluate(
    potential: Annotated[Path, typer.Argument(help="Potential file.")],
    inputs: Annotated[list[Path], typer.Argument(help="Labelled structures in any format that ASE reads.")],
    atomic: Annotated[
        Path | None, typer.Option(help="Extended XYZ to write, with the energy of each atom, also .gz.")
    ] = None,
    train: Annotated[
        list[Path] | None,
        typer.Option(help="Data of the fit, from which --atomic tells uncertainties of atoms; may be repeated."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
    threads: Threads = None,
    format: Format = None,
    units: UnitsOfFiles = None,
    elements: Elements = None,
    labels: Labels = None,
) -> None:
    """Errors of a potential on labelled structures, and the energies of their atoms.

    snnp eval Mo.snnp test.xyz
    snnp eval Mo.snnp test.xyz --atomic atoms.xyz --train train.xyz
    """
    from snnp.api import evaluate_with_log

    log, reading = Log(quiet=as_json), reading_of(format, units, elements, labels)
    with sentences():
        if train and not atomic:
            raise DataError("--train: expected --atomic, too, which names the file to write")
        found = evaluate_with_log(potential, inputs, threads, log, reading)
        if atomic:
            with more_packages("--atomic"):
                from snnp.mapping.command import atomic_command

                atomic_command(potential, inputs, train or [], atomic, reading, threads or available_cores(), log)
    if as_json:
        content = {"potential": str(potential), "data": [str(p) for p in inputs], "notes": found.notes}
        print(json.dumps({**content, **found.errors.as_dict()}, indent=2))
    else:
        log.print(error_table({"data": found.errors}))


def data(
    inputs: Annotated[list[Path], typer.Argument(help="Files, folders, patterns, or one config.yaml of snnp-fit.")],
    test: Annotated[list[Path] | None, typer.Option(help="Test data, looked for in the others, too.")] = None,
    format: Format = None,
    units: UnitsOfFiles = None,
    elements: Elements = None,
    labels: Labels = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Extended XYZ to write, also .gz.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")] = False,
    threads: Threads = None,
) -> None:
    """What a fit would read: labels and their contradictions, groups, compositions, distances, duplicates, outliers.

    snnp data train.xyz --test test.xyz
    snnp data 'run*/OUTCAR' -o all.xyz
    """
    from snnp.data.inspect import inspect, read_sets
    from snnp.data.writing import check_new, write_extxyz
    from snnp.fitting.review_labels import review_labels
    from snnp.mapping.degeneracy import find_degeneracies

    log = Log(quiet=as_json)
    with sentences(ValueError):
        if output:
            check_new(output, [*inputs, *(test or [])])
        reading = reading_of(format, units, elements, labels)
        sets = read_sets(inputs, test or [], reading)
        found = inspect(sets)
        found.notes += review_labels(sets, threads, log)
        open_ = find_degeneracies(next(iter(sets.values())).frames, threads or available_cores())
        if output:
            frames = [frame for data in sets.values() for frame in data.frames]
            write_extxyz(output, frames)
    if as_json:
        print(json.dumps({**found.as_dict(), "atomic_energies": open_.as_dict()}, indent=2))
        return
    for part in [*inspection_tables(found), *degeneracy_tables(open_)]:
        log.print(part)
    if output:
        print(f"written: {output}")


def validate(
    potential: Annotated[Path, typer.Argument(help="Potential file.")],
    data: Annotated[
        list[Path] | None,
        typer.Option(help="Labelled structures, from which crystals and references are taken; may be repeated."),
    ] = None,
    crystal: Annotated[
        list[str] | None,
        typer.Option(help="A crystal more: bcc=3.17, 'zincblende InP=5.87' or a structure file; may be repeated."),
    ] = None,
    reference: Annotated[Path | None, typer.Option(help="JSON file of reference values.")] = None,
    quick: Annotated[bool, typer.Option("--quick", help="Only what takes seconds.")] = False,
    full: Annotated[bool, typer.Option("--full", help="Everything; may take hours.")] = False,
    only: Annotated[list[str] | None, typer.Option(help="A check by its name; may be repeated.")] = None,
    melting: Annotated[float | None, typer.Option(help="The melting temperature as it is known, K.", min=1.0)] = None,
    compare: Annotated[
        list[str] | None,
        typer.Option(
            help="Another potential beside: a file, or commands of LAMMPS in units metal, "
            "'pair_style eam/alloy / pair_coeff * * Cu.eam.alloy {elements}'; may be repeated."
        ),
    ] = None,
    threads: Threads = None,
    ranks: Annotated[int, typer.Option(help="MPI ranks of LAMMPS.", min=1)] = 1,
    seed: Annotated[int, typer.Option(help="Of random structures and velocities.", min=0)] = 1,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="PREFIX", help="Of files to write; by default the name."),
    ] = None,
    restart: Annotated[bool, typer.Option(help="Forget what an interrupted validation found.")] = False,
    format: Format = None,
    units: UnitsOfFiles = None,
    elements: Elements = None,
    labels: Labels = None,
) -> None:
    """Whether a potential is a material: crystals, elasticity, phonons, defects, random structures, dynamics.

    snnp validate Mo.snnp --data train.xyz
    The exit status is 0 if nothing fails, 3 if something does.
    """
    with sentences(ValueError), more_packages("validation", "validate"):
        from snnp.api import validate_with_log
        from snnp.fitting.interruption import StopSignals

        if quick and full:
            raise ValueError("--quick and --full: expected one of them")
        with StopSignals():
            record = validate_with_log(
                potential,
                data or [],
                Log(),
                reading=reading_of(format, units, elements, labels),
                crystals=crystal or [],
                reference=reference,
                level="quick" if quick else "full" if full else "standard",
                only=only or [],
                melting=melting,
                compare=compare or [],
                threads=threads,
                ranks=ranks,
                seed=seed,
                output=output or Path(potential.stem),
                restart=restart,
            )
    if record.verdict.value == "fail":
        raise typer.Exit(3)


def report(
    potential: Annotated[Path, typer.Argument(help="Potential file, or one of shared filters.")],
    inputs: Annotated[
        list[Path] | None,
        typer.Argument(
            help="Labelled structures: the data of the fit, or others; more potentials, if filters are shared."
        ),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Page to write; by default Mo.report.html for Mo.snnp.")
    ] = None,
    figures: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Where to write all figures as PNG and SVG, too.")
    ] = None,
    against: Annotated[
        Path | None, typer.Option(help="Another potential of these elements: how alike curves are.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print numbers as JSON instead of tables.")] = False,
    threads: Threads = None,
    format: Format = None,
    units: UnitsOfFiles = None,
    elements: Elements = None,
    labels: Labels = None,
) -> None:
    """What a potential has learned, as one page: curves with the data under them, what each adds, errors, checks.

    snnp report Mo.snnp train.xyz
    snnp report Mo.snnp train.xyz --against Mo-2.snnp --figures figures
    snnp report Cu.snnp Li.snnp all.filters.snnp Cu.xyz Li.xyz     systems beside each other on shared filters
    """
    with sentences(ValueError), more_packages("a report", "validate"):
        from snnp.api import report_with_log

        log, reading = Log(quiet=as_json), reading_of(format, units, elements, labels)
        files = [potential, *(inputs or [])]
        content = report_with_log(files, output, figures, against, reading, threads, log)
    if as_json:
        print(json.dumps(content, indent=2, ensure_ascii=False))
