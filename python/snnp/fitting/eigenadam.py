"""Adam in the eigenbasis of the gradients' covariance.

Energies are stiff in directions that many parameters share (all of φ up, a constant down), which Adam, coordinate by
coordinate, cannot see. As in SOAP (Vyas et al., arXiv 2409.11321) steps are taken in a rotated basis that is brought up
to date now and then. Blocks of parameters that are small enough keep their whole covariance; others, as there, two
small ones, whose Kronecker product stands for it.
"""

from collections.abc import Iterator, Sequence
from itertools import groupby

import numpy as np
from numpy import ndarray
from scipy.linalg import solve
from torch import nn

_LONGEST = 3.0  # step beside those for the loss, along any direction, in their size
_WAITING = 50  # gradients at most that covariances lack


class EigenAdam:
    """Parameters of a block share a covariance matrix. With `rows` in a block, it is cut into smaller ones, each of so
    many rows of all of its parameters. With `matrices`, it is one matrix, the rows of all of its parameters, or as many
    as a parameter of three dimensions holds, each with a covariance of rows and one of columns. `apart`: rows of the
    first parameter that are blocks by themselves. All are in double precision.

    lr: step size in units of the parameters. betas: memory of the mean, of the second moments and of the covariance.
    damping: added to the root of the second moments, relative to the largest of the block. most: largest change of the
    loss, by its typical slope, for one step along one direction. refresh: steps between updates of the basis.
    """

    def __init__(
        self, blocks: Sequence[dict], lr: float, betas=(0.95, 0.99, 0.998), damping=1e-3, most=1e-3, refresh=50
    ):
        self.lr, self.betas, self.damping, self.most, self.refresh = lr, betas, damping, most, refresh
        self.parameters: list[nn.Parameter] = [p for block in blocks for p in block["params"]]
        self._places = _slices([p.numel() for p in self.parameters])
        indices = sorted(_cut(blocks), key=lambda block: block.shape)
        self._order = np.concatenate([block.ravel() for block in indices])  # parameters as they stand in blocks
        self.sizes = [block.size for block in indices]
        """Of the blocks, cut into rows; those of one shape stand together."""
        self._blocks = _slices(self.sizes)
        alike = [(shape, len(list(same))) for shape, same in groupby(block.shape for block in indices)]
        places = _slices([count * rows * columns for (rows, columns), count in alike])
        self._groups = [_Alike(at, count, *shape) for at, (shape, count) in zip(places, alike, strict=True)]
        self.stiffness: list[ndarray] = []
        """Of a term beside the loss, by block, (n, n) or (0, 0) if it has none: second derivatives, about."""
        self._state: dict = {}
        self._size = np.zeros(0)  # what gradients, in the bases, were divided by in the last step

    def memory(self) -> float:
        """Bytes of all covariance matrices and bases, of gradients that wait, and of the work space for updates."""
        return sum(group.memory() for group in self._groups) + 8 * _WAITING * len(self._order)

    def zero_grad(self) -> None:
        """Forgets the gradients of all parameters."""
        for p in self.parameters:
            p.grad = None

    def state_dict(self) -> dict:
        """What a later step needs of the ones before; arrays are those at work, not copies."""
        return self._state

    def load_state_dict(self, state: dict) -> None:
        """Goes on from the state of another optimizer of the same parameters; arrays may be tensors."""
        self._state = {key: _arrays(value) for key, value in state.items()}

    def gradients(self) -> ndarray:
        """Those at hand in one row, (parameters,); parameters without a gradient count as having a zero one."""
        g = np.zeros(len(self._order))
        for p, at in zip(self.parameters, self._places, strict=True):
            if p.grad is not None:
                g[at] = p.grad.numpy().ravel()
        return g

    def by_block(self, rows: ndarray) -> list[ndarray]:
        """Of rows (m, parameters) the columns of each block, (m, n)."""
        return [rows[:, self._order[at]] for at in self._blocks]

    def step(self, term: ndarray | None = None) -> None:
        """One step with the gradients at hand. term: the gradient of a term beside the loss, (parameters,).

        A term may be stiffer than the loss: the step is where its linear approximation, in the metric of a step for the
        loss alone, has no gradient. So it is as long as without, and settles where both gradients add up to zero.
        """
        self._move(self._change(self.gradients()[self._order], None if term is None else term[self._order]))

    def _move(self, change: ndarray) -> None:
        """change: to be subtracted, by block, (parameters,)."""
        ordered = np.empty_like(change)
        ordered[self._order] = change
        for p, at in zip(self.parameters, self._places, strict=True):
            p.detach().numpy()[...] -= ordered[at].reshape(p.shape)

    def descend(self, value: float, part: float) -> None:
        """A step with the gradients at hand of a sum of squares, with this value, that can become zero.

        It is Polyak's (USSR Comput. Math. Math. Phys. 9, 14 (1969)) in the metric of the last step of the loss, and
        goes this part of the way to where the terms, if they are linear and one of them counts, are zero: there along
        directions in which the loss changes little, and along none by more than a few lr.
        """
        g = self._rotated(self.gradients()[self._order])
        way = g / self._size
        longest, slope = float(np.abs(way).max()), float(g @ way)
        if slope > 0:
            self._move(min(2 * part * value / slope, _LONGEST * self.lr / longest) * self._rotated(way, back=True))

    def _change(self, g: ndarray, term: ndarray | None) -> ndarray:
        state = self._state or self._begin(g)
        state["recent"][state["waiting"]] = g
        state["waiting"] += 1
        state["step"] += 1
        step, (memory, memory2, _) = state["step"], self._memories(state["step"])
        due = (step <= 4 * self.refresh and (step & (step - 1)) == 0) or step % self.refresh == 0
        if due or state["waiting"] == _WAITING:
            self._update_covariances()
        if due:
            self._refresh()
        # `mean` and `second` are those of the gradient in the basis.
        rotated, mean, second = self._rotated(g), state["mean"], state["second"]
        mean += (1 - memory) * (rotated - mean)
        second += (1 - memory2) * (rotated * rotated - second)
        root = np.sqrt(second)
        # A step of lr along a direction changes the loss by lr · root. Where that is more than `most`, the step becomes
        # that of a Newton method, most · mean / second.
        largest = np.repeat(np.maximum.reduceat(root, [at.start for at in self._blocks]), self.sizes)
        size = root * (1 + self.lr * root / self.most) + self.damping * largest + 1e-30
        self._size = size
        change = self.lr * self._rotated(mean / size, back=True)
        return change if term is None or not self.lr else self._with_term(change, term)

    def _with_term(self, change: ndarray, term: ndarray) -> ndarray:
        """The change together with that of a term."""
        size = self._size
        pull = self._rotated(self._state["mean"], back=True) + term
        own = np.abs(self._rotated(term))
        bases = (basis for group, sides in self._with_bases() for basis in group.whole(sides))
        for basis, stiff, at in zip(bases, self.stiffness, self._blocks, strict=True):
            if len(stiff) and term[at].any():
                # No step of more than lr along a direction, also where the loss has no slope.
                metric = size[at] + own[at] + self.damping * own[at].max()
                matrix = (basis * (metric / self.lr).astype(np.float32)) @ basis.T
                change[at] = solve(matrix + stiff, pull[at], assume_a="pos")
        return change

    def _begin(self, g: ndarray) -> dict:
        self._state = {
            "step": 0,
            "mean": np.zeros_like(g),
            "second": np.zeros_like(g),
            "recent": np.zeros((_WAITING, len(g))),  # gradients that are not in covariances yet
            "waiting": 0,  # how many
            "covariances": [[np.zeros((group.count, n, n)) for n in group.sides] for group in self._groups],
            # In single precision, since each step reads all of them: 1e-7 of a gradient is far below the damping.
            "bases": [
                [np.eye(n, dtype=np.float32)[None].repeat(group.count, 0) for n in group.sides]
                for group in self._groups
            ],
        }
        return self._state

    def _update_covariances(self) -> None:
        """With all gradients that wait for that at once."""
        state = self._state
        recent = state["recent"][: state["waiting"]]
        weights, left = np.empty(len(recent)), 1.0
        for n in reversed(range(len(recent))):
            memory = self._memories(state["step"] - len(recent) + n + 1)[2]
            weights[n], left = left * (1 - memory), left * memory
        for group, covariances in zip(self._groups, state["covariances"], strict=True):
            for covariance, products in zip(covariances, group.products(recent, weights), strict=True):
                covariance *= left
                covariance += products
        state["waiting"] = 0

    def _refresh(self) -> None:
        """Brings bases up to date with covariances."""
        state = self._state
        mean = self._rotated(state["mean"], back=True)
        found = [group.eigen(c) for group, c in zip(self._groups, state["covariances"], strict=True)]
        state["bases"] = [bases for bases, _ in found]
        state["second"] = np.concatenate([second.ravel() for _, second in found])
        state["mean"] = self._rotated(mean)

    def _memories(self, step: int) -> list[float]:
        """Of the averages, at a step counted from 1: what stays of what was. First ones are plain: no start-up bias."""
        return [min(memory, 1 - 1 / step) for memory in self.betas]

    def _rotated(self, x: ndarray, back: bool = False) -> ndarray:
        """x in the bases, or from there back."""
        x = x.astype(np.float32)
        parts = [group.rotated(sides, x, back).ravel() for group, sides in self._with_bases()]
        return np.concatenate(parts).astype(float)

    def _with_bases(self):
        return zip(self._groups, self._state["bases"], strict=True)


class _Alike:
    """Blocks of one shape, rows × columns, whose numbers stand one after the other.

    at: where, of all numbers. sides: of each matrix of a block; vectors (columns = 1) have one.
    """

    def __init__(self, at: slice, count: int, rows: int, columns: int):
        self.at, self.count, self.shape = at, count, (count, rows, columns)
        self.sides = [rows] if columns == 1 else [rows, columns]

    def memory(self) -> int:
        """Bytes of covariances, bases, and their update."""
        return (12 * self.count + 24) * sum(n**2 for n in self.sides)

    def rotated(self, bases: Sequence[ndarray], x: ndarray, back: bool) -> ndarray:
        """Qᵀ X R, or Q X Rᵀ, of each block; x: all numbers."""
        x = x[self.at].reshape(self.shape)
        x = (bases[0] if back else bases[0].swapaxes(1, 2)) @ x
        return x if len(bases) == 1 else x @ (bases[1].swapaxes(1, 2) if back else bases[1])

    def products(self, recent: ndarray, weights: ndarray) -> Iterator[ndarray]:
        """Weighted sums of G Gᵀ, and if blocks are matrices of Gᵀ G, over gradients (steps, all numbers)."""
        g = (np.sqrt(weights)[:, None] * recent[:, self.at]).reshape(-1, *self.shape)
        for side in range(len(self.sides)):
            # (blocks, numbers along the side, steps and numbers along the other side)
            along = np.moveaxis(g, (1, 2 + side), (0, 1)).reshape(self.count, self.sides[side], -1)
            yield along @ along.swapaxes(1, 2)

    def eigen(self, covariances: Sequence[ndarray]) -> tuple[list[ndarray], ndarray]:
        """Bases, and second moments along them."""
        values, bases = [], []
        for covariance in covariances:
            size = np.maximum(covariance.diagonal(axis1=1, axis2=2).max(1), 1e-300)[:, None]
            found, basis = np.linalg.eigh((covariance / size[:, :, None]).astype(np.float32))
            values.append(size * found.clip(0).astype(float))
            bases.append(basis)
        if len(values) == 1:
            return bases, values[0]
        # The traces of both are the mean square of the gradient.
        products = values[0][:, :, None] * values[1][:, None, :]
        return bases, products / np.maximum(values[0].sum(1), 1e-300)[:, None, None]

    def whole(self, bases: Sequence[ndarray]) -> Iterator[ndarray]:
        """The basis of each block, (n, n)."""
        yield from bases[0] if len(bases) == 1 else map(np.kron, *bases)


def _cut(blocks: Sequence[dict]) -> Iterator[ndarray]:
    """Of each block, cut into rows, where its parameters stand if all come one after the other; (rows, columns), or
    (n, 1) if it is no matrix.
    """
    first = 0
    for block in blocks:
        places = []
        for p in block["params"]:
            places.append(np.arange(first, first + p.numel()).reshape(p.shape))
            first += p.numel()
        apart = block.get("apart", [])
        yield from (places[0][row][:, None] for row in apart)
        places[0] = np.delete(places[0], apart, axis=0)
        if not block.get("matrices"):
            rows = block.get("rows", len(places[0]))
            for row in range(0, len(places[0]), rows):
                yield np.concatenate([place[row : row + rows].ravel() for place in places])[:, None]
        elif places[0].ndim == 3:
            yield from places[0]
        else:
            yield np.concatenate([place.reshape(len(place), -1) for place in places], axis=1)


def _arrays(value):
    if isinstance(value, list):
        return [_arrays(array) for array in value]
    return value if isinstance(value, int) else np.asarray(value)


def _slices(sizes: Sequence[int]) -> list[slice]:
    """Of parts of these sizes, one after the other."""
    ends = np.cumsum(sizes)
    return [slice(end - size, end) for size, end in zip(sizes, ends, strict=True)]
