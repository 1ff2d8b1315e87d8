"""Every fault, once the modules that break things are read."""

from tests.integration.cli.faults import clone, database, github, redis, service, settings  # noqa: F401
from tests.integration.cli.faults.fault import FAULTS, Fault

__all__ = ["FAULTS", "Fault"]
