from src.operations.migrations.lint.lint import check
from tests.unit.operations.migrations.lint.snippets import FIRST, FIRST_NAME, migration

INDEX = "op.create_index('i', 'prompts', ['tags'])"


def found_in(*chain: tuple[str, object]) -> list[tuple[str, str]]:
    """File and code of each finding in the first migration and others with these revisions and parents."""
    sources = {FIRST_NAME: FIRST}
    for number, (revision, parent) in enumerate(chain):
        text = migration(INDEX, revision=revision).replace(
            "down_revision = '0001'", f"down_revision = {parent!r}"
        )
        sources[f"2026120{number + 1}_{revision}_x.py"] = text
    found = check({name: source.encode() for name, source in sources.items()})
    return sorted((finding.path, finding.code) for finding in found)


def test_line_of_migrations_is_fine() -> None:
    assert found_in(("0003", "0002"), ("0002", "0001"), ("0004", "0003")) == []


def test_second_head_is_found_in_both_files() -> None:
    assert found_in(("0002", "0001"), ("0003", "0001")) == [
        ("20261201_0002_x.py", "AFM007"),
        ("20261202_0003_x.py", "AFM007"),
    ]


def test_second_beginning_is_found_in_both_files() -> None:
    assert found_in(("0002", None)) == [(FIRST_NAME, "AFM007"), ("20261201_0002_x.py", "AFM007")]


def test_parent_that_is_not_there_is_found() -> None:
    assert found_in(("0002", "gone")) == [("20261201_0002_x.py", "AFM006")]


def test_merge_of_branches_is_found() -> None:
    assert found_in(("0002", "0001"), ("0003", ("0001", "0002"))) == [("20261202_0003_x.py", "AFM006")]


def test_circle_is_found_in_each_of_its_files() -> None:
    assert found_in(("0002", "0003"), ("0003", "0002")) == [
        ("20261201_0002_x.py", "AFM006"),
        ("20261202_0003_x.py", "AFM006"),
    ]


def test_duplicate_revision_is_found_in_both_files() -> None:
    assert found_in(("0002", "0001"), ("0002", "0001")) == [
        ("20261201_0002_x.py", "AFM005"),
        ("20261202_0002_x.py", "AFM005"),
    ]
