"""Several networks on the filters of one fit: the mean of their energies is more accurate than each by itself.

The first one is trained with its filters, the others with these as they are, each from another start and with the data
in another order. Then all take the last steps, on validation data, too; the first one changes the filters once more,
and the others follow. As φ, linear terms and energies of isolated atoms are linear, and filters the same, the mean is
one potential with a wider network (`snnp.models.potentials.mean_of`).
"""

from collections.abc import Callable
from dataclasses import asdict, replace

import numpy as np
import torch
from torch import Tensor

from snnp import _core
from snnp.fitting.demands import Demands
from snnp.fitting.linear_start import standardise
from snnp.fitting.minibatch import Optimizer, Record
from snnp.fitting.shards import Shards
from snnp.models.network import Model
from snnp.models.potentials import mean_of


class Networks:
    """The training of all, one after the other, as one run: see `snnp.fitting.task.Optimizer`.

    first: trains the first network. count: of all. following(n, model, steps): what trains the n-th one, counted from
    0, beginning with a model, in at most so many steps. say: takes a sentence for the log.
    """

    def __init__(
        self,
        first: Optimizer,
        count: int,
        following: Callable[[int, Model, int], Optimizer],
        say: Callable[[str], None] = lambda text: None,
    ):
        self.all, self.count, self._following, self._say = [first], count, following, say
        self.history: list[Record] = []
        """Of all networks, by steps of the whole run."""

    @property
    def step(self) -> int:
        """Of the whole run."""
        return sum(one.step for one in self.all)

    @property
    def steps(self) -> int:
        """Of the whole run, as far as is known."""
        return sum(one.steps for one in self.all) + (self.count - len(self.all)) * self.all[0].steps

    @property
    def seconds(self) -> float:
        """Of all steps."""
        return sum(one.seconds for one in self.all)

    @property
    def improved(self) -> bool:
        """Whether training made the validation loss of the first network smaller."""
        return self.all[0].improved

    @property
    def demands(self) -> list[Demands]:
        """Of each network."""
        return [one.demands for one in self.all]

    @property
    def refitted(self) -> bool:
        """Whether validation data were fitted to."""
        return any(one.refitted for one in self.all)

    @property
    def validated_until(self) -> int:
        """The step after which validation data are trained on, too."""
        return sum(one.validated_until for one in self.all)

    def run(self, report, tick, stop) -> bool:
        """Trains to the end, or until stop() says so; False in that case."""
        for n in range(self.count):
            self._add(n)
            if not self._run(n, report, tick, stop, validated=True):
                return False
        for n, one in enumerate(self.all):
            if n and one.step == one.validated_until:
                self._follow(one)
            if not self._run(n, report, tick, stop):
                return False
            self._use_best(n)
        return True

    def _add(self, n: int) -> None:
        if n == len(self.all):
            self._say(f"network {n + 1} of {self.count}, on the filters of the first")
            self.all.append(self._following(n, self._after_validation(0), self.all[0].steps))

    def _after_validation(self, n: int) -> Model:
        """The n-th network as it is best for validation data."""
        model = self.all[n].model
        model.load_state_dict(self.all[n].best)
        return model

    def _run(self, n: int, report, tick, stop, validated: bool = False) -> bool:
        """Goes on with the n-th network."""
        one = self.all[n]
        steps, seconds = self.step - one.step, self.seconds - one.seconds

        def shifted(record: Record) -> None:
            self.history.append(replace(record, step=steps + record.step, seconds=seconds + record.seconds))
            report(self.history[-1])

        return one.run(shifted, lambda step: tick(steps + step), stop, validated)

    def _follow(self, one: Optimizer) -> None:
        """Gives a network the filters as the first one's last steps have left them."""
        for name, curves in filters_of(self.all[0].model).items():
            for state in (one.model.state_dict(), one.average):
                state[name].copy_(curves)
        one.gradient.renew()

    def _use_best(self, n: int) -> None:
        """Filters that have changed suit no earlier weights."""
        one = self.all[n]
        one.use_best()
        if n and self.all[0].refitted:
            one.model.load_state_dict(one.average)
            one.refitted = one.refits

    def use_best(self) -> None:
        """Puts into each model what is best, as `run` has done at its end."""

    def potential(self, comment: str) -> _core.Potential:
        """The mean of all, as their models are."""
        return mean_of([one.model.potential(comment) for one in self.all])

    def validated(self) -> _core.Potential:
        """The mean before validation data were fitted to. Models are then what they were."""
        return mean_of([self._after_validation(n).potential("") for n in range(self.count)])

    def state(self) -> dict:
        """All that a later `restore` needs."""
        history = [asdict(record) for record in self.history]
        return {"networks": [one.state() for one in self.all], "history": history, "step": self.step}

    def restore(self, state: dict) -> None:
        """Continues where `state` was taken; arrays may be NumPy's."""
        for n, own in enumerate(state["networks"]):
            if n:
                self.all.append(self._following(n, self.all[0].model, self.all[0].steps))
            self.all[n].restore(own)
        self.history = [Record(**record) for record in state["history"]]


def filters_of(model: Model) -> dict[str, Tensor]:
    """What all networks share, by name: rho, f and g, and mixtures of them, (tables, functions or filters, filters), in
    the units of `Model`, and parameters of four-body terms."""
    names = [name for name in ("rho", "f", "mix_rho", "mix_f") if hasattr(model, name)]
    found = {"g": model.g.detach(), **{name: model.coefficients(name).detach() for name in names}}
    return {**found, "four_body": model.four_body.detach()} if model.shape.four_body else found


def another(model: Model, seed: int, frames: Shards, threads: int) -> Model:
    """A model with a new network on the filters of one, which stay as they are; φ and linear terms begin as there.

    frames: training data, by which filters are standardised.
    """
    torch.manual_seed(seed)
    other = Model(model.shape, model.fixed_e0, model.unit, convex=model.convex)
    kept = filters_of(model)
    names = ["phi", "constant", "linear", "mean", "scale"]
    names += ["four_body_basis", "four_body_bound"] if model.shape.four_body else []
    begun = {name: getattr(model, name).detach() for name in names}
    other.load_state_dict({**other.state_dict(), **kept, **begun})
    with torch.no_grad():
        # Standardisation begins with G itself.
        other.linear /= other.scale
        other.constant -= (other.linear * other.mean).sum(1)
    standardise(other, frames, threads)
    for name in kept:
        getattr(other, name).requires_grad_(False)
    return other


def seed_of(seed: int, n: int) -> int:
    """The seed of the n-th network."""
    return int(np.random.SeedSequence([seed, n]).generate_state(1)[0]) if n else seed
