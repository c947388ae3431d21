"""The splines of a model as polynomial pieces, for the engine, and from derivatives by these those by coefficients.

Pieces are those of `Model.tables`, which is for automatic differentiation.
"""

from collections.abc import Sequence

import numpy as np
import torch
from numpy import ndarray

from snnp.models.embedding import add_gradient
from snnp.models.network import Model


class Tables:
    """Pieces of all splines: pair (E·E, knots, 4, 1 + n2), radial (E·E, knots, 4, n3), angle (tables, knots, 4, n3) as
    many as there are different g.

    The first are in eV (φ) and 1 (ρ) over powers of Å, the others of no unit over powers of Å and of a cosine.
    """

    def __init__(self, model: Model):
        self.model, self._pair_of = model, model.pair_of.numpy()
        self._maps = [_Map(m.numpy()) for m in (model.pair_map, model.radial_map, model.angle_map)]

    @torch.no_grad()
    def pieces(self) -> list[list[ndarray]]:
        """Of pair, radial and angular splines, by table."""
        model = self.model
        phi, rho, f, g = (c.numpy() for c in (model.pairs(), *model.different_curves()))
        columns = np.concatenate([model.unit * phi[self._pair_of, :, None], rho], axis=2)
        return [list(m.pieces(c)) for m, c in zip(self._maps, (columns, f, g), strict=True)]

    def backward(self, *derivatives: Sequence[ndarray]) -> None:
        """Adds to the parameters' `.grad`, given derivatives by `pieces`; a list may be empty, as splines may."""
        model = self.model
        phi, rho, f, g = model.pairs(), *model.different_curves()
        columns, *others = (m.coefficients(d) for m, d in zip(self._maps, derivatives, strict=True) if len(d))
        by_phi = np.zeros(phi.shape)
        np.add.at(by_phi, self._pair_of, model.unit * columns[:, :, 0])
        known = zip((phi, rho, f, g), (by_phi, columns[:, :, 1:], *others), strict=False)
        for curves, d in known:
            if curves.numel():
                add_gradient(curves, torch.from_numpy(d))


class _Map:
    """From coefficients of splines (tables, functions, filters) to pieces (tables, knots, 4, filters), and back."""

    def __init__(self, map: ndarray):
        _, self.knots, self.powers, functions = map.shape
        self.matrix = map.reshape(-1, self.knots * self.powers, functions)
        self.transposed = np.ascontiguousarray(self.matrix.swapaxes(1, 2))

    def pieces(self, coefficients: ndarray) -> ndarray:
        pieces = self.matrix @ coefficients
        return pieces.reshape(len(pieces), self.knots, self.powers, -1)

    def coefficients(self, derivatives: Sequence[ndarray]) -> ndarray:
        flat = np.stack(derivatives).reshape(len(derivatives), self.knots * self.powers, -1)
        return self.transposed @ flat
