"""The parameters of a potential in which its energy is linear, and derivatives by them."""

from collections.abc import Iterator, Sequence

import numpy as np

from snnp import _core
from snnp.models.linear import LinearModel, LinearShape
from snnp.models.pinned import marked_pairs


class LinearParameters:
    """One-body energies, coefficients of φ, tensors V, four-body terms and U, the linear term a, the last layer
    of networks. Four-body terms count without their bound.

    φ that were given to the fit, as the potential says, have none.
    """

    def __init__(self, potential: _core.Potential, threads: int):
        self.threads = threads
        self._elements, self._linear = len(potential.elements), list(_linear_models(potential))
        self._units = list(_units(potential, _bare(potential)))
        self._four_body = [e.four_body for e in potential.elements]
        self._n_four_body = sum(len(terms.coefficients) for terms in self._four_body)

    def energies(self, structures: _core.Structures) -> np.ndarray:
        """∂E_i/∂w, (atoms, parameters), in units of energy by those of the parameters."""
        return self.rows(structures)[0]

    def rows(self, structures: _core.Structures) -> tuple[np.ndarray, np.ndarray]:
        """∂E_i/∂w, (atoms, parameters), and ∂F/∂w, (atoms, 3, parameters), 1/Å times the unit of the former."""
        s, n = structures, len(structures)
        # Each atom is a structure of its own: energies are those of atoms. By one thread, as threads divide structures
        # among them, and each adds to the forces of all neighbours.
        each = _core.Structures(s.offsets, s.indices, s.vectors, s.elements, np.arange(n), n)
        energies, forces = [np.eye(self._elements)[s.elements]], [np.zeros((n, 3, self._elements))]
        for model, columns in self._linear:
            energy, _, force = model.design.rows(each, 1)
            energies.append(energy[:, columns])
            forces.append(force[..., columns])
        if self._n_four_body:
            energy, _, force = _core.four_body_rows(self._four_body, each, self._n_four_body, 1)
            energies.append(energy)
            forces.append(force)
        for engine in self._units:
            out = engine.evaluate(s, self.threads)
            energies.append(out["energies"][:, None])
            forces.append(out["forces"][..., None])
        return np.concatenate(energies, axis=1), np.concatenate(forces, axis=2)


def _linear_models(p: _core.Potential) -> Iterator[tuple[LinearModel, np.ndarray]]:
    """Models of φ and V with the knots of a potential, and the columns of each that count: a model has the same number
    of knots for all pairs, and pairs may have knots of their own."""
    E, knots, given = len(p.elements), [np.array(pair.phi.knots) for pair in p.pairs], marked_pairs(p)
    free = [n for n in range(len(knots)) if n not in given]
    for count in sorted({len(knots[n]) for n in free}):
        own = [n for n in free if len(knots[n]) == count]
        pairs = _by_ordered_pair(p, [each if n in own else knots[own[0]] for n, each in enumerate(knots)])
        model = LinearModel(LinearShape(E, pairs, [], [], distance=True))
        yield model, np.concatenate([model.shape.functions[0] * n + np.arange(model.shape.functions[0]) for n in own])
    if any(V.knots_ij for V in p.V):
        pairs = _by_ordered_pair(p, [np.linspace(1.0, 2.0, 4)] * len(knots))  # of no φ
        first = {a: {b: np.array(p.V[p.triplet_index(a, b, b)].knots_ij) for b in range(E)} for a in range(E)}
        radial = [first[a][b] for a in range(E) for b in range(E)]
        model = LinearModel(LinearShape(E, pairs, radial, [np.array(V.knots_jk) for V in p.V], distance=True))
        yield model, np.arange(model.shape.functions[0] * len(knots), model.columns - E)


def _by_ordered_pair(p: _core.Potential, knots: Sequence[np.ndarray]) -> list[np.ndarray]:
    E = range(len(p.elements))
    return [knots[p.pair_index(a, b)] for a in E for b in E]


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
