"""What the outside (HTTP, command line) is handed: ports and readers, already bound to one workspace."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal, Protocol

from src.application.evaluation.ports import PriceBook, Provider, Scorer, SuiteFile
from src.application.evaluation.queries import EvaluationReader, SuiteReader
from src.application.prompt.queries import PromptReader, TemplateReader
from src.application.shared.unit_of_work import UnitOfWork
from src.domain.evaluation.evaluation import RunSettings
from src.domain.prompt.prompt import PromptContent
from src.domain.shared.ids import EvaluationId, Principal

SuiteMedia = Literal["yaml", "csv", "jsonl"]


class SuiteFiles(Protocol):
    """Reading suites and prompts; every assertion is checked as it is read."""

    def open(self, path: Path, *, name: str | None = None) -> SuiteFile:
        """A suite file; `name` wins over the one in it. Raises SuiteFileError."""

    def parse(self, data: bytes, *, media: SuiteMedia, label: str, name: str | None) -> SuiteFile:
        """A suite from a request body. Raises SuiteFileError."""

    def read_prompt(self, path: Path) -> tuple[PromptContent, str | None]:
        """Content and title (None without one). Raises RuleViolationError."""


class Runs(Protocol):
    """Running evaluations in the background of this process."""

    @property
    def owner(self) -> str:
        """The name under which this process holds leases."""

    def launch(self, evaluation_id: EvaluationId) -> None:
        """Runs a pending or taken evaluation; returns at once."""


@dataclass(frozen=True, slots=True)
class Services:
    """For one caller: `principal` says who it is, and every port sees the rows of that workspace only."""

    principal: Principal
    unit_of_work: Callable[[], UnitOfWork]
    impatient_unit_of_work: Callable[[], UnitOfWork]
    """Raises WouldWaitError on entering instead of waiting for another writer, in this process or another."""
    prompts: PromptReader
    templates: TemplateReader
    suites: SuiteReader
    evaluations: EvaluationReader
    suite_files: SuiteFiles
    scorer: Scorer
    prices: PriceBook
    open_provider: Callable[[RunSettings], Provider]
    runs: Runs
    now: Callable[[], datetime]
    require_ready: Callable[[], None]
    """Raises when the database does not answer, or is not of this version of the software."""
