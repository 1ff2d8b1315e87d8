"""The client of the providers over TLS: whom it trusts, and what it says of the others."""

import asyncio
import ssl
from contextlib import suppress
from pathlib import Path

import pytest

from src.application.evaluation.ports import Completion, ProviderError
from src.infrastructure.evaluation.providers.openai_compatible import OpenAiCompatibleProvider
from tests.certificates import write_certificate
from tests.integration.infrastructure.evaluation.provider_calls import a_request

_BODY = b'{"choices": [{"message": {"content": "hi"}}]}'
_NAME, _HASH_OF_NAME = (
    "model",
    "359d3582",
)  # `openssl x509 -hash`: how OpenSSL finds a certificate in a folder


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    return write_certificate(tmp_path / "model.pem", common_name=_NAME)


async def _serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(asyncio.IncompleteReadError):  # who does not trust us leaves
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        await reader.readexactly(int(head.partition("Content-Length: ")[2].partition("\r\n")[0]))
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(_BODY), _BODY))
        await writer.drain()
    writer.close()


async def _ask(certificate: Path, host: str = "127.0.0.1") -> Completion | ProviderError:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    server = await asyncio.start_server(_serve, "127.0.0.1", 0, ssl=context)
    provider = OpenAiCompatibleProvider(
        f"https://{host}:{server.sockets[0].getsockname()[1]}/v1?token=hidden", None, 1
    )
    async with server:
        try:
            return await provider.complete(a_request())
        except ProviderError as exc:
            return exc
        finally:
            await provider.aclose()


def test_server_that_ssl_cert_file_names_is_trusted(
    certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    assert asyncio.run(_ask(certificate)) == Completion("hi")


def test_server_in_the_folder_of_ssl_cert_dir_is_trusted(
    certificate: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "trusted").mkdir()
    (tmp_path / "trusted" / f"{_HASH_OF_NAME}.0").symlink_to(certificate)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "no such file"))
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path / "trusted"))
    assert asyncio.run(_ask(certificate)) == Completion("hi")


def test_server_that_nobody_vouches_for_is_not_asked_and_the_reason_told(certificate: Path) -> None:
    error = asyncio.run(_ask(certificate))
    assert isinstance(error, ProviderError)
    assert "self-signed certificate" in str(error)
    assert "hidden" not in str(error)
    assert (error.retryable, error.unreachable) == (False, True)


def test_certificate_of_another_name_is_not_accepted(
    certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    error = asyncio.run(_ask(certificate, "localhost"))
    assert isinstance(error, ProviderError)
    assert "target hostname 'localhost'" in str(error)
