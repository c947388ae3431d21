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
    """Parameter groups are the blocks that share a covariance matrix; all must be of one dtype. With `parts` in a
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
        return 8 * (2 * sum(numbers) + 2 * max(sizes) ** 2)

    @torch.no_grad()
    def step(self, closure=None) -> None:
        """One step with the gradients at hand; parameters without a gradient count as having a zero one."""
        for group in self.param_groups:
            parameters = group["params"]
            gradient = torch.cat([(torch.zeros_like(p) if p.grad is None else p.grad).reshape(-1) for p in parameters])
            states = self.state[parameters[0]].setdefault("parts", [{} for _ in range(group["parts"])])
            parts = zip(states, gradient.chunk(group["parts"]), strict=True)
            change = torch.cat([self._change(state, g, group) for state, g in parts])
            for p, part in zip(parameters, change.split([p.numel() for p in parameters]), strict=True):
                p.sub_(part.view_as(p))

    def _change(self, state: dict, g: Tensor, group: dict) -> Tensor:
        if not state:
            state.update(step=0, mean=torch.zeros_like(g), second=torch.zeros_like(g))
            state["covariance"] = torch.zeros(len(g), len(g), dtype=g.dtype)
            state["basis"] = torch.eye(len(g), dtype=g.dtype)
        state["step"] += 1
        step, (memory, memory2, memory_c) = state["step"], group["betas"]
        # Plain averages at first, exponential ones later: no start-up bias.
        memory, memory2, memory_c = (min(b, 1 - 1 / step) for b in (memory, memory2, memory_c))
        state["mean"].lerp_(g, 1 - memory)
        state["covariance"].mul_(memory_c).addr_(g, g, alpha=1 - memory_c)
        if (step <= 4 * group["refresh"] and (step & (step - 1)) == 0) or step % group["refresh"] == 0:
            values, state["basis"] = torch.linalg.eigh(state["covariance"])
            state["second"] = values.clamp(min=0)
        rotated = state["basis"].T @ g
        state["second"].lerp_(rotated.square(), 1 - memory2)
        root = state["second"].sqrt()
        # A step of lr along a direction changes the loss by lr · root. Where that is more than `most`, the step becomes
        # that of a Newton method, most · mean / second.
        size = root * (1 + group["lr"] * root / group["most"]) + group["damping"] * root.max() + 1e-30
        return group["lr"] * (state["basis"] @ ((state["basis"].T @ state["mean"]) / size))
