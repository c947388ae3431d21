"""What a potential is held against: values from the data, or from the user's file; nothing is typed in from memory."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Reference:
    """A value in the unit of the quantity, and where it is from."""

    value: float
    source: str


@dataclass
class References:
    """Reference values by subject (a crystal, a pair of elements) and quantity."""

    values: dict[str, dict[str, Reference]] = field(default_factory=dict)
    curves: dict[str, dict[str, dict]] = field(default_factory=dict)  # for figures: subject, name, arrays as lists

    def get(self, subject: str, quantity: str) -> Reference | None:
        """None: not known."""
        return self.values.get(subject, {}).get(quantity)

    @property
    def identity(self) -> dict:
        """Equal for equal references."""
        return {
            subject: {name: [reference.value, reference.source] for name, reference in quantities.items()}
            for subject, quantities in self.values.items()
        }
