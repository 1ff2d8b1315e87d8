"""`autoforge db lint` as `make check` and a person run it."""

from pathlib import Path

from src.operations.migrations.revisions import VERSIONS
from tests.integration.cli.harness import Cli

HEAD = '"""Second"""\n\nimport sqlalchemy as sa\nfrom alembic import op\n\n'
IDS = 'revision = "9001"\ndown_revision = "0001"\n\n\n'
UPGRADE = 'def upgrade() -> None:\n    op.drop_column("prompts", "tags")'
DROP = f"{HEAD}{IDS}{UPGRADE}\n\n\ndef downgrade() -> None:\n    pass\n"
NAME = "20270101_9001_drop_tags.py"


def test_migrations_of_this_version_are_clean_and_nothing_is_made(
    fresh_cli: Cli, database_file: Path
) -> None:
    count = len(list(VERSIONS.glob("*.py")))

    assert fresh_cli.done("db", "lint").out == f"{count} migration{'' if count == 1 else 's'}, no findings.\n"
    assert len(fresh_cli.done("db", "lint", "--json").json["files"]) == count
    assert not database_file.exists()


def test_findings_are_told_as_a_compiler_does(fresh_cli: Cli) -> None:
    fresh_cli.write(NAME, DROP)

    outcome = fresh_cli("db", "lint", NAME)

    assert outcome.code == 1
    assert outcome.err == ""
    assert outcome.out.splitlines() == [
        f"{NAME}:11: AFM101 drop-in-one-step: drops prompts.tags, which the running release may use",
        "    docs/migrations.md#afm101-drop-in-one-step",
        f"{NAME}:14: AFM008 no-downgrade: downgrade() does nothing, and upgrade() does something",
        "    docs/migrations.md#afm008-no-downgrade",
        "1 migration, 2 findings.",
    ]


def test_findings_as_json(fresh_cli: Cli) -> None:
    fresh_cli.write(NAME, DROP)

    outcome = fresh_cli("db", "lint", NAME, "--json")

    assert outcome.code == 1
    assert outcome.json["files"] == [NAME]
    assert outcome.json["findings"][0] == {
        "path": NAME,
        "line": 11,
        "code": "AFM101",
        "name": "drop-in-one-step",
        "message": "drops prompts.tags, which the running release may use",
        "recipe": "docs/migrations.md#afm101-drop-in-one-step",
    }


def test_file_is_judged_beside_ours_and_folder_on_its_own(fresh_cli: Cli) -> None:
    """The parent, and that prompts is one to which others refer, are known from our migrations alone."""
    rebuild = DROP.replace(
        'op.drop_column("prompts", "tags")', 'op.drop_table("prompts")\n    op.rename_table("a", "prompts")'
    )
    (fresh_cli.folder / "theirs").mkdir()
    fresh_cli.write(f"theirs/{NAME}", rebuild)
    fresh_cli.write("theirs/__init__.py", "")

    beside = fresh_cli("db", "lint", f"theirs/{NAME}", "--json").json["findings"]
    alone = fresh_cli("db", "lint", "theirs", "--json").json["findings"]

    assert {"AFM304"} == {found["code"] for found in beside} - {found["code"] for found in alone}
    assert {"AFM006"} == {found["code"] for found in alone} - {found["code"] for found in beside}


def test_file_of_ours_is_not_its_own_duplicate(fresh_cli: Cli) -> None:
    (ours, *_) = sorted(VERSIONS.glob("*.py"))

    assert fresh_cli.done("db", "lint", ours, f"{ours.parent}/../versions/{ours.name}").out == (
        "1 migration, no findings.\n"
    )


def test_broken_file_is_a_finding(fresh_cli: Cli) -> None:
    fresh_cli.write(NAME, "def upgrade(:\n")

    outcome = fresh_cli("db", "lint", NAME)

    assert outcome.code == 1
    assert outcome.out.startswith(f"{NAME}:1: AFM001 not-a-migration: Python cannot read it: ")


def test_what_is_not_there_is_said(fresh_cli: Cli) -> None:
    (fresh_cli.folder / "empty").mkdir()

    assert fresh_cli.refused("db", "lint", "nope.py", code=2) == (
        "Error: nope.py cannot be read: No such file or directory."
    )
    assert fresh_cli.refused("db", "lint", "empty", code=2) == "Error: There are no migrations in empty."
