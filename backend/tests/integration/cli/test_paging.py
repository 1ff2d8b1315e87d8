import pytest

from src.application.shared.page import MAX_PAGE_SIZE, Page, PageRequest
from src.presentation.cli.paging import every


def numbers(request: PageRequest) -> Page[int]:
    """A list of the numbers from 0 to 499."""
    first = 0 if request.after is None else int(request.after[0]) + 1
    return Page.of(list(range(500))[first : first + request.limit + 1], request, lambda number: (number,))


@pytest.mark.parametrize(
    ("limit", "count"), [(None, 500), (1, 1), (MAX_PAGE_SIZE, 200), (201, 201), (999, 500)]
)
def test_pages_are_read_one_after_the_other_up_to_the_limit(limit: int | None, count: int) -> None:
    assert list(every(numbers, (int,), limit=limit)) == list(range(count))
