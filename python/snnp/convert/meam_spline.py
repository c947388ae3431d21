"""Files of LAMMPS' pair_style meam/spline (Lenosky et al. 2000, old and new layout) and meam/sw/spline.

Each spline is given by uniform knots, values there and slopes at both ends (the third column is not used), and goes on
linearly beyond both ends, up to the largest of all cutoffs.
"""

from itertools import pairwise
from pathlib import Path

import numpy as np

from snnp import _core
from snnp.convert.absorb_zbl import absorb_zbl
from snnp.convert.base import (
    NEAREST,
    ConvertError,
    Options,
    Reader,
    comment,
    is_element,
    is_zero,
    potential,
    radial,
    write_text,
    zero,
)
from snnp.convert.forms import Form, Triplets, reduce
from snnp.convert.splines import Cubic, uniform_fit

_UNEVEN = 1e-8  # Å: what pair_style meam/spline accepts


def read(path: Path, options: Options) -> _core.Potential:
    """A `*.meam.spline` file; exactly the same function."""
    reader = Reader(path)
    text = comment(reader.skip("a comment"), path)
    new = len(reader.lines) > 1 and reader.lines[1].startswith("meam/spline")
    elements = _named(reader) if new else _one_element(path, options)
    E = len(elements)
    P = E * (E + 1) // 2
    splines = [_spline(reader, new) for _ in range(P + 3 * E + P)]
    groups = np.cumsum([0, P, E, E, E, P])
    phi, rho, U, f, g = (splines[a:b] for a, b in pairwise(groups))
    cutoff = max(s.back for s in (*phi, *rho, *f))
    p = potential(elements, text, options)
    _warn_of_three(elements, options)
    # In this style nothing depends on the element in the middle.
    dense = Triplets([f[b] for _ in range(E) for b in range(E)], g * E)
    return _assembled(p, cutoff, phi, rho * E, U, dense, None)


def read_sw(path: Path, options: Options) -> _core.Potential:
    """A `*.meam.sw.spline` file: one element, and triplets F F G that enter the energy itself; exactly the same."""
    reader = Reader(path)
    text = comment(reader.skip("a comment"), path)
    elements = _one_element(path, options)
    phi, F, G, rho, U, f, g = (_spline(reader, False) for _ in range(7))
    cutoff = max(s.back for s in (phi, rho, f, F))
    p = potential(elements, text, options)
    return _assembled(p, cutoff, [phi], [rho], [U], Triplets([f], [g]), Triplets([F], [G]))


def _warn_of_three(elements: list[str], options: Options) -> None:
    if len(elements) > 2:
        options.note(
            "pair_style meam/spline mixes up the pairs of three and more elements (LAMMPS of July 2025): there φ and g "
            "depend on the order of atoms, here they do not"
        )


def _assembled(p, cutoff: float, phi, rho, U, dense: Triplets, linear: Triplets | None) -> _core.Potential:
    """The potential; filters that are zero everywhere are left out."""
    triplets = [t for t in (dense, linear) if t and not all(map(is_zero, t.f)) and not all(map(is_zero, t.g))]
    has_rho = not all(map(is_zero, rho))
    has_density = has_rho or any(t is dense for t in triplets)
    p.n2, p.n3 = int(has_rho), len(triplets)
    density = [1.0] * has_rho + [float(t is dense) for t in triplets]
    elements = p.elements
    for e, u in zip(elements, U, strict=True):
        e.linear = [0.0] * has_rho + [float(t is linear) for t in triplets]
        if has_density:
            e.density, e.U = density, _core.Spline(*u.bspline())
    p.elements = elements
    pairs = []
    for s in phi:
        pair = _core.Pair()
        pair.phi = radial(_reaching(s, cutoff))
        pairs.append(pair)
    p.pairs = pairs
    p.rho = [radial(_reaching(s, cutoff)) for s in rho] if has_rho else []
    p.f = [radial(_reaching(t.f[n], cutoff)) for n in range(len(dense.f)) for t in triplets]
    p.g = [_core.Spline(*_over_cosines(t.g[n]).bspline()) for n in range(len(dense.g)) for t in triplets]
    p.check()
    return p


def _reaching(s: Cubic, cutoff: float) -> Cubic:
    """The function as this style continues it, linearly up to the largest cutoff."""
    return s if s.back >= cutoff or s.ends_at_zero() else s.to_above(cutoff)


def _over_cosines(s: Cubic) -> Cubic:
    """The function on [−1, 1], cut off or as it goes on."""
    if abs(s.front + 1) < 1e-9 and abs(s.back - 1) < 1e-9:
        return s.stretched(-1.0, 1.0)
    if abs(s.front + 1) < 1e-9:
        s = s.stretched(-1.0, s.back)
    if abs(s.back - 1) < 1e-9:
        s = s.stretched(s.front, 1.0)
    s = s.to_below(-1.0) if s.front > -1 else s
    s = s.to_above(1.0) if s.back < 1 else s
    return s.cut(-1.0, 1.0)


def _named(reader: Reader) -> list[str]:
    words = reader.words("'meam/spline'")
    if len(words) < 2:
        raise reader.fail("expected 'meam/spline', the number of elements and their symbols")
    n = reader.integer(words[1], "a number of elements", 1)
    if len(words) < 2 + n:
        raise reader.fail(f"found {len(words) - 2} elements, expected {n}")
    return [reader.element(w) for w in words[2 : 2 + n]]


def _one_element(path: Path, options: Options) -> list[str]:
    """Files of the old layout do not tell their element: the user does, or the name of the file."""
    if options.elements:
        if len(options.elements) != 1:
            raise ConvertError(f"{path}: the file is for one element, found --elements {' '.join(options.elements)}")
        return options.elements
    for name in (path.name[:2], path.name[:1]):
        if is_element(name):
            return [name]
    raise ConvertError(
        f"{path}: the file does not tell its element and its name does not begin with one; expected --elements"
    )


def _spline(reader: Reader, new: bool) -> Cubic:
    if new:
        reader.skip("'spline3eq'")
        if reader.lines[reader.line - 1].split()[:1] != ["spline3eq"]:
            raise reader.fail(f"found '{reader.lines[reader.line - 1].strip()}', expected 'spline3eq'")
    n = reader.integer(reader.words("a number of knots")[0], "a number of knots", 2)
    first, last = reader.numbers(2, "the slopes at both ends")
    if not new:
        reader.skip("a line of four switches")
    points = np.array([reader.numbers(3, "knot, value and second derivative") for _ in range(n)])
    x, y = points[:, 0], points[:, 1]
    if np.any(np.diff(x) <= 0):
        raise reader.fail("the knots of this spline do not increase")
    if np.abs(x - np.linspace(x[0], x[-1], n)).max() > _UNEVEN:
        raise reader.fail("the knots of this spline are not uniform, as pair_style meam/spline wants them")
    return Cubic.through(x, y, first, last)


# -- writing ------------------------------------------------------------------------------------------------------


def write(p: _core.Potential, path: Path, options: Options) -> None:
    """A `*.meam.spline` file of the new layout."""
    form = _reduced(p, "pair_style meam/spline", options)
    triplets = form.dense or form.linear
    if len(form.dense) + len(form.linear) > 1 or (form.linear and form.rho):
        raise ConvertError(
            "the potential has more triplet terms than pair_style meam/spline, which has one f f g inside the density"
        )
    E = len(form.elements)
    _warn_of_three(form.elements, options)
    rho = _by_neighbor(form.rho, E, "ρ") if form.rho else [zero(p.cutoff())] * E
    f = _by_neighbor(triplets[0].f, E, "f") if triplets else [zero(p.cutoff())] * E
    g = _by_neighbor(triplets[0].g, E, "g") if triplets else [Cubic.line(-1.0, 1.0, 0.0, 0.0)] * len(form.phi)
    U = form.U or [Cubic.line(0.0, 1.0, 0.0, 1.0 if triplets else 0.0)] * E
    names = form.elements
    pairs = [f"{names[a]}-{names[b]}" for a, b in form.pairs]
    phi, rho, f = _ends([form.phi, rho, f], p.cutoff())
    listed = [("φ", pairs, phi), ("ρ", names, rho), ("U", names, _bare(U)), ("f", names, f), ("g", pairs, _whole(g))]
    blocks = [
        "spline3eq\n" + _block(s, f"{kind} {name}", False, options)
        for kind, group, functions in listed
        for name, s in zip(group, functions, strict=True)
    ]
    write_text(path, f"#{p.comment}\nmeam/spline {E} {' '.join(names)}\n" + "".join(blocks))


def write_sw(p: _core.Potential, path: Path, options: Options) -> None:
    """A `*.meam.sw.spline` file, for one element."""
    form = _reduced(p, "pair_style meam/sw/spline", options)
    if len(form.elements) > 1:
        raise ConvertError("the potential has more than one element, pair_style meam/sw/spline has one")
    if len(form.dense) > 1 or len(form.linear) > 1:
        raise ConvertError("the potential has more triplet terms than pair_style meam/sw/spline, which has two")
    none = Triplets([zero(p.cutoff())], [Cubic.line(-1.0, 1.0, 0.0, 0.0)])
    dense, linear = (form.dense or [none])[0], (form.linear or [none])[0]
    rho = form.rho[0] if form.rho else zero(p.cutoff())
    U = form.U[0] if form.U else Cubic.line(0.0, 1.0, 0.0, 0.0)
    phi, rho, f, F = (s for (s,) in _ends([form.phi, [rho], dense.f, linear.f], p.cutoff()))
    (g, G), (U,) = _whole([dense.g[0], linear.g[0]]), _bare([U])
    functions = {"φ": phi, "F": F, "G": G, "ρ": rho, "U": U, "f": f, "g": g}
    blocks = [_block(s, what, True, options) for what, s in functions.items()]
    write_text(path, f"#{p.comment}\n" + "".join(blocks))


def _reduced(p: _core.Potential, style: str, options: Options) -> Form:
    form = reduce(p, style)
    if p.V:
        raise ConvertError(f"the potential has tensor splines V(r_ij, r_ik, r_jk), {style} has none")
    if any(form.e0):
        values = ", ".join(f"{n} {e:g} eV" for n, e in zip(form.elements, form.e0, strict=True))
        options.note(f"{style} has no energies of isolated atoms: energies are counted from {values}")
    for n, (a, b) in enumerate(form.pairs):
        if zbl := form.zbl(a, b):
            form.phi[n], error, lowest = absorb_zbl(
                _tolerable(form.phi[n], f"φ {form.name(n)}", options), zbl, options.tolerance
            )
            options.note(
                f"φ {form.name(n)}: the ZBL repulsion is part of φ, within {error:.2g} eV down to {lowest:.2f} Å and "
                "100 eV, a straight line below"
            )
    return form


def _tolerable(s: Cubic, what: str, options: Options) -> Cubic:
    """On uniform knots, exactly or within the tolerance."""
    fit, error = uniform_fit(s, options.tolerance)
    if error:
        options.note(f"{what}: {len(fit.x)} uniform knots instead of {len(s.x)} others, error {error:.2g}")
    return fit


def _by_neighbor(functions: list[Cubic], E: int, what: str) -> list[Cubic]:
    """Functions that do not depend on the element in the middle, once for each of the others."""
    n = len(functions) // E
    for k, s in enumerate(functions):
        t = functions[k % n]
        if not (np.array_equal(s.x, t.x) and np.allclose(s.c, t.c, rtol=1e-12, atol=0)):
            raise ConvertError(
                f"{what} depends on the element in the middle, in pair_style meam/spline only on the neighbors"
            )
    return functions[:n]


def _block(s: Cubic, what: str, old: bool, options: Options) -> str:
    """One spline as text."""
    s = _tolerable(s, what, options)
    value, slope = (0.0, 0.0) if s.ends_at_zero() else s.end()
    x, y, bend = np.r_[s.x], np.r_[s.c[:, 0], value], np.r_[2 * s.c[:, 2], float(s(s.back, 2))]
    head = f"{len(x)}\n{float(s.c[0, 1])!r} {float(slope)!r}\n" + ("1 1 1 1\n" if old else "")
    return head + "".join(f"{float(a)!r} {float(b)!r} {float(c)!r}\n" for a, b, c in zip(x, y, bend, strict=True))


def _ends(groups: list[list[Cubic]], cutoff: float) -> list[list[Cubic]]:
    """Functions of distance without the linear ends that this style adds by itself; none of them may stop short."""
    for s in (s for group in groups for s in group):
        if s.back < cutoff and not s.ends_at_zero():
            raise ConvertError(
                f"a function of distance stops at {s.back:g} Å and not smoothly, in pair_style meam/spline all go on "
                f"to the largest cutoff, {cutoff:g} Å"
            )
    bare = [[_from_zero(s.without_linear_ends()) for s in group] for group in groups]
    # The style finds its cutoff as the last knot of all.
    if max(s.back for group in bare for s in group) == cutoff:
        return bare
    return [[s.without_linear_ends(above=False) for s in group] for group in groups]


def _from_zero(s: Cubic) -> Cubic:
    """A function of distance whose first piece was cut off near 0, this as wide as the others."""
    return s.stretched(2 * s.x[1] - s.x[2], s.back) if s.front == NEAREST and len(s.x) > 2 else s


def _bare(functions: list[Cubic]) -> list[Cubic]:
    return [s.without_linear_ends() for s in functions]


def _whole(functions: list[Cubic]) -> list[Cubic]:
    """Functions of cosines with first and last pieces, cut off at −1 and 1, as wide as the others."""
    return [_whole_cells(s.without_linear_ends()) for s in functions]


def _whole_cells(s: Cubic) -> Cubic:
    inner = s.x[1:-1]
    if len(inner) == 0:
        return s
    step = np.diff(inner).min() if len(inner) > 1 else np.diff(s.x).max()
    first, last = min(inner[0] - step, s.front), max(inner[-1] + step, s.back)
    return s.stretched(first if s.front == -1 else s.front, last if s.back == 1 else s.back)
