"""The image of backend/Dockerfile, without an engine: what enters its build, and how it is started."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from fnmatch import fnmatchcase
from pathlib import Path

BACKEND = Path(__file__).parents[3]
UID = 10001
_DOCKERFILE = (BACKEND / "Dockerfile").read_text("utf-8")


def build_context(folder: Path) -> list[Path]:
    """The files of `folder` that .dockerignore leaves, relative to it.

    Reads the forms that stand in ours: a name at the top, `!name` that takes it back, `**/pattern` at any depth; the
    last line that fits a path, or a folder above it, decides.
    """
    lines = (BACKEND / ".dockerignore").read_text("utf-8").splitlines()
    patterns = [line for line in lines if line and not line.startswith("#")]
    files = (path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    return sorted(path for path in files if not _is_ignored(path, patterns))


def _is_ignored(path: Path, patterns: list[str]) -> bool:
    ignored = False
    for pattern in patterns:
        name = pattern.removeprefix("!")
        parts = path.parts if name.startswith("**/") else path.parts[:1]
        if any(fnmatchcase(part, name.removeprefix("**/")) for part in parts):
            ignored = not pattern.startswith("!")
    return ignored


def command() -> list[str]:
    return _exec_form(r"^CMD (\[.*\])$")


def health_check() -> list[str]:
    return _exec_form(r"^    CMD (\[.*\])$")


def environment() -> dict[str, str]:
    """What the last stage sets, without PATH."""
    (line,) = re.findall(r"^ENV PATH=\S+ (.*)$", _DOCKERFILE, re.MULTILINE)
    return dict(part.split("=", 1) for part in line.split())


def _exec_form(pattern: str) -> list[str]:
    words: list[str] = json.loads(re.findall(pattern, _DOCKERFILE, re.MULTILINE)[-1])
    return words


class Container:
    """The files of the image in `folder`, which nobody may write; processes see only what a container shows them."""

    def __init__(self, folder: Path, settings: Mapping[str, str]) -> None:
        self.app, self.temporary = folder / "app", folder / "tmp"
        for path in build_context(BACKEND):
            target = self.app / path
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(BACKEND / path, target)
        (self.app / "data").mkdir()
        self.temporary.mkdir()
        self.temporary.chmod(0o1777)
        self._settings = dict(settings)
        self._set_modes(0o444, 0o555)

    def __exit__(self, *exc_info: object) -> None:
        self._set_modes(0o644, 0o755)

    def __enter__(self) -> "Container":
        return self

    def files(self) -> list[Path]:
        return sorted(path.relative_to(self.app) for path in self.app.rglob("*"))

    def run(self, *words: str, code: int = 0) -> str:
        ended = subprocess.run(
            [*_unprivileged(), *words],
            cwd=self.app,
            env=self._environment(),
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert ended.returncode == code, ended.stderr
        return ended.stdout

    @contextmanager
    def running(self, *words: str) -> Iterator["subprocess.Popen[str]"]:
        process = subprocess.Popen(
            [*_unprivileged(), *words],
            cwd=self.app,
            env=self._environment(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            yield process
        finally:
            if process.poll() is None:
                process.terminate()
                process.communicate(timeout=20)

    def _environment(self) -> dict[str, str]:
        """PYTHONPATH stands for the installation in place that the Dockerfile makes."""
        return {
            **environment(),
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.defpath}",
            "HOME": "/nonexistent",
            "TMPDIR": str(self.temporary),
            "PYTHONPATH": str(self.app),
            **self._settings,
        }

    def _set_modes(self, file: int, folder: int) -> None:
        for path in (self.app, *self.app.rglob("*")):
            path.chmod(folder if path.is_dir() else file)


def _unprivileged() -> list[str]:
    """For root, whose files it is allowed to write whatever their mode. The one right that stays is to read this
    machine's Python and the test's folder, where root's are closed to others.
    """
    if os.geteuid() != 0:
        return []
    right = "+dac_read_search"
    identity = [f"--reuid={UID}", f"--regid={UID}", "--clear-groups"]
    return ["setpriv", *identity, f"--inh-caps={right}", f"--ambient-caps={right}", "--no-new-privs", "--"]
