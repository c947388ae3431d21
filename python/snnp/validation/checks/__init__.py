"""The checks: each a module, listed here in the order in which they are made and shown."""

from snnp.validation.check import Check
from snnp.validation.checks.defects import Defects
from snnp.validation.checks.dimers import Dimers
from snnp.validation.checks.dynamics import Dynamics
from snnp.validation.checks.elastic import Elastic
from snnp.validation.checks.equation_of_state import EquationOfState
from snnp.validation.checks.melting import Melting
from snnp.validation.checks.phases import Phases
from snnp.validation.checks.phonons import PhononCheck
from snnp.validation.checks.search import Search
from snnp.validation.checks.surfaces import Surfaces
from snnp.validation.checks.trimers import Trimers

_ALL = (
    Dimers(),
    Trimers(),
    EquationOfState(),
    Elastic(),
    Phases(),
    Search(),
    PhononCheck(),
    Surfaces(),
    Defects(),
    Dynamics(),
    Melting(),
)
CHECKS: dict[str, Check] = {check.name: check for check in _ALL}
