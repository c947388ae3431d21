"""Gaussian priors of second derivatives of splines, of zero mean, independent at each knot, in energy and length.

Labels with errors of one variance σ², as many as there are, and the prior together have

    −2 σ² log P = Σ_labels ΔF² + σ² Σ_curves Σ_knots (s''/d)²,

with d the standard deviation of s''. Divided by the number of labels it is a loss, a mean of squares, and

    σ² / labels · Σ_curves Σ_knots (s''/d)²

beside it: the more data there are, and the better the model describes them, the less the prior counts.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from snnp.data.batch import Weights
from snnp.splines import second_derivatives


@dataclass(frozen=True)
class CurvaturePrior:
    """deviations: d by name of curves, phi, rho and f in eV/Å², g in eV; none of others. labels: number of them.

    A filter of an embedding E, whose size has no meaning, is taken in units of energy: with S the root mean square of
    ∂E/∂G over the atoms of an element, curves are S ρ, and, with F and C the largest |f| and |g|, S F C f and S F² g.
    The prior says nothing of these sizes, only of shapes.
    """

    deviations: Mapping[str, float]
    labels: int

    @staticmethod
    def of(model, structures: int, atoms: int, weights: Weights) -> "CurvaturePrior | None":
        """Of section `model` and the number of structures and atoms of the training data.

        None: the kind of model has no prior, or none is asked for. Labels are components of forces; of a loss without
        forces energies.
        """
        given = getattr(model, "curvature", None)
        deviations = given.model_dump(exclude_none=True) if given else {}
        return CurvaturePrior(deviations, 3 * atoms if weights.force else structures) if deviations else None

    def rows(self, name: str, knots: np.ndarray, functions: int) -> np.ndarray:
        """R, (knots, functions): |R c|² is what a spline of coefficients c, in its unit of energy, adds for σ = 1."""
        if name not in self.deviations:
            return np.zeros((len(knots), functions))
        return second_derivatives(knots, functions) / (self.deviations[name] * np.sqrt(self.labels))

    def form(self, name: str, knots: np.ndarray, functions: int) -> np.ndarray:
        """RᵀR of these rows, (functions, functions)."""
        rows = self.rows(name, knots, functions)
        return rows.T @ rows
