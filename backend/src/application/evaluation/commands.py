"""Writes on suites and evaluations: one function, one transaction."""

from datetime import datetime
from itertools import islice
from typing import NamedTuple

from src.application.evaluation.ports import SuiteSource
from src.application.shared.unit_of_work import UnitOfWork
from src.domain.evaluation.evaluation import Evaluation, RunSettings
from src.domain.evaluation.suite import SuiteHash, TestCase, TestSuite, require_suite_header
from src.domain.shared.errors import RuleViolationError, require_row_version
from src.domain.shared.ids import EvaluationId, Principal, PromptId, SuiteId

_CHUNK = 500
HELD_BYTES = 4 * 1024 * 1024  # of a suite's cases: up to here they stay in memory and are read only once


def import_suite(
    source: SuiteSource, *, by: Principal, uow: UnitOfWork, now: datetime
) -> tuple[TestSuite, bool]:
    """The suite version with exactly the content of `source`: the current one, or a new one (True).

    A large source is read twice, once to check and hash it and once to store it, so a huge suite needs no memory; a
    source that changes in between is refused.
    """
    require_suite_header(source.name, source.threshold)
    read = _check(source)
    with uow:
        current = uow.suites.find_current(source.name)
        if current is not None and current.content_hash == read.content_hash:
            return current, False
        if current is not None:
            current.supersede(now=now)
        suite = TestSuite.create(
            name=source.name,
            version=current.version + 1 if current else 1,
            description=source.description,
            threshold=source.threshold,
            case_count=read.case_count,
            content_hash=read.content_hash,
            by=by,
            now=now,
        )
        uow.suites.add(suite)
        _store(read, source, suite, uow)
        uow.commit()
    return suite, True


def start_evaluation(
    *,
    prompt_id: PromptId,
    version: int | None,
    suite_id: SuiteId,
    settings: RunSettings,
    owner: str,
    by: Principal,
    uow: UnitOfWork,
    now: datetime,
) -> Evaluation:
    """A pending evaluation of a prompt version (the head when None), which `owner` is about to run."""
    with uow:
        prompt = uow.prompts.get(prompt_id)
        evaluated = uow.prompts.get_version(prompt, prompt.version if version is None else version)
        suite = uow.suites.get(suite_id)
        evaluation = Evaluation.create(
            prompt_id=prompt.id,
            prompt_version=evaluated.version,
            content_hash=evaluated.content_hash,
            suite_id=suite.id,
            suite_hash=suite.content_hash,
            settings=settings,
            threshold=suite.threshold,
            total=uow.suites.count_cases(suite.id, settings.case_filter) * settings.repeats,
            owner=owner,
            by=by,
            now=now,
        )
        uow.evaluations.add(evaluation)
        uow.commit()
    return evaluation


def resume_evaluation(
    *, evaluation_id: EvaluationId, owner: str, uow: UnitOfWork, now: datetime
) -> Evaluation:
    """Reserves a failed or abandoned run for `owner`, who then runs it. Raises EvaluationStateError."""
    with uow:
        evaluation = uow.evaluations.get(evaluation_id)
        evaluation.reserve(owner=owner, now=now)
        uow.commit()
    return evaluation


def begin_evaluation(
    *, evaluation_id: EvaluationId, owner: str, uow: UnitOfWork, now: datetime
) -> Evaluation:
    """Marks a pending run as running. Raises EvaluationStateError unless `owner` created or reserved it."""
    with uow:
        evaluation = uow.evaluations.get(evaluation_id)
        evaluation.start(owner=owner, now=now)
        uow.commit()
    return evaluation


def cancel_evaluation(
    *, evaluation_id: EvaluationId, expected_row_version: int | None, uow: UnitOfWork, now: datetime
) -> Evaluation:
    """Ends the run wherever it runs; its process notices within seconds. Stored answers stay."""
    with uow:
        evaluation = uow.evaluations.get(evaluation_id)
        require_row_version(evaluation.row_version, expected_row_version)
        evaluation.cancel(now=now)
        uow.commit()
    return evaluation


class _Read(NamedTuple):
    """What a first reading found; `cases` is None when they were too many to hold."""

    case_count: int
    content_hash: str
    cases: list[TestCase] | None


def _check(source: SuiteSource) -> _Read:
    """Raises what reading raises, or RuleViolationError for no case, or for two cases of one name."""
    digest, names = SuiteHash(source.threshold), set[str]()
    held: list[TestCase] | None = []
    for case in source.cases():
        if case.name in names:
            raise RuleViolationError(
                f"{case.origin or source.name}: name: two cases are named {case.name!r}."
            )
        names.add(case.name)
        digest.add(case)
        if held is not None:
            held.append(case)
            if digest.fed_bytes > HELD_BYTES:
                held = None
    if not names:
        raise RuleViolationError(f"Suite {source.name!r} has no cases.")
    return _Read(len(names), digest.hexdigest(), held)


def _store(read: _Read, source: SuiteSource, suite: TestSuite, uow: UnitOfWork) -> None:
    digest, position = SuiteHash(source.threshold), 0
    cases = iter(source.cases() if read.cases is None else read.cases)
    while chunk := list(islice(cases, _CHUNK)):
        if read.cases is None:
            for case in chunk:
                digest.add(case)
        uow.suites.add_cases(suite, chunk, first_position=position)
        position += len(chunk)
    if read.cases is None and digest.hexdigest() != suite.content_hash:
        raise RuleViolationError(f"Suite {suite.name!r} changed while it was read; import it again.")
