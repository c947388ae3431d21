"""Command line: `snnp-fit` fits a potential, `snnp` looks at and evaluates potential files."""

import os

import typer

# Threads that wait for work sleep instead of spinning: on a machine with other work to do, spinning costs far more than
# it gains. OpenMP reads this when the engine is loaded, by the imports below.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

from snnp.cli.files import build_plugin, convert, info, version
from snnp.cli.fit_command import FitCommand, fit
from snnp.cli.structures import data, evaluate, report, validate

_SETTINGS = {
    "add_completion": False,
    "no_args_is_help": True,
    "pretty_exceptions_enable": False,
    "rich_markup_mode": None,
}
app = typer.Typer(help="Look at and evaluate snnp potential files.", **_SETTINGS)
fit_app = typer.Typer(**_SETTINGS)

fit_app.command(cls=FitCommand)(fit)
app.command("eval")(evaluate)
for _command in (data, validate, report, info, convert):
    app.command()(_command)
app.command("build-plugin")(build_plugin)
app.command()(version)
