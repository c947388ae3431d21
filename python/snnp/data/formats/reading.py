"""How files are read: what the user says about them."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from ase.data import atomic_numbers

from snnp.data.families import LabelKeys
from snnp.data.formats.units import Units, parse_units
from snnp.data.frames import DataError


@dataclass(frozen=True)
class Reading:
    """What is known of files beside their content; what is left out is told from them."""

    format: str | None = None
    """The name of the format: one of `FORMATS` or ASE's."""
    units: Units | None = None
    """Of files whose format has no units of its own, or that keep to others."""
    elements: list[str] = field(default_factory=list)
    """Chemical symbols of types that are numbers."""
    labels: LabelKeys = field(default_factory=LabelKeys)
    """What labels are called."""

    @staticmethod
    def of(
        format: str | None = None,
        units: str | dict | None = None,
        elements: Sequence[str] = (),
        labels: LabelKeys | None = None,
    ) -> "Reading":
        """From values as in a configuration; raises DataError for units or elements that do not exist."""
        unknown = [symbol for symbol in elements if symbol not in atomic_numbers]
        if unknown:
            raise DataError(f"elements: '{unknown[0]}' is no chemical symbol")
        return Reading(format or None, parse_units(units) if units else None, list(elements), labels or LabelKeys())
