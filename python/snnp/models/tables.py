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

    def pieces(self) -> list[list[ndarray]]:
        """Of pair, radial and angular splines, by table."""
        model = self.model
        phi = model.pairs().detach().numpy()
        self._radial = [_Curves(model, name) for name in ("rho", "f")]
        rho, f = (curves.of_pairs for curves in self._radial)
        columns = np.concatenate([model.unit * phi[self._pair_of, :, None], rho], axis=2)
        found = columns, f, model.different_g().detach().numpy()
        return [list(m.pieces(c)) for m, c in zip(self._maps, found, strict=True)]

    def backward(self, *derivatives: Sequence[ndarray]) -> None:
        """Adds to the parameters' `.grad`, given derivatives by what `pieces` gave last; a list may be empty."""
        model = self.model
        columns, *others = (m.coefficients(d) for m, d in zip(self._maps, derivatives, strict=True) if len(d))
        by_phi = np.zeros((len(model.shape.unordered), columns.shape[1]))
        np.add.at(by_phi, self._pair_of, model.unit * columns[:, :, 0])
        add_gradient(model.pairs(), torch.from_numpy(by_phi))
        for curves, d in zip(self._radial, (columns[:, :, 1:], *others[:1]), strict=False):
            curves.backward(d)
        if others:
            add_gradient(model.different_g(), torch.from_numpy(others[1]))


class _Curves:
    """ρ or f as they are now; `of_pairs`, (E·E, functions, filters), are those of `Model.curves`.

    Where neighbours share filters, curves of a centre are multiplied by the mixtures of all neighbours at once.
    """

    def __init__(self, model: Model, name: str):
        self._curves, E = model.coefficients(name), model.shape.n_elements
        own = self._curves.detach().numpy()
        self.of_pairs, self._mixtures = own, None
        if model.shape.shared:
            self._mixtures = model.coefficients(f"mix_{name}")
            n = own.shape[2]
            # One set of curves may be that of all centres.
            self._own = np.repeat(own, E // len(own), axis=0)
            self._mixed = self._mixtures.detach().numpy().reshape(E, E, n, n).swapaxes(1, 2).reshape(E, n, E * n)
            self.of_pairs = _by_pair(self._own @ self._mixed, n)

    def backward(self, derivatives: ndarray) -> None:
        """Adds to the `.grad` of parameters, given derivatives by the curves of pairs."""
        if not derivatives.size:
            return
        if self._mixtures is None:
            add_gradient(self._curves, torch.from_numpy(derivatives))
            return
        E, functions, n = self._own.shape
        by_centre = derivatives.reshape(E, E, functions, n).swapaxes(1, 2).reshape(E, functions, E * n)
        by_own = (by_centre @ self._mixed.swapaxes(1, 2)).reshape(*self._curves.shape[:1], -1, functions, n).sum(1)
        add_gradient(self._curves, torch.from_numpy(by_own))
        add_gradient(self._mixtures, torch.from_numpy(_by_pair(self._own.swapaxes(1, 2) @ by_centre, n)))


def _by_pair(of_centres: ndarray, n: int) -> ndarray:
    """(E, rows, E · n) as (E·E, rows, n)."""
    E, rows, _ = of_centres.shape
    return of_centres.reshape(E, rows, E, n).swapaxes(1, 2).reshape(E * E, rows, n)


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
