"""Adam in the eigenbasis of the gradients' covariance.

Energies are stiff in directions that many parameters share (all of φ up, a constant down), which Adam, coordinate by
coordinate, cannot see. As in SOAP (Vyas et al., arXiv 2409.11321) steps are taken in a rotated basis that is brought up
to date now and then; blocks of parameters are small enough here to keep the whole covariance instead of a Kronecker
approximation of it.
"""

from collections.abc import Iterable

import torch
from torch import Tensor


class EigenAdam(torch.optim.Optimizer):
    """Parameter groups are the blocks that share a covariance matrix; all must be in double precision. With `parts` in a
    group, its parameters, one after the other, are cut into so many equal blocks.

    lr: step size in units of the parameters. betas: memory of the mean, of the second moments and of the covariance.
    damping: added to the root of the second moments, relative to the largest of the block. most: largest change of the
    loss, by its typical slope, for one step along one direction. refresh: steps between updates of the basis.
    """

    def __init__(self, blocks: Iterable, lr: float, betas=(0.95, 0.99, 0.998), damping=1e-3, most=1e-3, refresh=50):
        defaults = {"lr": lr, "betas": betas, "damping": damping, "most": most, "refresh": refresh, "parts": 1}
        super().__init__(blocks, defaults)

    def memory(self) -> float:
        """Bytes of all covariance matrices and bases, and of the work space to update the largest one."""
        sizes = [sum(p.numel() for p in group["params"]) // group["parts"] for group in self.param_groups]
        numbers = [group["parts"] * n**2 for group, n in zip(self.param_groups, sizes, strict=True)]
        return 12 * sum(numbers) + 24 * max(numbers)

    @torch.no_grad()
    def step(self, closure=None) -> None:
        """One step with the gradients at hand; parameters without a gradient count as having a zero one."""
        for group in self.param_groups:
            parameters = group["params"]
            gradient = torch.cat([(torch.zeros_like(p) if p.grad is None else p.grad).reshape(-1) for p in parameters])
            change = self._change(self.state[parameters[0]], gradient.view(group["parts"], -1), group).view(-1)
            for p, part in zip(parameters, change.split([p.numel() for p in parameters]), strict=True):
                p.sub_(part.view_as(p))

    def _change(self, state: dict, g: Tensor, group: dict) -> Tensor:
        """The step of all parts; g: (parts, numbers)."""
        if not state:
            _begin(state, g, group["refresh"])
        state["step"] += 1
        step, (memory, memory2, _) = state["step"], _memories(group, state["step"])
        state["recent"][:, state["waiting"]] = g
        state["waiting"] += 1
        if (step <= 4 * group["refresh"] and (step & (step - 1)) == 0) or step % group["refresh"] == 0:
            _refresh(state, group)
        # `mean` and `second` are those of the gradient in the basis.
        rotated = _to_basis(state["basis"], g)
        mean, second = state["mean"].lerp_(rotated, 1 - memory), state["second"].lerp_(rotated.square(), 1 - memory2)
        root = second.sqrt()
        # A step of lr along a direction changes the loss by lr · root. Where that is more than `most`, the step becomes
        # that of a Newton method, most · mean / second.
        largest = root.amax(1, keepdim=True)
        size = root * (1 + group["lr"] * root / group["most"]) + group["damping"] * largest + 1e-30
        return group["lr"] * _from_basis(state["basis"], mean / size)


def _begin(state: dict, g: Tensor, refresh: int) -> None:
    parts, n = g.shape
    state.update(step=0, waiting=0, mean=torch.zeros_like(g), second=torch.zeros_like(g))
    state["recent"] = torch.zeros(parts, refresh, n, dtype=g.dtype)
    state["covariance"] = torch.zeros(parts, n, n, dtype=g.dtype)
    # In single precision, since each step reads it all: 1e-7 of a gradient is far below the damping.
    state["basis"] = torch.eye(n, dtype=torch.float32).repeat(parts, 1, 1)


def _refresh(state: dict, group: dict) -> None:
    """Brings the covariance, with all gradients that wait for that at once, and its basis up to date."""
    recent, old = state["recent"][:, : state["waiting"]], state["basis"]
    weights, left = torch.empty(state["waiting"], 1, dtype=recent.dtype), 1.0
    for n in reversed(range(len(weights))):
        memory = _memories(group, state["step"] - len(weights) + n + 1)[2]
        weights[n], left = left * (1 - memory), left * memory
    covariance = state["covariance"].mul_(left).baddbmm_(recent.mT, weights * recent)
    size = covariance.abs().amax((1, 2)).clamp(min=1e-300)[:, None]
    values, state["basis"] = torch.linalg.eigh((covariance / size[:, None]).float())
    state["waiting"] = 0
    state["second"] = values.clamp(min=0).to(size.dtype) * size
    state["mean"] = _to_basis(state["basis"], _from_basis(old, state["mean"]))


def _to_basis(basis: Tensor, x: Tensor) -> Tensor:
    """Components of x (parts, numbers) along the columns of the basis."""
    size = x.abs().amax(1, keepdim=True).clamp(min=1e-300)
    return (basis.mT @ (x / size).to(basis.dtype)[..., None])[..., 0].to(x.dtype) * size


def _from_basis(basis: Tensor, x: Tensor) -> Tensor:
    """The inverse of `_to_basis`."""
    return _to_basis(basis.mT, x)


def _memories(group: dict, step: int) -> list[float]:
    """Of the averages, at a step counted from 1: what stays of what was. First ones are plain: no start-up bias."""
    return [min(memory, 1 - 1 / step) for memory in group["betas"]]
