"""Command line: `snnp-fit` fits a potential, `snnp` looks at and evaluates potential files."""

import json
import os
import shlex
import signal
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Annotated

import typer

# Threads that wait for work sleep instead of spinning: on a machine with other work to do, spinning costs far more than
# it gains. OpenMP reads this when the engine is loaded, by the imports below.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

from snnp import __version__
from snnp._core import Error
from snnp.calculator import available_cores
from snnp.console import Log, degeneracy_tables, error_table, inspection_tables, print_error
from snnp.data import DataError, LabelKeys, Reading
from snnp.data.neighbors import ElementError

_SETTINGS = {
    "add_completion": False,
    "no_args_is_help": True,
    "pretty_exceptions_enable": False,
    "rich_markup_mode": None,
}
app = typer.Typer(help="Look at and evaluate snnp potential files.", **_SETTINGS)
fit_app = typer.Typer(**_SETTINGS)

Format = Annotated[str | None, typer.Option(help="Format of the files, if their content does not tell.")]
UnitsOfFiles = Annotated[
    str | None, typer.Option("--units", help="Of files without units, e.g. metal, or energy=Hartree,length=Bohr.")
]
Elements = Annotated[str | None, typer.Option(help="Of atoms that have numbers as types, e.g. 'In P'.")]
Labels = Annotated[str | None, typer.Option(help="What labels are called, e.g. energy=E_ccsd,forces=F_ccsd.")]
Threads = Annotated[int | None, typer.Option(help="OpenMP threads; by default all cores.", min=1)]


@contextmanager
def _sentences(*errors: type[Exception]) -> Iterator[None]:
    """Turns what may go wrong, `errors` among it, into one sentence and an exit status."""
    try:
        yield
    except (Error, DataError, ElementError, *errors) as error:
        raise _fail(error) from error
    except OSError as error:
        raise _fail(f"{error.filename}: {error.strerror}" if error.filename else error) from error
    except MemoryError as error:
        raise _fail(f"not enough memory: {error}") from error
    except KeyboardInterrupt as stop:
        raise _fail(str(stop) or "stopped", 128 + getattr(stop, "signal", signal.SIGINT)) from stop


@contextmanager
def _more_packages(what: str, extra: str = "fit") -> Iterator[None]:
    """Where packages of an extra are imported."""
    try:
        yield
    except ImportError as error:
        raise _fail(f'{what} needs more packages ({error.name}): pip install "snnp[{extra}]"') from error


def _fail(sentence: object, status: int = 1) -> typer.Exit:
    print_error(str(sentence))
    return typer.Exit(status)


@fit_app.command()
def fit(
    inputs: Annotated[
        list[Path],
        typer.Argument(help="Training data (extended XYZ or anything ASE reads, also .gz), or one config.yaml."),
    ],
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Potential file to write.")] = None,
    test: Annotated[
        list[Path] | None, typer.Option(help="Test data, only for the final table; may be repeated.")
    ] = None,
    effort: Annotated[
        str | None,
        typer.Option(help="quick, default or high: how much time the fit may take, and how accurate it gets."),
    ] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", help="A key of the configuration, e.g. training.steps=2000; may be repeated."),
    ] = None,
    filters: Annotated[
        Path | None, typer.Option(help="Potential file from whose filters the fit starts; elements may differ.")
    ] = None,
    freeze: Annotated[bool, typer.Option("--freeze", help="Filters stay as they are in that file.")] = False,
    resume: Annotated[bool, typer.Option(help="Go on with an interrupted fit.")] = False,
    restart: Annotated[bool, typer.Option(help="Begin anew although there is an unfinished fit.")] = False,
) -> None:
    """Fit a spline-based neural-network potential to energies, forces and stresses.

    snnp-fit train.xyz --test test.xyz -o Mo.snnp   no configuration needed
    snnp-fit config.yaml                            full control; the file beside each potential is an example
    """
    with _sentences(), _more_packages("fitting"):
        from snnp.config import ConfigError
        from snnp.fitting.run import run

        with _sentences(ConfigError), closing(Log()) as log:
            settings = _configuration(inputs, output, test or [], effort, filters, freeze, set_ or [])
            command = shlex.join(["snnp-fit", *sys.argv[1:]])
            if settings.systems:
                from snnp.systems.run import run_systems

                run_systems(settings, log, resume, restart, command)
            else:
                run(settings, log, resume, restart, command=command)


def _configuration(
    inputs: list[Path],
    output: Path | None,
    test: list[Path],
    effort: str | None,
    filters: Path | None,
    freeze: bool,
    assignments: list[str],
):
    from snnp import config

    configured = any(path.suffix.lower() in (".yaml", ".yml") for path in inputs)
    overrides = dict(map(config.parse_assignment, assignments))
    if effort is not None:
        overrides["training.effort"] = effort
    if filters is not None:
        overrides["model.filters.file"] = _absolute(filters)
    if freeze:
        if filters is None and not configured:
            raise config.ConfigError("--freeze: expected --filters with the file whose filters stay as they are")
        overrides["model.filters.freeze"] = True
    if configured:
        if len(inputs) > 1 or test:
            raise config.ConfigError("with a configuration file all data are named there; expected no other files")
        if output:
            overrides["output"] = str(output.absolute())
        settings = config.load(inputs[0], overrides)
        for key, value in (("data.train", settings.data.train or settings.systems), ("output", settings.output)):
            if not value:
                raise config.ConfigError(f"{inputs[0]}: key {key} is missing")
        return settings
    if output is None:
        raise config.ConfigError("missing -o: expected the potential file to write, e.g. -o Mo.snnp")
    content = {
        "data": {"train": [_absolute(p) for p in inputs], "test": [_absolute(p) for p in test]},
        "output": _absolute(output),
    }
    return config.validate(content, "command line", overrides)


def _reading(format: str | None, units: str | None, elements: str | None, labels: str | None) -> Reading:
    return Reading.of(format, units, (elements or "").replace(",", " ").split(), LabelKeys.parse(labels or ""))


def _absolute(path: Path) -> str:
    return os.path.abspath(path)


@app.command("eval")
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

    log, reading = Log(quiet=as_json), _reading(format, units, elements, labels)
    with _sentences():
        if train and not atomic:
            raise DataError("--train: expected --atomic, too, which names the file to write")
        found = evaluate_with_log(potential, inputs, threads, log, reading)
        if atomic:
            with _more_packages("--atomic"):
                from snnp.mapping.command import atomic_command

                atomic_command(potential, inputs, train or [], atomic, reading, threads or available_cores(), log)
    if as_json:
        content = {"potential": str(potential), "data": [str(p) for p in inputs], "notes": found.notes}
        print(json.dumps({**content, **found.errors.as_dict()}, indent=2))
    else:
        log.print(error_table({"data": found.errors}))


@app.command()
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
    with _sentences(ValueError):
        if output:
            check_new(output, [*inputs, *(test or [])])
        reading = _reading(format, units, elements, labels)
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


@app.command()
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
    with _sentences(ValueError), _more_packages("validation", "validate"):
        from snnp.api import validate_with_log
        from snnp.fitting.interruption import StopSignals

        if quick and full:
            raise ValueError("--quick and --full: expected one of them")
        with StopSignals():
            record = validate_with_log(
                potential,
                data or [],
                Log(),
                reading=_reading(format, units, elements, labels),
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


@app.command()
def report(
    potential: Annotated[Path, typer.Argument(help="Potential file.")],
    inputs: Annotated[
        list[Path] | None, typer.Argument(help="Labelled structures: the data of the fit, or others.")
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
    """
    with _sentences(ValueError), _more_packages("a report", "validate"):
        from snnp.analysis.report_command import report_command

        log, reading = Log(quiet=as_json), _reading(format, units, elements, labels)
        page = output or Path(potential.name.removesuffix(".snnp") + ".report.html")
        found = report_command(
            potential, inputs or [], page, figures, against, reading, threads or available_cores(), log
        )
    if as_json:
        print(json.dumps(found.as_dict(), indent=2, ensure_ascii=False))


@app.command()
def info(potential: Annotated[Path, typer.Argument(help="Potential file.")]) -> None:
    """What a potential file holds."""
    from snnp import _core
    from snnp.models.filters_file import describe_filters, is_filters

    with _sentences():
        if is_filters(potential):
            print(describe_filters(potential))
            return
        p = _core.read_potential(str(potential))
    names = [e.name for e in p.elements]
    print(p.comment.strip())
    filters = f"{p.n2} two-body and {p.n3} three-body filters"
    if any(t.knots_ij for t in p.V):
        filters += ", three-body tensors"
    print(f"elements {' '.join(names)}; {filters}; cutoff {p.cutoff():g} Å")
    for e in p.elements:
        sizes = " × ".join(str(layer.outputs) for layer in e.network.layers)
        network = f"network {e.network.activation} {sizes}" if sizes else ""
        embedding = " and ".join(filter(None, ["spline of a density" * bool(e.density), network])) or "linear"
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
            print(f"{first}-{names[b]}: shortest distance in the training data {seen}; {core}")


@app.command()
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

    with _sentences(conversion.ConvertError):
        energies = conversion.energies(e0 or [])
        options = conversion.Options(energies, tolerance, elements.split() if elements else None)
        for note in conversion.convert(source, target, options, to):
            print(note)


@app.command("build-plugin")
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
        raise _fail(error) from error
    except OSError as error:
        raise _fail(f"{error.filename}: {error.strerror}" if error.filename else error) from error


@app.command()
def version() -> None:
    """Version of this package."""
    print(__version__)
