"""Writing files so that each is there whole or not at all."""

import os
from collections.abc import Callable
from pathlib import Path


def write_aside(path: Path, write: Callable[[Path], object]) -> None:
    """Calls write(temporary path in the same folder) and renames the result to `path`."""
    aside = path.with_name(f".{path.name}.part")
    try:
        write(aside)
        os.replace(aside, path)
    finally:
        aside.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """A text file."""
    write_aside(path, lambda aside: aside.write_text(text, encoding="utf-8"))
