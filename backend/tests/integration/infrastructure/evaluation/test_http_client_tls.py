"""The client of the providers over TLS: whom it trusts, and what it says of the others."""

import asyncio
import ssl
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from src.application.evaluation.ports import Completion, ProviderError
from src.infrastructure.evaluation.providers.openai_compatible import OpenAiCompatibleProvider
from tests.integration.infrastructure.evaluation.provider_calls import a_request

_BODY = b'{"choices": [{"message": {"content": "hi"}}]}'


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """Certificate and key of 127.0.0.1, signed by itself as `openssl req -x509` does."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "model")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))]), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path / "model.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM) + private)
    return path


async def _serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    await reader.readexactly(int(head.partition("Content-Length: ")[2].partition("\r\n")[0]))
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(_BODY), _BODY))
    await writer.drain()
    writer.close()


async def _ask(certificate: Path, host: str) -> Completion | ProviderError:
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
    assert asyncio.run(_ask(certificate, "127.0.0.1")) == Completion("hi")


def test_server_that_nobody_vouches_for_is_not_asked_and_the_reason_told(certificate: Path) -> None:
    error = asyncio.run(_ask(certificate, "127.0.0.1"))
    assert isinstance(error, ProviderError)
    assert "self-signed certificate" in str(error) or "self signed certificate" in str(error)
    assert "hidden" not in str(error)
    assert (error.retryable, error.unreachable) == (False, True)


def test_certificate_of_another_name_is_not_accepted(
    certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    error = asyncio.run(_ask(certificate, "localhost"))
    assert isinstance(error, ProviderError)
    assert "target hostname 'localhost'" in str(error)
