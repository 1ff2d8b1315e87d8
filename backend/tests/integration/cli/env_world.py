"""`autoforge env` on a folder of its own, in this process or in one of its own."""

import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from src.core import env_text
from src.core.config.settings.base import BACKEND_DIR
from src.core.config.settings.declaration import AppEnv
from tests.env_values import sound_values

_PROGRAM = """\
import sys
from pathlib import Path
from src.core.config.settings import base
base.BACKEND_DIR = Path(sys.argv[1])
from src.cli import main
main(sys.argv[2:])
"""


@dataclass(frozen=True, slots=True)
class EnvWorld:
    folder: Path

    def write(self, env: AppEnv, **changed: str) -> Path:
        """The file of `env`: sound values, changed."""
        values = ({} if env is AppEnv.LOCAL else sound_values(env)) | changed
        path = self.folder / f".env.{env.value}"
        path.write_text("".join(env_text.assignment(k, v) for k, v in values.items()), encoding="utf-8")
        path.chmod(0o600)
        return path

    def command(self, *words: object) -> list[str]:
        """The words that run a command line of its own, whose .env files are in `folder`."""
        return [sys.executable, "-c", _PROGRAM, str(self.folder), *map(str, words)]

    def run(
        self, *words: object, more: Mapping[str, str] | None = None
    ) -> "subprocess.CompletedProcess[str]":
        environment = os.environ | {"PYTHONPATH": str(BACKEND_DIR)} | dict(more or {})
        return subprocess.run(
            self.command(*words), env=environment, capture_output=True, text=True, check=False, timeout=60
        )
