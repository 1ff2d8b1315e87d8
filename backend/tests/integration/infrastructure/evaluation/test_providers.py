"""The providers against a real server: what they send, what they make of answers, and of everything that goes wrong."""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest

from src.application.evaluation.ports import (
    Completion,
    CompletionRequest,
    Provider,
    ProviderError,
    ProviderSetupError,
)
from src.infrastructure.evaluation.providers.anthropic import AnthropicProvider
from src.infrastructure.evaluation.providers.http import MAX_ANSWER_BYTES
from src.infrastructure.evaluation.providers.openai_compatible import OpenAiCompatibleProvider
from tests.llm_server import FakeLlm, HttpReply, anthropic_answer, openai_answer

KEY = "sk-secret-0123456789"


@pytest.fixture
def llm() -> Iterator[FakeLlm]:
    with FakeLlm() as server:
        yield server


def a_request(
    prompt: str = "Hello?",
    *,
    system_message: str | None = None,
    model: str | None = "some-model",
    timeout_seconds: float = 10.0,
    **parameters: Any,
) -> CompletionRequest:
    return CompletionRequest(
        prompt=prompt,
        system_message=system_message,
        model=model,
        parameters=parameters,
        timeout_seconds=timeout_seconds,
        case_name="case-0001",
        repeat=1,
        content_hash="0" * 64,
    )


def openai(llm: FakeLlm, *, key: str | None = KEY, concurrency: int = 4) -> Provider:
    return OpenAiCompatibleProvider(f"{llm.base_url}/v1", key, concurrency)


def anthropic(llm: FakeLlm, *, key: str | None = KEY) -> Provider:
    return AnthropicProvider(llm.base_url, key, 4)


def asked(provider: Provider, *requests: CompletionRequest) -> list[Completion]:
    """The answers, asked for at the same time."""

    async def ask() -> list[Completion]:
        try:
            return await asyncio.gather(*(provider.complete(request) for request in requests))
        finally:
            await provider.aclose()

    return asyncio.run(ask())


def failure(provider: Provider, request: CompletionRequest | None = None) -> ProviderError:
    with pytest.raises(ProviderError) as caught:
        asked(provider, request or a_request())
    return caught.value


def refused(llm: FakeLlm, reply: HttpReply) -> ProviderError:
    llm.reply(lambda _: reply)
    return failure(openai(llm))


# --- what is sent -----------------------------------------------------------------------------------------------------


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


# --- what is made of answers ------------------------------------------------------------------------------------------


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


# --- what is made of refusals -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [400, 401, 403, 404, 422])
def test_client_errors_are_final(llm: FakeLlm, status: int) -> None:
    error = refused(llm, HttpReply(status, {"error": {"message": "no"}}, {"Retry-After": "3"}))
    assert str(error) == f"HTTP {status} from {llm.base_url}/v1/chat/completions: no"
    assert (error.retryable, error.retry_after, error.unreachable) == (False, None, False)


@pytest.mark.parametrize("status", [408, 409, 429, 500, 502, 503, 529])
def test_passing_errors_are_retryable(llm: FakeLlm, status: int) -> None:
    error = refused(llm, HttpReply(status, {"error": {"message": "later"}}))
    assert (error.retryable, error.retry_after) == (True, None)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "7"}, 7.0),
        ({"Retry-After": "1.5"}, 1.5),
        ({"retry-after-ms": "250", "Retry-After": "7"}, 0.25),
        ({"retry-after-ms": "soon", "Retry-After": "7"}, 7.0),
        ({"Retry-After": "-3"}, 0.0),
        ({"Retry-After": "nan"}, None),
        ({"Retry-After": "1e999"}, None),
        ({"Retry-After": "tomorrow"}, None),
        ({"Retry-After": ""}, None),
        ({"Retry-After": "Wed, 21 Oct 2015 07:28:00 GMT"}, 0.0),
    ],
)
def test_time_to_wait_is_read(llm: FakeLlm, headers: dict[str, str], seconds: float | None) -> None:
    assert refused(llm, HttpReply(429, b"", headers)).retry_after == seconds


def test_time_to_wait_may_be_a_date(llm: FakeLlm) -> None:
    date = format_datetime(datetime.now(UTC) + timedelta(seconds=100), usegmt=True)
    assert refused(llm, HttpReply(503, b"", {"Retry-After": date})).retry_after == pytest.approx(100, abs=10)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"error": {"message": "a", "type": "b"}}, "a"),
        ({"error": "a"}, "a"),
        ({"message": "a"}, "a"),
        ({"detail": "a"}, "a"),
        ({"detail": [{"msg": "a"}]}, '{"detail": [{"msg": "a"}]}'),
        ("<h1>Bad\n\n gateway</h1>", "<h1>Bad gateway</h1>"),
        ("\x1b[31mred\x07", "[31mred"),
        ("", "(no message)"),
        ("x" * 1000, "x" * 300 + "…"),
        (b"\xff" * 5, "\ufffd" * 5),
    ],
)
def test_message_of_the_provider_is_found(llm: FakeLlm, body: Any, said: str) -> None:
    assert str(refused(llm, HttpReply(400, body))).endswith(f": {said}")


def test_huge_refusal_is_read_in_part(llm: FakeLlm) -> None:
    assert len(str(refused(llm, HttpReply(500, b"x" * 20_000_000)))) < 500


@pytest.mark.parametrize(
    "reply",
    [
        HttpReply(401, {"error": {"message": f"Incorrect API key provided: {KEY}."}}),
        HttpReply(401, f"Bearer {KEY}"),
        HttpReply(200, f"hello {KEY}"),
        HttpReply(200, {"error": {"message": KEY}}),
        HttpReply(302, b"", {"Location": f"http://127.0.0.1/{KEY}?key={KEY}"}),
    ],
    ids=["in a message", "in a text", "in garbage", "in an error with status 200", "in a redirect"],
)
@pytest.mark.parametrize("make", [openai, anthropic])
def test_key_is_never_repeated(llm: FakeLlm, make: Callable[[FakeLlm], Provider], reply: HttpReply) -> None:
    llm.reply(lambda _: reply)
    error = failure(make(llm))
    assert KEY not in str(error)
    assert "[key]" in str(error)


@pytest.mark.parametrize("reply", [HttpReply(401), HttpReply(body="nonsense")])
def test_query_of_the_base_url_is_never_shown(llm: FakeLlm, reply: HttpReply) -> None:
    llm.reply(lambda _: reply)
    error = failure(OpenAiCompatibleProvider(f"{llm.base_url}/v1?token=hidden", None, 1))
    assert "hidden" not in str(error)


def test_redirect_is_not_followed(llm: FakeLlm) -> None:
    with FakeLlm() as other:
        target = f"{other.base_url}/v1/chat/completions?x=1"
        error = refused(llm, HttpReply(307, b"", {"Location": target}))
        assert other.requests == []
        assert f"redirects to '{other.base_url}/v1/chat/completions'" in str(error)
        assert not error.retryable


# --- what is made of a bad connection ---------------------------------------------------------------------------------


def test_nobody_listening_is_unreachable() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    error = failure(OpenAiCompatibleProvider(f"http://127.0.0.1:{port}/v1?token=hidden", KEY, 1))
    assert str(error) == f"cannot connect to 127.0.0.1:{port}: Connection refused"
    assert (error.retryable, error.unreachable) == (True, True)


def test_plain_http_where_tls_is_asked_for_is_unreachable(llm: FakeLlm) -> None:
    error = failure(OpenAiCompatibleProvider(llm.base_url.replace("http:", "https:"), KEY, 1))
    assert str(error).startswith("cannot connect to 127.0.0.1:")
    assert (error.retryable, error.unreachable) == (False, True)


def test_silence_ends_at_the_timeout(llm: FakeLlm) -> None:
    llm.reply(lambda _: HttpReply(delay_seconds=60))
    error = failure(openai(llm), a_request(timeout_seconds=0.2))
    assert str(error) == "no answer within 0.2 s"
    assert (error.retryable, error.unreachable) == (True, False)


@pytest.mark.parametrize(
    "reply",
    [HttpReply(body=b'{"choices": [', missing_bytes=100), HttpReply(hang_up=True)],
    ids=["in the body", "before the answer"],
)
def test_connection_that_breaks_off_is_retryable(llm: FakeLlm, reply: HttpReply) -> None:
    error = refused(llm, reply)
    assert "broke off" in str(error)
    assert (error.retryable, error.unreachable) == (True, False)


def test_answer_without_end_is_not_read_to_its_end(llm: FakeLlm) -> None:
    error = refused(llm, HttpReply(body=b" " * (MAX_ANSWER_BYTES + 1)))
    assert "more than 10 MiB" in str(error)
    assert not error.retryable


def test_answer_of_several_megabytes_is_read(llm: FakeLlm) -> None:
    llm.reply(lambda _: "x" * 5_000_000)
    assert len(asked(openai(llm), a_request())[0].text) == 5_000_000


def test_server_that_does_not_speak_http_is_named() -> None:
    async def ask() -> ProviderError:
        async def babble(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b"220 mail.example.com ESMTP\r\n\r\n")
            await writer.drain()
            writer.close()

        server = await asyncio.start_server(babble, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        provider = OpenAiCompatibleProvider(f"http://127.0.0.1:{port}", None, 1)
        async with server:
            try:
                return await _error_of(provider.complete(a_request()))
            finally:
                await provider.aclose()

    error = asyncio.run(ask())
    assert "does not speak HTTP" in str(error)


def test_one_bad_call_leaves_the_others_alone(llm: FakeLlm) -> None:
    llm.reply(lambda call: HttpReply(500) if call.prompt == "bad" else call.prompt)

    async def ask() -> list[Completion | BaseException]:
        provider = openai(llm)
        try:
            calls = (provider.complete(a_request(text)) for text in ("a", "bad", "b"))
            return await asyncio.gather(*calls, return_exceptions=True)
        finally:
            await provider.aclose()

    first, bad, last = asyncio.run(ask())
    assert isinstance(bad, ProviderError)
    assert [first, last] == [Completion(text, "some-model", 11, 7) for text in ("a", "b")]


def test_provider_can_be_closed_unused_and_twice() -> None:
    async def close() -> None:
        provider = OpenAiCompatibleProvider("http://127.0.0.1:1", None, 1)
        await provider.aclose()
        await provider.aclose()

    asyncio.run(close())


# --- what is refused before anything is sent --------------------------------------------------------------------------


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
    assert "a..b" in str(error)


def test_prompt_with_half_a_surrogate_pair_is_sent(llm: FakeLlm) -> None:
    assert asked(openai(llm), a_request("a\ud83d"))[0].text == "a\ufffd"


async def _error_of(call: Awaitable[Completion]) -> ProviderError:
    with pytest.raises(ProviderError) as caught:
        await call
    return caught.value
