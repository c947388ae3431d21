"""The checks: each a module, listed here in the order of the table."""

from snnp.validation.check import Check
from snnp.validation.checks.defects import Defects
from snnp.validation.checks.dimers import Dimers
from snnp.validation.checks.phases import Phases
from snnp.validation.checks.phonons import PhononCheck
from snnp.validation.checks.surfaces import Surfaces
from snnp.validation.checks.trimers import Trimers

CHECKS: dict[str, Check] = {
    check.name: check for check in (Dimers(), Trimers(), Phases(), PhononCheck(), Defects(), Surfaces())
}
