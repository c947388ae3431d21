"""The format of a file: by its first bytes, else by its name as ASE knows them."""

import codecs
import re
from pathlib import Path

from snnp.data.formats import with_ase
from snnp.data.formats.opening import LFS_POINTER, NO_LFS, UNPACKING_ERRORS, head
from snnp.data.frames import DataError

# What files of these kinds begin with.
_TEXT = (
    ("extxyz", re.compile(r"\s*\d+[ \t]*\n(?!\s*\d+[ \t]*\n)")),
    ("n2p2", re.compile(r"(?i)(?:\s*#[^\n]*\n)*\s*begin\b[^\n]*\n\s*(?:comment|lattice|atom|energy|charge|#)")),
    ("mtp", re.compile(r"(?:\s*#[^\n]*\n)*\s*BEGIN_CFG")),
    ("ml_ab", re.compile(r"\s*\d\.\d\s+Version\s*\n\*+\s*\n\s*The number of configurations")),
    ("json", re.compile(r"(?:\s*#[^\n]*\n)*\s*[{\[]\s*[\"{\[\]}]")),
    ("vasp-xml", re.compile(r"\s*<\?xml[^>]*>\s*<modeling>")),
    ("vasp-out", re.compile(r"\s*vasp\.\d")),
)
_PICKLE = re.compile(rb"\x80[\x02-\x05]")
# Formats that no reader here takes, and what to do.
_CONVERT = "convert it to extended XYZ or folders of npy files with the program that wrote it"
_REFUSED = (
    (re.compile(rb"\x89HDF"), f"is HDF5: {_CONVERT}"),
    (
        re.compile(rb"PK\x03\x04.{26}[^/]{1,200}\.npy", re.DOTALL),
        f"holds arrays of NumPy of no known meaning: {_CONVERT}",
    ),
    (re.compile(rb"PK\x03\x04"), "is an archive: unpack it first"),
    (re.compile(re.escape(LFS_POINTER)), NO_LFS),
)
# Formats of ASE that have energies and forces.
_LABELLED = {
    "abinit-out",
    "aims-output",
    "castep-castep",
    "castep-geom",
    "castep-md",
    "db",
    "espresso-out",
    "gaussian-out",
    "gpaw-out",
    "gpw",
    "json",
    "nwchem-out",
    "orca-output",
    "traj",
    "vasp-out",
    "vasp-xml",
}
_OWN_LABELLED = {"extxyz", "n2p2", "mtp", "ml_ab", "json", "pacemaker"}


def recognise(path: Path, labelled: bool = False) -> str | None:
    """The name of the format, ours or ASE's; None: not known. labelled: only formats that have energies and forces.

    Raises DataError for an empty file, an archive, or packed content that is damaged, unless `labelled`.
    """
    try:
        start = head(path)
    except (*UNPACKING_ERRORS, OSError) as error:
        if labelled:
            return None
        what = "cannot be read" if type(error) is OSError else "the packed file is damaged or cut short"
        raise DataError(f"{path}: {what} ({error})") from error
    name = _by_content(start) or with_ase.guess(path)
    if labelled:
        return name if name in _LABELLED | _OWN_LABELLED else None
    if not start:
        raise DataError(f"{path}: the file is empty")
    for magic, sentence in _REFUSED:
        if magic.match(start):
            raise DataError(f"{path}: {sentence}")
    return name


def _by_content(start: bytes) -> str | None:
    if _PICKLE.match(start):
        return "pacemaker"
    if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        text = start[: len(start) // 2 * 2].decode("utf-16", errors="replace")
    elif b"\0" in start:
        return None
    else:
        text = start.decode("utf-8-sig", errors="replace")
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return next((name for name, pattern in _TEXT if pattern.match(text)), None)
