from typing import Protocol, Self

from src.domain.evaluation.repository import EvaluationRepository, SuiteRepository
from src.domain.prompt.repository import PromptRepository, TemplateRepository


class WouldWaitError(Exception):
    """An impatient unit of work found another writer before it. Nothing has been done; do it with a patient one."""


class UnitOfWork(Protocol):
    """One write transaction. Leaving the block without `commit()` rolls everything back."""

    @property
    def prompts(self) -> PromptRepository: ...
    @property
    def templates(self) -> TemplateRepository: ...
    @property
    def suites(self) -> SuiteRepository: ...
    @property
    def evaluations(self) -> EvaluationRepository: ...

    def __enter__(self) -> Self: ...
    def __exit__(self, *exc: object) -> None: ...
    def commit(self) -> None:
        """Raises ConcurrentUpdateError, or the conflict that a unique constraint stands for."""
