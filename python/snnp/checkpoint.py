"""The file from which an interrupted fit goes on."""

import os
import zipfile
from pathlib import Path

import torch

from snnp import __version__
from snnp.config import ConfigError

_PARTS = {"config", "shear_orders", "steps", "unit", "optimizer"}
_CURE = "delete it, or begin anew with --restart"


def save(state: dict, path: Path) -> None:
    """Writes a checkpoint beside `path` and renames it, so that there is always a whole one."""
    aside = path.with_name(path.name + ".part")
    torch.save({**state, "version": __version__}, aside)
    os.replace(aside, path)


def load(path: Path) -> dict:
    """What was saved, and the `version` of this package then; raises ConfigError if the file does not hold that."""
    with path.open("rb") as file:
        ours = file.read(2) in (b"PK", b"")  # how a checkpoint begins, unless nothing is left of it
        try:
            # PyTorch does not look at checksums: a fit would go on from other numbers without a word.
            with zipfile.ZipFile(file) as archive:
                if archive.testzip():
                    raise zipfile.BadZipFile
            file.seek(0)
            state = torch.load(file, weights_only=True)
        except Exception as error:  # zipfile and PyTorch answer damage by some ten kinds of them
            what = "is damaged or cut short" if ours else "is no checkpoint of snnp-fit"
            raise ConfigError(f"{path} {what}: {_CURE}") from error
    if not (isinstance(state, dict) and state.keys() >= _PARTS):
        raise ConfigError(f"{path} is no checkpoint of snnp-fit: {_CURE}")
    return state
