"""The prior of second derivatives (`snnp.models.curvature_prior`) as a term of the loss of filters and networks."""

import numpy as np
import torch
from torch import Tensor

from snnp.fitting.eigenadam import EigenAdam
from snnp.models.curvature_prior import CurvaturePrior
from snnp.models.network import Model
from snnp.splines import basis


class CurvatureTerm:
    """In units of the loss, that is with the variance of errors that the linear model has.

    slopes: root mean squares of ∂E/∂G over atoms, (elements, n2 + n3), eV; whoever trains keeps them up to date. They
    and the sizes of curves are constants for the gradient: it has no part along which a curve becomes smaller, which
    an embedding could undo.
    """

    def __init__(self, model: Model, prior: CurvaturePrior):
        self.model, shape = model, model.shape
        self.slopes = np.zeros((shape.n_elements, shape.filters))
        n_pair, n_radial, n_angle = shape.functions
        E = shape.n_elements
        pairs = [shape.pair_knots[a * E + b] for a, b in shape.unordered]

        def rows(name: str, knots: list[np.ndarray], functions: int) -> Tensor:
            return torch.from_numpy(np.stack([prior.rows(name, k, functions) for k in knots]))

        def values(knots: list[np.ndarray], functions: int) -> Tensor:
            return torch.from_numpy(np.stack([basis(k, functions)(k) for k in knots]))

        self._phi, self._rho = rows("phi", pairs, n_pair), rows("rho", shape.pair_knots, n_pair)
        if shape.n3:
            self._f, self._g = rows("f", shape.radial_knots, n_radial), rows("g", [shape.angle_knots], n_angle)
            self._f_values, self._g_values = (
                values(shape.radial_knots, n_radial),
                values([shape.angle_knots], n_angle),
            )

    def value(self) -> Tensor:
        """The term, which is differentiable in curves."""
        return self._residuals().square().sum()

    def _residuals(self) -> Tensor:
        """The term is the sum of squares of these."""
        model, shape = self.model, self.model.shape
        slopes = torch.from_numpy(self.slopes)
        rho, f, _ = model.curves()
        terms = [(self._phi @ (model.unit * model.pairs().unsqueeze(2))).reshape(-1)]
        if shape.n2:
            terms.append(self._shapes(self._rho, rho, slopes[:, : shape.n2]))
        if shape.n3:
            largest_f, largest_g = (
                self._by_centre(v @ c.detach()).abs().amax(1)
                for v, c in ((self._f_values, f), (self._g_values, model.g))
            )
            together = slopes[:, shape.n2 :] * largest_f
            terms.append(self._shapes(self._f, f, together * largest_g))
            terms.append(self._shapes(self._g, model.g, together * largest_f))
        return torch.cat(terms)

    def backward(self) -> None:
        """Adds the gradient to the parameters' `.grad`."""
        value = self.value()
        if value.requires_grad:
            value.backward()

    def stiffness(self, adam: EigenAdam) -> list[np.ndarray]:
        """About the second derivatives, 2 JᵀJ with J those of residuals, by block of the optimizer of the model."""
        residuals = self._residuals()
        rows = np.zeros((len(residuals), sum(p.numel() for p in adam.parameters)))
        asked = residuals[torch.nonzero(residuals.detach())[:, 0]] if residuals.requires_grad else residuals[:0]
        for row, residual in zip(rows, asked, strict=False):
            found = torch.autograd.grad(residual, adam.parameters, retain_graph=True, allow_unused=True)
            parts = zip(found, adam.parameters, strict=True)
            row[:] = np.concatenate([np.zeros(p.numel()) if d is None else d.numpy().ravel() for d, p in parts])
        return [2 * J.T @ J if J.any() else np.zeros((0, 0)) for J in adam.by_block(rows)]

    def _by_centre(self, curves: Tensor) -> Tensor:
        """(tables, n, filters) by element of the centre, (elements, tables · n, filters)."""
        return curves.reshape(self.model.shape.n_elements, -1, curves.shape[2])

    def _shapes(self, rows: Tensor, curves: Tensor, sizes: Tensor) -> Tensor:
        """Of coefficients (tables, functions, filters) times sizes (elements, filters), in eV."""
        norms = self._by_centre(curves).norm(dim=1).clamp(min=1e-300)
        bent = self._by_centre(rows @ curves)
        return (bent * (sizes * norms.detach() / norms)[:, None]).reshape(-1)
