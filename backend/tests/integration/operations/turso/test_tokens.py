import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr

from src.operations.turso.database_check import is_accepted
from src.operations.turso.errors import (
    InvalidationNotConfirmedError,
    OutcomeUnknownError,
    SecretNotKeptError,
    TokenRefusedError,
    TursoInputError,
    TursoUnavailableError,
)
from src.operations.turso.secret_store import SecretStore
from src.operations.turso.tokens import KeptToken
from src.operations.turso.turso import Turso
from tests.fake_turso_database import FakeDatabase
from tests.fake_turso_platform import FakeTursoPlatform
from tests.integration.operations.turso.conftest import OpenTurso

pytestmark = pytest.mark.usefixtures("libsql_binary")

MINT = ("POST", "/auth/tokens")
ROTATE = ("POST", "/groups/default/auth/rotate")
DATA = ["data_read", "data_add", "data_update", "data_delete"]


class Kept:
    """Keeps what it is given."""

    def __init__(self) -> None:
        self.secrets: list[str] = []

    def require_ready(self) -> None:
        """Always."""

    def keep(self, secret: SecretStr) -> str:
        self.secrets.append(secret.get_secret_value())
        return "a list"


@pytest.fixture
def mine(fake: FakeTursoPlatform) -> FakeDatabase:
    return fake.add_database("mine")


@pytest.fixture
def store() -> Kept:
    return Kept()


def make(
    turso: Turso,
    store: SecretStore,
    *,
    use: str | None = None,
    expiration: str | None = None,
    read_only: bool = False,
) -> KeptToken:
    return turso.plan_token("mine", use=use, expiration=expiration, read_only=read_only).make(store)


def works(turso: Turso, token: str, name: str = "mine") -> bool:
    return is_accepted(turso.platform, turso.database(name), SecretStr(token))


def test_token_lives_90_days_and_opens_its_database_only(
    fake: FakeTursoPlatform, mine: FakeDatabase, turso: Turso, store: Kept
) -> None:
    fake.add_database("other")
    kept = make(turso, store)

    (token,) = store.secrets
    assert mine.minted == [{"expiration": "90d", "read_only": False, "permissions": None}]
    assert kept.facts.expires_at is not None
    assert timedelta(days=89) < kept.facts.expires_at - datetime.now(UTC) <= timedelta(days=90)
    assert (works(turso, token), works(turso, token, "other")) == (True, False)
    assert token not in repr(kept)


@pytest.mark.parametrize(
    ("use", "expiration", "operations"),
    [("runtime", "90d", DATA), ("migration", "1d", [*DATA, "schema_add", "schema_update", "schema_delete"])],
)
def test_uses_have_their_own_rights_and_lives(
    mine: FakeDatabase, turso: Turso, store: Kept, use: str, expiration: str, operations: list[str]
) -> None:
    make(turso, store, use=use)
    assert mine.minted == [
        {"expiration": expiration, "read_only": False, "permissions": [{"t": None, "a": operations}]}
    ]


def test_read_only_token_reads_only(mine: FakeDatabase, turso: Turso, store: Kept) -> None:
    kept = make(turso, store, read_only=True, expiration="12h")
    assert mine.minted == [{"expiration": "12h", "read_only": True, "permissions": None}]
    assert kept.facts.is_read_only


@pytest.mark.parametrize(
    "expiration", ["", "90", "d", "1 day", "-1d", "9999999d", "1y", "90d&authorization=x"]
)
def test_length_of_life_that_turso_does_not_take_is_refused_before_a_call(
    fake: FakeTursoPlatform, mine: FakeDatabase, turso: Turso, store: Kept, expiration: str
) -> None:
    with pytest.raises(TursoInputError, match="is no length of time"):
        make(turso, store, expiration=expiration)
    assert fake.seen == []


def test_token_for_a_use_is_not_read_only(turso: Turso, store: Kept) -> None:
    with pytest.raises(TursoInputError, match="take --for or --read-only, not both"):
        make(turso, store, use="runtime", read_only=True)


def test_nothing_is_made_when_it_could_not_be_kept(
    fake: FakeTursoPlatform, mine: FakeDatabase, turso: Turso, tmp_path: Path
) -> None:
    (tmp_path / "token").write_text("mine")
    with pytest.raises(SecretNotKeptError):
        make(turso, turso.secret_file(tmp_path / "token"))
    assert mine.minted == []


def test_token_that_the_database_does_not_take_is_handed_to_nobody(
    fake: FakeTursoPlatform, mine: FakeDatabase, turso: Turso, store: Kept
) -> None:
    plan = turso.plan_token("mine", use=None, expiration=None, read_only=False)
    wrong = fake.add_database("wrong").mint(access="rw", expires_in=None)
    fake.answer(200, b'{"jwt": "%s"}' % wrong.encode(), on=MINT)

    with pytest.raises(TokenRefusedError, match=r"does not take the token.*given to nobody") as refused:
        plan.make(store)

    assert store.secrets == []
    assert wrong not in str(refused.value)


def test_token_of_a_database_that_is_down_is_handed_to_nobody(
    mine: FakeDatabase, open_turso: OpenTurso, store: Kept
) -> None:
    turso = open_turso(turso_api_timeout_seconds=1)
    plan = turso.plan_token("mine", use=None, expiration=None, read_only=False)
    mine.stop()
    with pytest.raises(TursoUnavailableError, match=r"'mine' does not answer.*given to nobody"):
        plan.make(store)
    assert store.secrets == []


@pytest.mark.parametrize(
    "answer", [b'{"jwt": "plain"}', b'{"jwt": ""}', b'{"token": "eyJhbGciOi.eyJhIjoicnci.x"}', b"{}"]
)
def test_answer_without_a_token_is_not_shown(
    fake: FakeTursoPlatform, mine: FakeDatabase, turso: Turso, store: Kept, answer: bytes
) -> None:
    fake.answer(200, answer, on=MINT)
    with pytest.raises(OutcomeUnknownError, match="not shown, it may hold a token"):
        make(turso, store)


def test_token_that_cannot_be_read_is_handed_to_nobody(
    fake: FakeTursoPlatform, mine: FakeDatabase, turso: Turso, store: Kept
) -> None:
    fake.answer(200, b'{"jwt": "abc.def.ghi"}', on=MINT)
    with pytest.raises(TursoUnavailableError, match="cannot be read"):
        make(turso, store)
    assert store.secrets == []


def test_lost_answer_is_no_reason_to_make_another_token(
    fake: FakeTursoPlatform, mine: FakeDatabase, turso: Turso, store: Kept
) -> None:
    fake.lose_answer(on=MINT)
    with pytest.raises(OutcomeUnknownError, match="Whether it was done is not known"):
        make(turso, store)
    assert (len(mine.minted), store.secrets) == (1, [])


# --- rotation ---------------------------------------------------------------------------------------------------------


def test_old_token_works_beside_the_new_one(mine: FakeDatabase, turso: Turso, store: Kept) -> None:
    old = mine.mint(access="rw", expires_in=timedelta(days=8))
    before = turso.look_at_old_token("mine", SecretStr(old), store)
    make(turso, store)

    assert before is not None
    assert before.works
    assert before.facts.expires_at is not None
    assert (works(turso, old), works(turso, store.secrets[0])) == (True, True)


def test_token_in_a_file_is_replaced_by_the_new_one(mine: FakeDatabase, turso: Turso, tmp_path: Path) -> None:
    path = tmp_path / "token"
    make(turso, turso.secret_file(path))
    first = path.read_text().strip()
    file = turso.secret_file(path, replaces=True)

    before = turso.look_at_old_token("mine", None, file)
    make(turso, file, read_only=True)

    assert before is not None
    assert before.works
    assert path.read_text().strip() != first
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_expired_token_in_a_file_is_replaced(mine: FakeDatabase, turso: Turso, tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text(mine.mint(access="rw", expires_in=timedelta(days=-1)))
    before = turso.look_at_old_token("mine", None, turso.secret_file(path, replaces=True))
    assert before is not None
    assert (before.works, before.facts.is_expired) == (False, True)


def test_file_with_the_token_of_another_database_is_left_alone(
    fake: FakeTursoPlatform, mine: FakeDatabase, turso: Turso, tmp_path: Path
) -> None:
    path = tmp_path / "token"
    path.write_text(fake.add_database("other").mint(access="rw", expires_in=None))
    with pytest.raises(SecretNotKeptError, match=r"that mine does not take.*left alone"):
        turso.look_at_old_token("mine", None, turso.secret_file(path, replaces=True))


def test_file_without_a_token_is_left_alone(mine: FakeDatabase, turso: Turso, tmp_path: Path) -> None:
    path = tmp_path / "note"
    path.write_text("hello")
    with pytest.raises(SecretNotKeptError, match="holds no database token"):
        turso.look_at_old_token("mine", None, turso.secret_file(path, replaces=True))


def test_token_of_the_environment_is_the_old_one_of_its_database_only(
    fake: FakeTursoPlatform, mine: FakeDatabase, open_turso: OpenTurso, store: Kept
) -> None:
    fake.add_database("other")
    own = mine.mint(access="ro", expires_in=None)
    turso = open_turso(turso_database_url=mine.url, turso_auth_token=own)

    found = turso.look_at_old_token("mine", None, store)

    assert found is not None
    assert found.facts.is_read_only
    assert turso.look_at_old_token("other", None, store) is None


def test_old_token_that_cannot_be_read_is_named_without_its_text(
    mine: FakeDatabase, turso: Turso, store: Kept
) -> None:
    with pytest.raises(TursoInputError, match="The old token cannot be read") as refused:
        turso.look_at_old_token("mine", SecretStr("hunter2"), store)
    assert "hunter2" not in str(refused.value)


# --- invalidation -----------------------------------------------------------------------------------------------------


def test_invalidation_kills_every_token_of_the_group_and_no_other(
    fake: FakeTursoPlatform, mine: FakeDatabase, turso: Turso
) -> None:
    tokens = {
        "mine": mine.mint(access="rw", expires_in=None),
        "beside": fake.add_database("beside").mint(access="rw", expires_in=None),
        "apart": fake.add_database("apart", "own").mint(access="rw", expires_in=None),
    }
    assert turso.plan_invalidation("mine").databases == ("beside", "mine")

    dead = turso.invalidate("mine", confirmed=("mine", "beside"))

    assert dead.group == "default"
    assert {name: works(turso, token, name) for name, token in tokens.items()} == {
        "mine": False,
        "beside": False,
        "apart": True,
    }


@pytest.mark.parametrize("confirmed", [(), ("mine",), ("default",), ("mine", "beside", "apart")])
def test_invalidation_needs_every_database_named(
    fake: FakeTursoPlatform, mine: FakeDatabase, turso: Turso, confirmed: tuple[str, ...]
) -> None:
    fake.add_database("beside")
    fake.add_database("apart", "own")
    with pytest.raises(InvalidationNotConfirmedError, match="beside, mine"):
        turso.invalidate("mine", confirmed=confirmed)
    assert fake.changes == []


def test_invalidation_whose_answer_was_lost_is_seen_by_an_older_token(
    fake: FakeTursoPlatform, mine: FakeDatabase, turso: Turso
) -> None:
    fake.lose_answer(on=ROTATE)
    turso.invalidate("mine", confirmed=("mine",))
    assert fake.calls(*ROTATE) == 1


def test_invalidation_that_did_not_happen_is_repeated(
    fake: FakeTursoPlatform, mine: FakeDatabase, turso: Turso
) -> None:
    old = mine.mint(access="rw", expires_in=None)
    fake.drop(on=ROTATE, times=1)
    turso.invalidate("mine", confirmed=("mine",))
    assert (fake.calls(*ROTATE), works(turso, old)) == (2, False)


def test_invalidation_that_kills_nothing_is_no_success(
    fake: FakeTursoPlatform, mine: FakeDatabase, turso: Turso
) -> None:
    fake.answer(200, b"", on=ROTATE)
    with pytest.raises(TursoUnavailableError, match="still takes one made before"):
        turso.invalidate("mine", confirmed=("mine",))


def test_database_without_a_group_is_invalidated_alone(
    fake: FakeTursoPlatform, mine: FakeDatabase, turso: Turso
) -> None:
    mine.group = ""
    fake.groups[""] = "aws-ap-northeast-1"
    old = mine.mint(access="rw", expires_in=None)
    assert turso.invalidate("mine", confirmed=("mine",)).group is None
    assert not works(turso, old)


def test_check_tells_a_wrong_answer_from_a_refusal(fake: FakeTursoPlatform, open_turso: OpenTurso) -> None:
    turso = open_turso(turso_api_timeout_seconds=1)
    odd = fake.add_database("odd", runs=False)
    odd.port = int(fake.base_url.rpartition(":")[2])  # the platform itself: it speaks HTTP, and no Hrana
    fake.answer(200, b'{"results": []}', on=("POST", "/v2/pipeline"))
    with pytest.raises(TursoUnavailableError, match="does not answer a query as it should"):
        is_accepted(turso.platform, turso.database("odd"), SecretStr("x"))
