"""Pairs and triples of elements that the training data show rarely or never."""

from snnp.data.distances import Distances
from snnp.models.shape import unordered_pairs

# A triple is rare if it is seen around fewer atoms: its own angular functions would have about as many coefficients.
_RARE = 200
# A pair is seen at a distance only if it comes no closer than this, in parts of what the core allows.
_DISTANT = 1.15
_LISTED = 12


def rare_triples(distances: Distances) -> dict[str, int]:
    """Triples, written "centre(neighbour neighbour)", and around how many atoms they are seen, if these are few."""
    names, pairs = distances.elements, unordered_pairs(len(distances.elements))
    return {
        f"{names[a]}({names[b]} {names[c]})": int(count)
        for a, row in enumerate(distances.triples)
        for (b, c), count in zip(pairs, row, strict=True)
        if count < _RARE
    }


def distant_pairs(distances: Distances, like: bool) -> dict[str, float]:
    """Pairs that are never seen (NaN), or seen only at distances (Å) well beyond those at which the core begins.

    like: whether of two atoms of one element, or else of two elements.
    """
    names = distances.elements
    return {
        f"{names[a]}-{names[b]}": float(s)
        for (a, b), s, core in zip(unordered_pairs(len(names)), distances.shortest, distances.core_radii(), strict=True)
        if (a == b) == like and not s <= _DISTANT * core
    }


def listed(combinations: dict[str, float], unit: str) -> str:
    """The first of them, with their numbers, for the log: "Mo(Ta W) never, Mo-Ta 2.70 Å and 3 more"."""
    words = [f"{name} {'never' if not value > 0 else f'{value:.3g} {unit}'}" for name, value in combinations.items()]
    more = f" and {len(words) - _LISTED} more" if len(words) > _LISTED else ""
    return ", ".join(words[:_LISTED]) + more
