"""Which repository it is: GITHUB_REPOSITORY, or the one that `git` calls origin."""

import re
import subprocess
from pathlib import Path
from urllib.parse import urlsplit

from src.core.config.settings.base import Settings, SettingsError
from src.core.config.settings.values import is_loopback

_NAME = re.compile(r"[\w.-]+/[\w.-]+")
_SCP = re.compile(r"(?:[^@/:]+@)?(?P<host>[^/:]+):(?!//)(?P<path>.+)")  # git@github.com:owner/name.git
_SET_IT = "Set GITHUB_REPOSITORY to owner/name."


def find_repository(settings: Settings, folder: Path) -> str:
    """As owner/name. Raises SettingsError, which never holds the address of origin: that may hold a token."""
    if (given := settings.github_repository) is not None:
        if _NAME.fullmatch(given) is None:
            # not shown: an address may hold a token
            raise SettingsError(f"GITHUB_REPOSITORY holds no owner/name. {_SET_IT}")
        return given
    host, path = _origin(folder)
    expected = urlsplit(settings.github_api_url).hostname or ""
    if host != expected.removeprefix("api.") and not is_loopback(expected):
        raise SettingsError(f"The remote origin is at {host}, and GITHUB_API_URL at {expected}. {_SET_IT}")
    if _NAME.fullmatch(path) is None:
        raise SettingsError(f"The remote origin is no repository of GitHub. {_SET_IT}")
    return path


def _origin(folder: Path) -> tuple[str, str]:
    try:
        told = subprocess.run(
            ["git", "remote", "get-url", "origin"],  # noqa: S607 - the git of the person who runs this
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=10,
            check=True,
        ).stdout.strip()
    except FileNotFoundError:
        raise SettingsError(f"There is no git here to ask for the remote origin. {_SET_IT}") from None
    except (subprocess.SubprocessError, OSError):
        raise SettingsError(f"This folder has no git remote called origin. {_SET_IT}") from None
    if (short := _SCP.fullmatch(told)) is not None:
        host, path = short["host"], short["path"]
    else:
        parts = urlsplit(told)
        host, path = parts.hostname or "this machine", parts.path
    return host.lower().removeprefix("ssh."), path.strip("/").removesuffix(".git")
