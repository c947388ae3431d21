"""The equation of state of Birch and Murnaghan, and its fit."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Equation:
    """E(V) of Birch and Murnaghan, third order (Birch, Phys. Rev. 71, 809 (1947)).

    energy: at the minimum, eV; volume: there, Å³; modulus: the bulk modulus, eV/Å³; derivative: of it by pressure.
    """

    energy: float
    volume: float
    modulus: float
    derivative: float

    def __call__(self, volumes: np.ndarray) -> np.ndarray:
        """Energies, eV."""
        x = (self.volume / np.asarray(volumes)) ** (2 / 3) - 1
        scale = 9 / 16 * self.volume * self.modulus
        return self.energy + scale * (2 * x**2 + (self.derivative - 4) * x**3)


def fit_equation(volumes: np.ndarray, energies: np.ndarray) -> Equation | None:
    """The least-squares fit to energies (n,), eV, at volumes (n,), Å³; None: they have no minimum, or are too few.

    The energy is a polynomial of third degree in V^(−2/3), so that nothing has to be guessed.
    """
    volumes, energies = np.asarray(volumes, float), np.asarray(energies, float)
    if len(np.unique(volumes.round(6))) < 4:
        return None
    unit = volumes[energies.argmin()]
    polynomial = np.polynomial.Polynomial.fit((unit / volumes) ** (2 / 3), energies, 3)
    slope, curvature = polynomial.deriv(), polynomial.deriv(2)
    roots = slope.roots()
    x = np.real(roots[np.isreal(roots)])
    x = x[(x > 0) & (curvature(x) > 0)]
    if not len(x):
        return None
    x = x[0]
    volume = unit * x**-1.5
    if not volumes.min() < volume < volumes.max():
        return None
    second, third = curvature(x), polynomial.deriv(3)(x)
    # With u = x/x0 − 1: E = E0 + 9/16 V0 B (2 u² + (B' − 4) u³).
    modulus = 4 / 9 * second * x**2 / volume
    derivative = 4 + 2 / 3 * third * x / second
    return Equation(float(polynomial(x)), float(volume), float(modulus), float(derivative))
