"""Which server a URL names, and what is refused before anything is sent there."""

import subprocess
import sys
import traceback

import pytest
from sqlalchemy import create_engine, make_url
from sqlalchemy.exc import ArgumentError

from src.infrastructure.shared.database.libsql.address import address_of, is_loopback, libsql_url


@pytest.mark.parametrize(
    ("url", "http_url"),
    [
        ("libsql://db-org.turso.io", "https://db-org.turso.io"),
        ("libsql://db-org.turso.io/", "https://db-org.turso.io"),
        ("libsql://db-org.turso.io:8443?tls=1", "https://db-org.turso.io:8443"),
        ("libsql://localhost", "https://localhost"),
        ("libsql://127.0.0.1:8080?tls=0", "http://127.0.0.1:8080"),
        ("libsql://localhost?tls=0", "http://localhost"),
        ("libsql://[::1]:8080?tls=0", "http://[::1]:8080"),
    ],
)
def test_url_means_tls_unless_this_machine_is_told_otherwise(url: str, http_url: str) -> None:
    assert address_of(make_url(url)).http_url == http_url
    assert create_engine(url).dialect.create_connect_args(make_url(url)) == ([http_url], {})


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("libsql://db.turso.io?tls=0", r"write libsql://db\.turso\.io"),
        ("libsql://127.0.0.1.example.com?tls=0", "for everybody to read"),
        ("libsql://0.0.0.0:8080?tls=0", "for everybody to read"),
        ("libsql://localhost?tls=no", "neither tls=1 nor tls=0"),
        ("libsql://?tls=1", "names no host"),
        ("libsql:///file.db", "names no host"),
        ("libsql://host/database", "names no host, or more than one"),
    ],
)
def test_url_that_names_no_safe_server_is_refused(url: str, reason: str) -> None:
    with pytest.raises(ArgumentError, match=reason):
        create_engine(url)


@pytest.mark.parametrize(
    "url",
    [
        "libsql://:eyJtoken@host",
        "libsql://eyJtoken@host",
        "libsql://user:eyJtoken@host",
        "libsql://host?authToken=eyJtoken",
        "libsql://host?auth_token=eyJtoken&tls=1",
        "libsql://host?eyJtoken=1",
        "libsql://127.0.0.1?tls=eyJtoken",
    ],
)
def test_token_in_a_url_is_refused_without_repeating_it(url: str) -> None:
    with pytest.raises(ArgumentError) as refused:
        create_engine(url)

    assert "eyJtoken" not in "".join(traceback.format_exception_only(refused.value))


@pytest.mark.parametrize(
    ("setting", "url"),
    [
        ("libsql://db-org.turso.io", "libsql://db-org.turso.io"),
        ("turso://db-org.turso.io", "libsql://db-org.turso.io"),
        ("https://db-org.turso.io/", "libsql://db-org.turso.io"),
        ("wss://db-org.turso.io", "libsql://db-org.turso.io"),
        ("http://127.0.0.1:8080", "libsql://127.0.0.1:8080?tls=0"),
        ("ws://localhost:8080/", "libsql://localhost:8080?tls=0"),
        ("http://[::1]:8080", "libsql://[::1]:8080?tls=0"),
        ("libsql://127.0.0.1:8080?tls=0", "libsql://127.0.0.1:8080?tls=0"),
        ("libsql://127.0.0.1:8080?tls=1", "libsql://127.0.0.1:8080"),
    ],
)
def test_address_as_people_write_it_becomes_a_url(setting: str, url: str) -> None:
    assert libsql_url(setting) == url
    assert address_of(make_url(url))


@pytest.mark.parametrize(
    ("setting", "reason"),
    [
        ("http://db.turso.io", r"write libsql://db\.turso\.io"),
        ("libsql://db.turso.io?tls=0", r"write libsql://db\.turso\.io"),
        ("https://user:eyJtoken@db.turso.io", "a token belongs in TURSO_AUTH_TOKEN"),
        ("https://db.turso.io?authToken=eyJtoken", "more than host and port"),
        ("https://db.turso.io/path", "more than host and port"),
        ("postgresql://host/db", "names no libSQL server"),
        ("db.turso.io", "names no libSQL server"),
        ("", "names no libSQL server"),
    ],
)
def test_address_that_is_none_is_refused_without_repeating_a_token(setting: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason) as refused:
        libsql_url(setting)

    assert "eyJtoken" not in str(refused.value)


@pytest.mark.parametrize(
    ("host", "is_here"),
    [
        ("localhost", True),
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("localhost.example.com", False),
        ("10.0.0.1", False),
        ("0.0.0.0", False),
        ("", False),
    ],
)
def test_what_is_this_machine(host: str, is_here: bool) -> None:
    assert is_loopback(host) is is_here


def test_sqlalchemy_knows_the_dialect_without_our_help() -> None:
    """By the entry point in pyproject.toml: Alembic and scripts import nothing of ours first."""
    script = (
        "import sqlalchemy; d = sqlalchemy.create_engine('libsql://host').dialect; print(d.name, d.driver)"
    )
    told = subprocess.run(
        [sys.executable, "-W", "error", "-c", script], capture_output=True, text=True, check=False
    )

    assert (told.stdout, told.stderr) == ("sqlite libsql\n", "")
