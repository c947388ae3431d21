"""Adam in the eigenbasis of the gradients' covariance.

Energies are stiff in directions that many parameters share (all of φ up, a constant down), which Adam, coordinate by
coordinate, cannot see. As in SOAP (Vyas et al., arXiv 2409.11321) steps are taken in a rotated basis that is brought up
to date now and then; blocks of parameters are small enough here to keep the whole covariance instead of a Kronecker
approximation of it.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn


class EigenAdam:
    """Parameters of a block share a covariance matrix. With `parts` in a block, its parameters, one after the other,
    are cut into so many equal ones. All are in double precision.

    lr: step size in units of the parameters. betas: memory of the mean, of the second moments and of the covariance.
    damping: added to the root of the second moments, relative to the largest of the block. most: largest change of the
    loss, by its typical slope, for one step along one direction. refresh: steps between updates of the basis.
    """

    def __init__(
        self, blocks: Sequence[dict], lr: float, betas=(0.95, 0.99, 0.998), damping=1e-3, most=1e-3, refresh=50
    ):
        self.lr, self.betas, self.damping, self.most, self.refresh = lr, betas, damping, most, refresh
        self.parameters: list[nn.Parameter] = [p for block in blocks for p in block["params"]]
        self.sizes: list[int] = []  # of the blocks, cut into parts
        for block in blocks:
            parts = block.get("parts", 1)
            self.sizes += [sum(p.numel() for p in block["params"]) // parts] * parts
        self._block = torch.repeat_interleave(torch.arange(len(self.sizes)), torch.tensor(self.sizes))
        self._state: dict = {}

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
        """Goes on from the state of another optimizer of the same parameters."""
        self._state = state

    @torch.no_grad()
    def step(self) -> None:
        """One step with the gradients at hand; parameters without a gradient count as having a zero one."""
        pieces = [(torch.zeros_like(p) if p.grad is None else p.grad).reshape(-1) for p in self.parameters]
        change = self._change(torch.cat(pieces))
        for p, part in zip(self.parameters, change.split([p.numel() for p in self.parameters]), strict=True):
            p.sub_(part.view_as(p))

    def _change(self, g: Tensor) -> Tensor:
        state = self._state or self._begin(g)
        state["recent"][state["waiting"]] = g
        state["waiting"] += 1
        state["step"] += 1
        step, (memory, memory2, _) = state["step"], self._memories(state["step"])
        if (step <= 4 * self.refresh and (step & (step - 1)) == 0) or step % self.refresh == 0:
            self._refresh()
        # `mean` and `second` are those of the gradient in the basis.
        rotated = _rotated(g, [basis.T for basis in state["bases"]])
        mean, second = state["mean"].lerp_(rotated, 1 - memory), state["second"].lerp_(rotated.square(), 1 - memory2)
        root = second.sqrt()
        # A step of lr along a direction changes the loss by lr · root. Where that is more than `most`, the step becomes
        # that of a Newton method, most · mean / second.
        largest = torch.zeros(len(self.sizes), dtype=g.dtype).scatter_reduce_(0, self._block, root, "amax")
        size = root * (1 + self.lr * root / self.most) + self.damping * largest[self._block] + 1e-30
        return self.lr * _rotated(mean / size, state["bases"])

    def _begin(self, g: Tensor) -> dict:
        self._state = {
            "step": 0,
            "mean": torch.zeros_like(g),
            "second": torch.zeros_like(g),
            "recent": torch.zeros(self.refresh, len(g), dtype=g.dtype),  # gradients that are not in covariances yet
            "waiting": 0,  # how many
            "covariances": [torch.zeros(n, n, dtype=g.dtype) for n in self.sizes],
            # In single precision, since each step reads all of them: 1e-7 of a gradient is far below the damping.
            "bases": [torch.eye(n, dtype=torch.float32) for n in self.sizes],
        }
        return self._state

    def _refresh(self) -> None:
        """Brings covariances, with all gradients that wait for that at once, and their bases up to date."""
        state = self._state
        recent, old = state["recent"][: state["waiting"]], state["bases"]
        weights, left = torch.empty(len(recent), 1, dtype=recent.dtype), 1.0
        for n in reversed(range(len(recent))):
            memory = self._memories(state["step"] - len(recent) + n + 1)[2]
            weights[n], left = left * (1 - memory), left * memory
        state["bases"], second = [], []
        for covariance, g in zip(state["covariances"], recent.split(self.sizes, 1), strict=True):
            covariance.mul_(left).addmm_(g.T, weights * g)
            size = covariance.diagonal().max().clamp(min=1e-300)
            values, basis = torch.linalg.eigh((covariance / size).float())
            state["bases"].append(basis)
            second.append(size * values.to(g.dtype).clamp(min=0))
        state["waiting"] = 0
        state["second"] = torch.cat(second)
        state["mean"] = _rotated(_rotated(state["mean"], old), [basis.T for basis in state["bases"]])

    def _memories(self, step: int) -> list[float]:
        """Of the averages, at a step counted from 1: what stays of what was. First ones are plain: no start-up bias."""
        return [min(memory, 1 - 1 / step) for memory in self.betas]


def _rotated(x: Tensor, matrices: Sequence[Tensor]) -> Tensor:
    """Each matrix times its block of x."""
    blocks = x.float().split([len(m) for m in matrices])
    return torch.cat([m @ block for m, block in zip(matrices, blocks, strict=True)]).to(x.dtype)
