"""Small potential files of other programs, made up, with all ends and ranges that a converter could get wrong."""

import json

import numpy as np


def meam_spline(rng, elements=(), cutoffs=(4.6, 5.0, 4.1), nearest=1.8):
    """A file of pair_style meam/spline whose splines end with values and slopes; without elements in the old layout.

    cutoffs: of φ, ρ, f; nearest: first knot of φ. The functions of a cosine reach beyond −1 or stop short of 1.
    """
    E = max(len(elements), 1)
    pairs = E * (E + 1) // 2
    splines = [
        *(_meam_block(rng, nearest, cutoffs[0], 9, 0.3) for _ in range(pairs)),
        *(_meam_block(rng, 1.9, cutoffs[1] - 0.2 * n, 6, 0.1) for n in range(E)),
        *(_meam_block(rng, -3.0, 4.0 + n, 5, 0.5) for n in range(E)),
        *(_meam_block(rng, 2.0, cutoffs[2] - 0.1 * n, 7, 0.3) for n in range(E)),
        *(_meam_block(rng, *[(-1.1, 0.9), (-0.95, 1.2), (-1, 1)][n % 3], 6, 0.3) for n in range(pairs)),
    ]
    return _meam_text(splines, elements)


def meam_sw_spline(rng):
    """A file of pair_style meam/sw/spline."""
    ranges = [(1.8, 4.6, 8), (2.1, 4.8, 6), (-1, 1, 5), (1.9, 5.0, 6), (-3, 4, 5), (2.0, 4.0, 7), (-1.05, 0.9, 6)]
    return _meam_text([_meam_block(rng, *r, 0.3) for r in ranges], ())


def _meam_block(rng, first, last, n, scale):
    return np.linspace(first, last, n), scale * rng.normal(size=n), scale * rng.normal(size=2)


def _meam_text(splines, elements):
    lines = ["# DATE: 2026-01-01 UNITS: metal CONTRIBUTOR: nobody CITATION: nothing"]
    if elements:
        lines.append(f"meam/spline {len(elements)} {' '.join(elements)}")
    for x, y, slopes in splines:
        lines += ["spline3eq"] * bool(elements) + [str(len(x)), _row(slopes)]
        lines += ["1 1 1 1"] * (not elements)
        lines += [f"{float(a)!r} {float(b)!r} 0.0" for a, b in zip(x, y, strict=True)]
    return "\n".join(lines) + "\n"


def uf3(rng, elements, kind="nk", first=1.0, cutoff=5.0, cutoff_3=3.6, three_body=True):
    """A file of pair_style uf3; kind: uk (uniform knots) or nk."""
    text = ""
    pairs = [(a, b) for n, a in enumerate(elements) for b in elements[n:]]
    for a, b in pairs:
        k = _knots(rng, first, cutoff, 10, kind)
        c = _fading(rng, len(k) + 2)
        text += f"#UF3 POT UNITS: metal DATE: 2026-01-01 AUTHOR: nobody CITATION: nothing\n2B {a} {b} 0 3 {kind}\n"
        text += f"{float(k[-1])!r} {len(k) + 6}\n{_row(_four_times(k))}\n{len(c)}\n{_row(c)}\n#\n"
    for a in elements if three_body else ():
        for b, c in pairs:
            # Either order of the neighbours is a file.
            b, c = (c, b) if a == elements[-1] else (b, c)
            ij = _knots(rng, first, cutoff_3, 5, kind)
            ik = ij if b == c else _knots(rng, first, cutoff_3, 6, kind)
            jk = _knots(rng, first, 2 * cutoff_3, 7, kind)
            v = 0.2 * rng.normal(size=[len(k) + 2 for k in (ij, ik, jk)])
            v[-3:], v[:, -3:], v[:, :, -3:] = 0, 0, 0
            v = v + v.swapaxes(0, 1) if b == c else v
            text += (
                f"#UF3 POT UNITS: metal DATE: 2026-01-01 AUTHOR: nobody CITATION: nothing\n3B {a} {b} {c} 0 3 {kind}\n"
            )
            text += _row([k[-1] for k in (jk, ik, ij)]) + f" {len(jk) + 6} {len(ik) + 6} {len(ij) + 6}\n"
            text += "".join(_row(_four_times(k)) + "\n" for k in (jk, ik, ij)) + " ".join(map(str, v.shape)) + "\n"
            text += "".join(_row(row) + "\n" for plane in v for row in plane) + "#\n"
    return text


def _knots(rng, first, last, n, kind):
    k = np.linspace(first, last, n)
    if kind == "nk":
        k[1:-1] += rng.uniform(-0.3, 0.3, n - 2) * (k[1] - k[0])
    return k


def _fading(rng, n):
    """Coefficients of a spline that ends with value, slope and curvature zero."""
    return np.r_[rng.normal(size=n - 3), np.zeros(3)]


def _four_times(k):
    return np.r_[[k[0]] * 3, k, [k[-1]] * 3]


def _row(numbers):
    return " ".join(repr(float(x)) for x in numbers)


def setfl(elements, fs=False, points=2000, cutoff=5.2):
    """A file of pair_style eam/alloy or eam/fs: Morse functions, exponential densities, F = −√ρ with a value at 0."""
    E = len(elements)
    r, n = np.linspace(0, cutoff, points), np.linspace(0, 15, points)
    fade = np.where(r < cutoff, (1 - r / cutoff), 0) ** 4
    lines = ["# DATE: 2026-01-01 UNITS: metal CONTRIBUTOR: nobody CITATION: nothing", "second line", "third line"]
    lines.append(f"{E} {' '.join(elements)}")
    lines.append(f"{points} {float(n[1])!r} {points} {float(r[1])!r} {cutoff!r}")
    for a in range(E):
        lines.append(f"{14 + a} {28.0 + a} 4.0 fcc")
        lines += _five(0.3 * a - (1 + 0.2 * a) * (np.sqrt(n + 0.01) - 0.1))
        for b in range(E if fs else 1):
            lines += _five((3 + a + 0.5 * b) * fade * np.exp(-0.7 * (r - 2)))
    for a in range(E):
        for b in range(a + 1):
            e = np.exp(-1.4 * (r - 2.6 + 0.1 * (a + b)))
            lines += _five(r * 2 * (0.4 + 0.1 * a) * (e * e - 2 * e) * fade)
    return "\n".join(lines) + "\n"


def _five(values):
    words = [repr(float(v)) for v in values]
    return [" ".join(words[k : k + 5]) for k in range(0, len(words), 5)]


def uf3_json(text, energies):
    """The model of the package uf3 that a file of pair_style uf3 (one element) was written from."""
    blocks = [block.split("\n") for block in text.split("#UF3 POT")[1:]]
    coefficients, knots = dict(energies), {}
    for _, head, _, *lines in blocks:
        words = head.split()
        name = "-".join(words[1:-3])
        if words[0] == "2B":
            knots[name], coefficients[name] = _read(lines[0]), _read(lines[2])
        else:
            knots[name] = [_read(line) for line in lines[2::-1]]
            shape = [int(n) for n in lines[3].split()]
            rows = [_read(line) for line in lines[4 : 4 + shape[0] * shape[1]]]
            coefficients[name] = np.reshape(rows, shape).tolist()
    return json.dumps({"coefficients": coefficients, "knots": knots, "degree": 3}, indent=1)


def _read(line):
    return [float(word) for word in line.split()]
