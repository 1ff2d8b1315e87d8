"""The providers against a server that refuses, breaks off or is not there: what they say, what may be tried again."""

import asyncio
import socket
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest

from src.application.evaluation.ports import (
    Completion,
    Provider,
    ProviderError,
)
from src.infrastructure.evaluation.providers.http import MAX_ANSWER_BYTES
from src.infrastructure.evaluation.providers.openai_compatible import OpenAiCompatibleProvider
from tests.integration.infrastructure.evaluation.provider_calls import (
    KEY,
    a_request,
    anthropic,
    asked,
    error_of,
    failure,
    openai,
    refused,
)
from tests.llm_server import FakeLlm, HttpReply


@pytest.fixture
def llm() -> Iterator[FakeLlm]:
    with FakeLlm() as server:
        yield server


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
                return await error_of(provider.complete(a_request()))
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
