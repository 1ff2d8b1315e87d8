"""The environment files of this installation, as the commands need them."""

import os
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path

from src.core.config.settings import base
from src.core.config.settings.base import SettingsError
from src.core.config.settings.declaration import AppEnv
from src.core.config.settings.faults import Fault
from src.operations.env_files import examine, executing, local_file, render, showing
from src.operations.env_files.fitness import own_env


class EnvFiles:
    """Asks for no settings: it works where they are wrong, which is when it is needed most."""

    def __init__(self, *, now: Callable[[], datetime]) -> None:
        self.folder, self._now = base.BACKEND_DIR, now

    @property
    def own_env(self) -> AppEnv:
        """That of this process. Raises SettingsError when APP_ENV is none."""
        return own_env(self.folder, self._process)

    def complete(self, *, dry_run: bool = False) -> local_file.Completion:
        """Raises SettingsError."""
        return local_file.complete(self.folder, dry_run=dry_run)

    def plan_rendering(
        self,
        env: AppEnv,
        *,
        template: Path | None = None,
        output: Path | None = None,
        form: str = "dotenv",
        only_secrets: bool = False,
    ) -> render.Rendering:
        """Raises SettingsError."""
        return render.plan(
            env,
            self.folder,
            self._process,
            template=template,
            output=output,
            form=render.Form(form),
            only_secrets=only_secrets,
        )

    def examine(self, env: AppEnv) -> list[Fault]:
        return examine.examine(env, self.folder, self._now(), process=self._process)

    def mend_modes(self, env: AppEnv) -> list[Path]:
        return examine.mend_modes(env, self.folder)

    def run(self, env: AppEnv, command: Sequence[str], passed: Sequence[str]) -> executing.NotRun:
        """Becomes `command`, and returns only when it cannot. Raises SettingsError when the values are not whole."""
        environment = executing.environment_of(
            env, self.folder, self._process, passed=passed, now=self._now()
        )
        return executing.replace_process(command, environment)

    def show(self, env: AppEnv) -> list[showing.Shown]:
        return showing.show(env, self.folder, self._process)

    def compare(self, first: AppEnv, second: AppEnv) -> list[showing.Compared]:
        return showing.compare(first, second, self.folder)

    def generate(self, *, only_check: bool) -> list[Path]:
        """The artefacts of the declaration that are, or with `only_check` would be, made anew.

        Raises SettingsError outside a clone of the repository, and BrokenMarksError.
        """
        from src.operations.artefacts.artefacts import generate, stale

        root = self.folder.parent
        if self.folder.name != "backend":  # only its content was copied, as into an image
            raise SettingsError(
                f"{self.folder} is not in a clone of the repository: nothing is generated here."
            )
        return stale(root) if only_check else generate(root)

    @property
    def _process(self) -> Mapping[str, str]:
        return os.environ
