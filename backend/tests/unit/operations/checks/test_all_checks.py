"""The one list of checks: its order, its names, and the guide's troubles in it."""

import re

from src.operations.checks.all_checks import ALL_CHECKS, PHASES, TROUBLES
from src.operations.checks.check import with_needs

IDS = [check.id for check in ALL_CHECKS]


def test_each_check_stands_once_and_after_all_that_it_needs() -> None:
    assert len(set(IDS)) == len(IDS)
    for place, check in enumerate(ALL_CHECKS):
        assert set(check.needs) <= set(IDS[:place]), f"{check.id} needs {set(check.needs) - set(IDS[:place])}"


def test_database_server_is_asked_only_with_its_driver() -> None:
    assert "machine.driver" in [check.id for check in with_needs(ALL_CHECKS, ["database.token-accepted"])]


def test_numbers_count_up_in_each_phase() -> None:
    for phase in PHASES:
        numbers = [check.number for check in ALL_CHECKS if check.phase == phase]
        assert sorted(numbers) == sorted(f"{phase}.{n + 1}" for n in range(len(numbers))), phase
        assert numbers, phase
    assert {check.phase for check in ALL_CHECKS} == set(PHASES)


def test_seven_tests_of_the_guide_come_first_in_their_phase() -> None:
    found = {check.number: check.id for check in ALL_CHECKS if check.phase == "4-6"}
    assert [found[f"4-6.{n}"] for n in range(1, 8)] == [
        "live.connection-url",
        "live.session",
        "live.tables",
        "live.crud",
        "live.relationships",
        "live.redis-ping",
        "live.redis-operations",
    ]


def test_each_trouble_of_the_guide_has_its_check() -> None:
    assert set(TROUBLES.values()) <= set(IDS)


def test_each_check_says_what_it_proves_and_why() -> None:
    for check in ALL_CHECKS:
        assert re.fullmatch(r"[a-z-]+\.[a-z-]+", check.id), check.id
        assert check.title, check.id
        assert not check.title.endswith("."), check.id
        assert check.why.endswith((".", "?")), check.id
