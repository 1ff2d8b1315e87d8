"""Tables of test suites, and how their rows become aggregates and back."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import (
    JSON,
    CheckConstraint,
    Float,
    ForeignKey,
    Index,
    Integer,
    String,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from src.domain.evaluation.assertion import Assertion
from src.domain.evaluation.suite import TestCase, TestSuite
from src.domain.shared.ids import SuiteId, UserId, WorkspaceId
from src.domain.shared.placeholders import JsonValue
from src.infrastructure.shared.database.base import Base, IdMixin, TimestampMixin, UtcDateTime, WorkspaceMixin

_CURRENT = text("superseded_at IS NULL")


class TestSuiteModel(Base, IdMixin, WorkspaceMixin, TimestampMixin):
    """One version of a suite; the current one has no `superseded_at`."""

    __test__ = False
    __tablename__ = "test_suites"
    __table_args__ = (
        CheckConstraint("version >= 1", name="version"),
        CheckConstraint("row_version >= 1", name="row_version"),
        CheckConstraint("threshold BETWEEN 0 AND 1", name="threshold"),
        CheckConstraint("case_count >= 1", name="case_count"),
        UniqueConstraint("workspace_id", "name", "version"),
        Index("uq_test_suites_current_name", "workspace_id", "name", unique=True, sqlite_where=_CURRENT),
        Index("idx_test_suites_created_at", "workspace_id", "created_at", "id", sqlite_where=_CURRENT),
        {"comment": "テストスイート（版ごとに不変）"},
    )

    user_id: Mapped[str] = mapped_column(
        String(255), default="local", server_default="local", comment="作成者ID"
    )
    name: Mapped[str] = mapped_column(String(255), comment="名前")
    version: Mapped[int] = mapped_column(Integer, comment="版番号")
    description: Mapped[str | None] = mapped_column(Text, comment="説明")
    threshold: Mapped[float] = mapped_column(
        Float, default=1.0, server_default="1.0", comment="合格に必要な通過率"
    )
    case_count: Mapped[int] = mapped_column(Integer, comment="ケース数")
    content_hash: Mapped[str] = mapped_column(String(64), comment="内容ハッシュ")
    superseded_at: Mapped[datetime | None] = mapped_column(
        UtcDateTime, comment="新しい版に置き換えられた日時"
    )
    row_version: Mapped[int] = mapped_column(Integer, default=1, server_default="1", comment="行の版番号")

    __mapper_args__ = {"version_id_col": row_version}

    def to_domain(self) -> TestSuite:
        return TestSuite(
            id=SuiteId(self.id),
            workspace_id=WorkspaceId(self.workspace_id),
            user_id=UserId(self.user_id),
            name=self.name,
            version=self.version,
            description=self.description,
            threshold=self.threshold,
            case_count=self.case_count,
            content_hash=self.content_hash,
            created_at=self.created_at,
            updated_at=self.updated_at,
            superseded_at=self.superseded_at,
            row_version=self.row_version,
        )

    def write(self, suite: TestSuite) -> None:
        self.id = suite.id
        self.workspace_id = suite.workspace_id
        self.user_id = suite.user_id
        self.name = suite.name
        self.version = suite.version
        self.description = suite.description
        self.threshold = suite.threshold
        self.case_count = suite.case_count
        self.content_hash = suite.content_hash
        self.created_at = suite.created_at
        self.updated_at = suite.updated_at
        self.superseded_at = suite.superseded_at


class TestCaseModel(Base, IdMixin, TimestampMixin):
    """A case of a suite version. Rows are only ever added."""

    __test__ = False
    __tablename__ = "test_cases"
    __table_args__ = (
        CheckConstraint("position >= 0", name="position"),
        CheckConstraint("threshold BETWEEN 0 AND 1", name="threshold"),
        UniqueConstraint("suite_id", "position"),
        UniqueConstraint("suite_id", "name"),
        {"comment": "テストケース（不変）"},
    )

    suite_id: Mapped[str] = mapped_column(
        String(36), ForeignKey("test_suites.id", ondelete="CASCADE"), comment="テストスイートID"
    )
    position: Mapped[int] = mapped_column(Integer, comment="スイート内の位置（0から）")
    name: Mapped[str] = mapped_column(String(255), comment="ケース名")
    variables: Mapped[Mapping[str, JsonValue]] = mapped_column(
        JSON, default=dict, server_default="{}", comment="入力変数"
    )
    expected: Mapped[str | None] = mapped_column(Text, comment="期待する出力")
    threshold: Mapped[float | None] = mapped_column(Float, comment="合格に必要なスコア")
    assertions: Mapped[list[dict[str, JsonValue]]] = mapped_column(
        JSON, default=list, server_default="[]", comment="アサーション"
    )


def case_row(suite: TestSuite, position: int, case: TestCase) -> dict[str, Any]:
    """A row of `test_cases`, ready to insert."""
    return {
        "suite_id": suite.id,
        "created_at": suite.created_at,
        "updated_at": suite.created_at,
        "position": position,
        "name": case.name,
        "variables": dict(case.variables),
        "expected": case.expected,
        "threshold": case.threshold,
        "assertions": [assertion.to_mapping() for assertion in case.assertions],
    }


def case_from_row(row: Any) -> TestCase:
    """`row` has the columns name, variables, expected, threshold, assertions."""
    return TestCase(
        name=row.name,
        variables=row.variables,
        assertions=tuple(Assertion.build(**entry) for entry in row.assertions),
        expected=row.expected,
        threshold=row.threshold,
    )
