"""What can go wrong in an environment, one thing at a time: how it is broken, and which check has to say so."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import partial

import pytest

from tests.integration.cli.staging_world import World

Break = Callable[[World, pytest.MonkeyPatch], AbstractContextManager[None]]


@dataclass(frozen=True, slots=True)
class Fault:
    """`broken` breaks it, and mends what the next world would not have anew. `fix` is a part of what has to help."""

    name: str
    broken: Break
    id: str
    fix: str
    level: str = "fail"
    at_github: bool = False


FAULTS: list[Fault] = []


def tells(
    id_: str, fix: str, *, level: str = "fail", at_github: bool = False
) -> Callable[[Callable[..., Iterator[None]]], None]:
    """The check `id_` tells of the fault, and how it is mended."""

    def add(broken: Callable[..., Iterator[None]]) -> None:
        FAULTS.append(Fault(broken.__name__, contextmanager(broken), id_, fix, level, at_github))

    return add


def written(name: str, id_: str, fix: str, *, level: str = "fail", **changes: str | None) -> None:
    """A fault of the file backend/.env.staging alone."""

    def broken(changes: dict[str, str | None], world: World, _: pytest.MonkeyPatch) -> Iterator[None]:
        world.write(**changes)
        yield

    FAULTS.append(Fault(name, contextmanager(partial(broken, changes)), id_, fix, level))


def edited(name: str, id_: str, fix: str, path: str, old: str, new: str) -> None:
    """A fault of one file of the clone, which git keeps."""

    def broken(world: World, _: pytest.MonkeyPatch) -> Iterator[None]:
        file = world.folder / path
        before = file.read_text(encoding="utf-8")
        assert old in before
        file.write_text(before.replace(old, new, 1), encoding="utf-8")
        yield
        file.write_text(before, encoding="utf-8")

    FAULTS.append(Fault(name, contextmanager(broken), id_, fix))
