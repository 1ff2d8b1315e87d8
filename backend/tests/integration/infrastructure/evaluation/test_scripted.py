"""Recordings: how they are read, which one answers, and what is said when none does."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from src.application.evaluation.ports import Completion, CompletionRequest, ProviderError
from src.domain.evaluation.errors import SuiteFileError
from src.domain.shared.errors import RuleViolationError
from src.infrastructure.evaluation.providers.scripted import ScriptedProvider, load_recordings


def hash_of(path: Path) -> str:
    """Stands in for the content hash of a prompt file."""
    try:
        return f"hash of {path.read_text()}"
    except OSError as exc:
        raise RuleViolationError(f"{path.name}: cannot be read.") from exc


def recorded(folder: Path, *lines: object, **prompts: str) -> Path:
    for name, text in prompts.items():
        (folder / f"{name}.md").write_text(text)
    path = folder / "answers.jsonl"
    path.write_text("\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines))
    return path


def opened(folder: Path, *lines: object, **prompts: str) -> ScriptedProvider:
    return ScriptedProvider(load_recordings(recorded(folder, *lines, **prompts), hash_of))


def refusal(folder: Path, *lines: object, **prompts: str) -> SuiteFileError:
    with pytest.raises(SuiteFileError) as caught:
        opened(folder, *lines, **prompts)
    return caught.value


def answer(
    provider: ScriptedProvider, case: str = "a", *, repeat: int = 1, content_hash: str = ""
) -> Completion:
    request = CompletionRequest("any prompt", None, None, {}, 5.0, case, repeat, content_hash)

    async def ask() -> Completion:
        try:
            return await provider.complete(request)
        finally:
            await provider.aclose()

    return asyncio.run(ask())


def missing(provider: ScriptedProvider, case: str = "a", *, repeat: int = 1, content_hash: str = "") -> str:
    with pytest.raises(ProviderError) as caught:
        answer(provider, case, repeat=repeat, content_hash=content_hash)
    assert not caught.value.retryable
    return str(caught.value)


def test_recorded_answer_is_replayed(tmp_path: Path) -> None:
    provider = opened(
        tmp_path,
        {"case": "a", "answer": "Grüße", "prompt_tokens": 5, "completion_tokens": 0},
        "",
        {"case": "b", "answer": ""},
    )
    assert answer(provider) == Completion("Grüße", prompt_tokens=5, completion_tokens=0)
    assert answer(provider, "b") == Completion("")


def test_recording_of_a_prompt_answers_that_text_only(tmp_path: Path) -> None:
    provider = opened(
        tmp_path,
        {"case": "a", "prompt": "v1.md", "answer": "one"},
        {"case": "a", "prompt": "v2.md", "answer": "two"},
        v1="first",
        v2="second",
    )
    assert answer(provider, content_hash="hash of first").text == "one"
    assert answer(provider, content_hash="hash of second").text == "two"
    assert missing(provider, content_hash="hash of third") == (
        "no recorded answer for case 'a' and this prompt text; answers.jsonl has recordings for v1.md, v2.md"
    )


def test_most_specific_recording_wins(tmp_path: Path) -> None:
    provider = opened(
        tmp_path,
        {"case": "a", "answer": "any"},
        {"case": "a", "repeat": 2, "answer": "any, second"},
        {"case": "a", "prompt": "v1.md", "answer": "v1"},
        {"case": "a", "prompt": "v1.md", "repeat": 2, "answer": "v1, second"},
        v1="first",
    )
    assert [answer(provider, repeat=n).text for n in (1, 2, 3)] == ["any", "any, second", "any"]
    assert [answer(provider, repeat=n, content_hash="hash of first").text for n in (1, 2, 3)] == [
        "v1",
        "v1, second",
        "v1",
    ]


def test_missing_case_is_named_beside_those_that_are_there(tmp_path: Path) -> None:
    provider = opened(tmp_path, *({"case": f"c{n}", "answer": "x"} for n in range(8)))
    assert missing(provider, "nope") == (
        "no recorded answer for case 'nope'; answers.jsonl has recordings for c0, c1, c2, c3, c4 and 3 more"
    )


def test_missing_repeat_is_named_beside_those_that_are_there(tmp_path: Path) -> None:
    provider = opened(
        tmp_path, {"case": "a", "repeat": 2, "answer": "x"}, {"case": "a", "repeat": 1, "answer": "x"}
    )
    assert (
        missing(provider, repeat=3)
        == "no recorded answer for case 'a', repeat 3; answers.jsonl has repeat 1, 2"
    )


@pytest.mark.parametrize(
    ("line", "field", "reason"),
    [
        ("{", None, "broken JSON"),
        ("[1]", None, "takes a mapping"),
        ({"answer": "x"}, "case", "is missing"),
        ({"case": "a"}, "answer", "is missing"),
        ({"case": "a", "answer": {"x": 1}}, "answer", "takes a text"),
        ({"case": 5, "answer": "x"}, "case", "takes a text"),
        ({"case": "a", "answer": "x", "repeat": 0}, "repeat", "at least 1"),
        ({"case": "a", "answer": "x", "repeat": "1"}, "repeat", "takes a whole number"),
        ({"case": "a", "answer": "x", "repeat": True}, "repeat", "takes a whole number"),
        ({"case": "a", "answer": "x", "prompt_tokens": -1}, "prompt_tokens", "at least 0"),
        ({"case": "a", "anwser": "x"}, "anwser", "did you mean 'answer'"),
        ({"case": "a", "answer": "x", "prompt_hash": "y"}, "prompt_hash", "unknown key"),
        ({"case": "a", "answer": "x", "prompt": "none.md"}, "prompt", "none.md: cannot be read"),
    ],
)
def test_wrong_line_is_named_with_file_line_and_field(
    tmp_path: Path, line: object, field: str | None, reason: str
) -> None:
    error = refusal(tmp_path, {"case": "ok", "answer": "x"}, "", line)
    assert (error.file, error.line, error.field) == (str(tmp_path / "answers.jsonl"), 3, field)
    assert reason in str(error)


def test_half_a_surrogate_pair_is_refused(tmp_path: Path) -> None:
    assert refusal(tmp_path, '{"case": "a", "answer": "\\ud83d"}').line == 1


def test_two_answers_to_the_same_question_are_refused(tmp_path: Path) -> None:
    same = {"case": "a", "answer": "x"}
    assert "first in line 1" in str(refusal(tmp_path, same, {**same, "repeat": 1}, {**same, "answer": "y"}))


def test_two_prompt_files_with_the_same_text_are_the_same_prompt(tmp_path: Path) -> None:
    error = refusal(
        tmp_path,
        {"case": "a", "prompt": "v1.md", "answer": "x"},
        {"case": "a", "prompt": "v2.md", "answer": "y"},
        v1="same",
        v2="same",
    )
    assert error.line == 2


def test_file_without_recordings_is_refused(tmp_path: Path) -> None:
    assert "no recordings" in str(refusal(tmp_path, "", " "))


def test_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(SuiteFileError) as caught:
        load_recordings(tmp_path / "none.jsonl", hash_of)
    assert caught.value.file == str(tmp_path / "none.jsonl")


def test_each_prompt_file_is_read_once(tmp_path: Path) -> None:
    read: list[Path] = []

    def watched(prompt: Path) -> str:
        read.append(prompt)
        return "hash"

    path = recorded(tmp_path, *({"case": f"{n}", "prompt": "v1.md", "answer": "x"} for n in range(5)))
    load_recordings(path, watched)
    assert read == [tmp_path / "v1.md"]


def test_recordings_of_a_request_answer_too() -> None:
    provider = ScriptedProvider.of(
        [{"case": "a", "answer": "x", "prompt_hash": "h1"}, {"case": "a", "answer": "y", "repeat": 2}]
    )
    assert answer(provider, content_hash="h1").text == "x"
    assert answer(provider, repeat=2).text == "y"
    assert "answers has repeat 2" in missing(provider)


@pytest.mark.parametrize(
    ("answers", "field"),
    [
        ([], None),
        (["x"], "answers[0]"),
        ([{"case": "a", "answer": "x"}, {"case": "b"}], "answers[1].answer"),
        ([{"case": "a", "answer": "x", "prompt": "/etc/passwd"}], "answers[0].prompt"),
    ],
)
def test_wrong_recording_of_a_request_is_named(answers: list[Any], field: str | None) -> None:
    with pytest.raises(SuiteFileError) as caught:
        ScriptedProvider.of(answers)
    assert caught.value.field == field


def test_a_replay_lets_other_tasks_have_their_turn() -> None:
    provider = ScriptedProvider.of([{"case": "a", "answer": "x"}])
    request = CompletionRequest("", None, None, {}, 5.0, "a", 1, "")

    async def ask() -> list[str]:
        order: list[str] = []

        async def other() -> None:
            order.append("other")

        task = asyncio.create_task(other())
        await provider.complete(request)
        order.append("replay")
        await task
        return order

    assert asyncio.run(ask()) == ["other", "replay"]
