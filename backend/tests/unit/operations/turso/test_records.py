from datetime import UTC, datetime
from typing import Any

import pytest

from src.operations.http import Answer
from src.operations.turso import records
from src.operations.turso.errors import TursoInputError
from src.operations.turso.records import UnexpectedShapeError

# As the documentation of the API shows it, with its mixed case.
DATABASE = {
    "Name": "my-db",
    "DbId": "0eb771dd-6906-11ee-8553-eaa7715aeaf2",
    "Hostname": "my-db-acme.aws-ap-northeast-1.turso.io",
    "block_reads": False,
    "block_writes": True,
    "regions": ["aws-ap-northeast-1"],
    "primaryRegion": "aws-ap-northeast-1",
    "group": "default",
    "delete_protection": True,
    "parent": {"id": "1", "name": "main-db", "branched_at": "2025-04-15T13:14:34.468213117Z"},
}


def decoded(value: Any) -> Any:
    import json

    return Answer(200, {}, json.dumps(value).encode()).json


def test_database_is_read_with_its_mixed_case() -> None:
    found = records.read_database(decoded({"database": DATABASE}), plain=False)

    assert (found.name, found.group, found.location) == ("my-db", "default", "aws-ap-northeast-1")
    assert found.id == "0eb771dd-6906-11ee-8553-eaa7715aeaf2"
    assert found.url == "libsql://my-db-acme.aws-ap-northeast-1.turso.io"
    assert (found.is_protected, found.blocks_reads, found.blocks_writes) == (True, False, True)
    assert found.parent is not None
    assert found.parent.branched_at == datetime(2025, 4, 15, 13, 14, 34, 468213, UTC)


@pytest.mark.parametrize("case", [str.upper, str.lower, str.title])
def test_keys_are_read_in_any_case(case: Any) -> None:
    shouted = {case(key): value for key, value in DATABASE.items()}
    found = records.read_databases(decoded({case("databases"): [shouted]}), plain=False)
    assert found == records.read_databases(decoded({"databases": [DATABASE]}), plain=False)


@pytest.mark.parametrize(
    "hostname", ["", "evil.example/x", "user@host", "a b", "host:port", None, 7, "?tls=0"]
)
def test_host_that_is_none_is_no_database(hostname: Any) -> None:
    with pytest.raises(UnexpectedShapeError):
        records.read_database(decoded({"database": {**DATABASE, "Hostname": hostname}}), plain=True)


@pytest.mark.parametrize(
    ("hostname", "plain", "url", "http"),
    [
        ("db-acme.turso.io", False, "libsql://db-acme.turso.io", "https://db-acme.turso.io"),
        ("db-acme.turso.io", True, "libsql://db-acme.turso.io", "https://db-acme.turso.io"),
        ("127.0.0.1:8080", True, "libsql://127.0.0.1:8080?tls=0", "http://127.0.0.1:8080"),
        ("127.0.0.1:8080", False, "libsql://127.0.0.1:8080", "https://127.0.0.1:8080"),
        ("localhost", True, "libsql://localhost?tls=0", "http://localhost"),
        ("127.0.0.1.example.com", True, "libsql://127.0.0.1.example.com", "https://127.0.0.1.example.com"),
    ],
)
def test_tls_is_left_out_on_this_machine_only(hostname: str, plain: bool, url: str, http: str) -> None:
    assert records.database_url(hostname, plain=plain) == url
    assert records.http_url(url) == http


@pytest.mark.parametrize(
    "answer", [[{"slug": "acme"}], {"organizations": [{"slug": "acme", "plan_id": None}]}]
)
def test_organizations_come_in_two_shapes(answer: Any) -> None:
    assert [one.slug for one in records.read_organizations(decoded(answer))] == ["acme"]


def test_list_may_be_null() -> None:
    assert records.read_databases(decoded({"databases": None}), plain=False) == ()


@pytest.mark.parametrize(
    "answer", [None, [], {}, {"databases": {}}, {"databases": ["x"]}, {"databases": [{}]}]
)
def test_other_shapes_are_no_list_of_databases(answer: Any) -> None:
    with pytest.raises(UnexpectedShapeError):
        records.read_databases(decoded(answer), plain=False)


@pytest.mark.parametrize(("exp", "moment"), [(-1, None), (0, datetime(1970, 1, 1, tzinfo=UTC))])
def test_platform_token_tells_when_it_dies(exp: int, moment: datetime | None) -> None:
    assert records.read_expiry({"exp": exp}) == moment


@pytest.mark.parametrize("exp", [None, True, "1", 1.5, 10**30])
def test_other_times_are_refused(exp: Any) -> None:
    with pytest.raises(UnexpectedShapeError):
        records.read_expiry({"exp": exp})


@pytest.mark.parametrize("name", ["a", "autoforgenexus-staging", "0-9", "x" * 64])
def test_names_that_turso_takes(name: str) -> None:
    assert records.require_name(name) == name


@pytest.mark.parametrize("name", ["", "Staging", "x" * 65, "a_b", "a/b", "a b", "日本", "a\n", "../x"])
def test_names_that_turso_does_not_take(name: str) -> None:
    with pytest.raises(TursoInputError, match="lowercase letters, digits and dashes, at most 64"):
        records.require_name(name)
