"""What a check finds: lines of the table, numbers for its figures, structures worth keeping."""

from dataclasses import asdict, dataclass, field
from enum import Enum

import numpy as np
from ase import Atoms


class Verdict(Enum):
    """What a line of the table means, the worst last; `INFO` where there is nothing to hold it against."""

    INFO = "info"
    PASS = "pass"
    WARN = "warn"
    FAIL = "fail"

    def __lt__(self, other: "Verdict") -> bool:
        order = list(Verdict)
        return order.index(self) < order.index(other)


@dataclass(frozen=True)
class Line:
    """One quantity. value and reference in `unit`; None: not known. sentence: why it does not pass, for the user."""

    quantity: str
    value: float | str | None
    unit: str = ""
    reference: float | str | None = None
    source: str = ""  # of the reference: "data, 12 frames", or the file
    verdict: Verdict = Verdict.INFO
    sentence: str = ""

    def as_dict(self) -> dict:
        """For JSON."""
        return {**asdict(self), "verdict": self.verdict.value}

    @classmethod
    def from_dict(cls, content: dict) -> "Line":
        """What `as_dict` gave."""
        return cls(**{**content, "verdict": Verdict(content["verdict"])})


@dataclass
class Outcome:
    """What one check says of one subject. data: for figures; of numbers, text, lists and dictionaries only."""

    lines: list[Line] = field(default_factory=list)
    data: dict = field(default_factory=dict)
    structures: list[Atoms] = field(default_factory=list)

    @property
    def verdict(self) -> Verdict:
        """The worst of the lines."""
        return max((line.verdict for line in self.lines), default=Verdict.INFO)


def compare(
    quantity: str,
    value: float,
    unit: str,
    reference: float | None,
    source: str,
    warn: float,
    fail: float,
    scale: float | None = None,
    error: float = 0.0,
) -> Line:
    """A line for a number that has a reference: warn and fail are the relative deviations from which these follow.

    scale: what deviations are relative to, in `unit`; by default the size of the reference. error: standard error of
    the reference; only what is off by more than twice as much counts.
    """
    if reference is None:
        return Line(quantity, value, unit)
    size = abs(reference) if scale is None else scale
    surely = max(abs(value - reference) - 2 * error, 0.0)
    deviation = surely / size if size else float(value != reference)
    if error:
        source = f"{source} ± {error:.2g} {unit}".rstrip()
    for limit, verdict in ((fail, Verdict.FAIL), (warn, Verdict.WARN)):
        if not deviation <= limit:
            off = 100 * abs(value - reference) / size if size else np.inf
            text = f"{quantity} is {value:.4g} {unit}, reference {reference:.4g} ({source}): off by {off:.0f} %"
            return Line(quantity, value, unit, reference, source, verdict, text)
    return Line(quantity, value, unit, reference, source, Verdict.PASS)
