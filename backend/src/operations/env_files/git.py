"""What git knows of files. Where there is no git, or no work tree of it, it knows nothing, and says None."""

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

# Set while git runs a hook; they would point our questions at another work tree.
_OF_ANOTHER_TREE = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX", "GIT_COMMON_DIR")
_TIMEOUT_SECONDS = 20


@dataclass(frozen=True, slots=True)
class WorkTree:
    root: Path

    def tracks(self, path: Path) -> bool:
        return self._ask("--literal-pathspecs", "ls-files", "--error-unmatch", "--", _real(path)) is not None

    def ignores(self, path: Path) -> bool:
        return self._ask("check-ignore", "--quiet", "--no-index", "--", _real(path)) is not None

    def tracked(self, pattern: str) -> list[Path]:
        """The tracked files whose name matches `pattern`, in every folder."""
        said = self._ask("ls-files", "-z", "--", f":(top,glob)**/{pattern}") or ""
        return [self.root / name for name in said.split("\0") if name]

    def _ask(self, *words: str) -> str | None:
        return _git(self.root, *words)


def _real(path: Path) -> str:
    """Where the file itself is, be it a link, by a way without links: git knows files by no other."""
    return str(path.parent.resolve() / path.name)


def work_tree(folder: Path) -> WorkTree | None:
    """The one that `folder` is in."""
    said = _git(folder, "rev-parse", "--show-toplevel")
    return WorkTree(Path(said.rstrip("\n"))) if said else None


def is_in_clone(folder: Path) -> bool:
    """Whether there is a clone around it, with or without a git that could be asked."""
    return any((parent / ".git").exists() for parent in (folder, *folder.parents))


def _git(folder: Path, *words: str) -> str | None:
    """What git prints; None when it fails, or cannot be run."""
    environment = {name: value for name, value in os.environ.items() if name not in _OF_ANOTHER_TREE}
    command = ["git", "-C", str(folder), *words]
    try:
        done = subprocess.run(
            command,
            check=False,
            env=environment | {"GIT_OPTIONAL_LOCKS": "0"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_TIMEOUT_SECONDS,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return os.fsdecode(done.stdout) if done.returncode == 0 else None
