"""What a fit does about atoms that the data do not show."""

from snnp import _core
from snnp.fitting.floor import with_floor
from snnp.fitting.ground_states import ground_states
from snnp.fitting.repulsion import with_repulsion
from snnp.fitting.task import Task


def made_sound(potential: _core.Potential, task: Task) -> _core.Potential:
    """The potential with repulsion and floor, as the configuration says."""
    model, train = task.config.model, task.sets["train"]
    frames = task.lists.each([frame.atoms for frame in [*train, *task.sets.get("validation", [])]])
    if model.repulsion:
        potential = with_repulsion(potential, frames, task.threads, task.shape.pinned, task.shape.shared)
    if model.floor:
        ground = ground_states(train, task.shape.elements)
        potential = with_floor(potential, frames, ground, task.lists, task.threads, unseen=task.shape.shared)
    return potential
