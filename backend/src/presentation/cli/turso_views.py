"""How `autoforge turso` shows what it found and did."""

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from src.presentation.cli.output import counted, moment, show, show_fields, show_line, show_table
from src.presentation.cli.turso_ports import (
    Account,
    Copying,
    Database,
    KeptToken,
    Location,
    Provision,
    Step,
    TokenFacts,
    TokenPlan,
)

if TYPE_CHECKING:
    from rich.text import Text

_DONE = {"create_group": "created", "create_database": "created", "protect": "protected"}
_TO_DO = {"create_group": "create", "create_database": "create", "protect": "protect"}
_WIDEST_MARK = len("would protect")
_ACCESS = {"rw": "read and write", "ro": "read only", "roa": "read only, and attach"}


@contextmanager
def working(what: str) -> Iterator[None]:
    """A sign of life on a terminal while Turso works."""
    if not sys.stderr.isatty():
        yield
        return
    from rich.console import Console

    with Console(stderr=True, highlight=False).status(f"{what} …"):
        yield


def show_locations(found: Sequence[Location]) -> None:
    show_table(("Code", "Place"), [(one.code, one.name) for one in found])


def show_account(account: Account) -> None:
    plan = account.organization
    groups = "several groups" if plan.may_have_groups else "one group"
    window = plan.restore_window
    kept = f"the past of {counted(window.days, 'day')}" if window is not None else "some past"
    show_fields(
        [
            ("User", account.username or "none: the token is of an organization"),
            ("Organization", plan.slug),
            ("Plan", f"{plan.plan}: {groups}, {kept}" if plan.plan else "not shown to this token"),
            ("Others", ", ".join(account.others) or None),
            ("Token", account.token),
            ("Valid until", moment(account.expires_at) if account.expires_at else "for ever"),
            ("API", account.base_url),
        ]
    )


def show_databases(databases: Sequence[Database]) -> None:
    rows = [
        (one.name, one.group or "", one.location or "", "yes" if one.is_protected else "no", one.url)
        for one in databases
    ]
    show_table(("Database", "Group", "Location", "Protected", "URL"), rows, wide=("URL",))


def show_database(database: Database) -> None:
    parent = database.parent
    blocked = [
        what
        for what, is_so in (("reads", database.blocks_reads), ("writes", database.blocks_writes))
        if is_so
    ]
    show_fields(
        [
            ("Database", database.name),
            ("URL", database.url),
            ("Host", database.hostname),
            ("Group", database.group),
            ("Location", database.location),
            ("Deletion", "refused by Turso" if database.is_protected else "possible"),
            ("Blocked", " and ".join(blocked) or None),
            ("Copy of", None if parent is None else f"{parent.name}, {moment(parent.branched_at)}"),
            ("Id", database.id),
        ]
    )


def followed(plan: Provision, *, quiet: bool) -> list[Step]:
    """Carries out `plan`, showing each step when it is done."""
    done: list[Step] = []
    iterator = iter(plan.carry_out())
    while True:
        with working("Waiting for Turso"):
            step = next(iterator, None)
        if step is None:
            return done
        done.append(step)
        if not quiet:
            show_line(_mark(_DONE[step.kind], "green", _what(step)))


def show_present(plan: Provision) -> None:
    for name in plan.present:
        show_line(_mark("unchanged", "dim", f"database {name}"))


def show_planned(plan: Provision) -> None:
    for step in plan.steps:
        show_line(_mark(f"would {_TO_DO[step.kind]}", "yellow", _what(step)))
    if not plan.steps:
        show("Nothing to do.")


def plan_object(plan: Provision) -> Mapping[str, Any]:
    return {"present": plan.present, "steps": plan.steps, "notes": plan.notes}


def copying_line(plan: Copying, verb: str) -> str:
    if plan.existing is not None:
        return f"Nothing to do: {plan.name} is there already."
    when = "as it is now" if plan.at is None else f"as it was at {_utc(plan.at)}"
    return f"{verb} {plan.source.name}, {when}, to {plan.name} in the group {plan.group!r}."


def copying_object(plan: Copying) -> Mapping[str, Any]:
    return {
        "source": plan.source.name,
        "name": plan.name,
        "at": plan.at,
        "present": plan.existing is not None,
        "notes": plan.notes,
    }


def show_kept(kept: KeptToken, plan: TokenPlan) -> None:
    show_fields(
        [
            ("Database", kept.database.name),
            ("URL", kept.database.url),
            ("Token", named(kept.facts)),
            ("Rights", rights(plan)),
            ("Expires", expiry(kept.facts)),
            ("Checked", "with a query"),
            ("Token in", kept.where),
        ]
    )


def show_facts(facts: TokenFacts, verdict: "Text") -> None:
    show_fields(
        [
            ("Token", named(facts)),
            ("Access", access(facts)),
            ("Made", moment(facts.issued_at) if facts.issued_at else None),
            ("Expires", expiry(facts)),
            ("Verdict", verdict),
        ]
    )


def expiry(facts: TokenFacts) -> str:
    return "never" if facts.expires_at is None else moment(facts.expires_at)


def rights(plan: TokenPlan) -> str:
    """What was asked for; a token itself tells no more than whether it may write."""
    if plan.operations is None:
        return "reading" if plan.read_only else "everything"
    return ", ".join(plan.operations)


def named(facts: TokenFacts) -> str:
    """A token, told apart without being shown."""
    return f"{facts.shown}, sha256 {facts.fingerprint}…"


def access(facts: TokenFacts) -> str:
    return _ACCESS.get(facts.access or "", "not told by the token")


def _what(step: Step) -> str:
    if step.kind == "create_group":
        return f"group {step.name} in {step.where}"
    if step.kind == "create_database":
        return f"database {step.name} in group {step.where}"
    return f"database {step.name} from deletion"


def _mark(word: str, style: str, text: str) -> "Text":
    from rich.text import Text

    return Text.assemble(
        (f"{word:<{_WIDEST_MARK if word.startswith('would') else len('protected')}}", style), "  ", text
    )


def _utc(value: datetime) -> str:
    return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
