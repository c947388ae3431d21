"""Time per atom and step beside the styles of LAMMPS, in one interleaved run.

    python benchmarks/speed.py [--only snnp smeam pair …] [--filters 4 8 16] [--precision double mixed]
                               [--threads 1] [--ranks 1] [--cells 10] [--steps 100] [--repeat 3] [--output FOLDER]

Each group of cases has one crystal, one list of neighbours and one peer. All cases run in turn, `--repeat` times, each
as a process of its own; the fastest run of each counts. Potentials that LAMMPS has in other formats are converted;
those of networks have random splines of a sane kind, since time does not depend on what they say.
`--threads` and `--ranks` take several numbers: then the table has the gain over the first. On one thread of one rank it
is time of the processor that counts, so that other programs on the machine do not. With `--roofline` the peak rates of
fused multiply-adds of a core are measured, too, and the shares of them that the triplets of networks need.
"""

import argparse
import json
import re
import subprocess
import tempfile
from pathlib import Path

import numpy as np
from ase.build import bulk

from lammps_process import POTENTIALS, output
from snnp import _core
from snnp.convert import Options, convert
from snnp.data.neighbors import full_list
from snnp.splines import interpolate

DECK = """
units metal
lattice {lattice}
region box block 0 {cells} 0 {cells} 0 {cells}
create_box {types} box
create_atoms 1 box
{mix}
mass * {mass}
{pair}
velocity all create 600 12345
displace_atoms all random 0.05 0.05 0.05 777
neighbor 1.0 bin
neigh_modify delay 5 every 1
timestep 0.001
fix nve all nve
thermo 50
run {steps}
"""

CRYSTALS = {
    "Ti": {"lattice": "hcp 2.95", "mass": 47.87, "per_cell": 4},
    "Si": {"lattice": "diamond 5.43", "mass": 28.09, "per_cell": 8},
    "Nb": {"lattice": "bcc 3.3", "mass": 92.91, "per_cell": 2},
    "Al": {"lattice": "fcc 4.05", "mass": 26.98, "per_cell": 4},
}


# ------------------------------------------------------------------------------------------------- potentials


def interpolated(x, y, radial=True):
    return _core.Spline(x, interpolate(x, y, radial))


def morse(first, cutoff, knots, depth, decay, distance):
    """A pair potential that holds a crystal together."""
    r = np.linspace(first, cutoff, knots)
    e = np.exp(-decay * (r - distance))
    fade = (1 - (r / cutoff) ** 4) ** 2
    return interpolated(r, depth * (e * e - 2 * e) * fade)


def network(rng, inputs, hidden=(16, 16)):
    """Two hidden layers of tanh whose energy is a small part of that of the pairs."""
    net = _core.Network()
    net.activation = "tanh"
    layers = []
    for outputs in (*hidden, 1):
        scale = 0.02 if outputs == 1 else 0.1
        weights = scale * rng.normal(size=outputs * inputs)
        layers.append(_core.Layer(inputs, outputs, weights, 0.3 * rng.normal(size=outputs)))
        inputs = outputs
    net.layers = layers
    return net


def pair_of(phi):
    pair = _core.Pair()
    pair.phi, pair.shortest = phi, 1.0
    return pair


def s_nnp(n3, elements=("Ti",), n2=8, cutoff=5.5):
    """Splines of 17 knots over distances and 9 over cosines, all of which end at one cutoff (Å)."""
    rng = np.random.default_rng(n3)
    p = _core.Potential()
    p.comment = " DATE: 2026-01-01 UNITS: metal CONTRIBUTOR: benchmark CITATION: none"
    p.n2, p.n3 = n2, n3

    def radial():
        r = np.linspace(1.8, cutoff, 17)
        fade = ((cutoff - r) / (cutoff - 1.8)) ** 2
        return interpolated(r, (0.5 + rng.uniform(-1, 1) + np.sin(rng.uniform(-1, 1, 2) @ [r, [2] * 17])) * fade)

    def angular():
        c = np.linspace(-1, 1, 9)
        return interpolated(c, np.cos(rng.uniform(-2, 2) + 2 * c) + rng.uniform(-1, 1) * c, radial=False)

    all_elements = []
    for name in elements:
        e = _core.Element()
        e.name, e.linear, e.network = name, 0.003 * rng.normal(size=n2 + n3), network(rng, n2 + n3)
        all_elements.append(e)
    p.elements = all_elements
    E = len(elements)
    pairs = E * (E + 1) // 2
    p.pairs = [pair_of(morse(1.8, cutoff, 17, 0.4, 1.4, 2.95)) for _ in range(pairs)]
    p.rho = [radial() for _ in range(E * E * n2)]
    p.f = [radial() for _ in range(E * E * n3)]
    p.g = [angular() for _ in range(E * pairs * n3)]
    p.check()
    return p


def classical(cutoff, density):
    """A pair potential for aluminium or, with one ρ and its U, an embedded-atom potential; 25 knots, uniform."""
    p = _core.Potential()
    p.comment = " DATE: 2026-01-01 UNITS: metal CONTRIBUTOR: benchmark CITATION: none"
    p.n2 = 1 if density else 0
    e = _core.Element()
    e.name, e.linear = "Al", [0.0] * p.n2
    if density:
        e.density = [1.0]
        n = np.linspace(0, 20, 12)
        e.U = interpolated(n, -0.3 * np.sqrt(n + 0.1), radial=False)
        r = np.linspace(1.5, cutoff, 25)
        p.rho = [interpolated(r, np.exp(-1.5 * (r - 2.86)) * (1 - (r / cutoff) ** 4) ** 2)]
    p.elements = [e]
    p.pairs = [pair_of(morse(1.5, cutoff, 25, 0.25, 1.2, 2.9))]
    p.check()
    return p


def converted(source, target):
    """A potential file of LAMMPS as one of ours."""
    convert(POTENTIALS / source, target, Options())


# ------------------------------------------------------------------------------------------------------ cases


def ours(path, elements, precision):
    return f"pair_style snnp precision {precision} extrapolation ignore\npair_coeff * * {path} {elements}"


def peer(style, file, element):
    return f"pair_style {style}\npair_coeff * * {POTENTIALS / file} {element}"


def cases(args, folder):
    """(group, name, crystal, number of types, pair commands); the first case of a group is its peer."""
    wanted = []
    chosen = args.only

    def add(group, name, crystal, pair, types=1):
        wanted.append({"group": group, "name": name, "crystal": crystal, "pair": pair, "types": types})

    if "snnp" in chosen:
        add("snnp", "meam/spline, one filter", "Ti", peer("meam/spline", "Ti.meam.spline", "Ti"))
        for n3 in args.filters:
            path = folder / f"nnp{n3}.snnp"
            _core.write_potential(s_nnp(n3), str(path))
            for precision in args.precision:
                add("snnp", f"s-NNP n3 = {n3}, {precision}", "Ti", ours(path, "Ti", precision))
    if "elements" in chosen:
        for n3 in args.filters:
            for precision in args.precision:
                for elements in (("Ti",), ("Ti", "Al")):
                    path = folder / f"nnp{n3}{''.join(elements)}.snnp"
                    _core.write_potential(s_nnp(n3, elements), str(path))
                    names, types = " ".join(elements), len(elements)
                    name = f"{types} elements, n3 = {n3}, {precision}"
                    add(f"elements, n3 = {n3}, {precision}", name, "Ti", ours(path, names, precision), types)
    for group, source, element in (("smeam", "Ti.meam.spline", "Ti"), ("smeam Si", "Si_1.meam.spline", "Si")):
        if group not in chosen:
            continue
        path = folder / f"{element}.snnp"
        converted(source, path)
        add(group, "meam/spline", element, peer("meam/spline", source, element))
        for precision in args.precision:
            add(group, f"s-MEAM, {precision}", element, ours(path, element, precision))
    if "uf3" in chosen:
        converted("Nb.uf3", folder / "Nb.snnp")
        add("uf3", "uf3", "Nb", f"pair_style uf3 3\npair_coeff * * {POTENTIALS / 'Nb.uf3'} Nb")
        # The file calls its knots non-uniform, which they are not: said to be uniform, LAMMPS finds intervals faster.
        uniform = folder / "Nb_uk.uf3"
        uniform.write_text((POTENTIALS / "Nb.uf3").read_text().replace(" nk\n", " uk\n"))
        add("uf3", "uf3, uniform knots", "Nb", f"pair_style uf3 3\npair_coeff * * {uniform} Nb")
        for precision in args.precision:
            add("uf3", f"UF3, {precision}", "Nb", ours(folder / "Nb.snnp", "Nb", precision))
    if "pair" in chosen:
        for style in ("eam/alloy/opt", "eam/alloy"):
            add("pair", style, "Al", peer(style, "Al_zhou.eam.alloy", "Al"))
        for name, density in (("pair", False), ("EAM", True)):
            path = folder / f"Al_{name}.snnp"
            _core.write_potential(classical(10.1025, density), str(path))
            for precision in args.precision:
                add("pair", f"{name}, {precision}", "Al", ours(path, "Al", precision))
    return wanted


def measure(case, args, threads, ranks):
    """Seconds in the loop, per atom and step."""
    crystal = CRYSTALS[case["crystal"]]
    cells = round(args.cells * (4 / crystal["per_cell"]) ** (1 / 3))
    mix = "set type 1 type/fraction 2 0.5 4711" if case["types"] == 2 else ""
    deck = DECK.format(**crystal, cells=cells, types=case["types"], mix=mix, pair=case["pair"], steps=args.steps)
    omp = ["-sf", "omp", "-pk", "omp", str(threads)] if threads > 1 else []
    with tempfile.TemporaryDirectory() as folder:
        printed = output(deck, folder, *omp, ranks=ranks, threads=threads)
    found = re.search(r"Loop time of (\S+) on \d+ procs for (\d+) steps with (\d+) atoms", printed)
    busy = re.search(r"(\S+)% CPU use", printed)
    share = float(busy[1]) / 100 if threads * ranks == 1 else 1
    return share * float(found[1]) / int(found[2]) / int(found[3])


def run(args):
    with tempfile.TemporaryDirectory() as folder:
        all_cases = cases(args, Path(folder))
        setups = [(t, r) for t in args.threads for r in args.ranks]
        best = {}
        for _ in range(args.repeat):
            for n, case in enumerate(all_cases):
                for setup in setups:
                    seconds = measure(case, args, *setup)
                    best[n, setup] = min(best.get((n, setup), seconds), seconds)
    rows = []
    for n, case in enumerate(all_cases):
        first = next(k for k, other in enumerate(all_cases) if other["group"] == case["group"])
        times = [1e6 * best[n, setup] for setup in setups]
        ratio = best[first, setups[0]] / best[n, setups[0]]
        rows.append({"group": case["group"], "case": case["name"], "microseconds": times, "ratio": ratio})
    return {"setups": [{"threads": t, "ranks": r} for t, r in setups], "steps": args.steps, "rows": rows}


def show(result):
    gains = [f"{s['threads']} threads, {s['ranks']} ranks" for s in result["setups"][1:]]
    print(
        "| group | case | µs/atom/step | times as fast as the first of its group |" + "".join(f" {g} |" for g in gains)
    )
    print("|---|---|---|---|" + "---|" * len(gains))
    for row in result["rows"]:
        base, *more = row["microseconds"]
        cells = [row["group"], row["case"], f"{base:.3f}", f"{row['ratio']:.2f}", *(f"{base / t:.2f}×" for t in more)]
        print("| " + " | ".join(cells) + " |")


# --------------------------------------------------------------------------------------------------- roofline


def peak(real):
    """Billions of fused multiply-adds of numbers per second of one core: of registers, and with one operand from L1."""
    with tempfile.TemporaryDirectory() as folder:
        flags = ["-O2", "-march=native", "-ffp-contract=fast", f"-DREAL={real}"]
        command = ["c++", *flags, str(Path(__file__).with_name("peak.cc")), "-o", f"{folder}/peak"]
        subprocess.run(command, check=True)
        printed = subprocess.run([f"{folder}/peak"], check=True, stdout=subprocess.PIPE, text=True).stdout
        return [float(rate) for rate in printed.split()]


def triplets():
    """Pairs of neighbours per atom of the crystal of titanium, within 5.5 Å."""
    atoms = bulk("Ti", "hcp", a=2.95, c=2.95 * np.sqrt(8 / 3)).repeat((6, 6, 4))
    atoms.positions += np.random.default_rng(1).uniform(-0.05, 0.05, atoms.positions.shape)
    counts = np.bincount(full_list(atoms, 5.5)[0])
    return float(np.mean(counts * (counts - 1) / 2))


def roofline(result, args):
    """What a network with n3 filters has to do per triplet: 5 n3 operations for values, 4 n3 for slopes, 12 once."""
    per_atom = {n3: triplets() * (9 * n3 + 12) for n3 in args.filters}
    rates = {"double": peak("double"), "mixed": peak("float")}
    shares = []
    for row in result["rows"]:
        found = re.match(r"s-NNP n3 = (\d+), (\w+)", row["case"])
        if found:
            work, (rate, from_memory) = per_atom[int(found[1])], rates[found[2]]
            done = work / (1e3 * row["microseconds"][0])
            peaks = {"peak": rate, "share": done / rate, "peak_L1": from_memory, "share_L1": done / from_memory}
            shares.append({"case": row["case"], "operations": work, **peaks})
    print("\n| case | useful operations per atom | peak, 10⁹/s | share | with an operand from L1, 10⁹/s | share |")
    print("|---|---|---|---|---|---|")
    for s in shares:
        of_peak = f"{s['peak']:.1f} | {100 * s['share']:.0f} %"
        of_memory = f"{s['peak_L1']:.1f} | {100 * s['share_L1']:.0f} %"
        print(f"| {s['case']} | {s['operations']:.0f} | {of_peak} | {of_memory} |")
    return shares


def main() -> None:
    groups = ["snnp", "elements", "smeam", "smeam Si", "uf3", "pair"]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=groups, default=groups)
    parser.add_argument("--filters", type=int, nargs="+", default=[4, 8, 16], help="n3 of the networks")
    parser.add_argument("--precision", nargs="+", choices=["double", "mixed"], default=["double", "mixed"])
    parser.add_argument("--threads", type=int, nargs="+", default=[1])
    parser.add_argument("--ranks", type=int, nargs="+", default=[1])
    parser.add_argument("--cells", type=int, default=10, help="cells of 4 atoms along each edge")
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--roofline", action="store_true")
    parser.add_argument("--output", type=Path, default=Path("speed"))
    args = parser.parse_args()
    result = run(args)
    show(result)
    if args.roofline:
        result["roofline"] = roofline(result, args)
    args.output.mkdir(parents=True, exist_ok=True)
    (args.output / "speed.json").write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
