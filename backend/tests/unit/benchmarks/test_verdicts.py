"""What a benchmark says of a figure beside its target, on a machine that is faster or slower than the target's."""

import pytest

from benchmarks.references import TARGETS
from benchmarks.results import Row, Verdict

_WALL = "evaluation.c20.wall"  # at most 3.5 s, set where the limit took 2.92 s


def _row(ours: float, limit: float | None, *, key: str = _WALL, noise: float = 0.0) -> Row:
    return Row(key, "a run", "s", ours, limit, "aiohttp loop", noise)


@pytest.mark.parametrize(
    ("ours", "limit", "verdict"),
    [
        (3.5, 2.92, Verdict.OK),
        (3.4, 2.5, Verdict.OK),  # within the figure, whatever the ratio
        (3.6, 2.92, Verdict.MISS),
        (3.6, 3.1, Verdict.OK_BY_RATIO),
        (3.9, 3.1, Verdict.MISS),
        (3.6, None, Verdict.MISS),
    ],
)
def test_a_slower_machine_is_judged_by_the_ratio_to_its_own_limit(
    ours: float, limit: float | None, verdict: Verdict
) -> None:
    assert _row(ours, limit).verdict is verdict


def test_a_miss_on_a_noisy_machine_says_so() -> None:
    assert _row(3.9, 3.1, noise=0.6).verdict is Verdict.NOISY_MISS


def test_a_target_without_a_limit_of_its_machine_stays_absolute() -> None:
    assert _row(2.4, 2.3, key="http.list.c1.p50").verdict is Verdict.MISS


def test_a_target_names_its_ratio() -> None:
    assert str(TARGETS[_WALL]) == "≤ 3.5 or 1.20 ×"
    assert str(TARGETS["http.list.c1.p50"]) == "≤ 2"
