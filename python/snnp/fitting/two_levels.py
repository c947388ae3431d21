"""Energies of some frames among frames like them that are higher by a constant for each atom than those of the others:
other settings of the calculation, or another state of electrons."""

import numpy as np

from snnp.data.review import some_places
from snnp.fitting.force_model import ForceModel

# Frames of a level: so many, and such a part of all.
_FEWEST, _PART = 4, 0.08
# The gap between levels by deviations inside of them, and in eV/atom: in seven published data sets up to 1.7.
_CLEAR, _LEAST = 4.0, 0.03
# Levels have nothing to do with structures if frames have their nearest ones in the other level so often, by how often
# they would have them by chance; energies of different phases are nothing that forces tell.
_MIXED, _NEAREST = 0.5, 3


def two_levels(model: ForceModel, members: np.ndarray, left: np.ndarray, beside: np.ndarray) -> str | None:
    """That energies of some frames are on another level, as a sentence's end; None: they are not.

    members: numbers of frames that are looked at; left: of their energies by what forces say, eV/atom; beside: what
    forces do not say, (members, columns), which is taken off.
    """
    least = max(_FEWEST, round(_PART * len(left)))
    if len(left) < 4 * least:
        return None
    y = without(left, beside)
    above = _split(y, least)[0]
    level = without(above.astype(float), beside)  # what the columns beside have not taken up of it
    offset = level @ y / max(level @ level, 1e-12)
    above, clear = _split(y + offset * (above - level), least)
    if clear < _CLEAR or not _mixed(_structures(model, members), above):
        return None
    few = above if above.sum() < len(left) / 2 else ~above
    places = some_places([model.frames[n] for n in members[few]])
    where = "above" if above is few else "below"
    return (
        f"energies of {few.sum()} of {len(left)} frames that were looked at ({places}) are "
        f"{abs(offset):.2g} eV/atom {where} those of frames alike, as forces say (other settings "
        "of the calculation, or another magnetic state?)"
    )


def _split(values: np.ndarray, least: int) -> tuple[np.ndarray, float]:
    """Which values are above the largest gap that leaves so many on both sides, (n,), and this gap by the deviations
    of both sides; 0: it is small."""
    order = np.argsort(values)
    gaps = np.diff(values[order])[least - 1 : len(values) - least]
    k = least + int(np.argmax(gaps))
    low, high = values[order[:k]], values[order[k:]]
    above = np.isin(np.arange(len(values)), order[k:])
    return above, float(gaps.max() / max(low.std(), high.std())) if gaps.max() > _LEAST else 0.0


def without(y: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """What is left of y, (frames,) or (frames, …), beside the columns, in its unit."""
    size = np.maximum(np.abs(columns).max(0), 1e-300)
    return y - columns / size @ np.linalg.lstsq(columns / size, y, rcond=1e-9)[0]


def _structures(model: ForceModel, members: np.ndarray) -> np.ndarray:
    """What tells structures from each other, (members, columns)."""
    X = model.derivatives[members] / model.atoms[members][:, None]
    spread = X.std(axis=0)
    return X[:, spread > 1e-6 * spread.max()] / spread[spread > 1e-6 * spread.max()]


def _mixed(structures: np.ndarray, above: np.ndarray) -> bool:
    distances = np.linalg.norm(structures[:, None] - structures[None], axis=-1)
    np.fill_diagonal(distances, np.inf)
    nearest = np.argsort(distances, axis=1)[:, :_NEAREST]
    part = above.mean()
    return bool((above[nearest] != above[:, None]).mean() > _MIXED * 2 * part * (1 - part))
