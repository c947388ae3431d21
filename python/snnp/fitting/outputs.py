"""Where the results of a fit go, and that nothing else is lost there."""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from snnp.config import ConfigError
from snnp.data import DataError
from snnp.files import is_potential, refusal
from snnp.fitting import checkpoint
from snnp.lock import LockedError, claimed
from snnp.validation.outputs import Files

_CONFIGURATIONS = (".yaml", ".full.yaml")

# How files that may be replaced begin: those that a fit wrote.
_OURS: dict[str, Callable[[bytes], bool]] = {
    ".yaml": lambda head: head.startswith(b"# snnp-fit "),
    ".log": lambda head: head.startswith(b"snnp-fit "),
    ".csv": lambda head: b"train_loss,validation_loss" in head.split(b"\n")[0],
    ".png": lambda head: head.startswith(b"\x89PNG") and b"snnp-fit" in head,
    ".checkpoint": checkpoint.is_ours,
}
_ENDINGS = (".log", ".csv", ".checkpoint", "_parity.png", "_learning.png", "_smoothness.png", "_splines.png")


class Outputs:
    """The potential file and all files beside it; nothing is written if there is no potential file.

    potential: a link stands for what it points to. inputs: files that the fit reads, which no output may be.
    """

    def __init__(self, potential: Path | None, inputs: Sequence[Path] = ()):
        self.potential = potential and Path(os.path.realpath(potential))
        self.inputs = inputs
        self.configuration = self.beside(_CONFIGURATIONS[0])
        """The expanded configuration: in `Mo.yaml`, or in `Mo.full.yaml` where the other is the user's own."""

    def beside(self, ending: str) -> Path | None:
        """A file beside the potential: `Mo.log` for `Mo.snnp`, `Mo.v1.log` for `Mo.v1`."""
        return self.potential and self.potential.with_name(self.potential.name.removesuffix(".snnp") + ending)

    @property
    def validation(self) -> Files:
        """The files of the checks of physics."""
        return Files(self.beside(""), self.inputs)

    @contextmanager
    def claimed(self) -> Iterator[None]:
        """Makes sure that no output replaces what a fit did not write, and that this is the only fit that writes them.

        Raises ConfigError with one sentence otherwise.
        """
        if self.potential is None:
            yield
            return
        self._check()
        with ExitStack() as stack:
            try:
                stack.enter_context(claimed(self.beside(".lock")))
            except LockedError as error:
                raise ConfigError(f"output {self.potential}: {error}") from error
            except OSError as error:
                raise ConfigError(f"output {self.potential} cannot be written ({error.strerror})") from error
            yield

    def _check(self) -> None:
        self._refuse(self.potential, is_potential)
        for ending in _ENDINGS:
            self._refuse(self.beside(ending), _OURS[ending[ending.index(".") :]])
        try:
            self.validation.check()
        except DataError as error:
            raise ConfigError(str(error)) from error
        for path in map(self.beside, _CONFIGURATIONS):
            why = refusal(path, self.inputs, _OURS[".yaml"])
            if why is None:
                self.configuration = path
                return
        raise ConfigError(f"output {path} {why}: expected another output")

    def _refuse(self, path: Path, ours: Callable[[bytes], bool]) -> None:
        if why := refusal(path, self.inputs, ours):
            raise ConfigError(f"output {path} {why}: expected another output")
