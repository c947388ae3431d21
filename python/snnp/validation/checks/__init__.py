"""The checks: each a module, listed here in the order of the table."""

from snnp.validation.check import Check
from snnp.validation.checks.dynamics import Dynamics
from snnp.validation.checks.search import Search

CHECKS: dict[str, Check] = {check.name: check for check in (Search(), Dynamics())}
