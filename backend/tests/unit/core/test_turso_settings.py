import pytest
from pydantic import SecretStr

from src.core.config.settings.base import SettingsError, load_settings
from src.core.config.settings.values import is_loopback


def test_platform_api_has_an_address_and_no_token_unless_it_is_set() -> None:
    settings = load_settings()
    assert settings.turso_api_baseurl == "https://api.turso.tech"
    assert (settings.turso_api_token, settings.turso_organization) == (None, None)


@pytest.mark.parametrize(
    ("address", "kept"),
    [
        ("https://api.turso.tech/", "https://api.turso.tech"),
        ("https://proxy.example/turso/", "https://proxy.example/turso"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("http://localhost:8080", "http://localhost:8080"),
        ("http://[::1]:8080", "http://[::1]:8080"),
    ],
)
def test_address_of_the_platform_api_may_be_changed(address: str, kept: str) -> None:
    assert load_settings(turso_api_baseurl=address).turso_api_baseurl == kept


@pytest.mark.parametrize(
    "address",
    [
        "http://api.turso.tech",
        "http://127.0.0.1.example.com",
        "https://user:geheim@api.turso.tech",
        "https://api.turso.tech?token=geheim",
        "https://",
        "api.turso.tech",
        "file:///etc",
    ],
)
def test_address_that_a_token_must_not_be_sent_to_is_refused(address: str) -> None:
    with pytest.raises(SettingsError, match="TURSO_API_BASEURL") as refused:
        load_settings(turso_api_baseurl=address)
    assert "geheim" not in str(refused.value)


def test_platform_token_is_not_shown_with_the_settings() -> None:
    assert "geheim" not in repr(load_settings(turso_api_token=SecretStr("geheim")))


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.1.2.3", "::1"])
def test_this_machine_is_known(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize(
    "host", [None, "", "0.0.0.0", "127.0.0.1.example.com", "10.0.0.1", "localhost.example.com"]
)
def test_other_machines_are_not_this_one(host: str | None) -> None:
    assert not is_loopback(host)
