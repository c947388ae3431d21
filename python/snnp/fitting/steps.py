"""How many steps of training a fit takes, where the configuration leaves it open: the more, the more data there are."""

from collections.abc import Sequence

from snnp import console
from snnp.config import FitConfig
from snnp.data import Frame
from snnp.kinds import kind_of


def with_steps(config: FitConfig, sets: Sequence[Sequence[Frame]], log: console.Log) -> FitConfig:
    """The configuration with `training.steps` decided; a line of the log says what they are, and why.

    sets: training frames of each system; a step takes a batch of each.
    """
    training, budgets = config.training, kind_of(config.model).budgets
    if not budgets:
        return config
    if training.steps is not None:
        if training.effort != "default":
            log.print(
                f"note: effort {training.effort} does not change what is given: {training.steps} training.steps, and "
                "any of model.three_body_filters and model.hidden; null in the configuration leaves a key open"
            )
        return config
    most = max(map(len, sets))
    batch = min(training.batch_size, most)
    atoms = batch * sum(sum(len(frame.atoms) for frame in frames) / len(frames) for frames in sets)
    steps = budgets[training.effort].steps_for(batch, most, atoms)
    log.print(
        f"training: at most {steps} steps of {batch} frame{'s' * (batch > 1)}, {batch * steps / most:.0f} passes "
        f"through the data (by effort {training.effort}; a number for training.steps changes it)"
    )
    return config.model_copy(update={"training": training.model_copy(update={"steps": steps})})
