"""The kinds of model, from classical to machine-learned. A new one is a module here and a name in `KINDS`."""

from snnp.kinds.base import ConfigError, Kind, ModelSection
from snnp.kinds.eam import Eam
from snnp.kinds.pair import Pair
from snnp.kinds.smeam import Smeam
from snnp.kinds.snnp import Snnp
from snnp.kinds.uf3 import Uf3

__all__ = ["KINDS", "ConfigError", "Kind", "ModelSection", "kind_of"]

KINDS: dict[str, Kind] = {kind.name: kind for kind in (Pair(), Eam(), Uf3(), Smeam(), Snnp())}


def kind_of(config: ModelSection) -> Kind:
    """The kind that a section `model` of the configuration belongs to."""
    return KINDS[config.kind]
