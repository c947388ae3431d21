"""Forces of a frame that belong to its atoms in another order, as those say that a linear model predicts."""

import numpy as np
from scipy.optimize import linear_sum_assignment

from snnp.data.review import some_places
from snnp.fitting.force_model import ForceModel

_ATOMS = (4, 1000)  # of frames that are looked at
_SURE = 0.1  # eV/Å, root mean square of forces
# The part of the squares of forces that does not go with predictions: it is so large, and becomes smaller by such a
# factor in another order. In seven published data sets it becomes smaller by 2.9 at most.
_WRONG, _BETTER = 0.02, 4.0
# Frames, and the part of those in which as much is wrong: where forces are wrong for another reason, some order may do.
_FEWEST, _MOST_OF_THEM = 3, 0.5


def misordered(model: ForceModel) -> str | None:
    """That forces of some frames go with predictions in another order of atoms, as a sentence's end; None: they do not.

    Predictions may be too small, as the forces behind them may be wrong in part, too.
    """
    own, best = np.array([_disagreement(model, n) for n in range(len(model.frames))]).T
    found = np.flatnonzero((own > _WRONG) & (own > _BETTER * best))
    if len(found) < _FEWEST or len(found) < _MOST_OF_THEM * np.sum(own > np.median(own[found]) / 2):
        return None
    places = some_places([model.frames[n] for n in found])
    return (
        f"forces of {len(found)} of {len(model.frames)} frames that were looked at ({places}) are those of atoms in "
        "another order"
    )


def _disagreement(model: ForceModel, n: int) -> tuple[float, float]:
    """The part of the squares of forces of a frame that is not along predictions, and in the best order; 0: unknown."""
    f, p = model.forces[n].reshape(-1, 3), model.forces_of(n)
    if not _ATOMS[0] <= len(f) <= _ATOMS[1] or model.sizes[n] < _SURE or not p.any():
        return 0.0, 0.0
    products = f @ p.T
    size = np.linalg.norm(f) * np.linalg.norm(p)
    own = 1 - (max(np.trace(products), 0.0) / size) ** 2
    if own < _WRONG:
        return own, own
    return own, 1 - (products[linear_sum_assignment(products, maximize=True)].sum() / size) ** 2
