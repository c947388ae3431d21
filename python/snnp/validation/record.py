"""The record of a validation: a JSON file that grows with each piece of work, so that a stopped one goes on."""

import json
import math
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from ase import Atoms

from snnp import __version__
from snnp.files import read_text, write_text
from snnp.validation.outcome import Line, Outcome, Verdict

_MOST_BYTES = 500_000_000  # of a record that is read
FIRST = '{"snnp validate": '  # how a record begins


@dataclass(frozen=True)
class Item:
    """One check of one subject with one model."""

    check: str
    subject: str
    model: str


@dataclass
class Record:
    """All outcomes so far. identity: what was asked for, in every detail that could change an answer.

    path: of the file; None: it is kept in memory only.
    """

    identity: dict
    path: Path | None = None
    outcomes: dict[Item, Outcome] = field(default_factory=dict)
    seconds: dict[Item, float] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)  # what was not done, and why
    finished: bool = False

    def add(self, item: Item, outcome: Outcome, seconds: float) -> None:
        """Keeps an outcome, in the file as well."""
        self.outcomes[item], self.seconds[item] = outcome, seconds
        self.write()

    def of(self, model: str) -> dict[Item, Outcome]:
        """The outcomes of one model, in the order in which they came."""
        return {item: outcome for item, outcome in self.outcomes.items() if item.model == model}

    @property
    def model(self) -> str:
        """The model that the verdict is on; others are there to compare."""
        return self.identity["models"][0]

    @property
    def verdict(self) -> Verdict:
        """The worst verdict on the model."""
        return max((outcome.verdict for outcome in self.of(self.model).values()), default=Verdict.INFO)

    @property
    def counts(self) -> str:
        """How many quantities of the model got which verdict: "12 pass, 1 fail"."""
        found = Counter(line.verdict for outcome in self.of(self.model).values() for line in outcome.lines)
        return (
            ", ".join(f"{found[verdict]} {verdict.value}" for verdict in Verdict if found[verdict]) or "nothing checked"
        )

    @property
    def complaints(self) -> list[tuple[Verdict, str, str]]:
        """Verdict, subject and sentence of what fails or is to be warned of with the model, the worst first."""
        found = [
            (line.verdict, item.subject, line.sentence)
            for item, outcome in self.of(self.model).items()
            for line in outcome.lines
            if line.verdict in (Verdict.FAIL, Verdict.WARN)
        ]
        return sorted(found, key=lambda entry: entry[0], reverse=True)

    def write(self) -> None:
        """To the file, which is whole at any time."""
        if self.path is not None:
            write_text(self.path, json.dumps(self.as_dict(), indent=1, allow_nan=False) + "\n")

    def as_dict(self) -> dict:
        """For JSON. What is not finite is null."""
        items = [
            {
                "check": item.check,
                "subject": item.subject,
                "model": item.model,
                "verdict": outcome.verdict.value,
                "seconds": round(self.seconds[item], 2),
                "lines": [line.as_dict() for line in outcome.lines],
                "data": outcome.data,
                "structures": [_structure(atoms) for atoms in outcome.structures],
            }
            for item, outcome in self.outcomes.items()
        ]
        return plain(
            {
                "snnp validate": __version__,
                "verdict": self.verdict.value,
                "finished": self.finished,
                "identity": self.identity,
                "left_out": self.left_out,
                "items": items,
            }
        )

    @classmethod
    def read(cls, path: Path) -> "Record | None":
        """A record from its file; None: the file is not there, or is no record."""
        try:
            content = json.loads(read_text(path, _MOST_BYTES))
            record = cls(content["identity"], path, left_out=dict(content["left_out"]), finished=content["finished"])
            for entry in content["items"]:
                item = Item(entry["check"], entry["subject"], entry["model"])
                lines = [Line.from_dict(line) for line in entry["lines"]]
                structures = [_atoms(structure) for structure in entry["structures"]]
                record.outcomes[item] = Outcome(lines, entry["data"], structures)
                record.seconds[item] = float(entry["seconds"])
        except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError):
            return None
        return record


def plain(value):
    """Numbers, text, lists and dictionaries in place of NumPy's types; None in place of NaN and infinity."""
    if isinstance(value, dict):
        return {str(name): plain(item) for name, item in value.items()}
    if isinstance(value, np.ndarray):
        return plain(value.tolist())
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, np.generic):
        return plain(value.item())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def _structure(atoms: Atoms) -> dict:
    return {
        "symbols": atoms.get_chemical_symbols(),
        "positions": atoms.positions,
        "cell": atoms.cell.array,
        "pbc": atoms.pbc,
        "info": {name: value for name, value in atoms.info.items() if isinstance(value, str | int | float)},
    }


def _atoms(content: dict) -> Atoms:
    atoms = Atoms(content["symbols"], content["positions"], cell=content["cell"], pbc=content["pbc"])
    atoms.info.update(content["info"])
    return atoms
