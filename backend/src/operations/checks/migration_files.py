"""Phase 4-1: Alembic is set up as the guide has it. Told from the files, without running Alembic."""

import ast
import sys
from collections.abc import Set
from configparser import ConfigParser
from configparser import Error as IniError
from importlib import metadata
from pathlib import Path
from shutil import which

from src.operations.checks.check import Check
from src.operations.checks.machine import ANEW
from src.operations.checks.scene import Scene
from src.operations.migrations.lint.rule import (
    BROKEN_CHAIN,
    DUPLICATE,
    NO_DOWNGRADE,
    NOT_A_MIGRATION,
    RULES,
    TWO_HEADS,
)
from src.operations.migrations.revisions import read_chain
from src.operations.verdict import Verdict, fail, ok

FIRST_TITLE = "Initial schema: prompts and evaluations"
_MODELS = "src.infrastructure.database.models"
_INI = "alembic.ini"
_RESTORE = "Run: git checkout -- backend/alembic.ini"
_RESTORE_VERSIONS = "Run: git checkout -- backend/alembic/versions"

UNREADABLE = {NOT_A_MIGRATION.code}
OF_THE_LINE = {DUPLICATE.code, BROKEN_CHAIN.code, TWO_HEADS.code}
NO_WAY_BACK = {NO_DOWNGRADE.code}


def _look_at_command(_: Scene) -> Verdict:
    beside = Path(sys.executable).with_name("alembic")
    try:
        version = metadata.version("alembic")
    except metadata.PackageNotFoundError:
        return fail("Alembic is not installed", ANEW)
    if not beside.exists():
        return fail(f"Alembic {version} has no command {beside}", ANEW)
    found = which("alembic")
    if found is None:
        return ok(f"{version}; not on the PATH of this shell, where it is called {beside}")
    if Path(found).resolve() != beside.resolve():
        return ok(f"{version}, {beside}; `alembic` alone is another one here: {found}")
    return ok(version)


def _read_ini(scene: Scene) -> ConfigParser:
    """Raises IniError and OSError."""
    parser = ConfigParser(interpolation=None)
    with (scene.backend / _INI).open(encoding="utf-8") as file:
        parser.read_file(file)
    return parser


def _look_at_ini(scene: Scene) -> Verdict:
    try:
        ini = _read_ini(scene)
    except FileNotFoundError:
        return fail(f"{scene.backend / _INI} is not there", _RESTORE)
    except (IniError, OSError, UnicodeDecodeError) as exc:
        # what the parser says would repeat lines of the file
        return fail(f"{scene.backend / _INI} cannot be read ({type(exc).__name__})", _RESTORE)
    wanted = {"script_location": "alembic", "prepend_sys_path": "."}
    for name, value in wanted.items():
        if ini.get("alembic", name, fallback="") not in (value, f"%(here)s/{value}"):
            return fail(f"{_INI} does not say {name} = {value}", _RESTORE)
    if not (scene.backend / "alembic" / "env.py").is_file():
        return fail("backend/alembic/env.py is not there", "Run: git checkout -- backend/alembic/env.py")
    return ok(f"{_INI}, alembic/env.py")


def _look_for_url(scene: Scene) -> Verdict:
    ini = _read_ini(scene)
    named = [section for section in ini.sections() if ini.has_option(section, "sqlalchemy.url")]
    if not named:
        return ok(f"{_INI} names no database: APP_ENV chooses it")
    return fail(
        f"{_INI} holds sqlalchemy.url (in [{'], ['.join(named)}])",
        f"Remove that line; if it held a password or token, make a new one. {_RESTORE}",
    )


def _look_at_env(scene: Scene) -> Verdict:
    path = scene.backend / "alembic" / "env.py"
    restore = "Run: git checkout -- backend/alembic/env.py"
    try:
        tree = ast.parse(path.read_bytes())
    except (SyntaxError, ValueError) as exc:
        return fail(f"{path} cannot be read by Python: {exc}", restore)
    if not any(isinstance(node, ast.ImportFrom) and node.module == _MODELS for node in ast.walk(tree)):
        return fail(f"env.py does not import {_MODELS}: autogenerate would see no table", restore)
    if not any(isinstance(node, ast.keyword) and node.arg == "target_metadata" for node in ast.walk(tree)):
        return fail("env.py hands no target_metadata on: autogenerate would see no table", restore)
    return ok(f"env.py imports {_MODELS}")


def _look_at_history(scene: Scene) -> Verdict:
    count = len(scene.migration_sources)
    if not count:
        return fail("backend/alembic/versions holds no migration", _RESTORE_VERSIONS)
    said = f"{count} migration{'' if count == 1 else 's'}"
    return _judge(scene, UNREADABLE, said, "Correct that file.")


def _look_at_line(scene: Scene) -> Verdict:
    fix = "Set its down_revision to the newest revision, so that they form one line."
    return _judge(scene, OF_THE_LINE, "they form one line with one head", fix)


def _look_at_first(scene: Scene) -> Verdict:
    title = read_chain((scene.versions,))[0].title
    if title == FIRST_TITLE:
        return ok(title)
    return fail(f"the first migration is called {title!r:.80}", f"Give it back its name. {_RESTORE_VERSIONS}")


def _look_at_ways_back(scene: Scene) -> Verdict:
    fix = 'Write its downgrade(), or let that raise NotImplementedError("the reason").'
    return _judge(scene, NO_WAY_BACK, "each can be undone, or says why it cannot", fix)


def _look_at_lint(scene: Scene) -> Verdict:
    fix = "Run: autoforge db lint; docs/migrations.md has a recipe for each of its rules."
    others = RULES.keys() - UNREADABLE - OF_THE_LINE - NO_WAY_BACK
    return _judge(scene, others, "nothing could lose data, stop a running release or fail on Turso", fix)


def _judge(scene: Scene, codes: Set[str], said: str, fix: str) -> Verdict:
    findings = [found for found in scene.migration_faults if found.code in codes]
    if not findings:
        return ok(said)
    more = f" (and {len(findings) - 1} more)" if len(findings) > 1 else ""
    return fail(f"{findings[0]}{more}", fix)


MIGRATION_FILES = (
    Check(
        id="migrations.alembic",
        phase="4-1",
        title="Alembic is installed",
        why="The shell says otherwise: alembic: command not found.",
        look=_look_at_command,
    ),
    Check(
        id="migrations.ini",
        phase="4-1",
        title="alembic.ini points at alembic/",
        why="`alembic` finds neither env.py nor the migrations otherwise.",
        look=_look_at_ini,
    ),
    Check(
        id="migrations.ini-url",
        phase="4-1",
        title="alembic.ini holds no URL",
        why="A URL there could be migrated by mistake, and would carry its password into git.",
        look=_look_for_url,
        needs=("migrations.ini",),
    ),
    Check(
        id="migrations.env",
        phase="4-1",
        title="env.py sees every model",
        why="Autogenerate would propose to drop the tables that it does not see.",
        look=_look_at_env,
        needs=("migrations.ini",),
    ),
    Check(
        id="migrations.history",
        phase="4-1",
        title="The history can be read",
        why="One unreadable file stops every migration.",
        look=_look_at_history,
    ),
    Check(
        id="migrations.line",
        phase="4-1",
        title="There is one head",
        why="With two heads `upgrade head` does not know where to go.",
        look=_look_at_line,
        needs=("migrations.history",),
    ),
    Check(
        id="migrations.first",
        phase="4-1",
        title="The first revision is the initial schema",
        why="The guide finds it by that title.",
        look=_look_at_first,
        needs=("migrations.line",),
    ),
    Check(
        id="migrations.lint",
        phase="4-1",
        title="The migrations are safe",
        why="A migration that is fine on an empty file can lose rows in production.",
        look=_look_at_lint,
        needs=("migrations.history",),
    ),
)

WAYS_BACK = (
    Check(
        id="migrations.downgrades",
        phase="4-5",
        title="Every migration can be undone",
        why="A release that fails must find its way back.",
        look=_look_at_ways_back,
        needs=("migrations.history",),
    ),
)
