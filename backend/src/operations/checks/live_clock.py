"""Whether the clock of this machine is that of the others: expiry of tokens, leases and order hang on it."""

from datetime import datetime, timedelta

from src.operations.checks.check import Check
from src.operations.checks.live_http import Answer
from src.operations.checks.scene import Scene
from src.operations.verdict import Verdict, fail, ok, skip, warn

WARN_OVER, FAIL_OVER = timedelta(seconds=5), timedelta(seconds=60)
_SECOND = timedelta(seconds=1)  # to which a Date is cut


def _look(scene: Scene) -> Verdict:
    outside = scene.outside
    for name, answer in (("the server", outside.service), ("the database", outside.database)):
        if isinstance(answer, Answer) and answer.date is not None:
            asked, came = outside.clock(answer.came_at - answer.seconds), outside.clock(answer.came_at)
            return _judge(name, ahead(asked, came, answer.date))
    return skip("nobody with another clock was asked")


def ahead(asked: datetime, came: datetime, theirs: datetime) -> timedelta:
    """How far our clock is ahead at least, since theirs was read at some moment between question and answer."""
    if theirs + _SECOND < asked:
        return asked - theirs - _SECOND
    return min(came - theirs, timedelta(0))


def _judge(other: str, lead: timedelta) -> Verdict:
    off = abs(lead)
    if not off:
        return ok(f"this clock agrees with that of {other}")
    way = "ahead of" if lead > timedelta(0) else "behind"
    said = f"this clock is {off.total_seconds():,.1f} s {way} that of {other}"
    fix = "Set this clock by the network: sudo timedatectl set-ntp true. If it is right, that of the other is wrong."
    if off > FAIL_OVER:
        return fail(said, fix)
    return warn(said, fix) if off > WARN_OVER else ok(said)


CLOCK = Check(
    id="clock.skew",
    phase="4-6",
    title="This clock agrees with the others",
    why="With a clock that is off, tokens seem expired or not yet valid, and leases end at the wrong time.",
    needs=("settings.valid", "turso.url"),
    look=_look,
    quick=False,
)
