"""Phase 4-3: the settings, and the files that hold them."""

from src.core.config.settings.base import SettingsError
from src.operations.checks.check import Check
from src.operations.checks.scene import Scene
from src.operations.verdict import Verdict, fail, ok


def _look_at_values(scene: Scene) -> Verdict:
    try:
        settings = scene.settings
    except SettingsError as exc:
        problems = [line.strip() for line in str(exc).splitlines()[1:]] or [str(exc)]
        where = "the environment, or backend/.env and backend/.env." + scene.env.value
        return fail("; ".join(problems), f"Correct each where it is set: {where}.")
    return ok(f"APP_ENV={settings.app_env.value}")


SETTINGS = (
    Check(
        id="settings.valid",
        phase="4-3",
        title="The settings are of the right kind",
        why="Nothing starts with a wrong one.",
        look=_look_at_values,
    ),
)
