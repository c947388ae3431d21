"""Molecular dynamics: does the crystal stay what it is, does the melt, and is what goes wrong flagged?"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from ase import Atoms
from ase.data import covalent_radii
from ase.neighborlist import neighbor_list

from snnp.validation.check import Check, Level, Setting
from snnp.validation.checks.melting_point import how, material, melting_temperature, seconds
from snnp.validation.heating import steps as heating_steps
from snnp.validation.hull import at_rest, known_ground_states, shortest_distance
from snnp.validation.outcome import Line, Outcome, Verdict
from snnp.validation.simulation import Run, simulate
from snnp.validation.states import (
    COLLAPSED,
    EVAPORATED,
    EVERY,
    State,
    commands,
    main_block,
    start,
    states,
    steps,
    supercell,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Volume by that at rest. Up to melting, metals grow by 6 to 9 % and argon by 15 %; a few crystals shrink a little.
CRYSTAL_WARN, CRYSTAL_FAIL = (0.97, 1.12), (0.93, 1.25)
# Melting changes the volume by −13 % (InSb; Si −9 %, Ge −5 %) to +15 % (argon), some heat above it by a few more.
MELT_WARN, MELT_FAIL = (0.85, 1.30), (0.80, 1.60)
# Of the sum of covalent radii: the shortest bonds of two atoms that are known, Cr–Cr and Mo–Mo, have 0.60 to 0.63 of
# it, and atoms of hot melts come as close. Half of it is the inner shells in each other: atoms that have fused.
CLOSE, FUSED = 0.6, 0.5
# meV/atom/ps, of the total energy: 5 heat a crystal by 20 K in each picosecond.
DRIFT_WARN, DRIFT_FAIL = 0.5, 5.0
# eV/atom: the potential energy of a warm crystal is above that of one at rest, whatever phase it is.
BELOW = 0.02
# Share of atoms. Below: nobody who watches the run would know. Above, in a crystal: the data do not cover it.
UNNOTICED, FLAGGED_WARN, FLAGGED_WARN_MELT = 0.01, 0.01, 0.10
# Share of atoms of a crystal that are more than half the shortest distance away from their sites. Below melting there
# are none, but for one of 10⁴ that is beside a vacancy.
MOVED = 0.05


class Dynamics(Check):
    """Crystal, melt and random packing at zero pressure, compressed and expanded crystal; asked of crystals."""

    name = "dynamics"
    title = "Molecular dynamics"
    level = Level.QUICK
    in_lammps = True

    def subjects(self, setting: Setting) -> list[str]:
        """Known ground states; for `QUICK`, that of the material."""
        if setting.model.lammps(setting.model.elements) is None:
            return []
        crystals = known_ground_states(setting)
        return [c.name for c in (crystals if setting.level > Level.QUICK else [material(crystals)])]

    def run(self, setting: Setting, subject: str) -> Outcome:
        """Volume, closest distance, flagged atoms and drift of energy in each state."""
        crystal = next(c for c in setting.crystals if c.name == subject)
        rest = at_rest(setting, crystal)
        melting = melting_temperature(setting, crystal, rest)
        outcome = Outcome([melting.line])
        if melting.value is None:
            return outcome
        for number, state in enumerate(states(setting.level, melting.value)):
            measured = _measure(setting, state, melting.value, rest, number)
            lines = _judge(measured, melting.is_known)
            outcome.lines += lines
            outcome.data[state.name] = _drawn(measured)
            if measured.frames and max(line.verdict for line in lines) is Verdict.FAIL:
                last = measured.frames[-1]
                last.wrap()
                last.info["state"] = measured.name
                outcome.structures.append(last)
        return outcome

    def seconds(self, setting: Setting, subject: str) -> float:
        """Of all states."""
        heating = seconds(setting, heating_steps(setting.model.elements), 1.5 * 100)
        return heating + sum(seconds(setting, _steps(setting, s), 1.5 * 100) for s in states(setting.level, 1e4))

    def figure(self, subject: str, data: dict[str, dict]) -> "Figure | None":
        """Volume and flagged atoms over time, and radial distributions."""
        from matplotlib.figure import Figure

        if not any(data.values()):
            return None
        figure = Figure(figsize=(9, 4.5), layout="constrained")
        volume, outside, radial = (figure.add_subplot(1, 3, n) for n in (1, 2, 3))
        names = list(dict.fromkeys(name for found in data.values() for name in found))
        for style, (model, found) in zip(("-", "--", ":", "-.") * len(data), data.items(), strict=False):
            for name, state in found.items():
                color, number = f"C{names.index(name)}", names.index(name)
                label = name if len(data) == 1 else f"{name} [{model}]"
                volume.plot(state["time"], state["volume"], style, color=color, lw=1)
                outside.plot(state["time"], state["outside"] or [np.nan] * len(state["time"]), style, color=color, lw=1)
                radial.plot(state["r"], np.array(state["g"]) + 3 * number, style, color=color, lw=1, label=label)
        volume.set(xlabel="time, ps", ylabel="volume, V/V0", title=subject)
        outside.set(xlabel="time, ps", ylabel="share of atoms outside the data", ylim=(-0.02, 1.02))
        radial.set(xlabel="distance, Å", ylabel="g(r), shifted by 3 for each state")
        figure.legend(*radial.get_legend_handles_labels(), loc="outside lower center", ncols=2, fontsize="small")
        return figure


@dataclass
class _Measured:
    """A run of a state, as numbers. Arrays are over the times of the state itself, without what led there."""

    state: State
    name: str  # with the temperature
    problem: str
    time: np.ndarray  # ps
    volume: np.ndarray  # by that at rest
    energy: np.ndarray  # potential, eV/atom above the crystal at rest
    outside: np.ndarray | None  # share of atoms
    drift: float | None  # meV/atom/ps
    frames: list[Atoms]
    closest: tuple[float, str, float]  # by the sum of covalent radii; pair; Å
    moved: float | None  # share of atoms
    radial: tuple[np.ndarray, np.ndarray]
    coordination: float


def _measure(setting: Setting, state: State, melting: float, rest: Atoms, number: int) -> _Measured:
    crystal = supercell(rest)
    shortest = shortest_distance(rest)
    rng = np.random.default_rng([setting.seed, number])
    atoms = start(state, crystal, shortest, rng)
    words = commands(state, setting.level, melting, crystal, shortest, seed=int(rng.integers(1, 10**6)))
    expected = seconds(setting, _steps(setting, state), len(atoms))
    run = simulate(setting.model, atoms, words, EVERY, **how(setting, expected))
    block, conserved = _blocks(run, state)
    energy = rest.get_potential_energy() / len(rest)
    frames = [frame for frame in run.frames if len(block) and frame.info["step"] >= block["Step"][0]]
    time = block.get("Time", np.zeros(0))
    return _Measured(
        state=state,
        name=state.full_name(melting),
        problem=run.problem,
        time=time - time[:1].sum(),
        volume=block.get("Volume", np.zeros(0)) / crystal.get_volume(),
        energy=block.get("PotEng", np.zeros(0)) / len(atoms) - energy,
        outside=block["Outside"] / len(atoms) if "Outside" in block else None,
        drift=_drift(conserved, len(atoms)),
        frames=frames,
        closest=_closest(frames[:: max(1, len(frames) // 30)]),
        moved=_moved(crystal, frames, shortest) if state.phase == "crystal" else None,
        radial=_radial(frames[len(frames) // 2 :: 5], 2.5 * shortest),
        coordination=_coordination(frames[len(frames) // 2 :: 5], 1.3 * shortest),
    )


def _blocks(run: Run, state: State) -> tuple[dict, dict]:
    """Of the state, and at constant energy; empty where the run did not get there."""
    number = main_block(state)
    found = run.blocks[number:] or run.blocks[-1:]
    return found[0] if found else {}, found[1] if state.conserve and len(found) > 1 else {}


def _drift(block: dict[str, np.ndarray], natoms: int) -> float | None:
    if len(block.get("Time", ())) < 3 or not np.isfinite(block["TotEng"]).all():
        return None
    return float(1e3 * np.polyfit(block["Time"], block["TotEng"], 1)[0] / natoms)


def _closest(frames: list[Atoms]) -> tuple[float, str, float]:
    best = (np.inf, "", np.inf)
    for frame in frames:
        i, j, d = neighbor_list("ijd", frame, 2 * covalent_radii[frame.numbers].max())
        if len(d):
            ratio = d / (covalent_radii[frame.numbers[i]] + covalent_radii[frame.numbers[j]])
            n = ratio.argmin()
            best = min(best, (float(ratio[n]), "–".join(sorted(frame.symbols[k] for k in (i[n], j[n]))), float(d[n])))
    return best


def _moved(crystal: Atoms, frames: list[Atoms], shortest: float) -> float | None:
    """Share of atoms far from their sites at the end; the crystal as a whole may have grown and moved."""
    if not frames:
        return None
    last = frames[-1]
    shift = last.get_scaled_positions(wrap=False) - crystal.get_scaled_positions(wrap=False)
    shift -= np.round(shift - np.median(shift, axis=0))
    distances = np.linalg.norm((shift - np.median(shift, axis=0)) @ last.cell.array, axis=1)
    return float(np.mean(distances > 0.5 * shortest * (last.get_volume() / crystal.get_volume()) ** (1 / 3)))


def _radial(frames: list[Atoms], cutoff: float, bins: int = 100) -> tuple[np.ndarray, np.ndarray]:
    """g(r) of all pairs, mean over frames: number of neighbours by that of a gas of the same density."""
    edges = np.linspace(0, cutoff, bins + 1)
    shells = 4 / 3 * np.pi * np.diff(edges**3)
    total = np.zeros(bins)
    for frame in frames:
        counts = np.histogram(neighbor_list("d", frame, cutoff), edges)[0]
        total += counts / len(frame) / (shells * len(frame) / frame.get_volume())
    return (edges[1:] + edges[:-1]) / 2, total / max(1, len(frames))


def _coordination(frames: list[Atoms], cutoff: float) -> float:
    return float(np.mean([len(neighbor_list("d", f, cutoff)) / len(f) for f in frames])) if frames else float("nan")


def _drawn(found: _Measured) -> dict:
    r, g = found.radial
    return {
        "time": found.time.tolist(),
        "volume": found.volume.tolist(),
        "outside": None if found.outside is None else found.outside.tolist(),
        "r": r.tolist(),
        "g": g.tolist(),
        "coordination": found.coordination,
    }


def _judge(found: _Measured, melting_is_known: bool) -> list[Line]:
    """All lines of one state; a state that goes wrong without a flagged atom says so."""
    lines = [
        _ended(found),
        _volume(found) if found.state.volume is None else None,
        _energy(found),
        _close(found),
        _sites(found, melting_is_known),
        _conserved(found),
    ]
    wrong = [line for line in lines if line]
    return [*(_loudly(line, found) for line in wrong), *_outside(found)]


def _loudly(line: Line, found: _Measured) -> Line:
    if line.verdict is not Verdict.FAIL or found.outside is None or not len(found.outside):
        return line
    share = float(np.mean(found.outside[: _onset(found)]))
    if share >= UNNOTICED:
        return line
    text = f"{line.sentence}; UNNOTICED: until then {100 * share:.1f} % of the atoms were flagged as outside the data"
    return Line(**{**vars(line), "sentence": text})


def _onset(found: _Measured) -> int:
    """How many outputs there are until the volume is out of bounds; all, if it stays."""
    low, high = _bounds(found.state)[1]
    out = np.nonzero((found.volume < low) | (found.volume > high))[0]
    return max(1, out[0]) if len(out) and found.state.volume is None else len(found.volume)


def _bounds(state: State) -> tuple[tuple[float, float], tuple[float, float]]:
    solid = state.phase == "crystal" and (state.melting is None or state.melting < 1)
    return (CRYSTAL_WARN, CRYSTAL_FAIL) if solid else (MELT_WARN, MELT_FAIL)


def _ended(found: _Measured) -> Line | None:
    if not found.problem:
        return None
    text = f"the run of {found.name} ended after {found.time[-1:].sum():.1f} ps: {found.problem}"
    return Line(f"run to its end: {found.state.name}", "no", reference="yes", verdict=Verdict.FAIL, sentence=text)


def _volume(found: _Measured) -> Line | None:
    if not len(found.volume):
        return None
    series = found.volume
    lost = not COLLAPSED < series[-1] < EVAPORATED
    ratio = float(series[-1] if lost else np.mean(series[3 * len(series) // 4 :]))
    (warn, fail), verdict, text = _bounds(found.state), Verdict.PASS, ""
    for (low, high), worse in ((warn, Verdict.WARN), (fail, Verdict.FAIL)):
        if not low <= ratio <= high:
            verdict = worse
    if verdict is not Verdict.PASS:
        does = "expands to" if ratio > 1 else "shrinks to"
        stopped = ", where the run was stopped" if lost else ""
        text = f"{found.name} {does} {ratio:.2f} V0 within {found.time[-1]:.1f} ps{stopped}"
    return Line(f"V/V0: {found.state.name}", ratio, verdict=verdict, sentence=text)


def _energy(found: _Measured) -> Line | None:
    """Only where it is wrong."""
    if not (len(found.energy) and found.energy.min() < -BELOW):
        return None
    lowest = float(found.energy.min())
    text = f"{found.name} gets {-lowest:.2f} eV/atom below the crystal at rest: there is a state that is too low"
    return Line(f"lowest energy: {found.state.name}", lowest, "eV/atom", verdict=Verdict.FAIL, sentence=text)


def _close(found: _Measured) -> Line | None:
    ratio, pair, distance = found.closest
    if not np.isfinite(ratio):
        return None
    quantity = f"closest atoms, by their covalent radii: {found.state.name}"
    verdict = Verdict.FAIL if ratio < FUSED else Verdict.WARN if ratio < CLOSE else Verdict.PASS
    text = ""
    if verdict is not Verdict.PASS:
        does = "fuse" if ratio < FUSED else "come very close"
        text = (
            f"atoms {does} in {found.name}: {pair} at {distance:.2f} Å, {ratio:.2f} of the sum of their covalent radii"
        )
    return Line(quantity, ratio, verdict=verdict, sentence=text)


def _sites(found: _Measured, melting_is_known: bool) -> Line | None:
    solid = found.state.melting is None or found.state.melting < 1
    if found.moved is None or not solid or found.problem:
        return None
    quantity = f"atoms that left their sites: {found.state.name}"
    if found.moved <= MOVED:
        return Line(quantity, 100 * found.moved, "%", verdict=Verdict.PASS)
    text = (
        f"{100 * found.moved:.0f} % of the atoms of {found.name} left their sites: it melts, or becomes another crystal"
    )
    if not melting_is_known:
        text += "; the temperature is an estimate, --melting sets it"
    verdict = Verdict.FAIL if melting_is_known else Verdict.WARN
    return Line(quantity, 100 * found.moved, "%", verdict=verdict, sentence=text)


def _conserved(found: _Measured) -> Line | None:
    if found.drift is None:
        return None
    size, verdict, text = abs(found.drift), Verdict.PASS, ""
    if size > DRIFT_WARN:
        verdict = Verdict.FAIL if size > DRIFT_FAIL else Verdict.WARN
        text = f"the total energy of {found.name} drifts by {found.drift:.2g} meV/atom/ps at constant energy"
    return Line(f"drift of energy: {found.state.name}", found.drift, "meV/atom/ps", verdict=verdict, sentence=text)


def _outside(found: _Measured) -> list[Line]:
    if found.outside is None or not len(found.outside):
        return []
    share, quantity = float(np.mean(found.outside)), f"atoms flagged: {found.state.name}"
    if found.state.volume is not None:  # nobody has data of all volumes: it is good that it is flagged
        return [Line(quantity, 100 * share, "%")]
    limit = FLAGGED_WARN if _bounds(found.state)[0] == CRYSTAL_WARN else FLAGGED_WARN_MELT
    if share <= limit:
        return [Line(quantity, 100 * share, "%", verdict=Verdict.PASS)]
    text = f"{100 * share:.0f} % of the atoms of {found.name} are outside the training data: fit with frames of it"
    return [Line(quantity, 100 * share, "%", verdict=Verdict.WARN, sentence=text)]


def _steps(setting: Setting, state: State) -> int:
    return steps(state, setting.level, setting.model.elements)
