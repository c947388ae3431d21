"""Adam in the eigenbasis of the gradients' covariance.

Energies are stiff in directions that many parameters share (all of φ up, a constant down), which Adam, coordinate by
coordinate, cannot see. As in SOAP (Vyas et al., arXiv 2409.11321) steps are taken in a rotated basis that is brought up
to date now and then; blocks of parameters are small enough here to keep the whole covariance instead of a Kronecker
approximation of it.
"""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy import ndarray
from scipy.linalg import eigh, solve
from torch import nn

_LONGEST = 3.0  # step beside those for the loss, along any direction, in their size


class EigenAdam:
    """Parameters of a block share a covariance matrix. With `rows` in a block, it is cut into smaller ones, each of so
    many rows of all of its parameters. All are in double precision.

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
        indices = list(_cut(blocks))
        self.sizes = [len(block) for block in indices]
        """Of the blocks, cut into rows."""
        self._order = np.concatenate(indices)  # parameters as they stand in blocks
        self._blocks = _slices(self.sizes)
        self.stiffness: list[ndarray] = []
        """Of a term beside the loss, by block, (n, n) or (0, 0) if it has none: second derivatives, about."""
        self._state: dict = {}
        self._size = np.zeros(0)  # what gradients, in the bases, were divided by in the last step

    def memory(self) -> float:
        """Bytes of all covariance matrices and bases, and of the work space to update the largest one."""
        return 12 * sum(n**2 for n in self.sizes) + 24 * max(self.sizes) ** 2

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
        g = np.zeros(sum(self.sizes))
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
        bases = self._state["bases"]
        g = self._rotated(self.gradients()[self._order], [basis.T for basis in bases])
        way = g / self._size
        longest, slope = float(np.abs(way).max()), float(g @ way)
        if slope > 0:
            self._move(min(2 * part * value / slope, _LONGEST * self.lr / longest) * self._rotated(way, bases))

    def _change(self, g: ndarray, term: ndarray | None) -> ndarray:
        state = self._state or self._begin(g)
        state["recent"][state["waiting"]] = g
        state["waiting"] += 1
        state["step"] += 1
        step, (memory, memory2, _) = state["step"], self._memories(state["step"])
        if (step <= 4 * self.refresh and (step & (step - 1)) == 0) or step % self.refresh == 0:
            self._refresh()
        # `mean` and `second` are those of the gradient in the basis.
        rotated, mean, second = self._rotated(g, [basis.T for basis in state["bases"]]), state["mean"], state["second"]
        mean += (1 - memory) * (rotated - mean)
        second += (1 - memory2) * (rotated * rotated - second)
        root = np.sqrt(second)
        # A step of lr along a direction changes the loss by lr · root. Where that is more than `most`, the step becomes
        # that of a Newton method, most · mean / second.
        largest = np.repeat([root[at].max() for at in self._blocks], self.sizes)
        size = root * (1 + self.lr * root / self.most) + self.damping * largest + 1e-30
        self._size = size
        change = self.lr * self._rotated(mean / size, state["bases"])
        return change if term is None or not self.lr else self._with_term(change, term)

    def _with_term(self, change: ndarray, term: ndarray) -> ndarray:
        """The change together with that of a term."""
        bases, size = self._state["bases"], self._size
        pull = self._rotated(self._state["mean"], bases) + term
        own = np.abs(self._rotated(term, [basis.T for basis in bases]))
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
            "recent": np.zeros((self.refresh, len(g))),  # gradients that are not in covariances yet
            "waiting": 0,  # how many
            "covariances": [np.zeros((n, n)) for n in self.sizes],
            # In single precision, since each step reads all of them: 1e-7 of a gradient is far below the damping.
            "bases": [np.eye(n, dtype=np.float32) for n in self.sizes],
        }
        return self._state

    def _refresh(self) -> None:
        """Brings covariances, with all gradients that wait for that at once, and their bases up to date."""
        state = self._state
        recent, old = state["recent"][: state["waiting"]], state["bases"]
        weights, left = np.empty((len(recent), 1)), 1.0
        for n in reversed(range(len(recent))):
            memory = self._memories(state["step"] - len(recent) + n + 1)[2]
            weights[n], left = left * (1 - memory), left * memory
        state["bases"], second = [], []
        for covariance, at in zip(state["covariances"], self._blocks, strict=True):
            g = recent[:, at]
            covariance *= left
            covariance += g.T @ (weights * g)
            size = max(covariance.diagonal().max(), 1e-300)
            values, basis = eigh((covariance / size).astype(np.float32), driver="evd", check_finite=False)
            state["bases"].append(basis)
            second.append(size * values.clip(0).astype(float))
        state["waiting"] = 0
        state["second"] = np.concatenate(second)
        state["mean"] = self._rotated(self._rotated(state["mean"], old), [basis.T for basis in state["bases"]])

    def _memories(self, step: int) -> list[float]:
        """Of the averages, at a step counted from 1: what stays of what was. First ones are plain: no start-up bias."""
        return [min(memory, 1 - 1 / step) for memory in self.betas]

    def _rotated(self, x: ndarray, matrices: Sequence[ndarray]) -> ndarray:
        """Each matrix times its block of x."""
        x = x.astype(np.float32)
        return np.concatenate([m @ x[at] for m, at in zip(matrices, self._blocks, strict=True)]).astype(float)


def _cut(blocks: Sequence[dict]) -> Iterator[ndarray]:
    """Of each block, cut into rows, where its parameters stand if all come one after the other."""
    first = 0
    for block in blocks:
        places = []
        for p in block["params"]:
            places.append(np.arange(first, first + p.numel()).reshape(p.shape))
            first += p.numel()
        rows = block.get("rows")
        for row in range(0, len(places[0]), rows) if rows else [0]:
            yield np.concatenate([place[row : row + rows if rows else None].ravel() for place in places])


def _arrays(value):
    if isinstance(value, list):
        return [np.asarray(array) for array in value]
    return value if isinstance(value, int) else np.asarray(value)


def _slices(sizes: Sequence[int]) -> list[slice]:
    """Of parts of these sizes, one after the other."""
    ends = np.cumsum(sizes)
    return [slice(end - size, end) for size, end in zip(sizes, ends, strict=True)]
