"""Curves ρ or f that are nowhere negative: a map from free parameters to coefficients of B-splines.

B-splines of coefficients c ≥ 0 are nowhere negative, and with c_0 ≥ c_1 nor is the straight line below the first knot,
as it falls with the distance. So

    c_k = p(v_k),  c_0 = c_1 + p(v_0),  p(v) = s log(1 + exp(v / s)),

with free parameters v, and a size s of each curve: p is v where it is large, and almost 0 where v is below −s.
"""

import torch
from torch import Tensor
from torch.nn.functional import softplus

# s, by the root mean square of the coefficients of a curve; the least p that training begins with, by s.
_SIZE, _LEAST = 0.2, 0.05


def positive(v: Tensor, size: Tensor, ends: bool = True) -> Tensor:
    """Coefficients (tables, functions, curves) of free parameters v alike; size: s, alike.

    ends: whether the first of them are c_0 of splines; if not, as of weights of mixtures, all are p(v).
    """
    c = size * softplus(v / size)
    return torch.cat([c[:, :1] + c[:, 1:2], c[:, 1:]], dim=1) if ends else c


def free(c: Tensor, ends: bool = True) -> tuple[Tensor, Tensor]:
    """v and s of the shape of c, coefficients (tables, functions, curves): `positive` is as close to c as it may begin,
    where all of it can move.
    """
    size = (_SIZE * c.clamp(min=0).square().mean(1, keepdim=True).sqrt()).clamp(min=1e-12).expand_as(c).clone()
    if ends:
        c = torch.cat([c[:, :1] - c[:, 1:2].clamp(min=0), c[:, 1:]], dim=1)
    p = torch.maximum(c, _LEAST * size)
    return p + size * torch.log(-torch.expm1(-p / size)), size
