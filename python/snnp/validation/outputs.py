"""Where the record of a validation goes, and that nothing else is lost there."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from snnp.data import DataError
from snnp.files import refusal
from snnp.lock import LockedError, claimed

# How files that may be replaced begin: those that a validation wrote.
_OURS = {
    "json": lambda head: head.lstrip(b"{ \n").startswith(b'"snnp validate"'),
    "html": lambda head: b"snnp validate" in head,
    "csv": lambda head: head.startswith(b"check,subject,model,"),
    "xyz": lambda head: b"check=" in head,
}


@dataclass
class Files:
    """Where the record goes: `Mo.validation.json`, `.html`, `.csv` and `.xyz` for the prefix `Mo`.

    inputs: files that are read, which no output may be.
    """

    prefix: Path
    inputs: Sequence[Path] = field(default_factory=list)

    ENDINGS = ("html", "json", "csv", "xyz")

    def __getitem__(self, ending: str) -> Path:
        return self.prefix.with_name(f"{self.prefix.name}.validation.{ending}")

    def check(self) -> None:
        """Raises DataError if a file that is not ours would be replaced."""
        for ending, mark in _OURS.items():
            if why := refusal(self[ending], self.inputs, mark):
                raise DataError(f"output {self[ending]} {why}: expected another output")

    @contextmanager
    def claimed(self) -> Iterator[None]:
        """Makes sure that no file of others is replaced, and that this is the only validation that writes these.

        Raises DataError with one sentence otherwise.
        """
        self.check()
        with ExitStack() as stack:
            try:
                stack.enter_context(claimed(self["lock"]))
            except LockedError as error:
                raise DataError(f"output {self['json']}: {error}") from error
            except OSError as error:
                raise DataError(f"output {self['json']} cannot be written ({error.strerror})") from error
            yield
