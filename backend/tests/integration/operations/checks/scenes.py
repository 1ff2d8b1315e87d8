"""What the tests of checks are handed, and when they are."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from src.operations.checks.check import Finding
from src.operations.checks.scene import Scene

CLONE = Path(__file__).parents[5]
NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)

OpenScene = Callable[..., Scene]
Look = Callable[..., Finding]
