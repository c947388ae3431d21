"""Systems beside each other on the filters that they share: what each uses of them, and how far apart systems are."""

import copy
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from ase import Atoms
from ase.build import make_supercell
from scipy.spatial.distance import cdist

from snnp import __version__, _core
from snnp.analysis import errors as measured
from snnp.analysis.reading import CARRY, filter_names
from snnp.console import Log
from snnp.data import Frame
from snnp.data.neighbors import ElementError, structures
from snnp.models.filters_file import bare_potential
from snnp.models.gauge import contributions, embedding, filters
from snnp.systems.sharing import Sharing, System
from snnp.validation.model import FileModel
from snnp.validation.prototypes import usual_compounds, usual_crystals

_ATOMS = 4000  # of a system that are looked at: shares over more are the same to a per cent
_SAMPLE = 500  # atoms of a centre whose surroundings are compared: their distances are quadratic in number
# Crystals that stand for data: how far above the lowest one, eV/atom; volumes; displacements, in units of a bond.
_HIGH, _VOLUMES, _MOVED = 0.1, (0.94, 1.0, 1.06), 0.04
_FEWEST = 16  # atoms of their cells


@dataclass
class Row:
    """Atoms of one element of one system. added: root mean square change of their energies where a shared filter stays
    at its mean, (filters,), eV. seen: shared filters of a sample of them, as in atoms of one kind, (atoms, filters).
    """

    name: str
    system: int
    added: np.ndarray
    seen: np.ndarray

    @property
    def shares(self) -> np.ndarray:
        """Of the sum of squares of `added`, (filters,)."""
        squares = self.added**2
        return squares / max(squares.sum(), 1e-300)

    @property
    def leading(self) -> list[int]:
        """Filters, the first first, that together have 90 % of this sum."""
        order = np.argsort(-self.shares, kind="stable")
        count = int(np.searchsorted(np.cumsum(self.shares[order]), CARRY)) + 1
        return [int(m) for m in order[:count] if self.shares[m] > 0]


@dataclass
class Looked:
    """What was looked at of a system. says: in words; errors: of its data, None: there were none."""

    says: str
    atoms: int
    errors: measured.Report | None


@dataclass
class Comparison:
    """Systems on shared filters. names: of the filters; use, seen: distances of all rows, (rows, rows), from 0 to 1."""

    sharing: Sharing
    names: list[str]
    looked: list[Looked]
    rows: list[Row]
    use: np.ndarray
    seen: np.ndarray

    def as_dict(self) -> dict:
        """For JSON."""
        sharing = self.sharing
        systems = {}
        for s, (system, looked) in enumerate(zip(sharing.systems, self.looked, strict=True)):
            own = [row for row in self.rows if row.system == s]
            centres = {row.name: dict(zip(self.names, 1000 * row.added, strict=True)) for row in own}
            errors = {} if looked.errors is None else {"errors": looked.errors.as_dict()["all"]}
            systems[system.name] = {
                "potential": str(system.file),
                "length_A" if sharing.known else "length": system.length,
                "of": looked.says,
                "added_meV": {name: {m: float(a) for m, a in added.items()} for name, added in centres.items()},
                "shares": {row.name: dict(zip(self.names, map(float, row.shares), strict=True)) for row in own},
                **errors,
            }
        names = [row.name for row in self.rows]
        distances = {"names": names, "use": self.use.tolist(), "surroundings": self.seen.tolist()}
        file = sharing.file and str(sharing.file)
        return {"snnp report": __version__, "filters": file, "systems": systems, "distances": distances}


def compare(sharing: Sharing, frames: Sequence[Frame], threads: int, log: Log) -> Comparison:
    """What systems do with shared filters: over frames, each for the system with the fewest elements that has its own.

    A system without frames is looked at in its crystals. Raises ElementError for frames of no system, ValueError if a
    system has neither.
    """
    looked, rows = [], []
    parts = _by_system(frames, sharing.systems)
    with log.progress("systems", len(parts), "systems") as tick:
        for s, (system, own) in enumerate(zip(sharing.systems, parts, strict=True)):
            atoms, says = ([f.atoms for f in own], f"{len(own)} frames") if own else _crystals(system, threads)
            errors = _errors(system, own, threads) if own else None
            atoms = atoms[:: max(sum(map(len, atoms)) // _ATOMS, 1)]
            looked.append(Looked(says, sum(map(len, atoms)), errors))
            rows += _rows(sharing, s, atoms, threads)
            tick(1)
    names = filter_names(sharing.systems[0].potential)
    shares = np.array([row.shares for row in rows])
    return Comparison(sharing, [names[m] for m in sharing.shared], looked, rows, hellinger(shares), _apart(rows))


def _errors(system: System, frames: Sequence[Frame], threads: int) -> measured.Report:
    """Of the potential as it is in its file, with its floor."""
    engine = _core.Engine(_core.read_potential(str(system.file)))
    return measured.report(measured.predict(engine, frames, threads))


def _by_system(frames: Sequence[Frame], systems: Sequence[System]) -> list[list[Frame]]:
    """Frames of each system."""
    parts: list[list[Frame]] = [[] for _ in systems]
    for frame in frames:
        symbols = set(frame.atoms.symbols)
        sizes = [len(s.elements) if symbols <= set(s.elements) else np.inf for s in systems]
        if min(sizes) == np.inf:
            known = "; ".join(f"{s.name}: {' '.join(s.elements)}" for s in systems)
            raise ElementError(f"{frame.origin}: no potential has all elements {' '.join(sorted(symbols))} ({known})")
        for part, size in zip(parts, sizes, strict=True):
            if size == min(sizes):
                part.append(frame)
    return parts


# -- crystals in place of data ------------------------------------------------------------------------------------


def _crystals(system: System, threads: int) -> tuple[list[Atoms], str]:
    """Crystals of a potential near its ground states, strained and shaken, and what they are, in words."""
    model, elements = FileModel(system.file, threads), system.elements
    found = {symbol: usual_crystals(symbol, model) for symbol in elements} if len(elements) == 1 else {}
    for n, a in enumerate(elements):
        found |= {a + b: usual_compounds(a, b, model) for b in elements[n + 1 :]}
    rng, made, names = np.random.default_rng(0), [], []
    for crystals in found.values():
        energies = [_energy(atoms, model) for _, atoms in crystals]
        for (name, atoms), energy in zip(crystals, energies, strict=True):
            if energy < min(energies) + _HIGH:
                names.append(name)
                made += [_shaken(atoms, volume, rng) for volume in _VOLUMES]
    if not made:
        raise ValueError(f"{system.file} holds none of the usual crystals: expected data of {' '.join(elements)}")
    return made, f"crystals {', '.join(names)}"


def _energy(atoms: Atoms, model: FileModel) -> float:
    atoms = atoms.copy()
    atoms.calc = model.calculator()
    return atoms.get_potential_energy() / len(atoms)


def _shaken(atoms: Atoms, volume: float, rng: np.random.Generator) -> Atoms:
    """A supercell at a volume in units of its own, its atoms displaced."""
    n = int(np.ceil((_FEWEST / len(atoms)) ** (1 / 3)))
    cell = make_supercell(atoms, n * np.eye(3))
    cell.set_cell(cell.cell * volume ** (1 / 3), scale_atoms=True)
    bond = (2**0.5 * cell.get_volume() / len(cell)) ** (1 / 3)  # of a close packing of as many atoms
    cell.positions += rng.normal(scale=_MOVED * bond, size=cell.positions.shape)
    return cell


# -- use and surroundings -----------------------------------------------------------------------------------------


def _rows(sharing: Sharing, s: int, atoms: Sequence[Atoms], threads: int) -> Iterator[Row]:
    system, shared = sharing.systems[s], sharing.shared
    lists = [structures([a], system.elements, system.potential.cutoff()) for a in atoms]
    bare = bare_potential(sharing.curves.scaled(system.length / sharing.length))
    seen, kinds = filters(bare, [_of_one_kind(each) for each in lists], threads)[0], [each.elements for each in lists]
    G, kinds = filters(system.potential, lists, threads)
    for a in np.unique(kinds):
        here = kinds == a
        symbol = system.elements[a]
        name = system.name if len(system.elements) == 1 else f"{system.name}: {symbol}"
        yield Row(name, s, _added(system.potential, int(a), G[here])[shared], _some(seen[here]))


def _of_one_kind(s: _core.Structures) -> _core.Structures:
    """The same structures with atoms of one element."""
    return _core.Structures(s.offsets, s.indices, s.vectors, np.zeros_like(s.elements), s.structure, s.n_structures)


def _added(potential: _core.Potential, a: int, G: np.ndarray) -> np.ndarray:
    """What filters add to atoms of element a, (n2 + n3,), eV: see `contributions`.

    What is linear in ρ on average counts as part of φ, which each system has of its own.
    """
    potential = copy.deepcopy(potential)
    elements, n2 = potential.elements, potential.n2
    linear = np.array(elements[a].linear)
    linear[:n2] -= embedding(elements[a], G)[1][:, :n2].mean(0)
    elements[a].linear = linear
    potential.elements = elements
    return contributions(potential, G, np.full(len(G), a))


def _some(values: np.ndarray) -> np.ndarray:
    return values[np.linspace(0, len(values) - 1, min(len(values), _SAMPLE)).astype(int)]


def hellinger(shares: np.ndarray) -> np.ndarray:
    """Hellinger's distances √(1 − Σ_m √(p_m q_m)) of shares p (rows, filters), in parts of 1, (rows, rows)."""
    return np.sqrt(np.clip(1 - np.sqrt(shares) @ np.sqrt(shares).T, 0, 1))


def _apart(rows: Sequence[Row]) -> np.ndarray:
    """Distances of surroundings, in filters in units of their mean spread over the atoms of one row."""
    spread = np.sqrt(np.mean([row.seen.var(0) for row in rows], axis=0))
    seen = [row.seen / np.where(spread > 0, spread, 1.0) for row in rows]
    own = [cdist(x, x).mean() for x in seen]
    found = np.zeros((len(rows), len(rows)))
    for i, x in enumerate(seen):
        for j, y in enumerate(seen[:i]):
            across = cdist(x, y).mean()
            found[i, j] = found[j, i] = inhomogeneity(across, own[i], own[j])
    return found


def inhomogeneity(across: float, first: float, second: float) -> float:
    """How unlike samples x and y are, from 0, of one distribution, to 1: 1 − (⟨|x − x'|⟩ + ⟨|y − y'|⟩)/2⟨|x − y|⟩.

    across, first, second: mean distances between the samples and within each. Székely and Rizzo, J. Stat. Plan.
    Inference 143, 1249 (2013).
    """
    return max(1 - (first + second) / (2 * across), 0.0) if across else 0.0
