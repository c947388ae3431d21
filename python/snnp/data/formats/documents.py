"""JSON: the file as a whole, then FitSNAP, structures of pymatgen, or a database of ASE."""

import json
from collections.abc import Iterator
from pathlib import Path

from ase import Atoms

from snnp.data.formats import fitsnap, pymatgen, with_ase
from snnp.data.formats.notes import Notes
from snnp.data.formats.opening import read_document
from snnp.data.frames import DataError


def read(path: Path, elements: list[str], notes: Notes) -> Iterator[Atoms | str]:
    """Structures of a JSON file."""
    content = load(path)
    if isinstance(content, dict) and "Dataset" in content:
        yield from fitsnap.structures(path, content["Dataset"], notes)
    elif pymatgen.has_structures(content):
        yield from pymatgen.structures(path, content)
    elif isinstance(content, dict) and "ids" in content:
        yield from with_ase.read(path, "json", notes)
    else:
        raise DataError(
            f"{path}: JSON in no known format, expected FitSNAP's (Dataset), structures of pymatgen with outputs, or a "
            "database of ASE"
        )


def load(path: Path) -> object:
    """The content of a JSON file without lines at its beginning that start with #, as FitSNAP writes."""
    text, lines = read_document(path), 0
    while text.lstrip().startswith("#"):
        text = text.lstrip().partition("\n")[2]
        lines += 1
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise DataError(f"{path}:{error.lineno + lines}: is no valid JSON ({error.msg})") from error
    except RecursionError as error:
        raise DataError(f"{path}: brackets are nested too deeply, expected labelled structures") from error
