"""Looking at one environment with the checks that somebody chose, and mending what can be mended."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from src.core.config.settings.base import AppEnv, SettingsError, load_settings
from src.domain.shared.errors import RuleViolationError
from src.infrastructure.shared.database.base import utc_now
from src.operations.checks.all_checks import ALL_CHECKS, PHASES, TROUBLES
from src.operations.checks.check import Check, Finding, run, with_needs
from src.operations.checks.scene import Scene, env_of_process


class NoSuchPhaseError(RuleViolationError):
    code = "no_such_phase"
    title = "No such phase"


@dataclass(frozen=True, slots=True)
class Mended:
    """`is_done`, and what was done, or why it was not."""

    id: str
    is_done: bool
    message: str


class Inspection:
    """`env` None is the environment of this process. Nothing is opened before `look`."""

    phases = PHASES

    def __init__(
        self,
        env: AppEnv | None,
        *,
        only_quick: bool = False,
        phases: Sequence[str] = (),
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        """Raises NoSuchPhaseError."""
        if unknown := [phase for phase in phases if phase not in PHASES]:
            raise NoSuchPhaseError(f"There is no phase {unknown[0]!r:.40}. There are: {', '.join(PHASES)}.")
        self.env = env_of_process() if env is None else env
        self._chosen, self._now = env, now
        candidates = [check for check in ALL_CHECKS if check.quick or not only_quick]
        wanted = {check.id for check in candidates if not phases or check.phase in phases}
        if "help" in phases:
            wanted |= set(TROUBLES.values())
        self.checks: Sequence[Check] = with_needs(candidates, wanted)

    def database(self) -> str | None:
        """Its URL, without a token; None when the settings name none that can be used."""
        scene = self._scene()
        try:
            return scene.database.get_connection_url()
        except (SettingsError, ValueError, OSError):
            return None
        finally:
            scene.close()

    def make_absent_database(self) -> str | None:
        """Makes a local database that is not there yet, as every command does; its path when it made one."""
        scene = self._scene()
        try:
            path = scene.absent_database
            if path is None:
                return None
            scene.migrations.upgrade()
            return str(path)
        except Exception:  # noqa: BLE001 - whatever is wrong there, the checks tell it
            return None
        finally:
            scene.close()

    def look(
        self,
        *,
        on_begin: Callable[[Check], None] | None = None,
        on_found: Callable[[Finding], None] | None = None,
    ) -> list[Finding]:
        scene = self._scene()
        try:
            return run(self.checks, scene, on_begin=on_begin, on_found=on_found)
        finally:
            scene.close()

    def mend(self, id: str) -> Mended:
        """Mends what the check `id` found, which said that it can be mended."""
        [mend] = [check.mend for check in self.checks if check.id == id and check.mend is not None]
        scene = self._scene()
        try:
            done = mend(scene)
        except Exception as exc:  # noqa: BLE001 - what cannot be mended is told, and hides nothing else
            said = (str(exc).splitlines() or [type(exc).__name__])[0]
            return Mended(id, False, scene.without_secrets(said))
        finally:
            scene.close()
        return Mended(id, True, scene.without_secrets(done))

    def _scene(self) -> Scene:
        """A new one each time: what was mended is to be seen."""
        read = load_settings if self._chosen is None else None
        return Scene(self.env, now=self._now(), read_settings=read)
