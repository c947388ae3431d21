"""`snnp-fit`."""

import os
import shlex
import sys
from contextlib import closing
from pathlib import Path
from typing import Annotated

import typer
from typer.core import TyperCommand

from snnp.cli.common import more_packages, sentences
from snnp.console import Log
from snnp.fitting.ranks import rank


class FitCommand(TyperCommand):
    """Of several processes only the first says what is wrong with the words of a command."""

    def parse_args(self, ctx: typer.Context, args: list[str]) -> list[str]:
        """The words that are left; raises what has a sentence and a status, in other processes the status alone."""
        try:
            return super().parse_args(ctx, args)
        except Exception as error:
            if rank() and hasattr(error, "exit_code"):
                raise typer.Exit(error.exit_code) from error
            raise


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
        Path | None,
        typer.Option(
            help="Potential or file of filters from which the fit starts, or `reference`; elements may differ."
        ),
    ] = None,
    freeze: Annotated[bool, typer.Option("--freeze", help="Filters stay as they are in that file.")] = False,
    resume: Annotated[bool, typer.Option(help="Go on with an interrupted fit.")] = False,
    restart: Annotated[bool, typer.Option(help="Begin anew although there is an unfinished fit.")] = False,
) -> None:
    """Fit a spline-based neural-network potential to energies, forces and stresses.

    snnp-fit train.xyz --test test.xyz -o Mo.snnp   no configuration needed
    snnp-fit config.yaml                            full control; the file beside each potential is an example
    """
    with sentences(), more_packages("fitting"):
        from snnp.config import ConfigError
        from snnp.fitting.ranks import RanksError, processes
        from snnp.fitting.run import run

        with sentences(ConfigError, RanksError), processes() as ranks, closing(Log()) as log:
            if ranks is None:
                return
            settings = _configuration(inputs, output, test or [], effort, filters, freeze, set_ or [])
            command = shlex.join(["snnp-fit", *sys.argv[1:]])
            if settings.systems:
                from snnp.systems.run import run_systems

                run_systems(settings, log, resume, restart, command, ranks)
            else:
                run(settings, log, resume, restart, command=command, ranks=ranks)


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
    from snnp.models.filter_sets import is_set

    configured = any(path.suffix.lower() in (".yaml", ".yml") for path in inputs)
    overrides = dict(map(config.parse_assignment, assignments))
    if effort is not None:
        overrides["training.effort"] = effort
    if filters is not None:
        overrides["model.filters.file"] = str(filters) if is_set(filters) else _absolute(filters)
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


def _absolute(path: Path) -> str:
    return os.path.abspath(path)
