"""The providers against a real server: what they send, and what they make of its answers."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from src.application.evaluation.ports import (
    Completion,
    CompletionRequest,
    Provider,
    ProviderSetupError,
)
from src.infrastructure.evaluation.providers.anthropic import AnthropicProvider
from src.infrastructure.evaluation.providers.openai_compatible import OpenAiCompatibleProvider
from tests.integration.infrastructure.evaluation.provider_calls import (
    KEY,
    a_request,
    anthropic,
    asked,
    failure,
    openai,
    refused,
)
from tests.llm_server import FakeLlm, HttpReply, anthropic_answer, openai_answer


@pytest.fixture
def llm() -> Iterator[FakeLlm]:
    with FakeLlm() as server:
        yield server


def test_openai_gets_messages_model_parameters_and_key(llm: FakeLlm) -> None:
    asked(openai(llm), a_request("Hi", system_message="Be brief.", temperature=0, max_tokens=5))

    call = llm.requests[0]
    assert call.path == "/v1/chat/completions"
    assert call.headers["authorization"] == f"Bearer {KEY}"
    assert call.body == {
        "model": "some-model",
        "temperature": 0,
        "max_tokens": 5,
        "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"}],
    }


def test_anthropic_gets_system_beside_messages_and_max_tokens_by_default(llm: FakeLlm) -> None:
    asked(anthropic(llm), a_request("Hi", system_message="Be brief."))

    call = llm.requests[0]
    assert call.path == "/v1/messages"
    assert call.headers["x-api-key"] == KEY
    assert call.headers["anthropic-version"] == "2023-06-01"
    assert call.body == {
        "model": "some-model",
        "max_tokens": 1024,
        "system": "Be brief.",
        "messages": [{"role": "user", "content": "Hi"}],
    }


def test_anthropic_max_tokens_can_be_set(llm: FakeLlm) -> None:
    asked(anthropic(llm), a_request(max_tokens=7))
    assert llm.requests[0].body["max_tokens"] == 7


@pytest.mark.parametrize("key", [None, "", "  \n"])
def test_no_key_sends_no_authorization(llm: FakeLlm, key: str | None) -> None:
    asked(openai(llm, key=key), a_request())
    asked(anthropic(llm, key=key), a_request())
    assert not any({"authorization", "x-api-key"} & call.headers.keys() for call in llm.requests)


def test_line_break_at_the_end_of_a_key_is_dropped(llm: FakeLlm) -> None:
    asked(openai(llm, key=f"{KEY}\n"), a_request())
    assert llm.requests[0].headers["authorization"] == f"Bearer {KEY}"


def test_query_of_the_base_url_is_kept(llm: FakeLlm) -> None:
    asked(OpenAiCompatibleProvider(f"{llm.base_url}/x/?api-version=2", KEY, 1), a_request())
    assert llm.requests[0].path == "/x/chat/completions?api-version=2"


def test_no_model_is_left_to_an_openai_compatible_server(llm: FakeLlm) -> None:
    asked(openai(llm), a_request(model=None))
    assert "model" not in llm.requests[0].body


def test_anthropic_without_a_model_is_refused(llm: FakeLlm) -> None:
    assert "model" in str(failure(anthropic(llm), a_request(model=None)))


@pytest.mark.parametrize("name", ["messages", "stream", "model"])
@pytest.mark.parametrize("make", [openai, anthropic])
def test_parameters_cannot_replace_what_the_run_decides(
    llm: FakeLlm, make: Callable[[FakeLlm], Provider], name: str
) -> None:
    request = CompletionRequest("Hi", None, "m", {name: True}, 5.0, "case", 1, "")
    error = failure(make(llm), request)
    assert name in str(error)
    assert not error.retryable
    assert llm.requests == []


def test_parameters_that_are_not_json_are_refused(llm: FakeLlm) -> None:
    assert "parameters" in str(failure(openai(llm), a_request(temperature=float("nan"))))


def test_connections_are_kept_and_no_more_are_open_than_concurrency(llm: FakeLlm) -> None:
    with FakeLlm(latency_seconds=0.02) as slow:
        answers = asked(openai(slow, concurrency=3), *(a_request(f"{i}") for i in range(12)))
        assert [answer.text for answer in answers] == [f"{i}" for i in range(12)]
        assert slow.most_at_once == 3


@pytest.mark.parametrize(
    "url",
    [
        "",
        "api.openai.com/v1",
        "ftp://host/v1",
        "file:///etc/passwd",
        "http://",
        "http://host:0",
        "http://host:x",
        "http://[",
    ],
)
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(ProviderSetupError, match="base_url"):
        OpenAiCompatibleProvider(url, KEY, 1)


def test_password_in_the_address_is_refused_and_not_repeated() -> None:
    with pytest.raises(ProviderSetupError) as caught:
        AnthropicProvider("https://me:hidden@host/v1", KEY, 1)
    assert "hidden" not in str(caught.value)


@pytest.mark.parametrize("key", ["sk-a\nX-Other: 1", "sk-ключ"])
def test_key_that_fits_no_header_is_refused_and_not_repeated(key: str) -> None:
    with pytest.raises(ProviderSetupError) as caught:
        OpenAiCompatibleProvider("http://127.0.0.1", key, 1)
    assert "sk-" not in str(caught.value)


def test_host_that_cannot_exist_is_a_provider_error() -> None:
    error = failure(OpenAiCompatibleProvider("http://a..b/v1", None, 1))
    assert str(error) == "cannot connect to a..b:80: its name is unknown, or there is no network"
    assert (error.retryable, error.unreachable) == (True, True)


def test_prompt_with_half_a_surrogate_pair_is_sent(llm: FakeLlm) -> None:
    assert asked(openai(llm), a_request("a\ud83d"))[0].text == "a\ufffd"


@pytest.mark.parametrize("make", [openai, anthropic])
def test_answer_has_text_model_and_tokens(llm: FakeLlm, make: Callable[[FakeLlm], Provider]) -> None:
    llm.reply(lambda _: "Grüße, 世界 🙂")
    [answer] = asked(make(llm), a_request(model="m-1"))
    assert answer == Completion("Grüße, 世界 🙂", model="m-1", prompt_tokens=11, completion_tokens=7)


def test_openai_parts_are_joined(llm: FakeLlm) -> None:
    parts: Any = [{"type": "text", "text": "a"}, {"type": "image_url"}, {"type": "text", "text": "b"}]
    llm.reply(lambda _: HttpReply(body=openai_answer(parts)))
    assert asked(openai(llm), a_request())[0].text == "ab"


def test_anthropic_text_blocks_are_joined(llm: FakeLlm) -> None:
    body = anthropic_answer("a", "b")
    body["content"].insert(1, {"type": "thinking", "thinking": "hm"})
    llm.reply(lambda _: HttpReply(body=body))
    assert asked(anthropic(llm), a_request())[0].text == "ab"


def test_empty_text_is_an_answer(llm: FakeLlm) -> None:
    llm.reply(lambda _: "")
    assert asked(openai(llm), a_request())[0].text == ""
    assert asked(anthropic(llm), a_request())[0].text == ""


def test_refusal_is_the_answer(llm: FakeLlm) -> None:
    llm.reply(lambda _: HttpReply(body=openai_answer(None, refusal="I can't help with that.")))
    assert asked(openai(llm), a_request())[0].text == "I can't help with that."


def test_no_content_is_no_answer_and_says_why(llm: FakeLlm) -> None:
    body = openai_answer(None)
    body["choices"][0]["finish_reason"] = "length"
    error = refused(llm, HttpReply(body=body))
    assert str(error) == "empty answer (finish_reason=length)"
    assert not error.retryable


def test_no_text_block_is_no_answer_and_says_why(llm: FakeLlm) -> None:
    llm.reply(lambda _: HttpReply(body={**anthropic_answer(), "stop_reason": "tool_use"}))
    assert str(failure(anthropic(llm))) == "empty answer (stop_reason=tool_use)"


def test_characters_that_no_database_takes_are_replaced(llm: FakeLlm) -> None:
    llm.reply(lambda _: "a\0b\ud83dc")
    assert asked(openai(llm), a_request())[0].text == "a\ufffdb\ufffdc"


@pytest.mark.parametrize(
    "usage",
    [None, {}, [], {"prompt_tokens": "5", "completion_tokens": True}, {"prompt_tokens": -1}],
)
def test_odd_usage_is_unknown_usage(llm: FakeLlm, usage: object) -> None:
    llm.reply(lambda _: HttpReply(body={**openai_answer("x"), "usage": usage, "model": 5}))
    assert asked(openai(llm), a_request()) == [Completion("x")]


@pytest.mark.parametrize(
    "body",
    [
        b"<html>hello</html>",
        b"",
        b"\xff\xfe{}",
        b"null",
        b"[]",
        b'{"choices": []}',
        b'{"choices": {}}',
        b'{"choices": [null]}',
        b'{"choices": [{"message": "hi"}]}',
        b'{"choices": [{"message": {"content": 5}}]}',
        b'{"choices": [{"message": {"content": "cut off',
        b"[" * 100_000,
    ],
)
def test_garbage_is_no_answer_and_is_shown(llm: FakeLlm, body: bytes) -> None:
    error = refused(llm, HttpReply(body=body))
    assert "answered something that is not a chat completion: " in str(error)
    assert body[:10].decode(errors="replace") in str(error)
    assert len(str(error)) < 300
    assert not error.retryable


@pytest.mark.parametrize("body", [b"{}", b'{"content": "text"}', b'{"content": [{"type": "text"}]}'])
def test_garbage_from_anthropic_is_no_answer(llm: FakeLlm, body: bytes) -> None:
    llm.reply(lambda _: HttpReply(body=body))
    assert "not a chat completion" in str(failure(anthropic(llm)))


@pytest.mark.parametrize(("code", "retryable"), [(429, True), (400, False), ("bad", False)])
def test_error_inside_a_success_is_an_error(llm: FakeLlm, code: object, retryable: bool) -> None:
    error = refused(llm, HttpReply(body={"error": {"message": "upstream is tired", "code": code}}))
    assert str(error).endswith("answered with an error: upstream is tired")
    assert error.retryable is retryable
