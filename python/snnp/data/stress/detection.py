"""Which convention stress labels follow, and which of them contradict the energies and forces of the same frames.

The convention is ASE's unless another one agrees at least twice as well with what energies and forces say. This is
asked first of all frames together, then of each group of frames, of each file, and of each group in each file: what a
small group cannot tell goes with the others.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from itertools import product

import numpy as np
from ase.units import GPa

from snnp.data.frames import Frame
from snnp.data.sources import source
from snnp.data.stress.convention import ASE, ORDERS, UNITS, Convention, Conventions
from snnp.data.stress.evidence import Evidence, Predicted
from snnp.data.stress.work import StrainWork, strain_work
from snnp.data.unit_factors import ENERGIES, units_near

_HUGE = 1e100  # squares of larger labels overflow
_CLEARLY = 2.0  # so many times smaller an error makes a convention the better one
_VETO = 0.3  # predictions may not be so much further away by what pairs of strained cells say
_WORST = 2.0  # relative errors count as this at most: one group does not decide for all
_ENOUGH = 5  # frames, or pairs of them
# Labels contradict energies and forces if this part of the pairs of strained cells has relative errors beyond one half,
_PAIRS = 0.1
# or if predictions differ from them by so many times their uncertainty (that of coefficients alone: errors of the model
# itself made that 18 times for surfaces, in the data of five publications),
_CERTAIN = 30.0
# and they agree no better than zeros do, or agree well after multiplication with a factor far from 1.
_NOTHING, _SCALED, _FACTOR = 0.95, 0.3, 2.5
_LIKE_OTHERS = "as in other files"


@dataclass
class Unit:
    """The frames of one group in one file, and what says how their stresses are meant."""

    file: str
    group: str
    frames: int
    predicted: Predicted
    work: StrainWork | None
    convention: Convention = ASE
    contradicts: str | None = None
    """How its stresses contradict its energies and forces."""

    @property
    def name(self) -> str:
        """As in `data.stress_convention`."""
        return f"{self.file}:{self.group}"


@dataclass
class StressLabels:
    """The convention of each group of frames, and a sentence for each that is not ASE's; None: left out."""

    conventions: Conventions = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def units(
    frames: Sequence[Frame], sampled: Sequence[Frame], stresses: np.ndarray, uncertainties: np.ndarray | None = None
) -> list[Unit]:
    """The frames by file and group.

    stresses (sampled, 6), uncertainties (sampled,): what is predicted for a sample of them, and how surely; eV/Å³.
    """
    found = []
    for file, group in sorted({source(frame) for frame in sampled}):
        here = [n for n, frame in enumerate(sampled) if source(frame) == (file, group)]
        members = [frame for frame in frames if source(frame) == (file, group)]
        labels = np.clip([sampled[n].stress for n in here], -_HUGE, _HUGE)
        volumes = np.array([sampled[n].atoms.get_volume() for n in here])
        predicted = Predicted(stresses[here], labels, volumes)
        if uncertainties is not None:
            predicted.uncertainty = float(uncertainties[here].mean())
        found.append(Unit(file, group, len(members), predicted, strain_work(members)))
    return found


def detect(units: Sequence[Unit], judge: str = "energies and forces") -> StressLabels:
    """The conventions by which stress labels agree best with predictions; judge: where these come from, for notes."""
    for unit in units:
        unit.convention = ASE
    for level in _levels(units):
        _choose(level, [(sign, unit) for sign, unit in product((1, -1), UNITS)], _with_scale, _error)
    for level in _levels(units):
        _choose(level, ORDERS, lambda c, order: replace(c, order=order), lambda e, c: e.shear_error(c))
    reasons = {unit.name: _contradiction(unit) for unit in units}
    bad = {unit.group for unit in units if reasons[unit.name]}
    for unit in units:
        few = unit.frames < _ENOUGH and unit.group in bad
        unit.contradicts = reasons[unit.name] or (_LIKE_OTHERS if few else None)
    return _findings(units, judge)


def _levels(units: Sequence[Unit]) -> Iterable[list[Unit]]:
    """All, those of each group, those of each file, each alone."""
    yield list(units)
    for key in (lambda u: u.group, lambda u: u.file, lambda u: u.name):
        for value in sorted({key(unit) for unit in units}):
            yield [unit for unit in units if key(unit) == value]


def _with_scale(convention: Convention, scale: tuple[int, str]) -> Convention:
    return replace(convention, sign=scale[0], unit=scale[1])


def _error(evidence: Evidence, convention: Convention) -> float:
    """The error by the order that suits best."""
    return min(evidence.error(replace(convention, order=order)) for order in ORDERS)


def _choose(level: list[Unit], candidates: Sequence, change: Callable, error: Callable) -> None:
    """Gives the units another convention if it is clearly better than the one that they have."""
    frames = np.array([unit.frames for unit in level])
    if frames.sum() < _ENOUGH:
        return

    def mean(evidence: Callable[[Unit], Evidence], error: Callable, candidate=None) -> float:
        conventions = [unit.convention if candidate is None else change(unit.convention, candidate) for unit in level]
        errors = [min(error(evidence(u), c), _WORST) for u, c in zip(level, conventions, strict=True)]
        return float(frames @ errors) / frames.sum()

    best = min(candidates, key=lambda candidate: mean(_best_evidence, error, candidate))
    found = mean(_best_evidence, error, best)
    explained = float(frames @ [_best_evidence(unit).explained for unit in level]) / frames.sum()
    if found > explained or mean(_best_evidence, error) < _CLEARLY * found:
        return
    if mean(_predicted, _error, best) > mean(_predicted, _error) + _VETO:
        return
    for unit in level:
        unit.convention = change(unit.convention, best)


def _predicted(unit: Unit) -> Evidence:
    return unit.predicted


def _best_evidence(unit: Unit) -> Evidence:
    """Pairs of strained cells, which need no model, before predictions."""
    return unit.work if unit.work is not None and len(unit.work.pairs) >= _ENOUGH else unit.predicted


# -- what is said -----------------------------------------------------------------------------------------------------


# How far what energies and forces in another unit than eV say of stresses in eV/Å³ may be from the factor of the unit.
_ALIKE = 1.1


def _contradiction(unit: Unit) -> str | None:
    """How the stresses of a group contradict its energies and forces by the best convention; None: they do not."""
    if unit.work is not None and (reason := _contradicting_pairs(unit.work, unit.convention)):
        return reason
    predicted = unit.predicted
    difference = predicted.difference(unit.convention)
    if len(predicted.labels) < _ENOUGH or difference * GPa < _CERTAIN * predicted.uncertainty:
        return None
    factor, left = predicted.scale(unit.convention)
    if left < _SCALED and not 1 / _FACTOR < factor < _FACTOR:
        names = units_near(ENERGIES, 1 / factor, _ALIKE)
        why = f", as in {names[0]} they would (data.units)" if names else ""
        return f"these say {factor:.3g} times as much{why}; mean difference {difference:.3g} GPa"
    return f"mean difference {difference:.3g} GPa" if predicted.error(unit.convention) > _NOTHING else None


def _contradicting_pairs(work: StrainWork, convention: Convention) -> str | None:
    telling = work.telling(convention)
    bad = telling & (work.errors(convention) > 0.5)
    if bad.sum() < max(_ENOUGH, _PAIRS * telling.sum()):
        return None
    expected = work.work(convention)
    worst = int(np.argmax(np.abs(work.changes - expected) * bad))
    a, b = (frame.origin.rpartition(":")[2] for frame in work.pairs[worst])
    sheared = ", all of them sheared," if work.sheared[bad].all() else ""
    return (
        f"{bad.sum()} of {telling.sum()} pairs of strained cells{sheared} differ in energy by something else than the "
        f"work of their stresses, {a} and {b} by {1000 * work.changes[worst]:.2g} instead of "
        f"{1000 * expected[worst]:.2g} meV"
    )


def _findings(units: Sequence[Unit], judge: str) -> StressLabels:
    conventions = _by_group(units)
    result = StressLabels(conventions)
    for convention in dict.fromkeys(unit.convention for unit in units):
        same = [unit for unit in units if unit.convention == convention and not unit.contradicts]
        if same and convention != ASE:
            result.notes.append(_note(_names(same, conventions), convention, same, judge))
    for unit in units:
        if unit.contradicts and not (unit.contradicts == _LIKE_OTHERS and unit.group in conventions):
            result.notes.append(
                f"stresses of {_names([unit], conventions)} contradict energies and forces by every known convention "
                f"({unit.contradicts}): they are left out; stress_convention of these data overrides this"
            )
    return result


def _by_group(units: Sequence[Unit]) -> Conventions:
    """The conventions, with one entry for groups that have the same in all files."""
    result: Conventions = {}
    for group in dict.fromkeys(unit.group for unit in units):
        found = {unit.name: None if unit.contradicts else unit.convention for unit in units if unit.group == group}
        result |= found if len(set(found.values())) > 1 else {group: next(iter(found.values()))}
    return result


def _names(units: Sequence[Unit], conventions: Conventions) -> str:
    names = [unit.group if unit.group in conventions else f"{unit.group} in {unit.file}" for unit in units]
    return ", ".join(dict.fromkeys(names))


def _note(names: str, convention: Convention, units: Sequence[Unit], judge: str) -> str:
    only_order = replace(convention, order=ASE.order) == ASE and convention.order[:3] == ASE.order[:3]
    frames = np.array([unit.frames for unit in units])
    now, then = (
        float(frames @ [unit.predicted.difference(c, only_order) for unit in units]) / frames.sum()
        for c in (convention, ASE)
    )
    what = "shear stresses" if only_order else "stresses"
    return (
        f"{what} of {names} are labelled {convention}: this is what agrees with {judge} (mean difference {now:.3g} GPa "
        f"instead of {then:.3g}), and how they are used; stress_convention of these data overrides this"
    )
