"""Every query that exists finds its rows by an index, and no list is sorted while somebody waits for it."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import event

from src.application.evaluation.queries import EvaluationFilter
from src.application.prompt.queries import PromptFilter
from src.application.shared.page import PageRequest
from src.domain.evaluation.evaluation import CaseResult, Evaluation
from src.domain.evaluation.suite import TestSuite
from src.domain.prompt.prompt import Prompt
from src.domain.shared.ids import LOCAL_WORKSPACE
from src.infrastructure.evaluation.repositories.evaluation_reader import SqlEvaluationReader
from src.infrastructure.evaluation.repositories.suite_repository import SqlSuiteReader
from src.infrastructure.prompt.repositories.prompt_reader import SqlPromptReader
from src.infrastructure.prompt.repositories.template_repository import SqlTemplateReader
from src.infrastructure.shared.database.local_sqlite import EngineRole
from src.infrastructure.shared.database.turso_connection import TursoConnection
from src.infrastructure.shared.database.unit_of_work import SqlUnitOfWork
from tests.builders import a_prompt, a_result, a_suite, a_template, an_evaluation, some_cases

FIRST, NEXT = PageRequest(limit=2), PageRequest(limit=2, after=(1, "x"))


class Readers:
    def __init__(self, database: TursoConnection) -> None:
        reads = database.read_sessions()
        self.prompts = SqlPromptReader(database.engine(EngineRole.READ), LOCAL_WORKSPACE)
        self.templates = SqlTemplateReader(reads, LOCAL_WORKSPACE)
        self.suites = SqlSuiteReader(reads, LOCAL_WORKSPACE)
        self.evaluations = SqlEvaluationReader(reads, LOCAL_WORKSPACE)
        self.prompt: Prompt = a_prompt(name="triage")
        self.suite: TestSuite = a_suite(case_count=3)
        self.evaluation: Evaluation = an_evaluation(prompt_id=self.prompt.id, suite_id=self.suite.id, total=3)
        self.results: list[CaseResult] = [a_result(position) for position in range(3)]
        self.template = a_template()


@pytest.fixture
def readers(database: TursoConnection) -> Readers:
    readers = Readers(database)
    with SqlUnitOfWork(database, LOCAL_WORKSPACE) as uow:
        uow.prompts.add(readers.prompt)
        uow.prompts.flush()
        uow.templates.add(readers.template)
        uow.suites.add(readers.suite)
        uow.suites.add_cases(readers.suite, some_cases(3), first_position=0)
        uow.evaluations.add(readers.evaluation)
        uow.evaluations.flush()
        uow.evaluations.add_results(readers.evaluation, readers.results)
        uow.commit()
    return readers


@contextmanager
def statements_of(database: TursoConnection, role: EngineRole) -> Iterator[list[tuple[str, Any]]]:
    found: list[tuple[str, Any]] = []

    def note(_c: Any, _cursor: Any, statement: str, parameters: Any, _context: Any, _many: bool) -> None:
        if not statement.startswith(("PRAGMA", "INSERT")):
            found.append((statement, parameters))

    event.listen(database.engine(role), "before_cursor_execute", note)
    yield found
    event.remove(database.engine(role), "before_cursor_execute", note)


def plan(database: TursoConnection, statement: str, parameters: Any) -> list[str]:
    with database.engine(EngineRole.READ).connect() as connection:
        return [row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)]


# A sort of the right part is one among rows that are equal in the left part: here at most a few.
_SLOW = re.compile(r"SCAN (?!\d* ?CONSTANT ROW)|USE TEMP B-TREE FOR (?!RIGHT PART)")


def require_indexes(database: TursoConnection, statements: list[tuple[str, Any]]) -> None:
    assert statements
    for statement, parameters in statements:
        steps = plan(database, statement, parameters)
        slow = [step for step in steps if _SLOW.match(step)]
        assert not slow, f"{slow} in {steps}, for\n{statement}"


READS: dict[str, Callable[[Readers], Any]] = {
    "prompt by id": lambda r: r.prompts.get(r.prompt.id),
    "prompt by name": lambda r: r.prompts.get_by_name("triage"),
    "prompts": lambda r: r.prompts.list(PromptFilter(), FIRST),
    "prompts, next page": lambda r: r.prompts.list(PromptFilter(), NEXT),
    "prompts of a status": lambda r: r.prompts.list(PromptFilter(status="draft"), NEXT),
    "deleted prompts": lambda r: r.prompts.list(PromptFilter(deleted=True), NEXT),
    "version": lambda r: r.prompts.get_version(r.prompt.id, 1),
    "versions": lambda r: r.prompts.list_versions(r.prompt.id, FIRST),
    "versions, next page": lambda r: r.prompts.list_versions(r.prompt.id, PageRequest(after=(2,))),
    "template": lambda r: r.templates.get(r.template.id),
    "templates": lambda r: r.templates.list(None, NEXT),
    "templates of a category": lambda r: r.templates.list("general", NEXT),
    "suite": lambda r: r.suites.get(r.suite.id),
    "suites": lambda r: r.suites.list(None, NEXT),
    "cases": lambda r: r.suites.list_cases(r.suite.id, PageRequest(after=(0,))),
    "cases to run": lambda r: r.suites.next_cases(r.suite.id, after=-1, limit=2, case_filter="case*"),
    "evaluation": lambda r: r.evaluations.get(r.evaluation.id),
    "progress": lambda r: r.evaluations.progress(r.evaluation.id),
    "evaluations": lambda r: r.evaluations.list(EvaluationFilter(), NEXT),
    "evaluations of a prompt": lambda r: r.evaluations.list(EvaluationFilter(prompt_id=r.prompt.id), NEXT),
    "evaluations of a suite": lambda r: r.evaluations.list(EvaluationFilter(suite_id=r.suite.id), NEXT),
    "evaluations of a status": lambda r: r.evaluations.list(EvaluationFilter(status="pending"), NEXT),
    "results": lambda r: r.evaluations.list_results(r.evaluation.id, None, FIRST),
    "results, next page": lambda r: r.evaluations.list_results(
        r.evaluation.id, None, PageRequest(after=(0, 1, "x"))
    ),
    "results of an outcome": lambda r: r.evaluations.list_results(
        r.evaluation.id, "passed", PageRequest(after=(0, 1, "x"))
    ),
    "answered": lambda r: r.evaluations.answered(r.evaluation.id, first=0, last=2),
    "verdicts": lambda r: r.evaluations.verdicts(r.evaluation.id),
    "evaluation by the beginning of its id": lambda r: r.evaluations.find_id(r.evaluation.id[:8]),
}


@pytest.mark.parametrize("read", READS.values(), ids=READS)
def test_read_walks_over_no_table_and_sorts_nothing(
    database: TursoConnection, readers: Readers, read: Callable[[Readers], Any]
) -> None:
    with statements_of(database, EngineRole.READ) as statements:
        read(readers)

    require_indexes(database, statements)


# At most one row, which is sorted fast.
ONE_ROW: dict[str, Callable[[Readers], Any]] = {
    "prompts of a name": lambda r: r.prompts.list(PromptFilter(name="triage"), FIRST),
}

WRITES: dict[str, Callable[[SqlUnitOfWork, Readers], Any]] = {
    "prompt": lambda uow, r: uow.prompts.get(r.prompt.id),
    "prompt of a name": lambda uow, _: uow.prompts.find_by_name("triage"),
    "name taken": lambda uow, _: uow.prompts.is_name_taken("triage"),
    "version": lambda uow, r: uow.prompts.get_version(r.prompt, 1),
    "version of a content": lambda uow, r: uow.prompts.find_version_by_hash(r.prompt, "h"),
    "template": lambda uow, r: uow.templates.get(r.template.id),
    "use": lambda uow, r: uow.templates.count_use(r.template.id),
    "suite": lambda uow, r: uow.suites.get(r.suite.id),
    "current suite": lambda uow, r: uow.suites.find_current(r.suite.name),
    "cases": lambda uow, r: uow.suites.count_cases(r.suite.id, "case*"),
    "evaluation": lambda uow, r: uow.evaluations.get(r.evaluation.id),
    "results": lambda uow, r: uow.evaluations.add_results(r.evaluation, [a_result(9), a_result(10)]),
    "summary": lambda uow, r: uow.evaluations.summarise(r.evaluation.id),
}


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
def test_what_a_write_looks_up_is_found_by_an_index(
    database: TursoConnection, readers: Readers, write: Callable[[SqlUnitOfWork, Readers], Any]
) -> None:
    with (
        statements_of(database, EngineRole.WRITE) as statements,
        SqlUnitOfWork(database, LOCAL_WORKSPACE) as uow,
    ):
        write(uow, readers)

    require_indexes(database, statements)


@pytest.mark.parametrize(
    ("read", "index"),
    [
        ("prompts", "idx_prompts_created_at"),
        ("prompts, next page", "idx_prompts_created_at"),
        ("prompts of a status", "idx_prompts_status"),
        ("deleted prompts", "idx_prompts_deleted_at"),
        ("prompt by name", "uq_prompts_live_name"),
        ("prompts of a name", "uq_prompts_live_name"),
        ("templates", "idx_prompt_templates_created_at"),
        ("templates of a category", "idx_prompt_templates_category"),
        ("suites", "idx_test_suites_created_at"),
        ("evaluations", "idx_evaluations_created_at"),
        ("evaluations of a prompt", "idx_evaluations_prompt_id"),
        ("evaluations of a suite", "idx_evaluations_test_suite_id"),
        ("evaluations of a status", "idx_evaluations_status"),
        ("results of an outcome", "idx_test_results_evaluation_id"),
    ],
)
def test_list_uses_the_index_that_was_made_for_it(
    database: TursoConnection, readers: Readers, read: str, index: str
) -> None:
    with statements_of(database, EngineRole.READ) as statements:
        (READS | ONE_ROW)[read](readers)

    statement, parameters = statements[-1]
    assert any(index in step for step in plan(database, statement, parameters))


@pytest.mark.parametrize(
    ("read", "most"), [("prompts", 1), ("versions", 2), ("evaluations", 1), ("results", 2)]
)
def test_list_takes_a_fixed_number_of_queries(
    database: TursoConnection, readers: Readers, read: str, most: int
) -> None:
    with statements_of(database, EngineRole.READ) as statements:
        READS[read](readers)

    assert len(statements) <= most
