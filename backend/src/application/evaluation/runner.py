"""The one engine that runs evaluations, for the command line and for the server.

    feeder ──(bounded queue)──► workers ──(bounded queue)──► writer
    cases × repeats,            ask, retry,                  stores batches, renews the lease,
    page by page                score                        reports progress

Nothing is held but what is in flight, so memory does not grow with the suite. Every batch is one transaction that also
renews the run's lease: a process that lost the lease cannot store anything, so each case is stored exactly once.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from typing import Any, NamedTuple

from src.application.evaluation import commands
from src.application.evaluation.asking import Asker, NoAnswerError
from src.application.evaluation.ports import Answer, CompletionRequest
from src.application.services import Services
from src.domain.evaluation.assertion import AssertionType
from src.domain.evaluation.errors import LeaseLostError
from src.domain.evaluation.evaluation import CaseResult, Evaluation, Outcome
from src.domain.evaluation.score import AssertionResult, Score, grade
from src.domain.evaluation.suite import TestCase
from src.domain.prompt.prompt import PromptContent
from src.domain.shared.errors import DomainError, RuleViolationError
from src.domain.shared.ids import EvaluationId
from src.domain.shared.placeholders import fill

PAGE_SIZE = 200
BATCH_SECONDS = 0.2
BEAT_SECONDS = 3.0
STOP_GRACE_SECONDS = 3.0
LEAST_BREAKER_ERRORS = 10
_SLOW_ASSERTIONS = {AssertionType.REGEX, AssertionType.IS_JSON, AssertionType.LEVENSHTEIN}
_INLINE_CHARACTERS = 2_000


class Progress(NamedTuple):
    """Counts of stored results; `total` is what the run will have when all are answered."""

    total: int
    passed: int
    failed: int
    errored: int

    @property
    def completed(self) -> int:
        return self.passed + self.failed + self.errored


class _Job(NamedTuple):
    """One question to ask: a case, for the `repeat`-th time."""

    position: int
    repeat: int
    case: TestCase


async def run_evaluation(
    evaluation_id: EvaluationId,
    *,
    owner: str,
    services: Services,
    on_progress: Callable[[Progress], None] = lambda _: None,
    stop: asyncio.Event | None = None,
) -> Evaluation:
    """Runs a pending evaluation, new or resumed, to its end and returns it as stored.

    Setting `stop` ends it early: what is answered is stored, and the run is `failed` and may be resumed. A run that is
    cancelled or taken over meanwhile is returned as the others left it. Raises EvaluationStateError when the run is
    not pending for `owner`, ProviderSetupError when its provider cannot be opened.
    """
    evaluation = await asyncio.to_thread(
        commands.begin_evaluation,
        evaluation_id=evaluation_id,
        owner=owner,
        uow=services.unit_of_work(),
        now=services.now(),
    )
    run = _Run(evaluation, owner, services, on_progress, stop or asyncio.Event())
    try:
        return await run.to_the_end()
    except LeaseLostError:
        return await asyncio.to_thread(run.reload)


class _Run:
    def __init__(
        self,
        evaluation: Evaluation,
        owner: str,
        services: Services,
        on_progress: Callable[[Progress], None],
        stop: asyncio.Event,
    ) -> None:
        self._evaluation, self._settings = evaluation, evaluation.settings
        self._owner, self._services, self._on_progress, self._stop = owner, services, on_progress, stop
        self._jobs = asyncio.Queue[_Job | None](maxsize=2 * self._settings.concurrency)
        self._results = asyncio.Queue[CaseResult](maxsize=1000)
        self._progress = Progress(evaluation.total, 0, 0, 0)
        self._errors_in_a_row = 0
        self._reason: str | None = None
        self._resumed = evaluation.completed > 0
        # Another endpoint's models may share a name with ones that have a price elsewhere.
        self._priced_as = (
            "other" if self._settings.provider_options.get("base_url") else self._settings.provider
        )

    async def to_the_end(self) -> Evaluation:
        """Raises LeaseLostError as soon as the run is no longer ours."""
        started = time.perf_counter()
        try:
            await self._answer_and_store()
        except LeaseLostError:
            raise
        except BaseException as exc:
            with suppress(LeaseLostError):
                await asyncio.to_thread(self._finish, started, _reason_of(exc))
            raise
        return await asyncio.to_thread(self._finish, started, self._reason)

    async def _answer_and_store(self) -> None:
        provider = self._services.open_provider(self._settings)
        self._asker = Asker(provider, max_attempts=self._settings.max_attempts)
        try:
            self._content = await asyncio.to_thread(self._load_content)
            await asyncio.to_thread(self._services.prices.load, self._priced_as)
            self._progress = await asyncio.to_thread(self._count_stored)
            self._on_progress(self._progress)
            work = asyncio.create_task(self._work())
            try:
                await self._write_until_done(work)
            finally:
                work.cancel()
                await asyncio.gather(work, return_exceptions=True)
        finally:
            await provider.aclose()

    # --- asking -----------------------------------------------------------------------------------------------------

    async def _work(self) -> None:
        """Feeds the workers until there is nothing left, or the run is stopped."""
        feeder = asyncio.create_task(self._feed())
        workers = [asyncio.create_task(self._worker()) for _ in range(self._settings.concurrency)]
        stopped = asyncio.create_task(self._stop.wait())
        busy: set[asyncio.Task[Any]] = {feeder, *workers}
        try:
            while busy and not stopped.done():
                done, _ = await asyncio.wait({*busy, stopped}, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    task.result()  # a fault of ours ends the run
                busy -= done
            if busy:
                self._reason = self._reason or "Interrupted."
                feeder.cancel()
                self._dismiss_workers()
                await asyncio.wait(workers, timeout=STOP_GRACE_SECONDS)  # calls under way may still answer
        finally:
            for task in (feeder, stopped, *workers):
                task.cancel()
            await asyncio.gather(feeder, stopped, *workers, return_exceptions=True)

    async def _feed(self) -> None:
        async for job in self._pending_jobs():
            await self._jobs.put(job)
        for _ in range(self._settings.concurrency):
            await self._jobs.put(None)

    def _dismiss_workers(self) -> None:
        while not self._jobs.empty():
            self._jobs.get_nowait()
        for _ in range(self._settings.concurrency):
            self._jobs.put_nowait(None)

    async def _pending_jobs(self) -> AsyncIterator[_Job]:
        evaluation, after = self._evaluation, -1
        assert evaluation.suite_id is not None  # `start` refuses a run without a suite
        while True:
            page = await asyncio.to_thread(
                self._services.suites.next_cases,
                evaluation.suite_id,
                after=after,
                limit=PAGE_SIZE,
                case_filter=self._settings.case_filter,
            )
            if not page:
                return
            first, after = page[0][0], page[-1][0]
            answered = await asyncio.to_thread(self._answered, first, after) if self._resumed else set()
            for position, case in page:
                for repeat in range(1, self._settings.repeats + 1):
                    if (position, repeat) not in answered:
                        yield _Job(position, repeat, case)

    async def _worker(self) -> None:
        while (job := await self._jobs.get()) is not None:
            result = await self._answer(job)
            self._watch(result)
            await self._results.put(result)

    def _watch(self, result: CaseResult) -> None:
        """Stops a run that gets no answers: a thousand calls to a server that is down prove nothing more."""
        self._errors_in_a_row = self._errors_in_a_row + 1 if result.error is not None else 0
        limit = max(LEAST_BREAKER_ERRORS, self._settings.concurrency)
        if self._errors_in_a_row >= limit and self._reason is None:
            self._reason = f"Stopped after {limit} cases in a row without an answer. The last: {result.error}"
            self._stop.set()

    async def _answer(self, job: _Job) -> CaseResult:
        case, content = job.case, self._content
        try:
            request = CompletionRequest(
                prompt=fill(content.text, case.variables),
                system_message=None
                if content.system_message is None
                else fill(content.system_message, case.variables),
                model=self._settings.model,
                parameters=self._settings.parameters,
                timeout_seconds=self._settings.timeout_seconds,
                case_name=case.name,
                repeat=job.repeat,
                content_hash=self._evaluation.content_hash,
            )
            assertions = [assertion.filled(case.scope) for assertion in case.assertions]
        except RuleViolationError as exc:
            return self._errored(job, str(exc), attempts=1)
        try:
            reply = await self._asker.ask(request)
        except NoAnswerError as exc:
            return self._errored(job, str(exc), attempts=exc.attempts)
        completion = reply.completion
        cost = self._services.prices.cost_usd(
            provider=self._priced_as,
            model=completion.model or self._settings.model,
            prompt_tokens=completion.prompt_tokens,
            completion_tokens=completion.completion_tokens,
        )
        answer = Answer(completion.text, reply.latency_ms, cost)

        def judge() -> tuple[AssertionResult, ...]:
            return tuple(self._services.scorer.score(assertion, answer) for assertion in assertions)

        is_slow = len(answer.text) > _INLINE_CHARACTERS or any(a.type in _SLOW_ASSERTIONS for a in assertions)
        judged = await asyncio.to_thread(judge) if is_slow else judge()
        score, passed = grade(judged, case.threshold)
        return CaseResult(
            position=job.position,
            repeat=job.repeat,
            case_name=case.name,
            input=case.variables,
            score=score,
            passed=passed,
            assertions=judged,
            latency_ms=round(reply.latency_ms, 3),
            attempts=reply.attempts,
            expected=case.expected,
            output=completion.text,
            prompt_tokens=completion.prompt_tokens,
            completion_tokens=completion.completion_tokens,
            cost_usd=cost,
        )

    def _errored(self, job: _Job, error: str, *, attempts: int) -> CaseResult:
        return CaseResult(
            position=job.position,
            repeat=job.repeat,
            case_name=job.case.name,
            input=job.case.variables,
            score=Score(0.0),
            passed=False,
            assertions=(),
            latency_ms=0.0,
            attempts=attempts,
            expected=job.case.expected,
            error=error,
        )

    # --- storing (each call is one transaction, in a thread) ----------------------------------------------------------

    async def _write_until_done(self, work: "asyncio.Task[None]") -> None:
        last_beat = time.monotonic()
        while True:
            await asyncio.wait([work], timeout=BATCH_SECONDS)
            is_done = work.done()  # asked before draining: whatever is put later is not ours to miss
            batch = [self._results.get_nowait() for _ in range(self._results.qsize())]
            if batch or time.monotonic() - last_beat > BEAT_SECONDS:
                await asyncio.to_thread(self._store, batch)
                last_beat = time.monotonic()
                self._advance(batch)
            if is_done:
                work.result()
                return

    def _store(self, batch: list[CaseResult]) -> None:
        with self._services.unit_of_work() as uow:
            evaluation = uow.evaluations.get(self._evaluation.id)
            evaluation.renew(owner=self._owner, now=self._services.now())
            uow.evaluations.add_results(evaluation, batch)
            uow.commit()

    def _finish(self, started: float, reason: str | None) -> Evaluation:
        with self._services.unit_of_work() as uow:
            evaluation = uow.evaluations.get(self._evaluation.id)
            evaluation.finish(
                uow.evaluations.summarise(evaluation.id),
                owner=self._owner,
                elapsed_ms=round((time.perf_counter() - started) * 1000),
                error=reason,
                now=self._services.now(),
            )
            uow.commit()
        return evaluation

    def reload(self) -> Evaluation:
        with self._services.unit_of_work() as uow:
            return uow.evaluations.get(self._evaluation.id)

    def _load_content(self) -> PromptContent:
        found = self._services.prompts.get_version(
            self._evaluation.prompt_id, self._evaluation.prompt_version
        )
        return PromptContent(found.content, found.system_message)

    def _answered(self, first: int, last: int) -> set[tuple[int, int]]:
        return self._services.evaluations.answered(self._evaluation.id, first=first, last=last)

    def _count_stored(self) -> Progress:
        if not self._resumed:
            return self._progress
        with self._services.unit_of_work() as uow:
            summary = uow.evaluations.summarise(self._evaluation.id)
        # errored cases are asked again, so they do not count as done
        return Progress(self._evaluation.total, summary.passed, summary.failed, 0)

    def _advance(self, batch: list[CaseResult]) -> None:
        if not batch:
            return
        outcomes = [result.outcome for result in batch]
        self._progress = Progress(
            self._progress.total,
            self._progress.passed + outcomes.count(Outcome.PASSED),
            self._progress.failed + outcomes.count(Outcome.FAILED),
            self._progress.errored + outcomes.count(Outcome.ERRORED),
        )
        self._on_progress(self._progress)


def _reason_of(exc: BaseException) -> str:
    if isinstance(exc, asyncio.CancelledError):
        return "Interrupted."
    return f"The run broke off: {exc if isinstance(exc, DomainError) else type(exc).__name__}"
