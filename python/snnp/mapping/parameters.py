"""The parameters of a potential in which its energy is linear, and derivatives by them."""

from collections.abc import Iterator

import numpy as np

from snnp import _core
from snnp.models.linear import LinearModel, LinearShape


class LinearParameters:
    """One-body energies, coefficients of φ, of tensors V and of U, the linear term a, the last layer of networks."""

    def __init__(self, potential: _core.Potential, threads: int):
        self.threads = threads
        self._linear = _linear_model(potential)
        self._units = list(_units(potential, _bare(potential)))

    def energies(self, structures: _core.Structures) -> np.ndarray:
        """∂E_i/∂w, (atoms, parameters), in units of energy by those of the parameters."""
        return self.rows(structures)[0]

    def rows(self, structures: _core.Structures) -> tuple[np.ndarray, np.ndarray]:
        """∂E_i/∂w, (atoms, parameters), and ∂F/∂w, (atoms, 3, parameters), 1/Å times the unit of the former."""
        s, n = structures, len(structures)
        # Each atom is a structure of its own: energies are those of atoms.
        each = _core.Structures(s.offsets, s.indices, s.vectors, s.elements, np.arange(n), n)
        energies, _, forces = self._linear.design.rows(each, self.threads)
        E = self._linear.shape.n_elements
        energies[np.arange(n), energies.shape[1] - E + s.elements] = 1.0
        if not self._units:
            return energies, forces
        results = [engine.evaluate(s, self.threads) for engine in self._units]
        return (
            np.concatenate([energies, np.array([out["energies"] for out in results]).T], axis=1),
            np.concatenate([forces, np.moveaxis(np.array([out["forces"] for out in results]), 0, -1)], axis=2),
        )


def _linear_model(p: _core.Potential) -> LinearModel:
    """The model of φ and V, with the knots of a potential."""
    E = len(p.elements)
    pairs = [np.array(p.pairs[p.pair_index(a, b)].phi.knots) for a in range(E) for b in range(E)]
    if not any(V.knots_ij for V in p.V):
        return LinearModel(LinearShape(E, pairs, [], [], distance=True))
    first = {a: {b: np.array(p.V[p.triplet_index(a, b, b)].knots_ij) for b in range(E)} for a in range(E)}
    radial = [first[a][b] for a in range(E) for b in range(E)]
    third = [np.array(V.knots_jk) for V in p.V]
    return LinearModel(LinearShape(E, pairs, radial, third, distance=True))


def _bare(p: _core.Potential) -> _core.Potential:
    """The filters of a potential and nothing else."""
    bare = _core.Potential()
    bare.n2, bare.n3 = p.n2, p.n3
    bare.rho, bare.f, bare.g = p.rho, p.f, p.g
    pairs = []
    for pair in p.pairs:
        empty = _core.Pair()
        empty.phi = _core.Spline(pair.phi.knots, np.zeros(len(pair.phi.coefficients)))
        pairs.append(empty)
    bare.pairs = pairs
    bare.elements = [_element(e.name, p.n2 + p.n3) for e in p.elements]
    return bare


def _element(name: str, filters: int) -> _core.Element:
    e = _core.Element()
    e.name, e.e0, e.linear = name, 0.0, np.zeros(filters)
    return e


def _units(p: _core.Potential, bare: _core.Potential) -> Iterator[_core.Engine]:
    """Engines whose energy is the derivative by one parameter of one element: of U, a or the last layer."""
    for a, element in enumerate(p.elements if p.n2 + p.n3 else []):
        for one in _unit_elements(element, p.n2 + p.n3):
            elements = bare.elements
            elements[a] = one
            unit = _core.Potential()
            for name in ("n2", "n3", "rho", "f", "g", "pairs"):
                setattr(unit, name, getattr(bare, name))
            unit.elements = elements
            yield _core.Engine(unit)


def _unit_elements(element: _core.Element, filters: int) -> Iterator[_core.Element]:
    if len(element.density):
        n = len(element.U.coefficients)
        for k in range(n):
            one = _element(element.name, filters)
            one.density, one.U = element.density, _core.Spline(element.U.knots, np.eye(n)[k], True)
            yield one
        return
    for m in range(filters):
        one = _element(element.name, filters)
        one.linear = np.eye(filters)[m]
        yield one
    layers = element.network.layers
    width = layers[-1].inputs if layers else 0
    for k in range(width):
        one, network = _element(element.name, filters), _core.Network()
        network.activation = element.network.activation
        network.layers = [*layers[:-1], _core.Layer(width, 1, np.eye(width)[k], [0.0])]
        one.network = network
        yield one
