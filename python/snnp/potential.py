"""A potential in Python: read, written, taken apart into its functions, plotted, made a calculator."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

from snnp import _core
from snnp.files import write_text
from snnp.splines import SplineFunction

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from snnp.calculator import SNNP


class Potential:
    """A potential; `data` is the same as the engine has it (`snnp._core.Potential`).

    Elements are named by their chemical symbols, filters by numbers from 1 as in the potential file.
    """

    def __init__(self, data: _core.Potential):
        self.data = data

    @classmethod
    def read(cls, path: str | os.PathLike) -> "Potential":
        """From a `*.snnp` file; raises snnp.Error, which names file and line, if it is not valid."""
        return cls(_core.read_potential(str(Path(path))))

    def write(self, path: str | os.PathLike) -> None:
        """To a `*.snnp` file, which is there whole or not at all; raises snnp.Error if that fails."""
        try:
            write_text(Path(path), _core.format_potential(self.data))
        except OSError as error:
            raise _core.Error(f"{path}: cannot be written ({error.strerror})") from error

    @property
    def elements(self) -> list[str]:
        """Chemical symbols, in the order of the file."""
        return [e.name for e in self.data.elements]

    @property
    def cutoff(self) -> float:
        """Largest cutoff, Å."""
        return self.data.cutoff()

    @property
    def e0(self) -> dict[str, float]:
        """Energies of isolated atoms, eV."""
        return {e.name: e.e0 for e in self.data.elements}

    @property
    def filters(self) -> tuple[int, int]:
        """Numbers of two-body and of three-body filters, without those of a floor."""
        return self._curves.n2, self._curves.n3

    def phi(self, a: str, b: str) -> SplineFunction:
        """φ of an unordered pair of elements, eV over Å; the ZBL repulsion is no part of it."""
        pair = self._curves.pairs[self.data.pair_index(self._index(a), self._index(b))]
        return SplineFunction(pair.phi)

    def rho(self, m: int, center: str, neighbor: str) -> SplineFunction:
        """Two-body filter m = 1 … n2, over Å."""
        return self._filter(self._curves.rho, m, self._curves.n2, self._ordered(center, neighbor))

    def f(self, m: int, center: str, neighbor: str) -> SplineFunction:
        """Radial function of the three-body filter m = 1 … n3, over Å."""
        return self._filter(self.data.f, m, self.data.n3, self._ordered(center, neighbor))

    def g(self, m: int, center: str, neighbor: str, other: str) -> SplineFunction:
        """Angular function of the three-body filter m = 1 … n3, over cos θ."""
        index = self.data.triplet_index(self._index(center), self._index(neighbor), self._index(other))
        return self._filter(self.data.g, m, self.data.n3, index)

    def U(self, element: str) -> SplineFunction:
        """Embedding energy of a density (EAM, s-MEAM), eV; raises KeyError if the element has none."""
        e = self.data.elements[self._index(element)]
        if not len(e.density):
            raise KeyError(f"{element} has no embedding spline in this potential")
        return SplineFunction(e.U, continues=True)

    def calculator(self, threads: int | None = None) -> "SNNP":
        """The ASE calculator of this potential."""
        from snnp.calculator import SNNP

        return SNNP(self.data, threads)

    def plot(self) -> "Figure":
        """A picture of all splines (needs matplotlib)."""
        from snnp.analysis.spline_plots import splines

        return splines(self.data)

    @property
    def _curves(self) -> _core.Potential:
        """As it is inside the domain of the data: a floor writes φ and another function among the filters."""
        from snnp.models.gauge import without_floor

        return without_floor(self.data)

    def _index(self, element: str) -> int:
        if element not in self.elements:
            raise KeyError(f"element {element} is not among those of the potential ({' '.join(self.elements)})")
        return self.elements.index(element)

    def _ordered(self, center: str, neighbor: str) -> int:
        return self.data.ordered_index(self._index(center), self._index(neighbor))

    @staticmethod
    def _filter(splines: list[_core.Spline], m: int, count: int, index: int) -> SplineFunction:
        if not 1 <= m <= count:
            raise IndexError(f"filter {m}: the potential has {count}, numbered from 1")
        return SplineFunction(splines[index * count + m - 1])

    def __repr__(self) -> str:
        n2, n3 = self.filters
        return f"Potential({' '.join(self.elements)}; {n2} + {n3} filters, cutoff {self.cutoff:g} Å)"
