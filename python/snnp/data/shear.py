"""The order of shear stresses in labels: ASE has yz xz xy, other programs have others, and files mix them up."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import permutations

import numpy as np

from snnp.data.frames import DataError, Frame

SHEAR = ("yz", "xz", "xy")  # ASE's order of the off-diagonal components
Order = tuple[str, ...]

# A set of labels is taken to be in another order if that brings it so many times closer to what a model predicts.
_CLEARLY = 2.0
_ENOUGH_FRAMES = 5


def parse_shear_order(text: str) -> Order:
    """The order of shear components from text like "xz yz xy"; raises DataError if it is none."""
    order = tuple(text.split())
    if sorted(order) != sorted(SHEAR):
        raise DataError(f"shear order '{text}': expected yz, xz and xy in some order")
    return order


def reorder_shear(stress: np.ndarray, order: Order) -> np.ndarray:
    """Stresses (…, 6), in any unit, whose last three components are in `order`, in ASE's order."""
    return stress[..., [0, 1, 2, *(3 + order.index(name) for name in SHEAR)]]


def with_shear_orders(frames: Sequence[Frame], orders: dict[str, Order]) -> list[Frame]:
    """The frames with stresses in ASE's order; `orders`: what order the labels of a group of frames are in."""

    def reordered(frame: Frame) -> Frame:
        order = orders.get(frame.group, SHEAR)
        return frame if frame.stress is None else replace(frame, stress=reorder_shear(frame.stress, order))

    return [reordered(frame) for frame in frames]


@dataclass
class ShearOrders:
    """The order of shear labels of each group of frames, and a sentence for each that is not ASE's."""

    orders: dict[str, Order]
    notes: list[str]


def detect_shear_orders(found: np.ndarray, labels: np.ndarray, groups: np.ndarray) -> ShearOrders:
    """In what order shear labels agree with predictions, both (n, 6), GPa, by group (n,).

    Labels in the order of another program (VASP's is xy yz xz) are a common mistake, and one that a fit cannot mend: no
    potential reproduces them. A group for which no order is clearly right goes with most of the others.
    """
    known = ~np.isnan(labels).any(1)  # a stress that is known in part says little about an order
    found, labels, groups = found[known], labels[known], groups[known]
    result, unclear, votes = ShearOrders({}, []), [], Counter({SHEAR: 0})
    for group in sorted(set(groups.tolist())):
        here = groups == group
        errors = {
            order: float(np.abs((found[here] - reorder_shear(labels[here], order))[:, 3:]).mean())
            for order in permutations(SHEAR)
        }
        best, second = sorted(errors, key=errors.__getitem__)[:2]
        if here.sum() < _ENOUGH_FRAMES or errors[second] < _CLEARLY * errors[best]:
            unclear.append(group)
            continue
        result.orders[group] = best
        votes[best] += int(here.sum())
        if best != SHEAR:
            result.notes.append(
                f"note: shear stresses of {group} are labelled in the order {' '.join(best)}, not yz xz xy: this is "
                f"what they agree with ({errors[best]:.3g} instead of {errors[SHEAR]:.3g} GPa mean difference), and "
                "how they are used"
            )
    most = votes.most_common(1)[0][0]
    result.orders.update(dict.fromkeys(unclear, most))
    if unclear and most != SHEAR:
        result.notes.append(f"note: shear stresses of {', '.join(unclear)} are taken to be in the same order")
    return result
