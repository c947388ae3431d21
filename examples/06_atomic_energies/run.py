"""Right totals, wrong atoms: an ad hoc mapping of energies to atoms, how a fit shows it, and its cure.

python examples/06_atomic_energies/run.py [--folder atomic_energies] [--frames 24] [--steps 400]

The teachers are classical potentials whose atomic energies are known: silicon by Stillinger and Weber, and an EAM of
nickel and aluminium. Each is fitted twice: to structures of one kind (slabs of one thickness; one compound), and to
those that `snnp data` recommends beside them. Energies and forces of structures like those of the fit are excellent
both times. The error at invariant points, which the fit shows while it goes on, tells which of the two is right about
other structures. Writes atomic_energies.json and atomic_energies.png.
"""

import argparse
import json
from pathlib import Path

import numpy as np
from ase import Atoms
from ase.build import bulk, diamond100
from ase.neighborlist import neighbor_list
from matplotlib.figure import Figure
from scipy.interpolate import BSpline
from scipy.stats import spearmanr
from teachers import ARRAY, NICKEL_ALUMINIUM, SILICON

import snnp
from snnp.data import from_atoms
from snnp.data.neighbors import structures
from snnp.mapping.degeneracy import find_degeneracies
from snnp.mapping.rigidity import Rigidity

# A small model is enough for such teachers.
MODEL = {"two_body_filters": 4, "three_body_filters": 4}
SHOWN = {
    "total_rmse_meV_per_atom": 2,
    "force_mae_eV_per_A": 4,
    "atomic_mean_meV": 2,
    "atomic_rmse_meV": 2,
    "exchange_rms_meV": 1,
    "uncertainty_rms_meV": 1,
}
COLORS = {"narrow": "#D55E00", "recommended": "#0072B2"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, default=Path("atomic_energies"))
    parser.add_argument("--frames", type=int, default=24, help="structures of the first kind")
    parser.add_argument("--steps", type=int, default=400, help="of training")
    parser.add_argument("--only", choices=["silicon", "nickel-aluminium"])
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    cases = {"silicon": silicon, "nickel-aluminium": nickel_aluminium}
    results = {}
    for name, case in cases.items():
        if arguments.only in (None, name):
            results[name] = case(arguments.folder / name, arguments.frames, arguments.steps)
    (arguments.folder / "atomic_energies.json").write_text(json.dumps(results, indent=1))
    picture(results).savefig(arguments.folder / "atomic_energies.png", dpi=150)


# -- the two cases ------------------------------------------------------------------------------------------------


def silicon(folder: Path, frames: int, steps: int) -> dict:
    """Slabs of 12 layers at 50 to 300 K, and beside them bulk and slabs of other thickness, also hot."""
    teacher, cell = SILICON, bulk("Si", cubic=True, a=SILICON.lattice).repeat(2)
    few = max(frames // 4, 2)
    cold, hot = np.linspace(50, 300, frames), np.linspace(400, 1200, few)
    narrow = teacher.snapshots(slab(12), cold, "slab of 12", seed=1)
    more = [
        *teacher.snapshots(slab(8), np.linspace(50, 300, few), "slab of 8", seed=101),
        *teacher.snapshots(slab(10), hot, "hot slab of 10", seed=201),
        *teacher.snapshots(cell, np.linspace(50, 300, few), "bulk", seed=301),
        *teacher.snapshots(cell, hot, "hot bulk", seed=401),
    ]
    test = [
        *teacher.snapshots(slab(12), [100, 200, 300], "slab of 12", seed=501),
        *teacher.snapshots(slab(8), [100, 200, 300], "slab of 8", seed=511),
        *teacher.snapshots(cell, [100, 200, 300], "bulk", seed=521),
        *teacher.snapshots(cell, [900, 1200], "hot bulk", seed=531),
    ]
    crystal = teacher.label(bulk("Si", a=teacher.lattice), "crystal")
    points = {f"diamond={teacher.lattice}": crystal.get_potential_energy() / 2}
    return compare(folder, narrow, more, test, points, steps)


def nickel_aluminium(folder: Path, frames: int, steps: int) -> dict:
    """NiAl at 300 to 1500 K, and beside it the elements, Ni3Al, random alloys, and compounds with antisites."""
    teacher = NICKEL_ALUMINIUM
    B2 = bulk("NiAl", "cesiumchloride", a=2.86, cubic=True).repeat(3)
    nickel, aluminium = (bulk(s, cubic=True, a=a).repeat(2) for s, a in (("Ni", 3.52), ("Al", 4.05)))
    few = max(frames // 4, 2)
    hot = np.linspace(300, 1500, few)
    narrow = teacher.snapshots(B2, np.linspace(300, 1500, frames), "NiAl", seed=1)
    more = [
        *teacher.snapshots(L1_2().repeat(2), hot, "Ni3Al", seed=101),
        *teacher.snapshots(nickel, hot, "Ni", seed=201),
        *teacher.snapshots(aluminium, np.linspace(100, 700, few), "Al", seed=301),
    ]
    for n, x in enumerate(np.linspace(0.1, 0.9, few)):
        more += teacher.snapshots(alloy(x, seed=n), [500, 900], "random alloy", seed=401 + 10 * n)
        for ordered, name in ((B2, "NiAl with antisites"), (L1_2().repeat(2), "Ni3Al with antisites")):
            more += teacher.snapshots(with_antisites(ordered, 1 + n, seed=n), [700], name, seed=601 + 10 * n)
    test = [
        *teacher.snapshots(B2, [300, 700, 1100], "NiAl", seed=501),
        *teacher.snapshots(L1_2().repeat(2), [300, 700, 1100], "Ni3Al", seed=511),
        *teacher.snapshots(nickel, [300, 700, 1100], "Ni", seed=521),
        *teacher.snapshots(aluminium, [200, 400, 600], "Al", seed=531),
        *teacher.snapshots(alloy(0.35, seed=77), [700, 900], "random alloy", seed=541),
    ]
    points = {}
    for name, atoms in {"fcc Ni=3.52": bulk("Ni"), "fcc Al=4.05": bulk("Al"), "L1_2 AlNi3=3.57": L1_2()}.items():
        atoms.set_cell(atoms.cell.array * (float(name.split("=")[1]) / lattice_constant(atoms)), scale_atoms=True)
        points[name] = teacher.label(atoms, "crystal").get_potential_energy() / len(atoms)
    return compare(folder, narrow, more, test, points, steps)


def slab(layers: int) -> Atoms:
    """Silicon (100)."""
    atoms = diamond100("Si", (2, 2, layers), a=SILICON.lattice, vacuum=6.0)
    atoms.pbc = True
    return Atoms(atoms.symbols, atoms.positions, cell=atoms.cell, pbc=True)


def L1_2() -> Atoms:
    """Ni3Al."""
    places = [(0, 0, 0), (0, 0.5, 0.5), (0.5, 0, 0.5), (0.5, 0.5, 0)]
    return Atoms("AlNi3", scaled_positions=places, cell=[3.57] * 3, pbc=True)


def alloy(x: float, seed: int) -> Atoms:
    """A random fcc alloy with a part x of nickel."""
    atoms = bulk("Al", cubic=True, a=3.52 * x + 4.05 * (1 - x)).repeat(2)
    chosen = np.random.default_rng(seed).choice(len(atoms), round(x * len(atoms)), replace=False)
    atoms.symbols[chosen] = "Ni"
    return atoms


def with_antisites(atoms: Atoms, count: int, seed: int) -> Atoms:
    """Some random atoms are of the other element."""
    atoms = atoms.copy()
    for n in np.random.default_rng(seed).choice(len(atoms), count, replace=False):
        atoms.symbols[n] = "Al" if atoms.symbols[n] == "Ni" else "Ni"
    return atoms


def lattice_constant(atoms: Atoms) -> float:
    """Of a cubic crystal with four atoms in its cell, Å."""
    return (4 * atoms.get_volume() / len(atoms)) ** (1 / 3)


# -- fits and their errors ----------------------------------------------------------------------------------------


def compare(folder: Path, narrow: list, more: list, test: list, points: dict[str, float], steps: int) -> dict:
    """Fits to `narrow` alone and with `more`; errors on `test` by kind of structure, and at invariant points."""
    result = {"points": points}
    for name, train in (("narrow", narrow), ("recommended", narrow + more)):
        print(f"\n{folder.name}, {name} data: {len(train)} structures", flush=True)
        open_ = find_degeneracies(from_atoms(train, name).frames).sentences
        print("\n".join(f"  open: {sentence}" for sentence in open_) or "  nothing is open")
        fitted = snnp.fit(
            train,
            output=f"{folder}_{name}.snnp",
            config={"model": MODEL, "invariant_points": {"crystals": points}, "validate": "off"},
            training={"steps": steps},
            restart=True,
            progress=False,
        )
        columns = dict(zip(fitted.curve.columns, np.array(fitted.curve.rows).T.tolist(), strict=True))
        result[name] = {
            "open": open_,
            "curve": {key: columns[key] for key in ("step", "validation_loss", "invariant_points")},
            **errors(fitted.calculator(), test, uncertainties(fitted.potential, train, test)),
        }
        if len(set(test[0].numbers)) == 1:
            result[name]["layers"] = by_layer(fitted.calculator(), test[:3])
        show(result[name])
    return result


def uncertainties(potential: snnp.Potential, train: list, test: list) -> list[np.ndarray]:
    """Of the atomic energies of each test structure, (n,), eV."""
    rigidity = Rigidity(potential.data, from_atoms(train, "train").frames)
    elements = [element.name for element in potential.data.elements]
    return [rigidity(structures([atoms], elements, potential.data.cutoff())) for atoms in test]


def errors(calculator, test: list, uncertain: list) -> dict:
    """By kind of structure: total energies (meV/atom) and forces (eV/Å); atomic energies (meV), mean and RMS.

    `exchange` is the part of the atomic errors that unlike neighbours exchange, which no energy of any structure shows;
    `atomic` is what remains. `calibration`: how `uncertain` and the size of what remains go together, for all atoms.
    """
    differences = [atomic_differences(calculator, atoms) for atoms in test]
    exchanged = exchange(test, differences)
    result = {}
    for group in dict.fromkeys(atoms.info["config_type"] for atoms in test):
        here = [n for n, atoms in enumerate(test) if atoms.info["config_type"] == group]
        totals = [1000 * differences[n].mean() for n in here]
        rest = 1000 * np.concatenate([differences[n] - exchanged[n] for n in here])
        forces = np.concatenate([forces_off(calculator, test[n]) for n in here])
        result[group] = {
            "total_rmse_meV_per_atom": rms(totals),
            "force_mae_eV_per_A": float(np.abs(forces).mean()),
            "atomic_mean_meV": float(rest.mean()),
            "atomic_rmse_meV": rms(rest),
            "exchange_rms_meV": rms(1000 * np.concatenate([exchanged[n] for n in here])),
            "uncertainty_rms_meV": rms(1000 * np.concatenate([uncertain[n] for n in here])),
        }
    off = np.abs(np.concatenate([d - x for d, x in zip(differences, exchanged, strict=True)]))
    u = np.concatenate(uncertain)
    calibration = {
        "rank_correlation": float(spearmanr(off, u).statistic),
        "within_u": float((off < u).mean()),
        "within_2u": float((off < 2 * u).mean()),
    }
    return {"errors": result, "calibration": calibration}


def atomic_differences(calculator, atoms: Atoms) -> np.ndarray:
    """Fit less teacher, (n,), eV."""
    return calculator.get_property("energies", atoms) - atoms.arrays[ARRAY]


def forces_off(calculator, atoms: Atoms) -> np.ndarray:
    """Fit less teacher, eV/Å."""
    return (calculator.get_property("forces", atoms) - atoms.get_forces()).ravel()


def exchange(frames: list, differences: list) -> list[np.ndarray]:
    """What unlike neighbours exchange: E_A + Σ_j h(r_ij) and E_B − Σ_j h(r_ij) have the same sum in every structure.

    h is the spline that explains most of the differences of atomic energies, eV.
    """
    cutoff, first = 5.5, 1.5
    knots = np.r_[[first] * 3, np.linspace(first, cutoff, 12), [cutoff] * 3]
    rows = []
    for atoms in frames:
        i, j, r = neighbor_list("ijd", atoms, cutoff - 1e-6)
        unlike = atoms.numbers[i] != atoms.numbers[j]
        rows.append(np.zeros((len(atoms), len(knots) - 4)))
        if unlike.any():
            values = BSpline.design_matrix(np.maximum(r[unlike], first), knots, 3).toarray()
            np.add.at(rows[-1], i[unlike], values)
        rows[-1] *= np.where(atoms.numbers == atoms.numbers.max(), 1, -1)[:, None]
    h = np.linalg.lstsq(np.concatenate(rows), np.concatenate(differences), rcond=1e-8)[0]
    return [row @ h for row in rows]


def by_layer(calculator, slabs: list) -> list[float]:
    """Mean error of atomic energies in each layer of slabs of 12, meV."""
    found = np.mean([atomic_differences(calculator, a)[np.argsort(a.positions[:, 2])] for a in slabs], axis=0)
    return (1000 * found.reshape(12, -1).mean(axis=1)).tolist()


def rms(values) -> float:
    return float(np.sqrt(np.mean(np.square(values))))


# -- what is shown ------------------------------------------------------------------------------------------------


def show(found: dict) -> None:
    names = ("totals", "forces", "atomic mean", "atomic RMS", "exchanged", "uncertainty")
    print(f"{'':14s}" + "".join(f"{name:>13s}" for name in names))
    print(f"{'':14s}" + "".join(f"{unit:>13s}" for unit in ("meV/atom", "eV/Å", "meV", "meV", "meV", "meV")))
    for group, e in found["errors"].items():
        print(f"{group:14s}" + "".join(f"{e[key]:13.{digits}f}" for key, digits in SHOWN.items()))
    c = found["calibration"]
    print(
        f"uncertainties: rank correlation with errors {c['rank_correlation']:.2f}; "
        f"{100 * c['within_u']:.0f} % of the errors are below u, {100 * c['within_2u']:.0f} % below 2 u"
    )
    watched = found["curve"]["invariant_points"]
    print(f"invariant points, RMSE: {watched[0]:.2f} meV at the start, {watched[-1]:.2f} at the end", flush=True)


def picture(results: dict) -> Figure:
    """Errors at invariant points while fits go on, and of atomic energies by layer of a slab."""
    figure = Figure(figsize=(4.4 * (len(results) + ("silicon" in results)), 3.6), layout="constrained")
    panels = iter(np.atleast_1d(figure.subplots(1, len(results) + ("silicon" in results))))
    for name, result in results.items():
        axes = next(panels)
        for data, style in (("narrow", "--"), ("recommended", "-")):
            curve = result[data]["curve"]
            axes.plot(curve["step"], curve["invariant_points"], style, color=COLORS[data], label=f"{data} data")
        axes.set(xlabel="step", ylabel="atomic energies at\ninvariant points, RMSE, meV", yscale="log", title=name)
        axes.legend(fontsize=8)
    if "silicon" in results:
        axes = next(panels)
        for data, style in (("narrow", "s--"), ("recommended", "o-")):
            layers = results["silicon"][data]["layers"]
            axes.plot(range(1, 13), layers, style, ms=4, color=COLORS[data], label=f"{data} data")
        axes.axhline(0, color="black", lw=0.5)
        axes.set(xlabel="layer of a Si(100) slab", ylabel="atomic energy − teacher's, meV", title="silicon")
        axes.legend(fontsize=8)
    return figure


if __name__ == "__main__":
    main()
