"""What invariants of third order add to a fit: a linear part of them, trained together with filters and network.

    python benchmarks/four_body.py DATA [--elements Li Cu Si Mo] [--variants none both …] [--steps 3000] [--store]

DATA holds mlearn/{Li,Cu,Si,Mo}_train.xyz.gz. E = E_filters,network + Σ_i c·B_i with the invariants B of `invariants.py`
and numbers c of the element. 15 % of the frames, those of benchmarks/accuracy.py with seed 0, take no part in a fit:
errors are of these; no test set is read. Labels, start, optimiser and schedule are those of a default fit with so many
steps, but without bounds. Each fit is on one thread and adds a row to the table. --store: also to
docs/results/four_body.json, which the table of docs/accurate.md is written from by
`python benchmarks/results.py pages`.
"""

import argparse
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from unittest.mock import patch

import numpy as np
import torch
from numpy import ndarray
from torch import nn

from accuracy import FILES, HELD_OUT
from invariants import Coupling, Radial, of_structure
from records import ENERGY, FORCE, RESULTS, ROOT, load, rounded, store
from snnp import config
from snnp.console import Log
from snnp.data import read, split
from snnp.data.batch import LabelledStructure, Weights
from snnp.fitting.decay import fading
from snnp.fitting.linear_start import linear_start
from snnp.fitting.loss import Batch, Loss, make_batch
from snnp.fitting.minibatch import Optimizer, Schedule
from snnp.fitting.run import run
from snnp.fitting.task import Task
from snnp.kinds.snnp import Snnp
from snnp.models.network import Model

# Cutoffs of f, as default fits choose them, and of φ and ρ, for twice as many neighbours; about the shortest distance
# between atoms, r_0. Å.
LENGTHS = {"Li": (5.6, 7.1, 3.0), "Cu": (4.4, 5.1, 2.5), "Si": (4.7, 6.3, 2.35), "Mo": (4.6, 5.4, 2.7)}
# l l' l'': of sums over pairs of neighbours; of how three neighbours lie to each other; more of these.
PRODUCTS = [(0, degree, degree) for degree in range(4)]
FOUR_BODY = [(1, 1, 2), (2, 2, 2), (1, 2, 3), (2, 3, 3)]
HIGHER = [(2, 2, 4), (1, 3, 4), (3, 3, 4), (2, 4, 4), (4, 4, 4)]
# By variant, couplings with the number of their radial functions.
VARIANTS = {
    "none": {},
    "products": dict.fromkeys(PRODUCTS, 3),
    "four-body": dict.fromkeys(FOUR_BODY, 3),
    "both": dict.fromkeys(PRODUCTS + FOUR_BODY, 3),
    "more": dict.fromkeys(PRODUCTS + FOUR_BODY, 4) | dict.fromkeys(HIGHER, 3),
}
RIDGE = 1e-7  # of least squares, relative to the mean square of each invariant


# -- the linear part ----------------------------------------------------------------------------------------------

# Derivatives by coefficients of energies (structures, K), forces (3 atoms, K) and virials (9 structures, K).
Rows = tuple[ndarray, ndarray, ndarray]


class LinearPart:
    """Rows of frames, which are found again by their labels: batches of a fit know nothing of frames."""

    def __init__(self, rows: dict[tuple[float, bytes], Rows]):
        self._rows = rows

    @staticmethod
    def of(frames: Sequence[LabelledStructure], radial: Radial, couplings: Sequence[Coupling]) -> "LinearPart":
        """Those of invariants themselves."""
        found = {}
        for structure, labels in frames:
            (key,) = _keys(make_batch([(structure, labels)]))
            energies, forces, virials = of_structure(structure, radial, couplings)
            found[key] = energies[None], forces, virials
        return LinearPart(found)

    def changed(self, matrix: ndarray) -> "LinearPart":
        """In other coefficients, of which c are matrix (K, others) times them."""
        return LinearPart({key: tuple(rows @ matrix for rows in frame) for key, frame in self._rows.items()})

    @property
    def numbers(self) -> int:
        """K."""
        energies, *_ = next(iter(self._rows.values()))
        return energies.shape[1]

    def rows(self, batch: Batch) -> Rows:
        """Of all structures of a batch."""
        frames = [self._rows[key] for key in _keys(batch)]
        return tuple(np.concatenate(rows) for rows in zip(*frames, strict=True))


def _keys(batch: Batch) -> list[tuple[float, bytes]]:
    forces = np.split(batch.forces, np.cumsum(batch.counts.astype(int))[:-1])
    return [(float(energy), each.tobytes()) for energy, each in zip(batch.energies, forces, strict=True)]


def label_scales(batch: Batch, weights: Weights, unit: float, whole: tuple[int, int] | None = None) -> list[ndarray]:
    """s of energies (structures,), forces (atoms, 3) and virials (structures, 3, 3): the loss is Σ s² (ΔE, ΔF, ΔW)².

    It is that of `snnp.data.batch.Weights` over unit². whole: structures and atoms of a larger batch, of which this is
    a part.
    """
    structures, atoms = whole or (batch.structures.n_structures, len(batch.structures))
    energy, force, virial = (getattr(batch, f"{name}_weights") for name in ("energy", "force", "virial"))
    squares = (
        weights.energy * energy / structures / batch.counts**2,
        weights.force * force / (3 * atoms),
        weights.stress * virial / (9 * structures) / batch.counts[:, None, None] ** 2,
    )
    return [np.sqrt(each) / unit for each in squares]


class ModelWithInvariants(Model):
    """Filters and network as they are in another model, and coefficients of a linear part as one more block."""

    def __init__(self, start: Model, coefficients: ndarray):
        super().__init__(start.shape, start.fixed_e0, start.unit)
        self.load_state_dict(start.state_dict())
        self.of_invariants = nn.Parameter(torch.from_numpy(coefficients))

    def blocks(self) -> list[dict]:
        """As of `Model`."""
        own = [{"params": [self.of_invariants]}] if self.of_invariants.numel() else []
        return [*super().blocks(), *own]


class LossWithInvariants(Loss):
    """Loss of a model with a linear part beside it, and the gradient by the parameters of both.

    part: in the units of the coefficients of the model, (K,), eV.
    """

    def __init__(self, model: ModelWithInvariants, weights: Weights, threads: int, part: LinearPart):
        super().__init__(model, weights, model.unit, threads, single=True)
        self.part, self.coefficients = part, model.of_invariants

    def sums(self, batches: Sequence[Batch]) -> ndarray:
        """As of `Loss`: what the linear part explains is taken off the labels."""
        return super().sums(self._left(batch, self.part.rows(batch)) for batch in batches)

    def backward(self, batch: Batch, whole: tuple[int, int] | None = None) -> float:
        """Adds the gradient to the parameters' `.grad`; returns the loss."""
        s, rows = batch.structures, self.part.rows(batch)
        A, *errors = self.errors(self._left(batch, rows))
        scales = label_scales(batch, self.weights, self.unit, whole)
        dE, dF, dW = (2 * scale**2 * error for scale, error in zip(scales, errors, strict=True))
        dW = (dW + dW.swapaxes(1, 2)) / 2
        self._add(sum(d.ravel() @ each for d, each in zip((dE, dF, dW), rows, strict=True)))
        # As in `Loss`: the part of the gradient that goes through forces and virials is a derivative along a movement.
        Gd = self.trainer.tangent(-dF, -dW)
        self.tables.backward(*self.trainer.parameters(A, self.embedding.backward(dE[s.structure], Gd)))
        return float(sum((scale**2 * error**2).sum() for scale, error in zip(scales, errors, strict=True)))

    def errors(self, batch: Batch) -> tuple[ndarray, ndarray, ndarray, ndarray]:
        """∂E/∂G (atoms, 1 + n2 + n3), and of filters and network alone ΔE, ΔF and ΔW, shaped as the labels."""
        self.trainer.set(*self.tables.pieces())
        s = batch.structures
        energies, A = self.embedding.values(self.trainer.values(s, self.threads, self.single), s, self.threads)
        F, W = self.trainer.forces(A)
        E = np.bincount(s.structure, energies, s.n_structures)
        return A, E - batch.energies, F - batch.forces, (W + W.swapaxes(1, 2)) / 2 - batch.virials

    def _left(self, batch: Batch, rows: Rows) -> Batch:
        explained = [each @ self.coefficients.detach().numpy() for each in rows]
        labels = {name: getattr(batch, name) for name in ("energies", "forces", "virials")}
        values = zip(labels.items(), explained, strict=True)
        return replace(batch, **{name: label - each.reshape(label.shape) for (name, label), each in values})

    def _add(self, gradient: ndarray) -> None:
        found = torch.from_numpy(np.asarray(gradient, dtype=float))
        self.coefficients.grad = found if self.coefficients.grad is None else self.coefficients.grad + found


def started(loss: LossWithInvariants, batches: Sequence[Batch]) -> tuple[ndarray, ndarray]:
    """Least squares for what filters and network leave: c = T y, with T (K, K) such that the loss is round in y (K,).

    batches: of one frame each.
    """
    whole = len(batches), sum(len(batch.structures) for batch in batches)
    count = loss.coefficients.numel()
    squares, right = np.zeros((count, count)), np.zeros(count)
    for batch in batches:
        _, *errors = loss.errors(batch)
        scales = label_scales(batch, loss.weights, loss.unit, whole)
        for scale, error, rows in zip(scales, errors, loss.part.rows(batch), strict=True):
            scaled = scale.reshape(-1, 1) * rows
            squares += scaled.T @ scaled
            right -= scaled.T @ (scale * error).ravel()
    size = np.sqrt(np.diag(squares))
    values, axes = np.linalg.eigh(squares / size / size[:, None])
    T = axes / np.sqrt(values.clip(0) + RIDGE) / size[:, None]
    return T, T.T @ right


# -- fits ---------------------------------------------------------------------------------------------------------


class _Begun(Exception):
    """Not an error: a fit has all that it needs."""


def task_of(folder: Path, element: str, steps: int) -> Task:
    """What `snnp-fit` hands to the fit of a network: labels are checked, and frames are divided."""
    three_body_cutoff, pair_cutoff, _ = LENGTHS[element]
    data = read([folder / FILES[element][0]])
    train, held_out = split(data.frames, HELD_OUT, 1000)
    settings = {
        "training.seed": 0,
        "training.threads": 1,
        "training.steps": steps,
        "validate": "off",
        "model.bounds": False,
        "model.three_body_cutoff": three_body_cutoff,
        "model.pair_cutoff": pair_cutoff,
        "data.energy_offsets": "keep",
    }

    def begin(kind: Snnp, task: Task) -> None:
        raise _Begun(task)

    with patch.object(Snnp, "fit", begin):
        try:
            sets = {"train": replace(data, frames=train), "test": replace(data, frames=held_out)}
            run(config.read(None, settings), Log(quiet=True), data=sets)
        except _Begun as begun:
            return begun.args[0]
    raise AssertionError("a fit that has no beginning")


@dataclass
class Element:
    """All that fits of one element share. every: the couplings whose invariants the rows of `part` are of."""

    task: Task
    start: Model
    every: list[Coupling]
    part: LinearPart
    sets: dict[str, list[Batch]]

    @staticmethod
    def of(folder: Path, element: str, steps: int, variants: Sequence[str]) -> "Element":
        """With the invariants of some variants, which takes up to some minutes."""
        task = task_of(folder, element, steps)
        torch.manual_seed(0)
        start = Model(task.shape, task.e0)
        linear_start(start, *task.dealt(), task.weights, task.threads, seed=0)
        needed = {(0, 0, 0): 1}
        for variant in variants:
            needed |= {degrees: max(n, needed.get(degrees, 0)) for degrees, n in VARIANTS[variant].items()}
        every = [Coupling.of(degrees, n) for degrees, n in needed.items()]
        frames = {name: task.prepared(name) for name in ("train", "validation", "test")}
        cutoff, _, length = LENGTHS[element]
        part = LinearPart.of(list(chain(*frames.values())), Radial(max(needed.values()), cutoff, length), every)
        sets = {name: [make_batch([frame]) for frame in each] for name, each in frames.items()}
        return Element(task, start, every, part, sets)

    def fitted(self, variant: str) -> dict:
        """Errors of one fit, meV/atom and eV/Å, and losses relative to the linear model that fits begin with."""
        begun = time.process_time()
        loss = self._started(self._part(variant))
        self._train(loss)
        of_training, _ = loss.of_sums(loss.sums(self.sets["train"]))
        held_out, errors = loss.of_sums(loss.sums(self.sets["test"]))
        return {
            "numbers": loss.coefficients.numel(),
            ENERGY: float(errors.energy),
            FORCE: float(errors.force),
            "held_out_loss": held_out,
            "training_loss": of_training,
            "cpu_seconds": time.process_time() - begun,
        }

    def _part(self, variant: str) -> LinearPart:
        """That of the invariants of a variant."""
        counts = VARIANTS[variant]
        chosen = np.concatenate([each.functions.max(axis=1) < counts.get(each.degrees, 0) for each in self.every])
        return self.part.changed(np.eye(len(chosen))[:, chosen])

    def _started(self, part: LinearPart) -> LossWithInvariants:
        """At least squares, in coefficients in which the loss is round."""
        before = self._loss(part, np.zeros(part.numbers))
        T, y = started(before, self.sets["train"])
        return self._loss(part.changed(T), y)

    def _loss(self, part: LinearPart, coefficients: ndarray) -> LossWithInvariants:
        model = ModelWithInvariants(self.start, coefficients)
        return LossWithInvariants(model, self.task.weights, self.task.threads, part)

    def _train(self, loss: LossWithInvariants) -> None:
        """As `snnp.fitting.network.fit_network` does it without bounds and other priors."""
        training, section = self.task.config.training, self.task.config.model
        known, held_out = self.task.dealt()
        smoothing = training.smoothing * fading(loss.unit, int(known.atoms.sum()))
        schedule = Schedule.of(training, smoothing, training.refit * self.task.refits, section.network_bound)
        optimizer = Optimizer(loss.model, loss, schedule, known, held_out)
        optimizer.run(lambda record: None, lambda step: None, lambda: False)
        optimizer.use_best()


def main() -> None:
    """Prints a table, row by row."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", metavar="DATA", type=Path)
    parser.add_argument("--elements", nargs="+", choices=LENGTHS, default=list(LENGTHS))
    parser.add_argument("--variants", nargs="+", choices=VARIANTS, default=list(VARIANTS))
    parser.add_argument("--steps", type=int, default=3000, help="of each fit")
    parser.add_argument("--store", action="store_true", help="also in docs/results/four_body.json")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    print("| | beside filters and network | numbers | energy, meV/atom | force, eV/Å | loss | CPU, s |")
    print("|---|---|---|---|---|---|---|", flush=True)
    for name in arguments.elements:
        element = Element.of(arguments.folder, name, arguments.steps, arguments.variants)
        for variant in arguments.variants:
            found = element.fitted(variant)
            cells = (name, variant, found["numbers"], f"{found[ENERGY]:.3f}", f"{found[FORCE]:.4f}")
            losses = f"{found['held_out_loss']:.3f}", f"{found['cpu_seconds']:.0f}"
            print(f"| {' | '.join(map(str, (*cells, *losses)))} |", flush=True)
            if arguments.store:
                keep(name, variant, arguments.steps, found)


def keep(element: str, variant: str, steps: int, found: dict) -> None:
    """Adds a fit to the results that are there."""
    file = ROOT / RESULTS / "four_body.json"
    results = load(file)["results"] if file.exists() else {}
    results.setdefault(element, {})[variant] = rounded({"steps": steps, **found}, 4)
    store("four_body", "python benchmarks/four_body.py DATA --store", results)


if __name__ == "__main__":
    main()
