"""What commands have in common: options of files of structures, and exceptions as sentences."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer

from snnp._core import Error
from snnp.console import print_error
from snnp.data import DataError, LabelKeys, Reading
from snnp.data.neighbors import ElementError

Format = Annotated[str | None, typer.Option(help="Format of the files, if their content does not tell.")]
UnitsOfFiles = Annotated[
    str | None, typer.Option("--units", help="Of files without units, e.g. metal, or energy=Hartree,length=Bohr.")
]
Elements = Annotated[str | None, typer.Option(help="Of atoms that have numbers as types, e.g. 'In P'.")]
Labels = Annotated[str | None, typer.Option(help="What labels are called, e.g. energy=E_ccsd,forces=F_ccsd.")]
Threads = Annotated[int | None, typer.Option(help="OpenMP threads; by default all cores.", min=1)]


@contextmanager
def sentences(*errors: type[Exception]) -> Iterator[None]:
    """Turns what may go wrong, `errors` among it, into one sentence and an exit status."""
    try:
        yield
    except (Error, DataError, ElementError, *errors) as error:
        raise fail(error) from error
    except OSError as error:
        raise fail(f"{error.filename}: {error.strerror}" if error.filename else error) from error
    except MemoryError as error:
        raise fail(f"not enough memory: {error}") from error
    except KeyboardInterrupt as stop:
        raise fail(str(stop) or "stopped", 128 + getattr(stop, "signal", signal.SIGINT)) from stop


@contextmanager
def more_packages(what: str, extra: str = "fit") -> Iterator[None]:
    """Where packages of an extra are imported."""
    try:
        yield
    except ImportError as error:
        raise fail(f'{what} needs more packages ({error.name}): pip install "snnp[{extra}]"') from error


def fail(sentence: object, status: int = 1) -> typer.Exit:
    """Prints the sentence, and is to be raised."""
    print_error(str(sentence))
    return typer.Exit(status)


def reading_of(format: str | None, units: str | None, elements: str | None, labels: str | None) -> Reading:
    """How files are to be read, from the options above."""
    return Reading.of(format, units, (elements or "").replace(",", " ").split(), LabelKeys.parse(labels or ""))
