"""What the evaluation use cases ask of the outside: a model, a scorer, a price list, a suite to read."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple, Protocol

from src.domain.evaluation.assertion import Assertion
from src.domain.evaluation.score import AssertionResult
from src.domain.evaluation.suite import TestCase
from src.domain.shared.errors import RuleViolationError
from src.domain.shared.placeholders import JsonValue


class CompletionRequest(NamedTuple):
    """One question to a model.

    `case_name`, `repeat` (from 1) and `content_hash` (of the unfilled prompt) are for providers that replay recorded
    answers; a real one ignores them. `timeout_seconds` bounds the whole call.
    """

    prompt: str
    system_message: str | None
    model: str | None
    parameters: Mapping[str, JsonValue]
    timeout_seconds: float
    case_name: str
    repeat: int
    content_hash: str


class Completion(NamedTuple):
    """A model's answer. `model` is the one that answered, by its own word; unknown token counts are None."""

    text: str
    model: str | None = None
    prompt_tokens: int | None = None
    completion_tokens: int | None = None


class ProviderError(Exception):
    """No answer. `retryable`: the same call may succeed later; `retry_after`: seconds that the provider asked to wait.

    `unreachable`: nothing answered at that address at all. The message is shown to people and holds no secret.
    """

    def __init__(
        self,
        message: str,
        *,
        retryable: bool = False,
        retry_after: float | None = None,
        unreachable: bool = False,
    ) -> None:
        super().__init__(message)
        self.retryable, self.retry_after, self.unreachable = retryable, retry_after, unreachable


class ProviderSetupError(RuleViolationError):
    """The provider cannot even be asked: an unknown name, no key, a file of answers that is wrong."""

    code = "provider_setup"
    title = "The provider is not set up"


class Provider(Protocol):
    async def complete(self, request: CompletionRequest) -> Completion:
        """Raises ProviderError, and nothing else that a provider can cause."""

    async def aclose(self) -> None: ...


class Answer(NamedTuple):
    """What assertions look at. `cost_usd` is None when the model has no known price."""

    text: str
    latency_ms: float
    cost_usd: float | None


class Scorer(Protocol):
    def check(self, assertion: Assertion) -> None:
        """Raises BadAssertionError for an assertion that can never work (a regex or schema that does not compile)."""

    def score(self, assertion: Assertion, answer: Answer) -> AssertionResult:
        """Judges `answer` by an assertion whose placeholders are filled. Never raises, never runs for ever."""


class PriceBook(Protocol):
    def load(self, provider: str) -> None:
        """Makes `cost_usd` quick for this provider. May take a second: call it in a thread, before the first answer."""

    def cost_usd(
        self, *, provider: str, model: str | None, prompt_tokens: int | None, completion_tokens: int | None
    ) -> float | None:
        """Price of one call; None when the model or its usage is unknown."""


class SuiteSource(Protocol):
    """A suite that can be read: a file, or a request body. `cases` may be walked more than once."""

    name: str
    description: str | None
    threshold: float

    def cases(self) -> Iterator[TestCase]:
        """Cases in order, defaults merged in. Raises SuiteFileError where the source is wrong."""


class RunDefaults(NamedTuple):
    """What a suite file says about how to run it; None where it says nothing.

    Paths begin at the suite file's folder and may lead nowhere.
    """

    prompt_name: str | None = None
    prompt_file: Path | None = None
    provider: str | None = None
    base_url: str | None = None
    api_key_env: str | None = None
    answers: Path | None = None
    model: str | None = None
    parameters: Mapping[str, JsonValue] | None = None
    repeats: int | None = None
    concurrency: int | None = None
    timeout_seconds: float | None = None
    max_attempts: int | None = None


class SuiteFile(SuiteSource, Protocol):
    @property
    def run(self) -> RunDefaults: ...
