"""The read side: pages without a gap or a repeat, and nothing of another workspace."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from src.application.evaluation.queries import EvaluationFilter
from src.application.prompt.queries import PromptFilter
from src.application.shared.page import BadCursorError, Page, PageRequest, decode_cursor
from src.domain.evaluation.errors import EvaluationNotFoundError, SuiteNotFoundError
from src.domain.prompt.errors import (
    PromptNotFoundError,
    PromptVersionNotFoundError,
    TemplateNotFoundError,
)
from src.domain.prompt.prompt import PromptContent, PromptStatus
from src.domain.shared.errors import DomainError, RuleViolationError
from src.domain.shared.ids import LOCAL_USER, LOCAL_WORKSPACE, EvaluationId, WorkspaceId
from src.infrastructure.evaluation.repositories.evaluation_reader import SqlEvaluationReader
from src.infrastructure.evaluation.repositories.suite_repository import SqlSuiteReader
from src.infrastructure.prompt.repositories.prompt_reader import SqlPromptReader
from src.infrastructure.prompt.repositories.template_repository import SqlTemplateReader
from src.infrastructure.shared.database.local_sqlite import EngineRole
from src.infrastructure.shared.database.turso_connection import TursoConnection
from src.infrastructure.shared.database.unit_of_work import SqlUnitOfWork
from tests.builders import NOW, a_prompt, a_result, a_suite, a_template, an_evaluation, some_cases

NEWEST_FIRST = (int, str)


class Readers:
    def __init__(self, database: TursoConnection, workspace: WorkspaceId = LOCAL_WORKSPACE) -> None:
        reads = database.read_sessions()
        self.prompts = SqlPromptReader(database.engine(EngineRole.READ), workspace)
        self.templates = SqlTemplateReader(reads, workspace)
        self.suites = SqlSuiteReader(reads, workspace)
        self.evaluations = SqlEvaluationReader(reads, workspace)


@pytest.fixture
def readers(database: TursoConnection) -> Readers:
    return Readers(database)


def store(database: TursoConnection, collection: str, *aggregates: Any) -> None:
    with SqlUnitOfWork(database, LOCAL_WORKSPACE) as uow:
        for aggregate in aggregates:
            getattr(uow, collection).add(aggregate)
        uow.commit()


def walk(
    listed: Callable[[PageRequest], Page[Any]],
    kinds: tuple[type, ...],
    *,
    limit: int = 2,
    between: Callable[[], None] = lambda: None,
) -> list[Any]:
    """All items, page by page; `between` happens after the first one."""
    items: list[Any] = []
    cursor: str | None = None
    while True:
        page = listed(PageRequest(limit, decode_cursor(cursor, kinds)))
        assert len(page.items) <= limit
        items += page.items
        if cursor is None:
            between()
        if (cursor := page.next_cursor) is None:
            return items


# --- pages ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("limit", [1, 2, 3, 200])
def test_prompts_come_newest_first_each_once(database: TursoConnection, readers: Readers, limit: int) -> None:
    """Two of each age, so that a page ends among equals."""
    prompts = [a_prompt(name=f"p{n}", now=NOW + timedelta(milliseconds=n // 2)) for n in range(7)]
    store(database, "prompts", *prompts)

    found = walk(lambda page: readers.prompts.list(PromptFilter(), page), NEWEST_FIRST, limit=limit)

    expected = sorted(prompts, key=lambda prompt: (prompt.created_at, prompt.id), reverse=True)
    assert [item.id for item in found] == [prompt.id for prompt in expected]


def test_rows_added_meanwhile_move_no_page(database: TursoConnection, readers: Readers) -> None:
    store(database, "prompts", *(a_prompt(name=f"p{n}", now=NOW + timedelta(seconds=n)) for n in range(5)))

    found = walk(
        lambda page: readers.prompts.list(PromptFilter(), page),
        NEWEST_FIRST,
        between=lambda: store(database, "prompts", a_prompt(name="new", now=NOW + timedelta(days=1))),
    )

    assert [item.name for item in found] == ["p4", "p3", "p2", "p1", "p0"]


def test_cursor_that_names_no_moment_is_refused(readers: Readers) -> None:
    with pytest.raises(BadCursorError, match="no moment in time"):
        readers.prompts.list(PromptFilter(), PageRequest(after=(2**62, "x")))


def test_prompts_are_filtered(database: TursoConnection, readers: Readers) -> None:
    gone = a_prompt(name="gone")
    gone.delete(now=NOW)
    store(
        database, "prompts", a_prompt(name="draft"), a_prompt(name="active", status=PromptStatus.ACTIVE), gone
    )

    def names(**where: Any) -> list[str]:
        return sorted(item.name for item in readers.prompts.list(PromptFilter(**where), PageRequest()).items)

    assert names() == ["active", "draft"]
    assert names(status="active") == ["active"]
    assert names(name="draft") == ["draft"]
    assert names(name="draft", status="active") == []
    assert names(deleted=True) == ["gone"]


def test_versions_come_newest_first_each_once(database: TursoConnection, readers: Readers) -> None:
    prompt = a_prompt(content="1")
    for number in range(2, 6):
        prompt.revise(PromptContent(f"{number}"), by=LOCAL_USER, now=NOW)
    store(database, "prompts", prompt)

    found = walk(lambda page: readers.prompts.list_versions(prompt.id, page), (int,))

    assert [(entry.version, entry.content) for entry in found] == [(n, f"{n}") for n in (5, 4, 3, 2, 1)]


def test_templates_come_newest_first_each_once(database: TursoConnection, readers: Readers) -> None:
    templates = [
        a_template(name=f"t{n}", category="even" if n % 2 == 0 else "odd", now=NOW + timedelta(seconds=n))
        for n in range(5)
    ]
    store(database, "templates", *templates)

    everything = walk(lambda page: readers.templates.list(None, page), NEWEST_FIRST)
    even = walk(lambda page: readers.templates.list("even", page), NEWEST_FIRST)

    assert [item.name for item in everything] == ["t4", "t3", "t2", "t1", "t0"]
    assert [item.name for item in even] == ["t4", "t2", "t0"]


def test_suites_are_the_current_ones_and_by_name_every_version(
    database: TursoConnection, readers: Readers
) -> None:
    old, new, other = a_suite(name="s"), a_suite(name="s", version=2), a_suite(name="other")
    old.supersede(now=NOW)
    store(database, "suites", old, new, other)

    assert {item.id for item in walk(lambda p: readers.suites.list(None, p), NEWEST_FIRST)} == {
        new.id,
        other.id,
    }
    assert {item.id for item in walk(lambda p: readers.suites.list("s", p), NEWEST_FIRST)} == {old.id, new.id}


def test_cases_come_in_order_each_once(database: TursoConnection, readers: Readers) -> None:
    suite, cases = a_suite(case_count=5), some_cases(5)
    with SqlUnitOfWork(database, LOCAL_WORKSPACE) as uow:
        uow.suites.add(suite)
        uow.suites.add_cases(suite, cases, first_position=0)
        uow.commit()

    found = walk(lambda page: readers.suites.list_cases(suite.id, page), (int,))
    to_run = readers.suites.next_cases(suite.id, after=1, limit=2, case_filter=None)

    assert [(item.position, item.name) for item in found] == [(n, f"case-{n}") for n in range(5)]
    assert to_run == [(2, cases[2]), (3, cases[3])]


@pytest.fixture
def evaluation_id(database: TursoConnection) -> EvaluationId:
    """Four results: passed, failed, errored, passed."""
    prompt, suite = a_prompt(name="triage"), a_suite(case_count=4)
    evaluation = an_evaluation(prompt_id=prompt.id, suite_id=suite.id, total=4)
    results = [a_result(0), a_result(1, passed=False), a_result(2, error="down"), a_result(3)]
    store(database, "prompts", prompt)
    with SqlUnitOfWork(database, LOCAL_WORKSPACE) as uow:
        uow.suites.add(suite)
        uow.evaluations.add(evaluation)
        uow.evaluations.flush()
        uow.evaluations.add_results(evaluation, results)
        uow.commit()
    return evaluation.id


def test_results_come_in_order_each_once(readers: Readers, evaluation_id: EvaluationId) -> None:
    kinds = (int, int, str)

    everything = walk(lambda page: readers.evaluations.list_results(evaluation_id, None, page), kinds)
    passed = walk(
        lambda page: readers.evaluations.list_results(evaluation_id, "passed", page), kinds, limit=1
    )

    assert [item.outcome for item in everything] == ["passed", "failed", "errored", "passed"]
    assert [item.position for item in passed] == [0, 3]


def test_answers_are_told_apart_from_errors(readers: Readers, evaluation_id: EvaluationId) -> None:
    assert readers.evaluations.answered(evaluation_id, first=0, last=9) == {(0, 1), (1, 1), (3, 1)}
    assert readers.evaluations.answered(evaluation_id, first=1, last=2) == {(1, 1)}
    assert [found.outcome for found in readers.evaluations.verdicts(evaluation_id)] == [
        "passed",
        "failed",
        "errored",
        "passed",
    ]


def test_evaluation_is_shown_with_names_for_people(readers: Readers, evaluation_id: EvaluationId) -> None:
    view, progress = readers.evaluations.get(evaluation_id), readers.evaluations.progress(evaluation_id)

    assert (view.prompt_name, view.suite_name, view.suite_version) == ("triage", "support-triage", 1)
    assert (progress.status, progress.total, progress.completed) == ("pending", 4, 4)
    assert not view.is_abandoned(NOW)
    assert view.is_abandoned(NOW + timedelta(minutes=1))


def test_evaluations_are_filtered(readers: Readers, evaluation_id: EvaluationId) -> None:
    view = readers.evaluations.get(evaluation_id)

    def found(**where: Any) -> list[str]:
        return [item.id for item in readers.evaluations.list(EvaluationFilter(**where), PageRequest()).items]

    assert found() == found(prompt_id=view.prompt_id) == found(suite_id=view.suite_id) == [evaluation_id]
    assert found(status="pending", prompt_id=view.prompt_id) == [evaluation_id]
    assert found(status="running") == found(prompt_id="other") == found(suite_id="other") == []


def test_evaluation_is_found_by_the_beginning_of_its_id(
    readers: Readers, evaluation_id: EvaluationId
) -> None:
    assert readers.evaluations.find_id(evaluation_id[:4]) == evaluation_id
    assert readers.evaluations.find_id(evaluation_id) == evaluation_id
    with pytest.raises(RuleViolationError, match="too short"):
        readers.evaluations.find_id(evaluation_id[:3])
    with pytest.raises(EvaluationNotFoundError):
        readers.evaluations.find_id("zzzz")


def test_beginning_that_two_evaluations_share_is_refused(
    database: TursoConnection, readers: Readers, evaluation_id: EvaluationId
) -> None:
    twin = an_evaluation(prompt_id=readers.evaluations.get(evaluation_id).prompt_id)
    twin.id, twin.suite_id = EvaluationId(f"{evaluation_id[:8]}-twin"), None
    store(database, "evaluations", twin)

    with pytest.raises(RuleViolationError, match="Several evaluations begin with"):
        readers.evaluations.find_id(evaluation_id[:8])


# --- what is not there ------------------------------------------------------------------------------------------------

MISSING: dict[str, tuple[Callable[[Readers], Any], type[DomainError]]] = {
    "prompt": (lambda r: r.prompts.get("nobody"), PromptNotFoundError),
    "prompt of a name": (lambda r: r.prompts.get_by_name("nobody"), PromptNotFoundError),
    "version of no prompt": (lambda r: r.prompts.get_version("nobody", 1), PromptNotFoundError),
    "versions of no prompt": (
        lambda r: r.prompts.list_versions("nobody", PageRequest()),
        PromptNotFoundError,
    ),
    "template": (lambda r: r.templates.get("nobody"), TemplateNotFoundError),
    "suite": (lambda r: r.suites.get("nobody"), SuiteNotFoundError),
    "cases of no suite": (lambda r: r.suites.list_cases("nobody", PageRequest()), SuiteNotFoundError),
    "evaluation": (lambda r: r.evaluations.get("nobody"), EvaluationNotFoundError),
    "progress": (lambda r: r.evaluations.progress("nobody"), EvaluationNotFoundError),
    "verdicts": (lambda r: r.evaluations.verdicts("nobody"), EvaluationNotFoundError),
    "results": (lambda r: r.evaluations.list_results("nobody", None, PageRequest()), EvaluationNotFoundError),
}


@pytest.mark.parametrize(("read", "error"), MISSING.values(), ids=MISSING)
def test_what_is_not_there_is_named(
    readers: Readers, read: Callable[[Readers], Any], error: type[DomainError]
) -> None:
    with pytest.raises(error, match="'nobody'"):
        read(readers)


def test_version_that_a_prompt_does_not_have_is_named(database: TursoConnection, readers: Readers) -> None:
    prompt = a_prompt()
    store(database, "prompts", prompt)

    with pytest.raises(PromptVersionNotFoundError, match="no version 2"):
        readers.prompts.get_version(prompt.id, 2)


def test_deleted_prompt_is_not_read(database: TursoConnection, readers: Readers) -> None:
    prompt = a_prompt(name="gone")
    prompt.delete(now=NOW)
    store(database, "prompts", prompt)

    for read in (
        lambda: readers.prompts.get(prompt.id),
        lambda: readers.prompts.get_by_name("gone"),
        lambda: readers.prompts.get_version(prompt.id, 1),
        lambda: readers.prompts.list_versions(prompt.id, PageRequest()),
    ):
        with pytest.raises(PromptNotFoundError):
            read()


def test_other_workspace_sees_nothing(
    database: TursoConnection, readers: Readers, evaluation_id: EvaluationId
) -> None:
    template = a_template()
    store(database, "templates", template)
    mine, theirs = readers, Readers(database, WorkspaceId("elsewhere"))
    view = mine.evaluations.get(evaluation_id)

    lists = (
        theirs.prompts.list(PromptFilter(), PageRequest()),
        theirs.templates.list(None, PageRequest()),
        theirs.suites.list(None, PageRequest()),
        theirs.suites.list(str(view.suite_name), PageRequest()),
        theirs.evaluations.list(EvaluationFilter(), PageRequest()),
        theirs.evaluations.list(EvaluationFilter(prompt_id=view.prompt_id), PageRequest()),
    )
    assert [list(page.items) for page in lists] == [[]] * len(lists)
    for read in (
        lambda: theirs.prompts.get(view.prompt_id),
        lambda: theirs.prompts.get_by_name("triage"),
        lambda: theirs.prompts.get_version(view.prompt_id, 1),
        lambda: theirs.prompts.list_versions(view.prompt_id, PageRequest()),
        lambda: theirs.templates.get(template.id),
        lambda: theirs.suites.get(str(view.suite_id)),
        lambda: theirs.suites.list_cases(str(view.suite_id), PageRequest()),
        lambda: theirs.evaluations.get(evaluation_id),
        lambda: theirs.evaluations.progress(evaluation_id),
        lambda: theirs.evaluations.list_results(evaluation_id, None, PageRequest()),
        lambda: theirs.evaluations.verdicts(evaluation_id),
        lambda: theirs.evaluations.find_id(evaluation_id[:8]),
    ):
        with pytest.raises(DomainError):
            read()
