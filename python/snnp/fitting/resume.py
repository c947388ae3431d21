"""Whether a fit may begin, go on, or begin anew beside the checkpoint of an earlier one."""

from pathlib import Path

from snnp import __version__
from snnp.config import ConfigError
from snnp.fitting import checkpoint


def saved_state(path: Path | None, resume: bool, restart: bool) -> dict | None:
    """The checkpoint to go on from; None: the fit begins. Raises ConfigError if what is there forbids that."""
    if resume and restart:
        raise ConfigError("expected only one of --resume and --restart")
    if path is None or not path.exists():
        if resume:
            raise ConfigError(f"{path or 'no output'}: there is no checkpoint to resume; start without --resume")
        return None
    if restart:
        return None
    state = checkpoint.load(path)
    if not resume:
        if state["finished"]:
            return None
        raise ConfigError(
            f"{path} holds an unfinished fit (step {state['optimizer']['step']} of {state['steps']}): add --resume to "
            "go on with it, or --restart to begin anew"
        )
    if (state.get("version"), state.get("layout")) != (__version__, checkpoint.LAYOUT):
        raise ConfigError(
            f"{path} was not written by this version of snnp-fit ({__version__}): resume with the version that wrote "
            "it, or use --restart"
        )
    return state
