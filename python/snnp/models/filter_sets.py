"""Files of filters that come with snnp, and are known by name: NAME stands for NAME.filters.snnp."""

import re
from pathlib import Path

from snnp import _core

_ENDING = ".filters.snnp"


def set_names() -> list[str]:
    """The names that there are."""
    return sorted(path.name.removesuffix(_ENDING) for path in _folder().glob(f"*{_ENDING}"))


def is_set(given: Path) -> bool:
    """Whether a path is a name of filters that come with snnp."""
    return str(given) in set_names()


def filters_path(given: Path) -> Path:
    """The file that a name stands for; other paths stand for themselves."""
    return _folder() / f"{given}{_ENDING}" if is_set(given) else given


def named_path(given: Path) -> Path:
    """As `filters_path`; raises snnp.Error with one sentence for a word that is neither a file nor a name."""
    path = filters_path(given)
    if re.fullmatch(r"[\w-]+", str(path)) and not path.exists():
        raise _core.Error(f"{given}: no such file: expected {what_there_is()}")
    return path


def what_there_is() -> str:
    """What a file or a name may be, for sentences."""
    return f"a potential, a file of filters, or the name of filters that come with snnp ({', '.join(set_names())})"


def _folder() -> Path:
    """That of the checkout that this file is in, else of the installed package."""
    checkout = Path(__file__).resolve().parents[3]
    if (checkout / "CMakeLists.txt").is_file():
        return checkout / "potentials"
    return Path(__file__).resolve().parents[1] / "filters"
