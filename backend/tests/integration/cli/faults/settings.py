"""Faults of the settings."""

from tests.integration.cli.faults.fault import written

written("port_that_is_none", "settings.valid", "Correct", PORT="eighty")
written(
    "two_values_that_disagree",
    "settings.valid",
    "Correct",
    TURSO_STAGING_DATABASE_URL="libsql://another-staging.example.test",
)
