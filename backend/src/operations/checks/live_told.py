"""Whether the checks of the settings have told of a value already, so that its consequences are not told as well."""

from src.core.config.settings.faults import FaultKind
from src.operations.checks.scene import Scene
from src.operations.verdict import Verdict, blocked


def told(scene: Scene, *names: str) -> Verdict | None:
    """The verdict of a check that comes after a fault of one of the settings `names`; None without such a fault."""
    for fault in scene.faults:
        if fault.is_fatal and fault.name in names:
            kind = "valid" if fault.kind is FaultKind.INVALID else fault.kind.value
            return blocked(f"settings.{kind}")
    return None
