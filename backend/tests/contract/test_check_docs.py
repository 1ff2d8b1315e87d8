import pytest

from src.operations.checks.all_checks import ALL_CHECKS, PHASES
from tests.contract.refresh_check_docs import COMMAND, DOCS, PAGES, PHASES_JA, TEXTS


@pytest.mark.parametrize("name", PAGES)
def test_page_of_the_checks_is_current(name: str) -> None:
    assert (DOCS / name).read_text(encoding="utf-8") == PAGES[name](), (
        f"docs/{name} is stale; in backend/ run: {COMMAND}"
    )


def test_texts_are_of_checks_that_there_are() -> None:
    assert set(TEXTS) == {check.id for check in ALL_CHECKS}
    assert set(PHASES_JA) == set(PHASES)
