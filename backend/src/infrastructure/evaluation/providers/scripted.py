"""Recorded answers, replayed."""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from src.application.evaluation.ports import Completion, CompletionRequest, ProviderError
from src.domain.evaluation.errors import SuiteFileError
from src.domain.shared.errors import RuleViolationError
from src.domain.shared.placeholders import JsonValue
from src.infrastructure.shared.input_files.json_text import parse_json
from src.infrastructure.shared.input_files.located import UNSTORABLE, Field
from src.infrastructure.shared.input_files.source import Source

_ANSWER_KEYS = ("case", "answer", "repeat", "prompt_tokens", "completion_tokens")


@dataclass(frozen=True, slots=True)
class Recording:
    """An answer to one case; to any prompt and every repeat of it, unless it names them.

    `prompt_hash` is the content hash of the prompt that it was recorded with, `prompt` what people call that prompt.
    """

    case: str
    answer: str
    repeat: int | None = None
    prompt_hash: str | None = None
    prompt: str | None = None
    prompt_tokens: int | None = None
    completion_tokens: int | None = None


@dataclass(frozen=True, slots=True)
class Recordings:
    """Recordings in order, and the name of where they come from."""

    source: str
    items: tuple[Recording, ...]


class ScriptedProvider:
    """Replays recorded answers: no model is asked, whatever the run's model and parameters say.

    What it shows is how recorded answers fare against a suite, which serves examples, tests and CI without a key. It
    says nothing about a prompt for which no answers were recorded: its cases get no answer, and an error that says so.
    """

    def __init__(self, recordings: Recordings) -> None:
        self._source = recordings.source
        self._cases: dict[str, dict[tuple[str | None, int | None], Recording]] = {}
        for item in recordings.items:
            self._cases.setdefault(item.case, {})[item.prompt_hash, item.repeat] = item

    @classmethod
    def of(cls, answers: Sequence[JsonValue], *, source: str = "answers") -> "ScriptedProvider":
        """From mappings with `case`, `answer` and, if wanted, `repeat`, `prompt_hash` and token counts.

        Raises SuiteFileError naming the item and the key that are wrong.
        """
        places = Field(list(answers), source, 1, "answers").items()
        return cls(Recordings(source, _checked(map(_recording, places), file=source)))

    async def complete(self, request: CompletionRequest) -> Completion:
        """The most specific recording wins: one for this prompt text before one for any, then one for this repeat."""
        await asyncio.sleep(0)  # nothing here waits, and the other tasks of the run want their turn
        found = self._cases.get(request.case_name, {})
        for prompt_hash in (request.content_hash, None):
            for repeat in (request.repeat, None):
                if recording := found.get((prompt_hash, repeat)):
                    return Completion(
                        text=recording.answer,
                        prompt_tokens=recording.prompt_tokens,
                        completion_tokens=recording.completion_tokens,
                    )
        raise ProviderError(self._missing(request, list(found.values())))

    async def aclose(self) -> None:
        """Nothing is open."""

    def _missing(self, request: CompletionRequest, found: list[Recording]) -> str:
        case = f"no recorded answer for case {request.case_name!r:.100}"
        if not found:
            return f"{case}; {self._source} has recordings for {_listed(self._cases)}"
        fitting = [item for item in found if item.prompt_hash in (request.content_hash, None)]
        if not fitting:
            prompts = dict.fromkeys(item.prompt or f"prompt {item.prompt_hash!s:.12}" for item in found)
            return f"{case} and this prompt text; {self._source} has recordings for {_listed(prompts)}"
        repeats = sorted({item.repeat for item in fitting if item.repeat is not None})
        return f"{case}, repeat {request.repeat}; {self._source} has repeat {_listed(map(str, repeats))}"


def load_recordings(path: Path, prompt_hash_of: Callable[[Path], str]) -> Recordings:
    """From JSONL, one recording a line; its `prompt` names a prompt file, relative to the folder of `path`.

    `prompt_hash_of` reads a prompt file and gives its content hash; the RuleViolationError that it raises for a bad one
    is reported with the line that names it. Raises SuiteFileError.
    """
    label = str(path)
    hashes: dict[str, str] = {}

    def read(number: int, line: str) -> tuple[Field, Recording]:
        place = Field(None, label, number)
        place = place._replace(value=parse_json(line, place))
        fields = place.mapping((*_ANSWER_KEYS, "prompt"))
        prompt = fields["prompt"].text() if "prompt" in fields else None
        if prompt is not None and prompt not in hashes:
            try:
                hashes[prompt] = prompt_hash_of(path.parent / prompt)
            except RuleViolationError as exc:
                raise fields["prompt"].error(str(exc)) from exc
        prompt_hash = hashes[prompt] if prompt is not None else None
        return place, _filled(place, fields, prompt_hash=prompt_hash, prompt=prompt)

    with closing(Source(label, path).lines()) as lines:  # a line that is refused must not leave the file open
        read_lines = (read(number, line) for number, line in enumerate(lines, start=1) if line.strip())
        return Recordings(path.name, _checked(read_lines, file=label))


def _recording(place: Field) -> tuple[Field, Recording]:
    fields = place.mapping((*_ANSWER_KEYS, "prompt_hash"))
    prompt_hash = fields["prompt_hash"].text() if "prompt_hash" in fields else None
    return place, _filled(place, fields, prompt_hash=prompt_hash, prompt=None)


def _filled(
    place: Field, fields: Mapping[str, Field], *, prompt_hash: str | None, prompt: str | None
) -> Recording:
    for key in ("case", "answer"):
        if key not in fields:
            raise place.child(key).error("is missing.")
    return Recording(
        case=_storable(fields["case"]),
        answer=_storable(fields["answer"]),
        repeat=_count(fields.get("repeat"), least=1),
        prompt_hash=prompt_hash,
        prompt=prompt,
        prompt_tokens=_count(fields.get("prompt_tokens"), least=0),
        completion_tokens=_count(fields.get("completion_tokens"), least=0),
    )


def _checked(read: Iterable[tuple[Field, Recording]], *, file: str) -> tuple[Recording, ...]:
    """Raises SuiteFileError when there is none, or when two would answer the same question."""
    seen: dict[tuple[str, str | None, int | None], Field] = {}
    items = []
    for place, item in read:
        first = seen.setdefault((item.case, item.prompt_hash, item.repeat), place)
        if first is not place:
            where = first.path or f"line {first.line}"
            raise place.error(
                f"case {item.case!r:.100} is recorded twice for the same prompt text and repeat; first in {where}."
            )
        items.append(item)
    if not items:
        raise SuiteFileError("there are no recordings in it.", file=file)
    return tuple(items)


def _storable(field: Field) -> str:
    text = field.text()
    if UNSTORABLE.search(text):
        raise field.error("holds a NUL character or half of a surrogate pair.")
    return text


def _count(field: Field | None, *, least: int) -> int | None:
    if field is None:
        return None
    value = field.integer()
    if value < least:
        raise field.error(f"is at least {least}, not {value}.")
    return value


def _listed(names: Iterable[str]) -> str:
    known = list(names)
    shown = ", ".join(f"{name:.60}" for name in known[:5])
    return shown if len(known) <= 5 else f"{shown} and {len(known) - 5} more"
