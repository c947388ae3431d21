"""The trainable model in PyTorch: splines and networks of all elements, in double precision.

Energies of the same expression come in two ways: `Model.energies`, plain PyTorch with autograd (the reference for
gradients), and `snnp.fitting.loss`, which leaves filters and their derivatives to the engine.
"""

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from snnp import _core
from snnp.models import four_body
from snnp.models.positive import free, positive
from snnp.models.potentials import engine_spline, pair_potentials, same_for_neighbors, sums_of_curves
from snnp.models.shape import Shape, own_parts
from snnp.splines import table_matrix

# Nodes of a layer whose weights are a block of the optimiser: with all 24, steps take longer and lead no further.
_NODES = 8
# With more elements, whole covariances of all networks and of mixtures of all pairs would take most of the time.
FEW = 4


class Squareplus(nn.Module):
    """(x + √(x² + 4))/2, convex and rising everywhere (Barron, arXiv 2112.11687)."""

    def forward(self, x: Tensor) -> Tensor:
        """Of numbers x of any shape."""
        return (x + (x * x + 4).sqrt()) / 2


ACTIVATIONS = {"tanh": nn.Tanh, "silu": nn.SiLU, "squareplus": Squareplus}


class Model(nn.Module):
    """Parameters: phi (pairs, functions), rho (E·E, functions, n2), f (E·E, functions, n3), g (E·pairs, functions, n3),
    networks on standardised filters x = (G − mean) / scale, `linear` (E, n2 + n3) on the same, and a constant. Where
    neighbours share filters, rho, f and g are those of a centre, (E, functions, n), f_αβ,m = Σ_k f_αk M_αβ,km with M
    mix_f, and ρ alike; phi holds φ_aa and own parts of unlike pairs (`snnp.models.shape.own_parts`).

    four_body: y of `snnp.models.four_body`, in rows for the optimiser, if there are such terms; four_body_basis: T,
    (E · B, parameters); four_body_bound: S, (E,), eV.

    E_i = unit (constant + linear·x + N(x)) + ½ G_0 + E4_i, and φ = unit · phi: with `unit` (eV) the error of a simple
    model, all parameters are of order one. The energy of an isolated atom, e0, is E_i at G = 0; with `fixed_e0` (eV, by
    element, None: free) the constant is no parameter but what gives that e0.

    positive: of rho and f those that are nowhere negative. From `constrain` on their parameters, and those of their
    mixtures, are free ones of `snnp.models.positive`; `coefficients` has what they stand for.

    convex: whether networks begin as convex functions of filters: with squareplus, which is convex and rises, they are
    as long as no weight behind the first layer is negative (Amos, Xu and Kolter, ICML 2017).
    """

    def __init__(
        self,
        shape: Shape,
        fixed_e0: Sequence[float | None] | None = None,
        unit: float = 1.0,
        positive: Sequence[str] = (),
        convex: bool = False,
    ):
        super().__init__()
        self.shape, self.unit, self.positive, self.convex = shape, unit, positive, convex
        E, P, M = shape.n_elements, len(shape.unordered), shape.filters
        n_pair, n_radial, n_angle = shape.functions
        pairs, triples = (E, E) if shape.shared else (E * E, E * P)
        self.phi = nn.Parameter(torch.zeros(P, n_pair))
        self.rho = nn.Parameter(torch.zeros(pairs, n_pair, shape.n2))
        self.f = nn.Parameter(torch.zeros(pairs, n_radial, shape.n3))
        self.g = nn.Parameter(torch.zeros(triples, n_angle, shape.n3))
        if shape.shared:
            self.mix_rho, self.mix_f = (nn.Parameter(torch.eye(n).repeat(E * E, 1, 1)) for n in (shape.n2, shape.n3))
            self._means = torch.from_numpy(np.linalg.inv(own_parts(E)))
        self._free = torch.tensor([n not in shape.pinned for n in range(P)], dtype=torch.float64)
        self.constant = nn.Parameter(torch.zeros(E))
        self.linear = nn.Parameter(torch.zeros(E, M))
        self.networks = nn.ModuleList([_network(M, shape.hidden, shape.activation, convex) for _ in range(E)])
        if shape.four_body:
            count = E * shape.four_body.count
            self.four_body = nn.Parameter(torch.zeros(four_body.padded(count)))
            self.register_buffer("four_body_basis", torch.eye(count, self.four_body.numel()))
            self.register_buffer("four_body_bound", torch.ones(E))
        self.register_buffer("mean", torch.zeros(E, M))
        self.register_buffer("scale", torch.ones(E, M))
        self.fixed_e0 = list(fixed_e0) if fixed_e0 else [None] * E
        # Coefficients to polynomial pieces, (tables, knots, 4, functions); unordered pairs by ordered ones.
        self.pair_map = _maps(shape.pair_knots, n_pair)
        self.radial_map = _maps(shape.radial_knots, n_radial)
        self.angle_map = _maps([shape.angle_knots], n_angle)
        self.pair_of = torch.tensor([self._unordered(a, b) for a in range(E) for b in range(E)])
        self.double()

    @property
    def head_parameters(self) -> list[nn.Parameter]:
        """Everything behind the filters."""
        return [self.constant, self.linear, *self.networks.parameters()]

    @property
    def later_weights(self) -> list[nn.Parameter]:
        """Of all layers of networks but the first."""
        return [layer.weight for net in self.networks for layer in net[2::2]]

    def blocks(self) -> list[dict]:
        """Parameters in groups within which they act alike, for `EigenAdam`: splines of one element, some nodes."""
        many = self._E > FEW
        unlike = [n for n, (a, b) in enumerate(self.shape.unordered) if a != b] if many and self.shape.shared else []
        layers = [m for net in self.networks for m in net if isinstance(m, nn.Linear)]
        mixtures = [self.mix_rho, self.mix_f] if self.shape.shared else []
        curves = [{"params": [p], "rows": 1} for p in (self.rho, self.f, self.g) if p.numel()]
        mixed = [{"params": [p], **({"matrices": True} if many else {"rows": 1})} for p in mixtures if p.numel()]
        nodes = [
            {"params": list(layer.parameters()), **({"matrices": True} if many else {"rows": _NODES})}
            for layer in layers
        ]
        four = [{"params": [self.four_body], "rows": 1}] if self.shape.four_body else []
        return [{"params": [self.phi, self.constant, self.linear], "apart": unlike}, *curves, *mixed, *nodes, *four]

    def pairs(self) -> Tensor:
        """φ/unit of each unordered pair, (pairs, functions)."""
        if self.shape.shared:
            return self._means @ self.phi
        return self._free[:, None] * self.phi if self.shape.pinned else self.phi

    @torch.no_grad()
    def set_pairs(self, phi: np.ndarray) -> None:
        """Sets φ of each unordered pair, (pairs, functions), eV."""
        self.phi.copy_(torch.from_numpy((own_parts(self._E) @ phi if self.shape.shared else phi) / self.unit))

    @torch.no_grad()
    def constrain(self) -> None:
        """Makes curves positive that are to be: as close to what they are as these can be."""
        for name in self.positive:
            for each in (name, f"mix_{name}"):
                if (parameter := getattr(self, each, None)) is not None and parameter.numel():
                    values, size = free(parameter, ends=each == name)
                    parameter.copy_(values)
                    self.register_buffer(f"size_{each}", size)

    @torch.no_grad()
    def scale_filters(self, name: str, a: int, factors: Tensor) -> None:
        """Multiplies ρ or f of filters of the centre a by factors greater than 0, (filters,)."""
        for each, by in ((name, factors), (f"mix_{name}", factors / factors[:, None])):
            for values in (getattr(self, part, None) for part in (each, f"size_{each}")):
                if values is not None:
                    tables = len(values) // self._E
                    values[a * tables : (a + 1) * tables] *= by

    def coefficients(self, name: str) -> Tensor:
        """Of a parameter rho, f, mix_rho or mix_f: itself, or what it stands for if it is positive."""
        values, size = getattr(self, name), getattr(self, f"size_{name}", None)
        return values if size is None else positive(values, size, ends=not name.startswith("mix_"))

    def curves(self) -> tuple[Tensor, Tensor, Tensor]:
        """ρ (E·E, functions, n2), f (E·E, functions, n3) and g (E·pairs, functions, n3) of all pairs and triples."""
        rho, f = map(self.coefficients, ("rho", "f"))
        if not self.shape.shared:
            return rho, f, self.g
        E, P = self._E, len(self.shape.unordered)
        mix_rho, mix_f = map(self.coefficients, ("mix_rho", "mix_f"))
        # Curves may be one set for all centres, too (`snnp.systems`).
        rho, f = (curves.repeat_interleave(E * E // len(curves), 0) for curves in (rho, f))
        return rho @ mix_rho, f @ mix_f, self.different_g().repeat_interleave(P, 0)

    def different_g(self) -> Tensor:
        """g of all triples, or where neighbours share filters of all centres, (E, functions, n3)."""
        return self.g.repeat_interleave(self._E // len(self.g), 0) if len(self.g) < self._E else self.g

    def tables(self) -> tuple[Tensor, Tensor, Tensor]:
        """Polynomial pieces of all pairs and triples: pair (E·E, knots, 4, 1 + n2), radial and angle alike."""
        rho, f, g = self.curves()
        columns = torch.cat([self.unit * self.pairs()[self.pair_of].unsqueeze(2), rho], dim=2)
        return _pieces(self.pair_map, columns), _pieces(self.radial_map, f), _pieces(self.angle_map, g)

    def embed(self, G: Tensor, elements: Tensor) -> Tensor:
        """Energies of atoms, eV, from G (atoms, 1 + n2 + n3) and elements (atoms,)."""
        energies = 0.5 * G[:, 0]
        for a in range(self._E):
            here = torch.nonzero(elements == a)[:, 0]
            x = (G[here, 1:] - self.mean[a]) / self.scale[a]
            energies = energies.index_add(0, here, self.unit * self._embedding(a, x))
        return energies

    def _embedding(self, a: int, x: Tensor) -> Tensor:
        constant = self.constant[a]
        if self.fixed_e0[a] is not None:
            constant = self.fixed_e0[a] / self.unit - self._varying(a, -(self.mean[a] / self.scale[a])[None])[0]
        return constant + self._varying(a, x)

    def _varying(self, a: int, x: Tensor) -> Tensor:
        y = x @ self.linear[a]
        return y + self.networks[a](x)[:, 0] if self.shape.hidden else y

    def four_body_coefficients(self) -> Tensor:
        """c of four-body terms, eV, (E, B)."""
        return (self.four_body_basis @ self.four_body.flatten()).view(self._E, -1)

    def four_body_terms(self) -> list[_core.FourBody]:
        """Four-body terms of each element, as they are."""
        c, S = self.four_body_coefficients().detach().numpy(), self.four_body_bound.numpy()
        return four_body.terms(self.shape.four_body, self._E, c, S)

    def e0(self) -> list[float]:
        """Energies of isolated atoms, eV."""
        with torch.no_grad():
            return [
                self.unit * float(self._embedding(a, -(self.mean[a] / self.scale[a])[None])[0]) for a in range(self._E)
            ]

    # -- plain PyTorch ------------------------------------------------------------------------------------------

    def energies(self, structures: _core.Structures, vectors: Tensor) -> Tensor:
        """Energies of atoms, eV, differentiable in `vectors` (neighbours, 3), Å, and in all parameters."""
        elements = torch.from_numpy(structures.elements.astype(np.int64))
        counts = np.diff(structures.offsets)
        i = torch.from_numpy(np.repeat(np.arange(len(counts)), counts))
        j = torch.from_numpy(structures.indices.astype(np.int64))
        r = vectors.norm(dim=1)
        unit = vectors / r[:, None]
        pair, radial, angle = self.tables()
        ordered = elements[i] * self._E + elements[j]

        two = torch.zeros(len(elements), pair.shape[-1], dtype=r.dtype)
        for ab, knots in enumerate(self.shape.pair_knots):
            n = torch.nonzero((ordered == ab) & (r < knots[-1]))[:, 0]
            two = two.index_add(0, i[n], _lookup(pair[ab], knots, r[n]))

        f = torch.zeros(len(r), self.shape.n3, dtype=r.dtype)
        for ab, knots in enumerate(self.shape.radial_knots):
            n = torch.nonzero((ordered == ab) & (r < knots[-1]))[:, 0]
            f = f.index_add(0, n, _lookup(radial[ab], knots, r[n]))

        first, second = _pairs_of_neighbors(structures.offsets)
        cosine = (unit[first] * unit[second]).sum(1)
        kind = elements[i[first]] * len(self.shape.unordered) + self._unordered(elements[j[first]], elements[j[second]])
        three = torch.zeros(len(elements), self.shape.n3, dtype=r.dtype)
        for abc in range(len(angle)):
            n = torch.nonzero(kind == abc)[:, 0]
            g = _lookup(angle[abc], self.shape.angle_knots, cosine[n])
            three = three.index_add(0, i[first[n]], f[first[n]] * f[second[n]] * g)
        energies = self.embed(torch.cat([two, three], dim=1), elements)
        return energies + four_body.energies(self, structures, vectors) if self.shape.four_body else energies

    # -- export -------------------------------------------------------------------------------------------------

    def potential(
        self, comment: str, lowest: np.ndarray | None = None, highest: np.ndarray | None = None
    ) -> _core.Potential:
        """The model as a potential; lowest, highest: ranges of the filters in the training data, (E, n2 + n3)."""
        shape = self.shape
        p = _core.Potential()
        p.comment, p.n2, p.n3 = comment, shape.n2, shape.n3
        p.elements = [self._element(a, lowest, highest) for a in range(self._E)]
        rho, f, g = self.curves()
        p.pairs = pair_potentials(shape, self.unit * self.pairs().detach().numpy())
        p.rho = [engine_spline(shape.pair_knots[ab], c, shape.end) for ab, c in _columns(rho)]
        p.f = [engine_spline(shape.radial_knots[ab], c, shape.end) for ab, c in _columns(f)]
        p.g = [engine_spline(shape.angle_knots, c, 0) for _, c in _columns(g)]
        if shape.shared and self._E > 1:
            # One set of curves for all centres stands for each of them.
            own = (self.coefficients("rho"), self.coefficients("f"), self.g)
            rho, f, g = (x.detach().numpy().repeat(self._E // len(x), 0) for x in own)
            mix_rho, mix_f = (self.coefficients(name).detach().numpy() for name in ("mix_rho", "mix_f"))
            p.rho = sums_of_curves(shape.pair_knots[:: self._E], rho, mix_rho, shape.end)
            p.f = sums_of_curves(shape.radial_knots[:: self._E], f, mix_f, shape.end)
            p.g = same_for_neighbors(shape.angle_knots, g, len(shape.unordered))
        p.check()
        return p

    def _element(self, a: int, lowest, highest) -> _core.Element:
        e = _core.Element()
        e.name, e.e0 = self.shape.elements[a], self.e0()[a]
        mean, scale = self.mean[a].numpy(), self.scale[a].numpy()
        e.linear = self.unit * self.linear[a].detach().numpy() / scale
        if lowest is not None:
            e.lowest, e.highest = lowest[a], highest[a]
        if self.shape.hidden:
            layers = [m for m in self.networks[a] if isinstance(m, nn.Linear)]
            weights = [m.weight.detach().numpy().copy() for m in layers]
            biases = [m.bias.detach().numpy().copy() for m in layers]
            # The file's network takes G itself: standardisation moves into the first layer.
            weights[0] /= scale
            biases[0] -= weights[0] @ mean
            weights[-1] *= self.unit
            biases[-1] *= self.unit
            e.network = _engine_network(self.shape.activation, weights, biases)
        if self.shape.four_body:
            e.four_body = self.four_body_terms()[a]
        return e

    @property
    def _E(self) -> int:
        return self.shape.n_elements

    def _unordered(self, a, b):
        lo, hi = (torch.minimum(a, b), torch.maximum(a, b)) if isinstance(a, Tensor) else (min(a, b), max(a, b))
        return lo * self._E - lo * (lo - 1) // 2 + hi - lo


def _network(inputs: int, hidden: Sequence[int], activation: str, convex: bool) -> nn.Sequential:
    layers: list[nn.Module] = []
    for width in hidden:
        layers += [nn.Linear(inputs, width), ACTIVATIONS[activation]()]
        nn.init.normal_(layers[-2].weight, 0, 1 / math.sqrt(inputs))
        nn.init.normal_(layers[-2].bias, 0, 0.1)
        inputs = width
    if hidden:
        layers.append(nn.Linear(inputs, 1))
        # Small, so that a fit starts from the linear model.
        nn.init.normal_(layers[-1].weight, 0, 0.02 / math.sqrt(inputs))
        nn.init.zeros_(layers[-1].bias)
    with torch.no_grad():
        for layer in layers[2::2] if convex else []:
            # Values of nodes around 0, as with weights of both signs: squareplus is 1 at 0.
            layer.bias -= layer.weight.abs_().sum(1)
    return nn.Sequential(*layers)


def _maps(knots: Sequence[np.ndarray], functions: int) -> Tensor:
    return torch.from_numpy(np.stack([table_matrix(k, functions) for k in knots]))


def _pieces(maps: Tensor, coefficients: Tensor) -> Tensor:
    """Polynomial pieces (tables, knots, 4, filters) of splines (tables, functions, filters)."""
    _, knots, powers, functions = maps.shape
    pieces = maps.reshape(-1, knots * powers, functions) @ coefficients
    return pieces.reshape(len(coefficients), knots, powers, coefficients.shape[2])


def _lookup(table: Tensor, knots: np.ndarray, x: Tensor) -> Tensor:
    edges = torch.from_numpy(knots)
    interval = torch.searchsorted(edges[:-1], x.detach(), right=True)
    t = x - edges[(interval - 1).clamp(min=0)]
    powers = torch.stack([torch.ones_like(t), t, t**2, t**3], dim=1)
    return torch.einsum("np,npm->nm", powers, table[interval])


def _pairs_of_neighbors(offsets: np.ndarray) -> tuple[Tensor, Tensor]:
    pairs = [np.stack(np.tril_indices(n, -1)) + start for start, n in zip(offsets[:-1], np.diff(offsets), strict=True)]
    both = torch.from_numpy(np.concatenate(pairs, axis=1) if pairs else np.zeros((2, 0), dtype=np.int64))
    return both[0], both[1]


def _columns(coefficients: Tensor):
    """(table, coefficients of one filter) in the order of a potential: all filters of the first table first."""
    for n, table in enumerate(coefficients.detach().numpy()):
        for column in table.T:
            yield n, column


def _engine_network(activation: str, weights: list[np.ndarray], biases: list[np.ndarray]) -> _core.Network:
    network = _core.Network()
    network.activation = activation
    network.layers = [_core.Layer(W.shape[1], W.shape[0], W.ravel(), b) for W, b in zip(weights, biases, strict=True)]
    return network
