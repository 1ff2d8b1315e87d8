"""What a benchmark says of a figure beside its target, on a machine that is faster or slower than the target's."""

import pytest

from benchmarks.results import Row, Verdict

_WALL = "evaluation.c20.wall"  # at most 3.5 s, of which 2.5 are waiting; set where the limit took 2.92 s


def _row(ours: float, limit: float | None, *, key: str = _WALL, noise: float = 0.0) -> Row:
    return Row(key, "a run", "s", ours, limit, "aiohttp loop", noise)


@pytest.mark.parametrize(
    ("ours", "limit", "verdict"),
    [
        (3.5, 2.92, Verdict.OK),
        (3.4, 2.5, Verdict.OK),
        (3.4, 4.0, Verdict.OK),
        (3.6, 2.92, Verdict.MISS),
        (3.6, 2.5, Verdict.MISS),  # a machine that is faster changes nothing
        (4.5, 3.34, Verdict.OK_HERE),  # the limit adds 0.84 s to the waiting instead of 0.42
        (4.51, 3.34, Verdict.MISS),
        (3.6, None, Verdict.MISS),
    ],
)
def test_on_a_slower_machine_only_what_is_added_to_the_waiting_may_take_longer(
    ours: float, limit: float | None, verdict: Verdict
) -> None:
    assert _row(ours, limit).verdict is verdict


def test_the_target_of_this_machine_is_told() -> None:
    assert _row(3.9, 3.34).target_here == pytest.approx(4.5)
    assert _row(3.9, 2.9).target_here is None


def test_a_miss_on_a_noisy_machine_says_so() -> None:
    assert _row(4.9, 3.1, noise=0.6).verdict is Verdict.NOISY_MISS


def test_a_target_whose_machine_is_not_known_stays_as_it_is() -> None:
    assert _row(2.4, 2.3, key="http.list.c1.p50").verdict is Verdict.MISS
