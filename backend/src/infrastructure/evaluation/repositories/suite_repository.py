"""Test suites in SQL: the repository of the write side, and the reader of the read side."""

from collections.abc import Sequence

from sqlalchemy import Select, func, insert, select
from sqlalchemy.orm import Session, sessionmaker

from src.application.evaluation.queries import SuiteCaseView, SuiteView
from src.application.shared.page import Page, PageRequest
from src.domain.evaluation.errors import SuiteNotFoundError
from src.domain.evaluation.suite import TestCase, TestSuite
from src.domain.shared.errors import RuleViolationError
from src.domain.shared.ids import SuiteId, WorkspaceId
from src.infrastructure.evaluation.models.suite_model import (
    TestCaseModel,
    TestSuiteModel,
    case_from_row,
    case_row,
)
from src.infrastructure.shared.database.errors import on_unique_violation
from src.infrastructure.shared.database.keyset import keyset_values, newest_first, newest_first_key

_VIEW = (
    TestSuiteModel.id,
    TestSuiteModel.name,
    TestSuiteModel.version,
    TestSuiteModel.description,
    TestSuiteModel.threshold,
    TestSuiteModel.case_count,
    TestSuiteModel.content_hash,
    TestSuiteModel.created_at,
    TestSuiteModel.superseded_at,
    TestSuiteModel.row_version,
)
_CASE = (
    TestCaseModel.position,
    TestCaseModel.name,
    TestCaseModel.variables,
    TestCaseModel.expected,
    TestCaseModel.threshold,
    TestCaseModel.assertions,
)


class SqlSuiteRepository:
    def __init__(self, session: Session, workspace_id: WorkspaceId) -> None:
        self._session = session
        self._workspace_id = workspace_id
        self._seen: dict[SuiteId, tuple[TestSuite, TestSuiteModel]] = {}

    def add(self, suite: TestSuite) -> None:
        """Written at once, since its cases refer to it; so the version before it must be superseded first."""
        self.flush()
        self._seen[suite.id] = (suite, TestSuiteModel())
        self.flush()

    def add_cases(self, suite: TestSuite, cases: Sequence[TestCase], *, first_position: int) -> None:
        rows = [case_row(suite, position, case) for position, case in enumerate(cases, first_position)]
        if rows:
            changed = RuleViolationError(f"Suite {suite.name!r} changed while it was read; import it again.")
            with on_unique_violation(("test_cases.name", changed)):
                self._session.execute(insert(TestCaseModel), rows)

    def get(self, suite_id: SuiteId) -> TestSuite:
        if suite_id in self._seen:
            return self._seen[suite_id][0]
        row = self._session.get(TestSuiteModel, suite_id)
        if row is None or row.workspace_id != self._workspace_id:
            raise SuiteNotFoundError(suite_id)
        return self._remember(row)

    def find_current(self, name: str) -> TestSuite | None:
        row = self._session.scalar(
            select(TestSuiteModel).where(
                TestSuiteModel.workspace_id == self._workspace_id,
                TestSuiteModel.name == name,
                TestSuiteModel.superseded_at.is_(None),
            )
        )
        return None if row is None else self._remember(row)

    def count_cases(self, suite_id: SuiteId, case_filter: str | None) -> int:
        counted = _matching(select(func.count()).select_from(TestCaseModel), suite_id, case_filter)
        return self._session.scalar(counted) or 0

    def flush(self) -> None:
        for suite, row in self._seen.values():
            row.write(suite)
            self._session.add(row)
            self._session.flush()
            suite.row_version = row.row_version

    def _remember(self, row: TestSuiteModel) -> TestSuite:
        suite = row.to_domain()
        self._seen[suite.id] = (suite, row)
        return suite


class SqlSuiteReader:
    def __init__(self, sessions: sessionmaker[Session], workspace_id: WorkspaceId) -> None:
        self._sessions = sessions
        self._workspace_id = workspace_id

    def get(self, suite_id: str) -> SuiteView:
        statement = select(*_VIEW).where(
            TestSuiteModel.workspace_id == self._workspace_id, TestSuiteModel.id == suite_id
        )
        with self._sessions() as session:
            row = session.execute(statement).one_or_none()
        if row is None:
            raise SuiteNotFoundError(suite_id)
        return SuiteView(*row)

    def list(self, name: str | None, page: PageRequest) -> Page[SuiteView]:
        statement = select(*_VIEW).where(TestSuiteModel.workspace_id == self._workspace_id)
        if name is None:
            statement = statement.where(TestSuiteModel.superseded_at.is_(None))
        else:
            statement = statement.where(TestSuiteModel.name == name)
        statement = newest_first(statement, TestSuiteModel, after=page.after is not None)
        with self._sessions() as session:
            rows = [SuiteView(*row) for row in session.execute(statement, keyset_values(page))]
        return Page.of(rows, page, newest_first_key)

    def list_cases(self, suite_id: str, page: PageRequest) -> Page[SuiteCaseView]:
        self.get(suite_id)
        after = -1 if page.after is None else int(page.after[0])
        statement = _in_order(select(*_CASE), suite_id, after=after, limit=page.limit + 1, case_filter=None)
        with self._sessions() as session:
            rows = [SuiteCaseView(*row) for row in session.execute(statement)]
        return Page.of(rows, page, lambda case: (case.position,))

    def next_cases(
        self, suite_id: str, *, after: int, limit: int, case_filter: str | None
    ) -> Sequence[tuple[int, TestCase]]:
        statement = _in_order(select(*_CASE), suite_id, after=after, limit=limit, case_filter=case_filter)
        with self._sessions() as session:
            return [(row.position, case_from_row(row)) for row in session.execute(statement)]


def _in_order(statement: Select, suite_id: str, *, after: int, limit: int, case_filter: str | None) -> Select:  # type: ignore[type-arg]
    narrowed = _matching(statement, suite_id, case_filter).where(TestCaseModel.position > after)
    return narrowed.order_by(TestCaseModel.position).limit(limit)


def _matching(statement: Select, suite_id: str, case_filter: str | None) -> Select:  # type: ignore[type-arg]
    statement = statement.where(TestCaseModel.suite_id == suite_id)
    return statement if case_filter is None else statement.where(TestCaseModel.name.op("GLOB")(case_filter))
