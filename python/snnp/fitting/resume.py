"""Whether a fit may begin, go on, or begin anew beside the checkpoint of an earlier one."""

from pathlib import Path

from snnp import __version__
from snnp.config import ConfigError, FitConfig
from snnp.fitting import checkpoint


def saved_state(path: Path | None, config: FitConfig, resume: bool, restart: bool) -> dict | None:
    """The checkpoint to go on from; None: the fit begins. Raises ConfigError if what is there forbids that."""
    if path is None or not path.exists():
        if resume:
            raise ConfigError(f"{path}: there is no checkpoint to resume; start without --resume")
        return None
    if restart:
        path.unlink()
        return None
    state = checkpoint.load(path)
    done = state["optimizer"]["step"]
    if not resume:
        if done < state["steps"]:
            raise ConfigError(
                f"{path} holds an unfinished fit (step {done} of {state['steps']}): add --resume to go on with it, or "
                "--restart to begin anew"
            )
        return None
    if state.get("version") != __version__:
        raise ConfigError(
            f"{path} was not written by this version of snnp-fit ({__version__}): resume with the version that wrote "
            "it, or use --restart"
        )
    if state["config"] != comparable(config):
        raise ConfigError(
            f"{path} belongs to a fit with other data or settings: rerun with the original ones, or use --restart"
        )
    return state


def comparable(config: FitConfig) -> str:
    """All that decides the result, as text."""
    training = config.training.model_copy(update={"threads": None, "checkpoint_seconds": 1.0})
    return config.model_copy(update={"training": training}).dump()
