"""Which entries of structures are their labels: those of one family of names, one level of theory.

A family with energies and forces goes before one that lacks either; among those, see `snnp.data.names.family_rank`.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from snnp.data.entries import SAME, Structure, difference, listed
from snnp.data.frames import DataError
from snnp.data.names import KINDS, family_rank, parse, variant_rank

_TENSORS = {"stress", "virial"}
_CHOOSE = "data.energy_key, data.forces_key and data.stress_key or data.virial_key choose"


@dataclass(frozen=True)
class LabelKeys:
    """Names of entries that are to be taken as labels; None: found by what names say."""

    energy: str | None = None
    forces: str | None = None
    stress: str | None = None
    virial: str | None = None

    @staticmethod
    def parse(text: str) -> "LabelKeys":
        """From text like "energy=E_ccsd,forces=F_ccsd"; raises DataError for anything else."""
        keys = {}
        for part in text.split(",") if text else ():
            kind, _, key = (word.strip() for word in part.partition("="))
            if kind not in KINDS or not key:
                raise DataError(f"labels '{part}': expected energy=, forces=, stress= or virial= and a name")
            keys[kind] = key
        return LabelKeys(**keys)

    def given(self) -> dict[str, str]:
        """The names that are given, by kind."""
        return {kind: key for kind in KINDS if (key := getattr(self, kind)) is not None}


@dataclass
class Choice:
    """The labels of each structure, name and value by kind; why it has none; and sentences about the choice."""

    labels: list[dict[str, tuple[str, object]]]
    reasons: list[str]
    notes: list[str]


def choose(structures: Sequence[Structure], keys: LabelKeys) -> Choice:
    """The labels of structures.

    Raises DataError if a given name is nowhere, or if names do not tell which energies and forces belong together.
    """
    notes: list[str] = []
    given = keys.given()
    _check(given, structures)
    asked = next((name.family for kind in ("energy", "forces") if (name := parse(given.get(kind, "")))), None)
    families = _found(structures, notes) if asked is None else [asked]
    if "energy" not in given:
        for family in families:
            _order_energies([s for s in structures if s.has(family, "energy")], family, notes)
    foreign = _foreign(structures, families, notes)
    if asked is None:
        _say_what_is_not_used(structures, families, notes)
    labels, reasons = [], []
    for structure in structures:
        family = _family(structure, families)
        labels.append(_labels(structure, None if family in foreign else family, given))
        reasons.append(f"{_names([structure], family)}: another level of theory" if family in foreign else "no label")
    return Choice(labels, reasons, notes)


def _check(given: dict[str, str], structures: Sequence[Structure]) -> None:
    for kind, key in given.items():
        if structures and all(structure.find(key) is None for structure in structures):
            raise DataError(
                f"{structures[0].origin}: there is no {key}, which data.{kind}_key names; "
                f"there are {structures[0].all_names()}"
            )


def _family(structure: Structure, families: Sequence[str]) -> str | None:
    """The first family of which a structure has anything."""
    return next((family for family in families if family in structure.entries), None)


def _labels(structure: Structure, family: str | None, given: dict[str, str]) -> dict[str, tuple[str, object]]:
    labels = {kind: (key, value) for kind, key in given.items() if (value := structure.find(key)) is not None}
    for kind, entries in structure.entries.get(family, {}).items() if family is not None else ():
        if kind not in given and not (kind in _TENSORS and _TENSORS & set(given)):
            labels[kind] = entries[0].name.key, entries[0].value
    return labels


def _names(structures: Iterable[Structure], family: str, kind: str | None = None) -> str:
    """What the labels of a family are called."""
    names = {n for s in structures for n in s.names() if n.family == family and kind in (None, n.kind)}
    return listed(list(dict.fromkeys(n.key for n in sorted(names, key=lambda n: (KINDS.index(n.kind), n.key)))))


def _found(structures: Sequence[Structure], notes: list[str]) -> list[str]:
    """The families of labels, the ones to be taken first."""
    families = {name.family for structure in structures for name in structure.names() if name.is_label}
    complete = {family: sum(structure.complete(family) for structure in structures) for family in families}
    most = max(complete.values(), default=0)
    if most == 0:
        families = _joined(structures, families, notes)
    return sorted(families, key=lambda family: (2 * complete[family] < most, *family_rank(family)))


def _joined(structures: Sequence[Structure], families: set[str], notes: list[str]) -> set[str]:
    """Where no family has both energies and forces: those that have one of them made one family, if they are two."""
    energy, forces = ({f for f in families if any(s.has(f, kind) for s in structures)} for kind in ("energy", "forces"))
    if not energy or not forces or energy & forces:
        return families
    energies = listed([_names(structures, family, "energy") for family in sorted(energy)])
    others = listed([_names(structures, family, "forces") for family in sorted(forces)])
    if len(energy) > 1 or len(forces) > 1:
        raise DataError(
            f"{structures[0].origin}: which of the energies {energies} and the forces {others} belong together? "
            "expected data.energy_key and data.forces_key"
        )
    notes.append(f"{energies} and {others} are taken together, though their names differ; {_CHOOSE} others")
    (into,), (other,) = energy, forces
    for structure in structures:
        for kind, entries in structure.entries.pop(other, {}).items():
            structure.entries.setdefault(into, {}).setdefault(kind, entries)
    return families - {other}


def _order_energies(structures: Sequence[Structure], family: str, notes: list[str]) -> None:
    """Of several energies of one calculation, puts that first which all structures have and to which forces belong."""
    several = [(structure, structure.entries[family]["energy"]) for structure in structures]
    counts = Counter(variant for _, entries in several for variant in {entry.name.variant for entry in entries})
    order = sorted(counts, key=lambda variant: (counts[variant] < len(several), variant_rank(variant)))
    apart: dict[str, float] = {}
    for structure, entries in several:
        entries.sort(key=lambda entry: order.index(entry.name.variant))
        for entry in entries[1:]:
            d = difference(entries[0].value, entry.value) / len(structure.atoms)
            apart[entry.name.key] = max(apart.get(entry.name.key, 0.0), d)
    different = {key: d for key, d in apart.items() if d > SAME}
    if not different:
        return
    first = next(entries[0].name for _, entries in several if len(entries) > 1)
    why = ", the energy that forces belong to" if first.variant in ("free", "potential") else ""
    others = listed([f"{key} (up to {1000 * d:.3g} meV/atom away)" for key, d in different.items()])
    notes.append(f"energies are {first.key}{why}, not {others}; data.energy_key chooses")


def _foreign(structures: Sequence[Structure], families: Sequence[str], notes: list[str]) -> set[str]:
    """Families that are another level of theory than the first one, where some structures have nothing else.

    If labels of both are known and differ, these structures are of no use; else names differ, and a note says so.
    """
    used = Counter(family for structure in structures if (family := _family(structure, families)) is not None)
    families = [family for family in families if used[family]]
    foreign = {family for family in families[1:] if _apart(structures, families[0], family)}
    together = [family for family in families if family not in foreign]
    if len(together) > 1:
        parts = [f"{_names(structures, family)} in {used[family]}" for family in together]
        notes.append(f"labels are {'; '.join(parts)} frames, taken to be of one level of theory; {_CHOOSE} one of them")
    return foreign


def _apart(structures: Iterable[Structure], first: str, second: str) -> str:
    """How far labels of two families are apart, in words; "": they agree, or no structure has both."""
    apart = dict.fromkeys(KINDS, 0.0)
    for structure in structures:
        for kind in KINDS:
            if structure.has(first, kind) and structure.has(second, kind):
                a, b = (structure.entries[family][kind][0].value for family in (first, second))
                size = len(structure.atoms) if kind == "energy" else 1
                apart[kind] = max(apart[kind], difference(a, b) / size)
    units = {"energy": (1000.0, "meV/atom"), "forces": (1.0, "eV/Å"), "stress": (1.0, "eV/Å³"), "virial": (1.0, "eV")}
    parts = [f"{d * units[kind][0]:.3g} {units[kind][1]}" for kind, d in apart.items() if d > SAME]
    return " and ".join(parts)


def _say_what_is_not_used(structures: Sequence[Structure], families: Sequence[str], notes: list[str]) -> None:
    beside: dict[tuple[str, str], list[Structure]] = {}
    for structure in structures:
        first = _family(structure, families)
        for family in structure.entries:
            if family != first and family in families:
                beside.setdefault((first, family), []).append(structure)
    for (first, second), both in beside.items():
        apart = _apart(both, first, second)
        more = any(not s.has(first, kind) for s in both for kind in s.entries[second])
        if apart or more:
            why = f"different by up to {apart}" if apart else "of another family of names"
            notes.append(f"labels are {_names(both, first)}; not used: {_names(both, second)}, {why}; {_CHOOSE} others")
    predictions = sorted({name.key for structure in structures for name in structure.names() if name.is_prediction})
    if predictions:
        notes.append(f"{listed(predictions)}: predictions by their names, not used as labels")
    twice = sorted({key for structure in structures for key in structure.twice})
    if twice:
        notes.append(f"{listed(twice)}: two different values; those of the calculator are used, not those beside it")
