"""What the use cases need of storage. A repository is a collection of one workspace; committing is not its business."""

from collections.abc import Sequence
from typing import Protocol

from src.domain.evaluation.evaluation import CaseResult, Evaluation, RunSummary
from src.domain.evaluation.suite import TestCase, TestSuite
from src.domain.shared.ids import EvaluationId, SuiteId


class SuiteRepository(Protocol):
    def add(self, suite: TestSuite) -> None: ...

    def add_cases(self, suite: TestSuite, cases: Sequence[TestCase], *, first_position: int) -> None:
        """Stores a chunk of the suite's cases; the suite must have been added before."""

    def get(self, suite_id: SuiteId) -> TestSuite:
        """Raises SuiteNotFoundError."""

    def find_current(self, name: str) -> TestSuite | None:
        """The newest version of the suite of that name."""

    def count_cases(self, suite_id: SuiteId, case_filter: str | None) -> int: ...


class EvaluationRepository(Protocol):
    def add(self, evaluation: Evaluation) -> None: ...

    def get(self, evaluation_id: EvaluationId) -> Evaluation:
        """Raises EvaluationNotFoundError."""

    def add_results(self, evaluation: Evaluation, results: Sequence[CaseResult]) -> None:
        """Stores results; one for the same case and repeat that errored before is replaced."""

    def summarise(self, evaluation_id: EvaluationId) -> RunSummary: ...
