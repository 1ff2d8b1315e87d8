"""Tables of evaluations and their results, and how their rows become aggregates and back."""

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
)
from sqlalchemy.engine.default import DefaultExecutionContext
from sqlalchemy.orm import Mapped, mapped_column

from src.domain.evaluation.evaluation import CaseResult, Evaluation, EvaluationStatus, Outcome, RunSettings
from src.domain.shared.ids import EvaluationId, PromptId, SuiteId, UserId, WorkspaceId
from src.domain.shared.placeholders import JsonValue
from src.infrastructure.shared.database.base import (
    Base,
    IdMixin,
    TimestampMixin,
    UtcDateTime,
    WorkspaceMixin,
    one_of,
)

# RunSettings that have no column of their own; the rest of it is `provider` and `model`.
_SETTINGS = (
    "repeats",
    "concurrency",
    "timeout_seconds",
    "max_attempts",
    "parameters",
    "case_filter",
    "provider_options",
)


def _outcome_of_row(context: DefaultExecutionContext) -> str:
    row: dict[str, Any] = context.get_current_parameters()  # type: ignore[no-untyped-call]
    if row.get("error_message") is not None:
        return Outcome.ERRORED.value
    return (Outcome.PASSED if row["passed"] else Outcome.FAILED).value


class EvaluationModel(Base, IdMixin, WorkspaceMixin, TimestampMixin):
    """A run of a prompt version over a suite version."""

    __tablename__ = "evaluations"
    __table_args__ = (
        one_of("status", EvaluationStatus),
        CheckConstraint("overall_score BETWEEN 0 AND 1", name="overall_score"),
        CheckConstraint("threshold BETWEEN 0 AND 1", name="threshold"),
        CheckConstraint("execution_time_ms >= 0", name="execution_time_ms"),
        CheckConstraint("total >= 0", name="total"),
        CheckConstraint("completed >= 0", name="completed"),
        CheckConstraint("prompt_version >= 1", name="prompt_version"),
        CheckConstraint("row_version >= 1", name="row_version"),
        Index("idx_evaluations_prompt_id", "prompt_id", "created_at", "id"),
        Index("idx_evaluations_test_suite_id", "test_suite_id", "created_at", "id"),
        Index("idx_evaluations_status", "workspace_id", "status", "created_at", "id"),
        Index("idx_evaluations_created_at", "workspace_id", "created_at", "id"),
        Index("idx_evaluations_provider_model", "provider", "model"),
        {"comment": "評価"},
    )

    user_id: Mapped[str] = mapped_column(
        String(255), default="local", server_default="local", comment="実行者ID"
    )
    prompt_id: Mapped[str] = mapped_column(
        String(36), ForeignKey("prompts.id", ondelete="CASCADE"), comment="プロンプトID"
    )
    prompt_version: Mapped[int] = mapped_column(
        Integer, default=1, server_default="1", comment="プロンプトの版番号"
    )
    content_hash: Mapped[str | None] = mapped_column(String(64), comment="評価した内容のハッシュ")
    test_suite_id: Mapped[str | None] = mapped_column(
        String(36), ForeignKey("test_suites.id", ondelete="SET NULL"), comment="テストスイートID"
    )
    suite_hash: Mapped[str | None] = mapped_column(String(64), comment="テストスイートの内容ハッシュ")
    status: Mapped[str] = mapped_column(
        String(20), default=EvaluationStatus.PENDING.value, server_default="pending", comment="状態"
    )
    overall_score: Mapped[float | None] = mapped_column(Float, comment="総合スコア（0〜1）")
    threshold: Mapped[float] = mapped_column(
        Float, default=1.0, server_default="1.0", comment="合格に必要な通過率"
    )
    total: Mapped[int] = mapped_column(
        Integer, default=0, server_default="0", comment="予定件数（ケース×反復）"
    )
    completed: Mapped[int] = mapped_column(Integer, default=0, server_default="0", comment="保存済み件数")
    metrics: Mapped[Mapping[str, JsonValue] | None] = mapped_column(JSON(none_as_null=True), comment="集計値")
    execution_time_ms: Mapped[int | None] = mapped_column(Integer, comment="実行時間（ミリ秒）")
    provider: Mapped[str | None] = mapped_column(String(100), comment="プロバイダー")
    model: Mapped[str | None] = mapped_column(String(255), comment="モデル")
    settings: Mapped[Mapping[str, JsonValue]] = mapped_column(
        JSON, default=dict, server_default="{}", comment="実行設定"
    )
    error_message: Mapped[str | None] = mapped_column(Text, comment="エラー内容")
    owner: Mapped[str | None] = mapped_column(String(255), comment="実行中のプロセス")
    lease_expires_at: Mapped[datetime | None] = mapped_column(UtcDateTime, comment="実行権の期限")
    started_at: Mapped[datetime | None] = mapped_column(UtcDateTime, comment="開始日時")
    finished_at: Mapped[datetime | None] = mapped_column(UtcDateTime, comment="終了日時")
    row_version: Mapped[int] = mapped_column(Integer, default=1, server_default="1", comment="行の版番号")

    __mapper_args__ = {"version_id_col": row_version}

    def to_domain(self) -> Evaluation:
        return Evaluation(
            id=EvaluationId(self.id),
            workspace_id=WorkspaceId(self.workspace_id),
            user_id=UserId(self.user_id),
            prompt_id=PromptId(self.prompt_id),
            prompt_version=self.prompt_version,
            content_hash=self.content_hash or "",
            suite_id=SuiteId(self.test_suite_id) if self.test_suite_id else None,
            suite_hash=self.suite_hash,
            settings=self._settings(),
            threshold=self.threshold,
            total=self.total,
            status=EvaluationStatus(self.status),
            created_at=self.created_at,
            updated_at=self.updated_at,
            completed=self.completed,
            overall_score=self.overall_score,
            metrics=self.metrics,
            execution_time_ms=self.execution_time_ms,
            error_message=self.error_message,
            owner=self.owner,
            lease_expires_at=self.lease_expires_at,
            started_at=self.started_at,
            finished_at=self.finished_at,
            row_version=self.row_version,
        )

    def write(self, evaluation: Evaluation) -> None:
        self.id = evaluation.id
        self.workspace_id = evaluation.workspace_id
        self.user_id = evaluation.user_id
        self.prompt_id = evaluation.prompt_id
        self.prompt_version = evaluation.prompt_version
        self.content_hash = evaluation.content_hash or None
        self.test_suite_id = evaluation.suite_id
        self.suite_hash = evaluation.suite_hash
        self.threshold = evaluation.threshold
        self.total = evaluation.total
        self.status = evaluation.status.value
        self.created_at = evaluation.created_at
        self.updated_at = evaluation.updated_at
        self.completed = evaluation.completed
        self.overall_score = evaluation.overall_score
        self.metrics = evaluation.metrics
        self.execution_time_ms = evaluation.execution_time_ms
        self.error_message = evaluation.error_message
        self.owner = evaluation.owner
        self.lease_expires_at = evaluation.lease_expires_at
        self.started_at = evaluation.started_at
        self.finished_at = evaluation.finished_at
        self.provider = evaluation.settings.provider or None
        self.model = evaluation.settings.model
        self.settings = {name: getattr(evaluation.settings, name) for name in _SETTINGS}

    def _settings(self) -> RunSettings:
        stored: dict[str, Any] = {name: value for name, value in self.settings.items() if name in _SETTINGS}
        return RunSettings(provider=self.provider or "", model=self.model, **stored)


class TestResultModel(Base, IdMixin, TimestampMixin):
    """One answer of a run, or the reason why there is none. At most one for a case and repeat."""

    __test__ = False
    __tablename__ = "test_results"
    __table_args__ = (
        CheckConstraint("score BETWEEN 0 AND 1", name="score"),
        CheckConstraint("latency_ms >= 0", name="latency_ms"),
        CheckConstraint("token_count >= 0", name="token_count"),
        CheckConstraint("prompt_tokens >= 0", name="prompt_tokens"),
        CheckConstraint("completion_tokens >= 0", name="completion_tokens"),
        CheckConstraint("cost_usd >= 0", name="cost_usd"),
        CheckConstraint("position >= 0", name="position"),
        CheckConstraint("repeat >= 1", name="repeat"),
        CheckConstraint("attempts >= 1", name="attempts"),
        one_of("outcome", Outcome),
        UniqueConstraint("evaluation_id", "position", "repeat"),
        Index("idx_test_results_evaluation_id", "evaluation_id", "outcome", "position", "repeat", "id"),
        Index("idx_test_results_passed", "evaluation_id", "passed"),
        Index("idx_test_results_score", "evaluation_id", "score"),
        Index("idx_test_results_latency_ms", "evaluation_id", "latency_ms"),
        {"comment": "テスト結果"},
    )

    evaluation_id: Mapped[str] = mapped_column(
        String(36), ForeignKey("evaluations.id", ondelete="CASCADE"), comment="評価ID"
    )
    test_case_name: Mapped[str] = mapped_column(String(255), comment="テストケース名")
    position: Mapped[int | None] = mapped_column(Integer, comment="スイート内の位置（0から）")
    repeat: Mapped[int] = mapped_column(Integer, default=1, server_default="1", comment="反復番号（1から）")
    input_data: Mapped[Mapping[str, JsonValue]] = mapped_column(
        JSON, default=dict, server_default="{}", comment="入力データ"
    )
    expected_output: Mapped[str | None] = mapped_column(Text, comment="期待する出力")
    actual_output: Mapped[str | None] = mapped_column(Text, comment="実際の出力（回答がない場合は空）")
    error_message: Mapped[str | None] = mapped_column(Text, comment="エラー内容")
    outcome: Mapped[str] = mapped_column(
        String(20), default=_outcome_of_row, server_default="failed", comment="結果（合格・不合格・エラー）"
    )
    score: Mapped[float] = mapped_column(Float, comment="スコア（0〜1）")
    passed: Mapped[bool] = mapped_column(comment="合否")
    assertions: Mapped[list[dict[str, JsonValue]]] = mapped_column(
        JSON, default=list, server_default="[]", comment="アサーションごとの結果"
    )
    latency_ms: Mapped[float] = mapped_column(
        Float, default=0.0, server_default="0", comment="応答時間（ミリ秒）"
    )
    attempts: Mapped[int] = mapped_column(Integer, default=1, server_default="1", comment="呼び出し回数")
    prompt_tokens: Mapped[int | None] = mapped_column(Integer, comment="入力トークン数")
    completion_tokens: Mapped[int | None] = mapped_column(Integer, comment="出力トークン数")
    token_count: Mapped[int | None] = mapped_column(Integer, comment="合計トークン数")
    cost_usd: Mapped[float | None] = mapped_column(Float, comment="費用（米ドル）")


def result_row(evaluation_id: str, result: CaseResult) -> dict[str, Any]:
    """A row of `test_results`, ready to insert."""
    tokens = [count for count in (result.prompt_tokens, result.completion_tokens) if count is not None]
    return {
        "evaluation_id": evaluation_id,
        "test_case_name": result.case_name,
        "position": result.position,
        "repeat": result.repeat,
        "input_data": dict(result.input),
        "expected_output": result.expected,
        "actual_output": result.output,
        "error_message": result.error,
        "outcome": result.outcome.value,
        "score": result.score.value,
        "passed": result.passed,
        "assertions": [
            {"type": a.type, "passed": a.passed, "score": a.score, "reason": a.reason, "weight": a.weight}
            for a in result.assertions
        ],
        "latency_ms": result.latency_ms,
        "attempts": result.attempts,
        "prompt_tokens": result.prompt_tokens,
        "completion_tokens": result.completion_tokens,
        "token_count": sum(tokens) if tokens else None,
        "cost_usd": result.cost_usd,
    }
