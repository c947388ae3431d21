"""Several processes of a fit, in one."""

import pickle
from contextlib import contextmanager

from snnp.fitting.ranks import Ranks


class Together(Ranks):
    """All that one rank says goes to others as bytes; they do their parts one after the other."""

    def __init__(self, count):
        super().__init__(count)
        self.everyone = [self.held, *({} for _ in range(1, count))]
        self._found = []

    def give(self, name, rank, values):
        self.everyone[rank].setdefault(name, {}).update(copied(values))

    def sum(self, function, argument, moves=()):
        for name, numbers, source, target in moves:
            self.give(name, target, {n: self.everyone[source][name].pop(n) for n in numbers})
        with self._called(function, argument):
            return sum(self._found, function(self.held, argument))

    @contextmanager
    def _called(self, function, argument):
        self._found = [function(held, copied(argument)) for held in self.everyone[1:]]
        yield


def copied(value):
    """As another process has it."""
    return pickle.loads(pickle.dumps(value))
