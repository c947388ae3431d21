"""Files of LAMMPS' pair_style eam/alloy and eam/fs (setfl): tables of F(ρ), ρ(r) and r·φ(r).

LAMMPS makes cubic pieces of a table, with slopes from differences of its points. Reading puts splines with few knots
through these pieces; writing makes tables so fine that the pieces follow the splines.
"""

from pathlib import Path

import numpy as np
from ase.data import atomic_masses, atomic_numbers

from snnp import _core
from snnp.convert.base import ConvertError, Options, Reader, comment, potential, write_text
from snnp.convert.forms import Form, reduce, with_zbl
from snnp.convert.splines import Cubic, adaptive

# Where φ is higher than this, nothing is fitted; below that distance splines go on linearly.
HIGHEST = 1000.0  # eV

# No table means anything below this.
_NEAREST = 0.1  # Å

# Slopes may be off by so much more than values (per Å).
_SLOPES = 10.0

_MOST_POINTS = 40000


def pieces(values: np.ndarray, step: float) -> Cubic:
    """The function that LAMMPS makes of a table that begins at 0 (pair_eam.cpp, interpolate).

    values (n,) at 0, step, 2 step, …; in the units of the table.
    """
    f = values
    slopes = np.empty_like(f)
    slopes[2:-2] = ((f[:-4] - f[4:]) + 8 * (f[3:-1] - f[1:-3])) / 12
    slopes[[1, -2]] = 0.5 * (f[2] - f[0]), 0.5 * (f[-1] - f[-3])
    slopes[[0, -1]] = f[1] - f[0], f[-1] - f[-2]
    return Cubic.hermite(step * np.arange(len(f)), f, slopes / step)


# -- reading ------------------------------------------------------------------------------------------------------


def read_alloy(path: Path, options: Options) -> _core.Potential:
    """A `*.eam.alloy` file, within options.tolerance."""
    return _read(path, options, fs=False)


def read_fs(path: Path, options: Options) -> _core.Potential:
    """A `*.eam.fs` file, within options.tolerance."""
    return _read(path, options, fs=True)


def _read(path: Path, options: Options, fs: bool) -> _core.Potential:
    reader = Reader(path)
    first, *more = (reader.skip("a comment").strip() for _ in range(3))
    text = comment(" ".join([first, *(line for line in more if not line.startswith("#"))]), path)
    words = reader.words("a number of elements and their symbols")
    E = reader.integer(words[0], "a number of elements", 1)
    elements = [reader.element(w) for w in words[1:]]
    if len(elements) != E:
        raise reader.fail(f"found {len(elements)} elements, expected {E}")
    words = reader.words("numbers and spacings of ρ and r, and the cutoff")
    if len(words) < 5:
        raise reader.fail(f"found {len(words)} words, expected numbers and spacings of ρ and r, and the cutoff")
    n_rho, n_r = (reader.integer(w, "a number of points", 5) for w in (words[0], words[2]))
    d_rho, d_r, cutoff = (reader.number(w, "a positive number") for w in (words[1], words[3], words[4]))
    if min(d_rho, d_r, cutoff) <= 0:
        raise reader.fail("expected positive spacings and a positive cutoff")
    F, rho = [], np.empty((E, E, n_r))  # rho by centre, then neighbour
    for a in range(E):
        words = reader.words("atomic number and mass")
        for w in words[:2]:
            reader.number(w, "atomic number and mass")
        F.append(reader.numbers(n_rho, f"F of {elements[a]}"))
        for b in range(E) if fs else [0]:
            # What an atom of element a contributes at one of element b.
            rho[b if fs else slice(None), a] = reader.numbers(n_r, f"ρ of {elements[a]}")
    z2r = {(b, a): reader.numbers(n_r, f"r·φ of {elements[a]}-{elements[b]}") for a in range(E) for b in range(a + 1)}
    phi = [pieces(z2r[a, b], d_r) for a in range(E) for b in range(a, E)]
    p = potential(elements, text, options)
    return _Splines(p, options, cutoff, d_r, fs).fitted([pieces(f, d_rho) for f in F], rho, phi)


class _Splines:
    """The splines through the tables of one file."""

    def __init__(self, p: _core.Potential, options: Options, cutoff: float, d_r: float, fs: bool):
        self.p, self.options, self.cutoff, self.d_r, self.fs = p, options, cutoff, d_r, fs

    def fitted(self, F: list[Cubic], rho: np.ndarray, phi: list[Cubic]) -> _core.Potential:
        p, E = self.p, len(F)
        names = [e.name for e in p.elements]
        p.n2, p.n3 = 1, 0
        pairs = [(a, b) for a in range(E) for b in range(a, E)]
        begin = {ab: self._nearest(s) for ab, s in zip(pairs, phi, strict=True)}
        p.pairs = [self._pair(s, begin[ab], f"{names[ab[0]]}-{names[ab[1]]}") for ab, s in zip(pairs, phi, strict=True)]
        density = [self._typical(rho[a, a], phi[pairs.index((a, a))], F[a].back) for a in range(E)]
        elements = p.elements
        for a, e in enumerate(elements):
            e.linear, e.density = [0.0], [1.0]
            e.U = self._embedding(F[a], density[a], e.name)
            e.e0 = self.options.e0.get(e.name, float(F[a](0.0)))
        p.elements = elements
        steepest = [self._steepest(F[a], density[a]) for a in range(E)]
        densities = {}
        for b in range(E):
            # In eam/alloy an atom contributes the same at all others; so it has to be after fitting.
            for centres in [[a] for a in range(E)] if self.fs else [range(E)]:
                first = min(begin[min(a, b), max(a, b)] for a in centres)
                tolerance = self.options.tolerance / max(steepest[a] for a in centres)
                scale = min(density[a] for a in centres)
                at = "-".join(names[a] for a in centres)
                spline = self._density(pieces(rho[centres[0], b], self.d_r), first, tolerance, scale, names[b], at)
                densities.update({(a, b): spline for a in centres})
        p.rho = [densities[a, b] for a in range(E) for b in range(E)]
        p.check()
        return p

    def _typical(self, rho: np.ndarray, phi: Cubic, highest: float) -> float:
        """The density in a crystal, roughly: of twelve neighbours where φ is lowest."""
        r = np.arange(1, len(rho)) * self.d_r
        density = 12 * float(rho[np.argmin(phi(r) / r) + 1])
        return density if 1e-6 * highest < density < highest else 0.1 * highest

    def _nearest(self, rphi: Cubic) -> float:
        """The distance at which a table begins to be a potential: φ at its highest, if below 1000 eV, Å."""
        r = np.arange(1, len(rphi.x)) * self.d_r
        r = r[(r < self.cutoff) & (r >= _NEAREST)]
        phi = rphi(r) / r
        high = np.nonzero(np.abs(phi) > HIGHEST)[0]
        inside = slice(high[-1] + 1 if len(high) else 0, None)
        top = int(np.argmax(phi[inside]))
        return float(r[inside][top if phi[inside][top] > 1 else 0])

    def _pair(self, rphi: Cubic, begin: float, name: str) -> _core.Pair:
        def phi(r):
            z, dz = self._table(rphi, r)
            return z / r, (dz - z / r) / r

        pair = _core.Pair()
        pair.phi, error = self._radial(phi, begin, self.options.tolerance, 1.0)
        pair.shortest = begin
        self._say(f"φ {name}", pair.phi, error, "eV")
        if Cubic.of(pair.phi).c[0, 1] >= 0:
            pair.zbl_inner, pair.zbl_outer = 0.8 * begin, begin
            self.options.note(f"φ {name} is not repulsive at {begin:.3g} Å, where it begins: ZBL repulsion below")
        return pair

    def _steepest(self, F: Cubic, density: float) -> float:
        """Errors of a density count by what they do to the energy: the largest |F'| around that of a crystal."""
        return max(float(np.abs(F(np.linspace(0.3, 2, 50) * density, 1)).max()), 1e-12)

    def _density(self, table: Cubic, begin: float, tolerance: float, scale: float, of: str, at: str) -> _core.Spline:
        spline, error = self._radial(lambda r: self._table(table, r), begin, tolerance, scale)
        self._say(f"ρ of {of} at {at}", spline, error, f"of {scale:.3g} in a crystal")
        return spline

    def _table(self, table: Cubic, r: np.ndarray):
        """LAMMPS holds a table's last point up to the cutoff."""
        return table(np.minimum(r, table.back)), np.where(r > table.back, 0.0, table(r, 1))

    def _radial(self, f, begin: float, tolerance: float, scale: float) -> tuple[_core.Spline, float]:
        """A spline through f from `begin` to the cutoff, and its largest error relative to 1 + |f| / scale."""
        value, slope = (float(v[0]) for v in f(np.array([self.cutoff])))
        closed = abs(value) <= tolerance and abs(slope) <= 100 * tolerance
        width = min(0.5, 0.2 * (self.cutoff - begin))
        rest = Cubic.hermite(
            np.array([self.cutoff - width, self.cutoff]), np.array([0.0, value]), np.array([0.0, slope])
        )

        def smooth(r):
            """f, brought to end with value and slope zero where it nearly does."""
            v, s = f(r)
            near = closed & (r > rest.front)
            return v - np.where(near, rest(r), 0.0), s - np.where(near, rest(r, 1), 0.0)

        def allowed(r, v):
            of_value = tolerance * (1 + np.abs(v) / scale)
            return of_value, _SLOPES * of_value

        nodes = self.d_r * np.arange(round(begin / self.d_r), int(self.cutoff / self.d_r) + 1)
        nodes = np.r_[nodes[nodes < self.cutoff - 0.5 * self.d_r], self.cutoff]
        s = adaptive(smooth, nodes, allowed)
        knots, c = s.bspline()
        if closed:
            c[-2:] = 0
        r = np.linspace(begin, self.cutoff, 20 * len(knots))[:-1]
        value = f(r)[0]
        error = float((np.abs(s(r) - value) / (1 + np.abs(value) / scale)).max())
        return _core.Spline(knots, c, not closed), error

    def _embedding(self, F: Cubic, density: float, name: str) -> _core.Spline:
        tolerance = self.options.tolerance

        def allowed(n, v):
            of_value = tolerance * (1 + np.abs(v))
            return of_value, _SLOPES * tolerance * (1 / density + np.abs(F(n, 1)))

        s = adaptive(lambda n: (F(n), F(n, 1)), F.x, allowed)
        n = np.linspace(F.front, F.back, 20 * len(s.x))
        spline = _core.Spline(*s.bspline())
        self._say(f"F {name}", spline, float((np.abs(s(n) - F(n)) / (1 + np.abs(F(n)))).max()), "eV")
        return spline

    def _say(self, what: str, s: _core.Spline, error: float, unit: str) -> None:
        self.options.note(
            f"{what}: {len(s.knots)} knots from {s.knots[0]:.4g} to {s.knots[-1]:.4g}, error {error:.1e} {unit}"
            + (", relative where it is larger" if unit == "eV" else "")
        )


# -- writing ------------------------------------------------------------------------------------------------------


def write_alloy(p: _core.Potential, path: Path, options: Options) -> None:
    """A `*.eam.alloy` file."""
    form = _embedded(p, "pair_style eam/alloy")
    E = len(form.elements)
    _positive(form, [range(E)])
    for n, s in enumerate(form.rho or []):
        t = form.rho[n % E]
        if not (np.array_equal(s.x, t.x) and np.allclose(s.c, t.c, rtol=1e-12, atol=0)):
            raise ConvertError(
                "ρ depends on the element in the middle: pair_style eam/fs knows such potentials, eam/alloy does not"
            )
    _write(form, path, options, fs=False)


def write_fs(p: _core.Potential, path: Path, options: Options) -> None:
    """A `*.eam.fs` file."""
    form = _embedded(p, "pair_style eam/fs")
    _positive(form, [[a] for a in range(len(form.elements))])
    _write(form, path, options, fs=True)


def _embedded(p: _core.Potential, style: str) -> Form:
    form = reduce(p, style)
    if form.dense or form.linear or p.V:
        raise ConvertError(f"the potential has three-body terms, {style} has none")
    return form


def _positive(form: Form, together: list) -> None:
    """Tables of F begin at a density of 0: where densities are rather negative, n and U(n) become −n and U(−n)."""
    E = len(form.elements)
    for centres in together if form.rho else []:
        mine = [a * E + b for a in centres for b in range(E)]
        values = np.concatenate([form.rho[n](np.linspace(form.rho[n].front, form.rho[n].back, 500)) for n in mine])
        if values.sum() < 0:
            for n in mine:
                form.rho[n] = form.rho[n].scaled(-1)
            for a in centres:
                form.U[a] = form.U[a].mirrored()


def _write(form: Form, path: Path, options: Options, fs: bool) -> None:
    p, E, cutoff = form.p, len(form.elements), form.p.cutoff()
    zero = Cubic.line(0.5 * cutoff, cutoff, 0.0, 0.0)
    rho = form.rho or [zero] * (E * E)
    densities = [s(np.linspace(s.front, s.back, 500)) for s in rho]
    if any(v.min() < -1e-5 * np.abs(v).max() for v in densities):
        options.note(
            "ρ is negative at some distances; where the whole density of an atom is, LAMMPS goes on with the first "
            "interval of its table, which is not this potential"
        )
    r_tables = [lambda r, s=s: np.where(r > s.back, 0.0, s(r)) for s in rho]
    repulsions = [form.zbl(a, b) for a, b in form.pairs]
    r_phi = [lambda r, s=s, c=c: _r_phi(s, c, r) for s, c in zip(form.phi, repulsions, strict=True)]
    nearest = _where_low(form, repulsions)
    n_r, r_error, phi_error = _points_in_r(r_tables, r_phi, cutoff, nearest, options.tolerance)
    U = form.U or [Cubic.line(0.0, 1.0, 0.0, 0.0)] * E
    F = [lambda n, s=s, e=e: e + s(n) - s(0.0) for s, e in zip(U, form.e0, strict=True)]
    top = max([s.back for s in U if s.back > 0], default=1.0)
    n_rho, F_error = _points_in_density(F, top, options.tolerance)
    d_r, d_rho = cutoff / (n_r - 1), top / (n_rho - 6)
    r, n = d_r * np.arange(n_r), d_rho * np.arange(n_rho)
    text = [
        f"#{p.comment}",
        "# F, rho and r*phi from splines, which are linear below their first knots",
        f"# {n_rho} points of F, {n_r} of rho and r*phi",
    ]
    text.append(f"{E} {' '.join(form.elements)}")
    text.append(f"{n_rho} {float(d_rho)!r} {n_r} {float(d_r)!r} {float(cutoff)!r}")
    for a, name in enumerate(form.elements):
        text.append(f"{atomic_numbers[name]} {float(atomic_masses[atomic_numbers[name]])!r} 0.0 none")
        text.append(_rows(F[a](n)))
        for b in range(E) if fs else [a]:
            text.append(_rows(r_tables[b * E + a](r)))
    for a in range(E):
        for b in range(a + 1):
            text.append(_rows(r_phi[p.pair_index(a, b)](r)))
    write_text(path, "\n".join(text) + "\n")
    options.note(
        f"tables of {n_r} points in r and {n_rho} in ρ: error of φ {phi_error:.1e} eV (relative where it is larger, "
        f"down to {nearest:.2f} Å), of ρ {r_error:.1e}, of F {F_error:.1e} eV"
    )


def _r_phi(phi: Cubic, zbl, r: np.ndarray) -> np.ndarray:
    """r · (φ + ZBL), also at r = 0."""
    safe = np.maximum(r, 1e-9)
    return safe * with_zbl(phi, zbl, safe)[0]


def _where_low(form: Form, repulsions) -> float:
    """The distance above which no pair function is higher than 1000 eV, Å."""
    r = np.linspace(0.05, form.p.cutoff(), 5000)
    low = np.all([np.abs(with_zbl(s, c, r)[0]) <= HIGHEST for s, c in zip(form.phi, repulsions, strict=True)], axis=0)
    high = np.nonzero(~low)[0]
    return float(r[high[-1] + 1] if len(high) else r[0])


def _points_in_r(rho, r_phi, cutoff: float, nearest: float, tolerance: float) -> tuple[int, float, float]:
    """How many points follow the splines; and the errors of ρ and of φ."""
    n = 1250
    while True:
        n *= 2
        x = cutoff / (n - 1) * np.arange(n)
        between = np.linspace(nearest, cutoff, 4 * n)
        of_rho = max(float(np.abs(pieces(f(x), x[1])(between) - f(between)).max()) for f in rho)
        phi = [np.abs(pieces(f(x), x[1])(between) - f(between)) / (between + np.abs(f(between))) for f in r_phi]
        of_phi = max(float(e.max()) for e in phi)
        if max(of_rho, of_phi) <= tolerance or 2 * n > _MOST_POINTS:
            return n, of_rho, of_phi


def _points_in_density(F, top: float, tolerance: float) -> tuple[int, float]:
    """Likewise for F, with some points beyond its last knot, where it is a straight line."""
    n = 1250
    while True:
        n *= 2
        x = top / (n - 6) * np.arange(n)
        between = np.linspace(0, top, 4 * n)
        error = max(float(np.abs(pieces(f(x), x[1])(between) - f(between)).max()) for f in F)
        if error <= tolerance or 2 * n > _MOST_POINTS:
            return n, error


def _rows(values: np.ndarray) -> str:
    words = [f"{v:.16e}" for v in np.atleast_1d(values)]
    return "\n".join(" ".join(words[k : k + 5]) for k in range(0, len(words), 5))
