"""The file from which an interrupted fit goes on: numbers and arrays in a zip archive, nothing that could run."""

import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

from snnp import __version__
from snnp.files import write_aside
from snnp.kinds.base import ConfigError

_PARTS = {"config", "data", "stress_convention", "energy_offsets", "finished", "steps", "unit", "optimizer"}
_CURE = "delete it, or begin anew with --restart"
_TREE = "state.json"
# Of what is in a checkpoint: to be raised where that changes.
LAYOUT = 6


class Checkpoint:
    """The checkpoint of a running fit: kept up to date on the way, and closed when the potential is written.

    path: None, if the fit writes no files. saved: the state that the fit goes on from; None: it begins.
    say: takes a sentence for the log.
    """

    def __init__(self, path: Path | None, saved: dict | None, say: Callable[[str], None]):
        self.path, self.saved, self.say = path, saved, say
        self.exists = saved is not None
        """Whether the file holds a state of this fit."""
        self.finished = False
        self._origin: dict = {}
        self._state: dict = {}
        self._warned = False

    def begin(self, origin: dict) -> None:
        """origin: what goes into it beside the state of an optimizer. The file of an earlier fit goes."""
        self._origin = origin
        if self.path and not self.exists:
            self.path.unlink(missing_ok=True)

    def save(self, steps: int, unit: float, optimizer: dict) -> None:
        """Writes the state of an optimizer. A disk that is full costs this checkpoint, not the fit.

        steps: of the whole fit. unit: eV/Å, the scale of the loss.
        """
        self._state = {**self._origin, "steps": steps, "unit": unit, "optimizer": optimizer}
        try:
            self._write()
        except OSError as error:
            if not self._warned:
                self.say(f"warning: {self.path} cannot be written ({error.strerror}); the fit goes on without")
            self._warned = True

    def finish(self) -> None:
        """To be called when the potential is written: nothing is left to go on with."""
        self.finished = True
        try:
            if self._state:
                self._write()
        except OSError:
            self.path.unlink()  # an older state would pass for an unfinished fit
            self.exists = False

    def _write(self) -> None:
        if self.path is not None:
            save({**self._state, "finished": self.finished}, self.path)
            self.exists = True

    @property
    def how_to_go_on(self) -> str:
        """What can be done about a fit that ends now, as the end of a sentence."""
        if self.finished:
            return "the potential is written" + (", --resume writes what is missing beside it" if self.exists else "")
        return "go on with --resume" if self.exists else "there is no checkpoint: start again"


def is_ours(head: bytes) -> bool:
    """Whether a file that begins so is a checkpoint, be it damaged."""
    return head.startswith(b"PK") and _TREE.encode() in head[:64]


def save(state: dict, path: Path, version: str = __version__) -> None:
    """Writes a checkpoint beside `path` and renames it, so that there is always a whole one.

    state: nested dictionaries and lists of numbers, texts and arrays (of NumPy, or tensors of PyTorch).
    version: of this package.
    """
    arrays: list[np.ndarray] = []
    tree = _flat({**state, "version": version, "layout": LAYOUT}, arrays)

    def write(aside: Path) -> None:
        with zipfile.ZipFile(aside, "w") as archive:
            archive.writestr(_TREE, json.dumps(tree))
            for n, array in enumerate(arrays):
                content = io.BytesIO()
                np.save(content, array, allow_pickle=False)
                archive.writestr(f"{n}.npy", content.getvalue())

    write_aside(path, write)


def load(path: Path) -> dict:
    """What was saved, arrays as NumPy's, and the `version` of this package then.

    Raises ConfigError if the file does not hold that.
    """
    with path.open("rb") as file:
        ours = file.read(2) in (b"PK", b"")  # how a checkpoint begins, unless nothing is left of it
        try:
            with zipfile.ZipFile(file) as archive:
                ours = _TREE in archive.namelist()
                if archive.testzip():  # a flipped bit somewhere
                    raise zipfile.BadZipFile
                tree = json.loads(archive.read(_TREE))
                count = len(archive.namelist()) - 1
                arrays = [np.load(io.BytesIO(archive.read(f"{n}.npy")), allow_pickle=False) for n in range(count)]
            state = _nested(tree, arrays)
        except Exception as error:  # damage shows as some ten kinds of them
            what = "is damaged or cut short" if ours else "is no checkpoint of snnp-fit"
            raise ConfigError(f"{path} {what}: {_CURE}") from error
    if not (isinstance(state, dict) and state.keys() >= _PARTS):
        raise ConfigError(f"{path} is no checkpoint of snnp-fit: {_CURE}")
    return state


def _flat(value, arrays: list[np.ndarray]):
    """The same with arrays put into a list; what JSON does not know becomes {what: content}."""
    if isinstance(value, dict):
        return {"dict": [[_flat(k, arrays), _flat(v, arrays)] for k, v in value.items()]}
    if isinstance(value, list | tuple):
        return {type(value).__name__: [_flat(v, arrays) for v in value]}
    if isinstance(value, np.generic):
        return value.item()
    if hasattr(value, "__array__"):
        arrays.append(np.asarray(value))
        return {"array": len(arrays) - 1}
    return value


def _nested(value, arrays: list[np.ndarray]):
    if not isinstance(value, dict):
        return value
    ((what, content),) = value.items()
    if what == "dict":
        return {_nested(k, arrays): _nested(v, arrays) for k, v in content}
    if what == "array":
        return arrays[content]
    return {"list": list, "tuple": tuple}[what](_nested(v, arrays) for v in content)
