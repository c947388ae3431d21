"""Types of the C++ engine (python/bindings); what everything means stands in the docstrings of the module."""

import os
from collections.abc import Sequence
from enum import Enum
from typing import TypedDict

import numpy as np
from numpy.typing import ArrayLike, NDArray

_Numbers = NDArray[np.float64]
_Integers = NDArray[np.int32]
_Knots = Sequence[ArrayLike]
_Tables = Sequence[ArrayLike]
MAX_THREADS: int

_Rows = tuple[_Numbers, _Numbers, _Numbers]

class _Results(TypedDict):
    energy: float
    virial: _Numbers
    forces: _Numbers
    energies: _Numbers
    virials: _Numbers
    filters: _Numbers
    outside: _Numbers

class Error(ValueError): ...

class Spline:
    def __init__(self, knots: ArrayLike = ..., coefficients: ArrayLike = ..., open: bool = ...) -> None: ...
    @property
    def knots(self) -> list[float]: ...
    @property
    def coefficients(self) -> list[float]: ...
    @property
    def open(self) -> bool: ...
    @property
    def weights(self) -> list[float]: ...
    @property
    def curves(self) -> list[Spline]: ...
    def __call__(self, x: ArrayLike, derivative: int = ...) -> _Numbers: ...

def combination(weights: ArrayLike, curves: Sequence[Spline]) -> Spline: ...

class Tensor:
    def __init__(
        self,
        knots_ij: ArrayLike = ...,
        knots_ik: ArrayLike = ...,
        knots_jk: ArrayLike = ...,
        coefficients: ArrayLike = ...,
    ) -> None: ...
    @property
    def knots_ij(self) -> list[float]: ...
    @property
    def knots_ik(self) -> list[float]: ...
    @property
    def knots_jk(self) -> list[float]: ...
    @property
    def coefficients(self) -> list[float]: ...

class Layer:
    def __init__(self, inputs: int, outputs: int, weights: ArrayLike, biases: ArrayLike) -> None: ...
    @property
    def inputs(self) -> int: ...
    @property
    def outputs(self) -> int: ...
    @property
    def weights(self) -> list[float]: ...
    @property
    def biases(self) -> list[float]: ...

class Network:
    activation: str
    layers: list[Layer]
    def __init__(self) -> None: ...

class EnergyRange:
    first: int
    last: int
    lowest: float
    highest: float
    def __init__(self, first: int = ..., last: int = ..., lowest: float = ..., highest: float = ...) -> None: ...

class Floor:
    directions: list[float]
    centres: list[float]
    width: float
    softness: float
    density: list[float]
    C: Spline
    def __init__(self) -> None: ...

class FourBody:
    degree: int
    radial: int
    mixtures: int
    inner: float
    outer: float
    cutoff: float
    bound: float
    weights: list[float]
    coefficients: list[float]
    def __init__(self) -> None: ...

def four_body_count(degree: int, channels: int) -> int: ...
def four_body_rows(
    terms: Sequence[FourBody], structures: Structures, columns: int, threads: int
) -> tuple[_Numbers, _Numbers, _Numbers]: ...

class FourBodyTrainer:
    def __init__(self) -> None: ...
    def values(self, terms: Sequence[FourBody], structures: Structures, threads: int) -> _Numbers: ...
    def forces(self) -> tuple[_Numbers, _Numbers]: ...
    def gradient(self, weights: ArrayLike, movement: ArrayLike, strains: ArrayLike) -> _Numbers: ...

class Element:
    name: str
    e0: float
    linear: list[float]
    network: Network
    density: list[float]
    U: Spline
    floor: Floor
    four_body: FourBody
    lowest: list[float]
    highest: list[float]
    energies: list[EnergyRange]
    def __init__(self) -> None: ...

class Pair:
    phi: Spline
    zbl_inner: float
    zbl_outer: float
    shortest: float
    def __init__(self) -> None: ...

class Potential:
    comment: str
    n2: int
    n3: int
    elements: list[Element]
    pairs: list[Pair]
    rho: list[Spline]
    f: list[Spline]
    g: list[Spline]
    V: list[Tensor]
    def __init__(self) -> None: ...
    def pair_index(self, a: int, b: int) -> int: ...
    def ordered_index(self, centre: int, neighbor: int) -> int: ...
    def triplet_index(self, centre: int, b: int, c: int) -> int: ...
    def repulsion(self, a: int, b: int, r: ArrayLike) -> tuple[_Numbers, _Numbers]: ...
    def cutoff(self) -> float: ...
    def cutoff_of(self, a: int, b: int) -> float: ...
    def check(self) -> None: ...

def parse_potential(text: str, name: str) -> Potential: ...
def format_potential(potential: Potential) -> str: ...
def read_potential(path: str | os.PathLike[str]) -> Potential: ...
def write_potential(potential: Potential, path: str | os.PathLike[str]) -> None: ...

class Structures:
    def __init__(
        self,
        offsets: ArrayLike,
        indices: ArrayLike,
        vectors: ArrayLike,
        elements: ArrayLike,
        structure: ArrayLike,
        n_structures: int,
    ) -> None: ...
    @property
    def offsets(self) -> NDArray[np.int64]: ...
    @property
    def indices(self) -> _Integers: ...
    @property
    def vectors(self) -> _Numbers: ...
    @property
    def elements(self) -> _Integers: ...
    @staticmethod
    def concatenate(parts: Sequence[Structures]) -> Structures: ...
    @staticmethod
    def of_cells(
        positions: ArrayLike, cells: ArrayLike, elements: ArrayLike, structure: ArrayLike, cutoff: float, most: int
    ) -> tuple[Structures, list[int]]: ...
    @property
    def structure(self) -> _Integers: ...
    @property
    def n_structures(self) -> int: ...
    def __len__(self) -> int: ...

class Packed:
    def __init__(self, structure: Structures, positions: ArrayLike, cell: ArrayLike, inverse: ArrayLike) -> None: ...
    def unpacked(self) -> Structures: ...
    @property
    def nbytes(self) -> int: ...

class Precision(Enum):
    full = ...
    mixed = ...

class Engine:
    def __init__(self, potential: Potential, precision: Precision = ...) -> None: ...
    @property
    def potential(self) -> Potential: ...
    @property
    def cutoff(self) -> float: ...
    def evaluate(self, structures: Structures, threads: int = ...) -> _Results: ...

class Trainer:
    def __init__(
        self, elements: int, n2: int, n3: int, pair_knots: _Knots, radial_knots: _Knots, angle_knots: _Knots
    ) -> None: ...
    def set(self, pair: _Tables, radial: _Tables, angle: _Tables) -> None: ...
    def values(self, structures: Structures, threads: int, single: bool = False) -> _Numbers: ...
    def forces(self, A: ArrayLike) -> tuple[_Numbers, _Numbers]: ...
    def tangent(self, movement: ArrayLike, strains: ArrayLike) -> _Numbers: ...
    def parameters(self, A: ArrayLike, B: ArrayLike) -> tuple[list[_Numbers], list[_Numbers], list[_Numbers]]: ...

class Embedding:
    def __init__(self, elements: int, inputs: int, widths: Sequence[int], activation: str) -> None: ...
    @property
    def size(self) -> int: ...
    def values(
        self,
        parameters: ArrayLike,
        mean: ArrayLike,
        scale: ArrayLike,
        unit: float,
        fixed_e0: ArrayLike,
        G: ArrayLike,
        structures: Structures,
        threads: int,
    ) -> tuple[_Numbers, _Numbers]: ...
    def gradient(self, weights: ArrayLike, Gd: ArrayLike) -> tuple[_Numbers, _Numbers]: ...

class Design:
    def __init__(
        self,
        elements: int,
        pair_knots: _Knots,
        radial_knots: _Knots,
        third_knots: _Knots,
        distance: bool,
        functions: Sequence[int],
        column_ranges: ArrayLike,
        columns: int,
    ) -> None: ...
    def rows(self, structures: Structures, threads: int) -> _Rows: ...

class Density:
    def __init__(
        self,
        elements: int,
        pair_knots: _Knots,
        rho_knots: _Knots,
        radial_knots: _Knots,
        angle_knots: _Knots,
        embedding_knots: _Knots,
        functions: Sequence[int],
    ) -> None: ...
    @property
    def columns(self) -> int: ...
    def rows(
        self, structures: Structures, coefficients: ArrayLike, threads: int
    ) -> tuple[_Numbers, _Numbers, _Numbers, _Numbers]: ...
