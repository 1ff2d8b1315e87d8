"""Phase 4-3: the values of the environment, and how their files lie there. A check for each kind of fault."""

from collections.abc import Callable, Sequence

from src.core.config.settings.base import SettingsError
from src.core.config.settings.faults import Fault, FaultKind
from src.operations.checks.check import Check
from src.operations.checks.scene import Scene
from src.operations.env_files.examine import mend_modes
from src.operations.verdict import Verdict, blocked, fail, ok, warn

_SHOWN = 8
_FILES = ("env-file.no-file", "env-file.unreadable", "env-file.syntax")


def _look_for(kind: FaultKind, said: str) -> Callable[[Scene], Verdict]:
    def look(scene: Scene) -> Verdict:
        found = [fault for fault in scene.faults if fault.kind is kind]
        return _judged(found) if found else ok(said)

    return look


def _judged(faults: Sequence[Fault]) -> Verdict:
    more = f" And {len(faults) - _SHOWN} more." if len(faults) > _SHOWN else ""
    message = " ".join(fault.message for fault in faults[:_SHOWN]) + more
    fix = "\n".join(dict.fromkeys(fault.fix for fault in faults[:_SHOWN]))
    judge = fail if any(fault.is_fatal for fault in faults) else warn
    return judge(message, fix, can_mend=all(fault.kind is FaultKind.MODE for fault in faults))


def _look_at_values(scene: Scene) -> Verdict:
    """What keeps the settings from being read, where no other check has a name for it."""
    if invalid := [fault for fault in scene.faults if fault.kind is FaultKind.INVALID]:
        return _judged(invalid)
    try:
        settings = scene.settings
    except SettingsError as exc:
        problems = [line.strip() for line in str(exc).splitlines()[1:]] or [str(exc)]
        for fault in scene.faults:
            if any(fault.name in problem for problem in problems):
                return blocked(f"settings.{fault.kind.value}")
        where = f"the environment, backend/.env or backend/.env.{scene.env.value}"
        return fail("; ".join(problems), f"Correct each where it is set: {where}.")
    return ok(f"APP_ENV={settings.app_env.value}")


def _mend_modes(scene: Scene) -> str:
    mended = [f"backend/{path.name}" for path in mend_modes(scene.env, scene.folder)]
    return f"chmod 600 {' '.join(mended)}"


def _of_file(
    kind: FaultKind, title: str, why: str, said: str, *, mend: Callable[[Scene], str] | None = None
) -> Check:
    return Check(
        id=f"env-file.{kind.value}", phase="4-3", title=title, why=why, look=_look_for(kind, said), mend=mend
    )


def _of_values(kind: FaultKind, title: str, why: str, said: str) -> Check:
    return Check(
        id=f"settings.{kind.value}",
        phase="4-3",
        title=title,
        why=why,
        look=_look_for(kind, said),
        needs=_FILES,
    )


SETTINGS = (
    _of_file(
        FaultKind.NO_FILE,
        "The environment has its file",
        "Without it, a command would work with the defaults.",
        "where one is needed, there is one",
    ),
    _of_file(
        FaultKind.UNREADABLE,
        "The files can be read",
        "Nothing starts with one that cannot.",
        "as UTF-8, by us",
    ),
    _of_file(
        FaultKind.SYNTAX,
        "Each line is NAME=value",
        "What one program reads out of it, another does not.",
        "every line",
    ),
    _of_file(
        FaultKind.DUPLICATE,
        "Each name is set once",
        "Which of two lines holds is not for the reader to guess.",
        "none is set twice",
    ),
    _of_file(
        FaultKind.MODE,
        "Nobody else can read the files",
        "They hold secrets: mode 0600.",
        "mode 0600, or no file",
        mend=_mend_modes,
    ),
    _of_file(
        FaultKind.OWNER, "The files are ours", "Whoever owns one can change it.", "they are of this user"
    ),
    _of_file(
        FaultKind.SYMLINK,
        "The files are plain files",
        "A link can come to point at something that others may read.",
        "none is a link",
    ),
    _of_file(
        FaultKind.FOLDER,
        "Nobody else can put files beside them",
        "Whoever can write to the folder can replace the files.",
        "the folder is ours",
    ),
    _of_file(
        FaultKind.TRACKED,
        "git does not track the files",
        "What is committed once stays in the history.",
        "none is tracked",
    ),
    _of_file(
        FaultKind.NOT_IGNORED,
        "git ignores the files",
        "`git add .` would take them along.",
        "none could be committed",
    ),
    _of_file(
        FaultKind.LITERAL_SECRET,
        "No tracked file holds a secret",
        "Templates hold ${NAMES} only.",
        "templates hold names only",
    ),
    _of_values(
        FaultKind.MISSING,
        "Every required setting has a value",
        "The server would fail at the first request that needs it.",
        "none is missing",
    ),
    _of_values(
        FaultKind.PLACEHOLDER,
        "Every placeholder is filled in",
        "A placeholder is taken for a value by whoever gets it.",
        "none is left",
    ),
    _of_values(
        FaultKind.UNKNOWN,
        "Every name is a setting",
        "A name that is mistyped is silently without effect.",
        "each is known",
    ),
    _of_values(
        FaultKind.OLD_NAME,
        "No old name is used",
        "Old names are read for now, and will not be for ever.",
        "none is",
    ),
    _of_values(
        FaultKind.DISAGREEMENT,
        "No two values disagree",
        "Which of them holds is not for the reader to guess.",
        "they are of one mind",
    ),
    _of_values(
        FaultKind.WRONG_ENVIRONMENT,
        "The values are of this environment",
        "Staging must not write to production, nor production trust test keys.",
        "as far as they tell",
    ),
    _of_values(
        FaultKind.WEAK,
        "The secrets are strong",
        "A short secret can be found by trying.",
        "long and varied enough",
    ),
    Check(
        id="settings.valid",
        phase="4-3",
        title="The settings are of the right kind",
        why="Nothing starts with a wrong one.",
        look=_look_at_values,
        needs=_FILES,
    ),
)
