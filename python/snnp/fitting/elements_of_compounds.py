"""Energies of isolated atoms of elements that the data show in compounds only.

How far the energy of an element lies below that of the isolated atom is then an extrapolation to no neighbours, which
may leave no compound bound. It is known better from elsewhere: least squares over compositions tell what compounds
leave for the element, and the crystal of the element, which is about as low, is below the isolated atom by the cohesive
energy.
"""

from collections.abc import Collection, Sequence

import numpy as np

from snnp.data import Frame
from snnp.data.cohesive import COHESIVE
from snnp.fitting.ground_states import LEAST, energy_of, lowest_frames


def isolated_energies(frames: Sequence[Frame], elements: Sequence[str], known: Collection[str]) -> dict[str, float]:
    """Of elements that are in no frame alone, or in so few that these may be mistakes, and are not known, eV.

    Nothing, if compositions tell only sums over elements: frames of others would contradict any way to share these.
    """
    lowest = lowest_frames(frames, elements, LEAST)
    compositions = np.array(list(lowest)).reshape(-1, len(elements))
    if len(elements) < 2 or np.linalg.matrix_rank(compositions) < len(elements):
        return {}
    alone = {elements[np.argmax(x)] for x in lowest if max(x) == 1}
    left = np.linalg.lstsq(compositions, np.array([energy_of(frame) for frame in lowest.values()]), rcond=None)[0]
    return {
        symbol: round(float(energy) + COHESIVE[symbol], 3)
        for symbol, energy in zip(elements, left, strict=True)
        if symbol not in alone and symbol not in known and symbol in COHESIVE
    }
