"""Evaluations in SQL, the write side."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import delete, func, insert, select, tuple_
from sqlalchemy.orm import Session

from src.domain.evaluation.errors import EvaluationNotFoundError
from src.domain.evaluation.evaluation import CaseResult, Evaluation, Outcome, RunSummary
from src.domain.shared.ids import EvaluationId, WorkspaceId
from src.infrastructure.evaluation.models.evaluation_model import EvaluationModel, TestResultModel, result_row


class SqlEvaluationRepository:
    def __init__(self, session: Session, workspace_id: WorkspaceId) -> None:
        self._session = session
        self._workspace_id = workspace_id
        self._seen: dict[EvaluationId, tuple[Evaluation, EvaluationModel]] = {}

    def add(self, evaluation: Evaluation) -> None:
        self._seen[evaluation.id] = (evaluation, EvaluationModel())

    def get(self, evaluation_id: EvaluationId) -> Evaluation:
        if evaluation_id in self._seen:
            return self._seen[evaluation_id][0]
        row = self._session.get(EvaluationModel, evaluation_id)
        if row is None or row.workspace_id != self._workspace_id:
            raise EvaluationNotFoundError(evaluation_id)
        evaluation = row.to_domain()
        self._seen[evaluation.id] = (evaluation, row)
        return evaluation

    def add_results(self, evaluation: Evaluation, results: Sequence[CaseResult]) -> None:
        if not results:
            return
        keys = [(result.position, result.repeat) for result in results]
        replaced = self._session.execute(
            delete(TestResultModel)
            .where(
                TestResultModel.evaluation_id == evaluation.id,
                TestResultModel.outcome == Outcome.ERRORED.value,
                tuple_(TestResultModel.position, TestResultModel.repeat).in_(keys),
            )
            .execution_options(synchronize_session=False)
        )
        self._session.execute(
            insert(TestResultModel), [result_row(evaluation.id, result) for result in results]
        )
        evaluation.completed += len(results) - replaced.rowcount  # type: ignore[attr-defined]

    def summarise(self, evaluation_id: EvaluationId) -> RunSummary:
        result = TestResultModel
        answered = result.outcome != Outcome.ERRORED.value

        def count(outcome: Outcome) -> Any:
            return func.count().filter(result.outcome == outcome.value)

        row = self._session.execute(
            select(
                count(Outcome.PASSED),
                count(Outcome.FAILED),
                count(Outcome.ERRORED),
                func.avg(result.score).filter(answered),
                func.sum(result.prompt_tokens),
                func.sum(result.completion_tokens),
                func.sum(result.cost_usd),
                func.count().filter(answered & result.cost_usd.is_(None)),
                func.avg(result.latency_ms).filter(answered),
                func.max(result.latency_ms).filter(answered),
            ).where(result.evaluation_id == evaluation_id)
        ).one()
        passed, failed, errored, score, prompt, completion, cost, unpriced, mean, longest = row
        answers = passed + failed
        return RunSummary(
            passed=passed,
            failed=failed,
            errored=errored,
            score=None if score is None else min(1.0, max(0.0, score)),
            prompt_tokens=prompt,
            completion_tokens=completion,
            cost_usd=cost,
            unpriced=unpriced,
            latency_mean_ms=mean,
            latency_p50_ms=self._latency(evaluation_id, 0.50, answers),
            latency_p95_ms=self._latency(evaluation_id, 0.95, answers),
            latency_max_ms=longest,
        )

    def flush(self) -> None:
        for evaluation, row in self._seen.values():
            row.write(evaluation)
            self._session.add(row)
            self._session.flush()
            evaluation.row_version = row.row_version

    def _latency(self, evaluation_id: EvaluationId, quantile: float, answers: int) -> float | None:
        """Nearest-rank percentile over the answers: the smallest latency that at least `quantile` of them reach."""
        rank = max(0, -int(-quantile * answers // 1) - 1)
        return self._session.scalar(
            select(TestResultModel.latency_ms)
            .where(
                TestResultModel.evaluation_id == evaluation_id,
                TestResultModel.outcome != Outcome.ERRORED.value,
            )
            .order_by(TestResultModel.latency_ms)
            .offset(rank)
            .limit(1)
        )
