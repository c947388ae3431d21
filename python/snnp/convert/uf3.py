"""Files of LAMMPS' pair_style uf3 (Xie, Rupp, Hennig 2023).

    E = Σ_i Σ_{j≠i} V2(r_ij) + Σ_i Σ_{j<k} V3(r_ij, r_ik, r_jk)

Blocks begin with a line '#UF3 POT UNITS: …':

    2B El El LEADING TRAILING uk|nk            3B El El El LEADING TRAILING uk|nk       the first element is the centre
    cutoff knots                               cutoff_jk cutoff_ik cutoff_ij knots_jk knots_ik knots_ij
    the knots                                  three lines of knots, in that order
    coefficients                               coefficients along ij, ik, jk
    the coefficients                           for each ij, for each ik, a line of coefficients along jk

Knot vectors have both ends four times.
"""

import re
from pathlib import Path

import numpy as np

from snnp import _core
from snnp.convert.absorb_zbl import absorb_zbl
from snnp.convert.base import NEAREST, ConvertError, Options, Reader, comment, potential, radial, write_text
from snnp.convert.forms import reduce, zero_above
from snnp.convert.splines import Cubic

# The zbl fades out from the first knot to this part of it.
_INNER = 0.8

# pair_style uf3 reads no further in a line; and what a number of 17 digits takes.
_LONGEST_LINE, _LONGEST_NUMBER = 1020, 23

# A pair spline that begins closer than this needs no zbl.
_CLOSE = 0.2  # Å


def read(path: Path, options: Options) -> _core.Potential:
    """A `*.uf3` file: the same function above the first knots, and below them a repulsive zbl."""
    reader = Reader(path)
    text, pairs, triples = "", {}, {}
    while not reader.at_end:
        line = reader.next("a block")
        if not line.startswith("#"):
            raise reader.fail(f"found '{line.strip()[:40]}', expected a line '#UF3 POT UNITS: metal …'")
        if "UF3 POT" not in line:
            continue
        text = text or line
        words = reader.words("'2B' or '3B'")
        if words[0] == "2B":
            names = _elements(reader, words, 2)
            _add(reader, pairs, tuple(sorted(names)), _pair(reader))
        elif words[0] == "3B":
            a, b, c = _elements(reader, words, 3)
            _add(reader, triples, (a, b, c), _triple(reader, b == c))
        else:
            raise reader.fail(f"found '{words[0]}', expected '2B' or '3B'")
    if not pairs:
        raise reader.fail("expected a 2B block")
    energies, text = _energies(text)
    return assembled(path, comment(text, path), pairs, triples, energies, options)


def assembled(path: Path, text: str, pairs: dict, triples: dict, energies: dict, options: Options) -> _core.Potential:
    """The potential of blocks: pairs {(El, El), in the order of letters: (knots, coefficients of 2 V2)}, triples
    {(centre, El, El): ([knots ij, ik, jk], coefficients)} and energies of isolated atoms, eV."""
    elements = list(dict.fromkeys(name for names in pairs for name in names))
    options.e0 = {**energies, **options.e0}
    p = potential(elements, text, options)
    _missing(path, elements, pairs, triples)
    p.pairs = [
        _core_below(pairs[tuple(sorted((a, b)))], (a, b), options) for n, a in enumerate(elements) for b in elements[n:]
    ]
    if triples:
        p.V = [_tensor(triples, a, b, c) for a in elements for n, b in enumerate(elements) for c in elements[n:]]
        _within_pairs(path, p, elements)
    if not options.e0:
        options.note("the file has no energies of isolated atoms, they are 0; say --e0 El=energy if you know them")
    p.check()
    return p


def _elements(reader: Reader, words: list[str], n: int) -> list[str]:
    if len(words) != n + 4:
        raise reader.fail(f"found {len(words)} words, expected {words[0]}, {n} elements, two trims, and 'uk' or 'nk'")
    if words[-1] not in ("uk", "nk"):
        raise reader.fail(f"found '{words[-1]}', expected 'uk' or 'nk'")
    return [reader.element(w) for w in words[1 : n + 1]]


def _add(reader: Reader, blocks: dict, names: tuple, block) -> None:
    if names in blocks:
        raise reader.fail(f"a second block for {'-'.join(names)}")
    blocks[names] = block


def _pair(reader: Reader) -> tuple[np.ndarray, np.ndarray]:
    """Knots (ends once) and coefficients of φ = 2 V2."""
    words = reader.words("a cutoff and a number of knots")
    if len(words) != 2:
        raise reader.fail(f"found {len(words)} words, expected a cutoff and a number of knots")
    cutoff, n = reader.number(words[0], "a cutoff"), reader.integer(words[1], "a number of knots", 8)
    knots = _knots(reader, n, cutoff)
    count = reader.integer(reader.words("a number of coefficients")[0], "a number of coefficients", 4)
    _counted(reader, count, n)
    return knots, 2 * reader.numbers(count, "the coefficients")


def _triple(reader: Reader, symmetric: bool) -> tuple[list[np.ndarray], np.ndarray]:
    """Knots along ij, ik and jk, and coefficients with axes in this order."""
    words = reader.words("three cutoffs and three numbers of knots")
    if len(words) != 6:
        raise reader.fail(f"found {len(words)} words, expected three cutoffs and three numbers of knots, of jk, ik, ij")
    cutoffs = [reader.number(w, "a cutoff") for w in words[:3]]
    counts = [reader.integer(w, "a number of knots", 8) for w in words[3:]]
    jk, ik, ij = (_knots(reader, n, cutoff) for n, cutoff in zip(counts, cutoffs, strict=True))
    words = reader.words("three numbers of coefficients")
    if len(words) != 3:
        raise reader.fail(f"found {len(words)} words, expected three numbers of coefficients, along ij, ik, jk")
    shape = [reader.integer(w, "a number of coefficients", 4) for w in words]
    for count, n in zip(shape, reversed(counts), strict=True):
        _counted(reader, count, n)
    first = reader.line + 1
    c = np.array([reader.numbers(shape[2], "coefficients along jk") for _ in range(shape[0] * shape[1])]).reshape(shape)
    if symmetric:
        check_symmetry(f"{reader.path}:{first}", ij, ik, c)
    return [ij, ik, jk], c


def check_symmetry(where: str, ij: np.ndarray, ik: np.ndarray, c: np.ndarray) -> None:
    """Raises ConvertError for a V that depends on the order of two equal neighbours.

    ij, ik: knots (n,), Å; c: coefficients (ij, ik, jk), eV.
    """
    if not (np.array_equal(ij, ik) and np.allclose(c, c.swapaxes(0, 1), rtol=1e-10, atol=1e-13)):
        raise ConvertError(
            f"{where}: these coefficients change when the two equal neighbors are exchanged, so that the energy "
            "depends on the order of atoms"
        )


def _knots(reader: Reader, n: int, cutoff: float) -> np.ndarray:
    """Knots without the repetitions at the ends."""
    t = reader.numbers(n, "the knots")
    if not are_knots(t):
        raise reader.fail(f"expected knots that {KNOTS}")
    if abs(t[-1] - cutoff) > 1e-6:
        raise reader.fail(f"the last knot is {t[-1]:g}, expected the cutoff {cutoff:g}")
    return t[3:-3]


KNOTS = "increase, the first and the last of them four times"


def are_knots(t: np.ndarray) -> bool:
    """Whether a sequence of numbers (n,) is a knot vector of this format."""
    return bool(len(t) >= 8 and np.all(t[:4] == t[0]) and np.all(t[-4:] == t[-1]) and np.all(np.diff(t[3:-3]) > 0))


def _counted(reader: Reader, count: int, knots: int) -> None:
    if count != knots - 4:
        raise reader.fail(f"found {count} coefficients for {knots} knots, expected {knots - 4}")


def _missing(path: Path, elements: list[str], pairs: dict, triples: dict) -> None:
    for n, a in enumerate(elements):
        for b in elements[n:]:
            if tuple(sorted((a, b))) not in pairs:
                raise ConvertError(f"{path}: expected a 2B block for {a}-{b}")
    for names in triples:
        for name in names:
            if name not in elements:
                raise ConvertError(f"{path}: a 3B block has {name}, but no 2B block does")
        a, b, c = names
        if b != c and (a, c, b) in triples:
            raise ConvertError(f"{path}: the blocks 3B {a} {b} {c} and 3B {a} {c} {b} are for the same triplets")


def _core_below(block, names: tuple[str, str], options: Options) -> _core.Pair:
    """A pair function; where it says nothing any more, at short distances, nuclei repel each other."""
    knots, c = block
    pair = _core.Pair()
    pair.phi = radial(Cubic.of_bspline(knots, c))
    if knots[0] > _CLOSE:
        pair.zbl_inner, pair.zbl_outer, pair.shortest = _INNER * knots[0], knots[0], knots[0]
        options.note(
            f"{'-'.join(names)}: ZBL repulsion below the first knot, {knots[0]:g} Å, where pair_style uf3 has no force"
        )
    return pair


def _tensor(triples: dict, a: str, b: str, c: str) -> _core.Tensor:
    if (a, b, c) in triples:
        (ij, ik, jk), coefficients = triples[a, b, c]
    elif (a, c, b) in triples:
        (ik, ij, jk), coefficients = triples[a, c, b]
        coefficients = coefficients.swapaxes(0, 1)
    else:
        return _core.Tensor()
    if b == c:
        coefficients = 0.5 * (coefficients + coefficients.swapaxes(0, 1))
    return _core.Tensor(ij, ik, jk, coefficients.ravel())


def _within_pairs(path: Path, p: _core.Potential, elements: list[str]) -> None:
    """pair_style uf3 looks for triplets among neighbours within the cutoff of the pair."""
    for a, b, c, tensor in _triples_of(p):
        for leg, knots in ((b, tensor.knots_ij), (c, tensor.knots_ik)):
            cutoff = p.pairs[p.pair_index(a, leg)].phi.knots[-1]
            if len(knots) and knots[-1] > cutoff:
                raise ConvertError(
                    f"{path}: the 3B cutoff of {elements[a]}-{elements[leg]}, {knots[-1]:g} Å, is beyond that of their "
                    f"2B block, {cutoff:g} Å"
                )


def _triples_of(p: _core.Potential):
    E = len(p.elements)
    tensors = p.V
    for a in range(E):
        for b in range(E):
            for c in range(b, E):
                yield a, b, c, tensors[p.triplet_index(a, b, c)]


def _energies(line: str) -> tuple[dict[str, float], str]:
    """Energies of isolated atoms that our own files carry in the comment, and the comment without them."""
    found = re.search(r"\bE0:((?: [A-Z][a-z]?=[-+.\deE]+)+)", line)
    if not found:
        return {}, line
    energies = dict(word.split("=") for word in found[1].split())
    return {name: float(value) for name, value in energies.items()}, line.replace(found[0], "")


# -- writing ------------------------------------------------------------------------------------------------------


def write(p: _core.Potential, path: Path, options: Options) -> None:
    """A `*.uf3` file."""
    form = reduce(p, "pair_style uf3")
    if form.rho is not None or form.dense:
        raise ConvertError("the potential has an embedding U(n), pair_style uf3 has none")
    if form.linear:
        raise ConvertError("the potential has triplets f f g(cos θ), which pair_style uf3 does not have")
    names = form.elements
    for n, (a, b) in enumerate(form.pairs):
        form.phi[n] = _down(form.phi[n], form.zbl(a, b), form.name(n), options)
    triples = [(a, b, c, _axes(t, p)) for a, b, c, t in _triples_of(p)] if p.V else []
    # The style uses triplets within the cutoff of the pair only.
    for a, b, c, (_, (ij, _, _)) in triples:
        for leg in (b, c):
            n = p.pair_index(a, leg)
            form.phi[n] = zero_above(form.phi[n], ij[-1])
    splines = [s.bspline() for s in form.phi]
    everything = [k for k, _ in splines] + [k for *_, (_, axes) in triples for k in axes]
    kind = "uk" if all(map(_uniform, everything)) else "nk"
    head = _head(p, form)
    text = "".join(
        f"{head}2B {names[a]} {names[b]} 0 3 {kind}\n{_float(k[-1])} {len(k) + 6}\n{_ends_four_times(k)}\n{len(c)}\n"
        f"{_row(0.5 * c)}\n#\n"
        for (a, b), (k, c) in zip(form.pairs, splines, strict=True)
    )
    text += "".join(
        f"{head}3B {names[a]} {names[b]} {names[c]} 0 3 {kind}\n" + _triple_text(coefficients, axes)
        for a, b, c, (coefficients, axes) in triples
    )
    longest = max(map(len, text.splitlines()))
    if longest > _LONGEST_LINE:
        raise ConvertError(
            f"the potential has too many knots for pair_style uf3, which reads {_LONGEST_LINE} characters of a line: "
            f"one of this file would have {longest}"
        )
    write_text(path, text)
    options.note(f"run it with: pair_style uf3 {3 if triples else 2}")


def _down(phi: Cubic, zbl, name: str, options: Options) -> Cubic:
    """A pair function that begins close to zero: below its first knot pair_style uf3 has no force at all."""
    if zbl is not None:
        most = _LONGEST_LINE // _LONGEST_NUMBER - len(phi.bspline()[0]) - 7
        phi, error, lowest = absorb_zbl(phi, zbl, options.tolerance, NEAREST, most)
        options.note(
            f"V2 {name}: the ZBL repulsion is part of it, within {error:.2g} eV down to {lowest:.2f} Å and 100 eV"
        )
    return phi if phi.front <= _CLOSE else phi.to_below(NEAREST)


def _axes(t: _core.Tensor, p: _core.Potential):
    """Coefficients and knots along ij, ik, jk as the style wants them: cutoffs in proportions 1, 1, 2."""
    knots = [np.array(t.knots_ij), np.array(t.knots_ik), np.array(t.knots_jk)]
    if len(knots[0]) == 0:
        cutoff = p.cutoff()
        knots = [np.array([NEAREST, end]) for end in (cutoff, cutoff, 2 * cutoff)]
        return np.zeros((4, 4, 4)), knots
    c = np.reshape(t.coefficients, [len(k) + 2 for k in knots])
    cutoff = max(knots[0][-1], knots[1][-1])
    for axis, end in enumerate((cutoff, cutoff, 2 * cutoff)):
        s = Cubic.of_bspline(knots[axis], np.moveaxis(c, axis, 0))
        if s.back < end:
            s = zero_above(s, end)
        elif s.back > end:
            s = s.cut(s.front, end)
        knots[axis], moved = s.bspline() if s.back != knots[axis][-1] else (knots[axis], np.moveaxis(c, axis, 0))
        c = np.moveaxis(moved, 0, axis)
    return c, knots


def _uniform(k: np.ndarray) -> bool:
    return bool(np.abs(k - np.linspace(k[0], k[-1], len(k))).max() <= 1e-12 * (k[-1] - k[0]))


def _head(p: _core.Potential, form) -> str:
    words = p.comment.strip()
    energies = [f"{n}={_float(e)}" for n, e in zip(form.elements, form.e0, strict=True)] if any(form.e0) else []
    words = words.replace("CONTRIBUTOR:", "AUTHOR:")
    words = words.encode()[: _LONGEST_LINE // 2].decode(errors="ignore")
    return f"#UF3 POT {words}{' E0: ' + ' '.join(energies) if energies else ''}\n"


def _triple_text(c: np.ndarray, knots: list[np.ndarray]) -> str:
    backwards = knots[::-1]
    lines = [" ".join([*(_float(k[-1]) for k in backwards), *(str(len(k) + 6) for k in backwards)])]
    lines += [_ends_four_times(k) for k in backwards]
    lines.append(" ".join(map(str, c.shape)))
    lines += [_row(row) for plane in c for row in plane]
    return "\n".join(lines) + "\n#\n"


def _ends_four_times(k: np.ndarray) -> str:
    return _row(np.r_[[k[0]] * 3, k, [k[-1]] * 3])


def _row(numbers: np.ndarray) -> str:
    return " ".join(map(_float, numbers))


def _float(x: float) -> str:
    return repr(float(x))
