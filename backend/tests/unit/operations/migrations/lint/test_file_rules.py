import pytest

from src.operations.migrations.lint.lint import check
from tests.unit.operations.migrations.lint.snippets import (
    FIRST,
    FIRST_NAME,
    NAME,
    codes,
    findings_in,
    migration,
)

INDEX = "op.create_index('i', 'prompts', ['tags'])"


def test_first_migration_of_the_tests_is_clean() -> None:
    assert check({FIRST_NAME: FIRST.encode()}) == []


@pytest.mark.parametrize(
    ("source", "line", "said"),
    [
        (b"def upgrade(:\n", 1, "Python cannot read it"),
        (b"x = 1\n\nprint('a'\n", 3, "never closed"),
        (b"x = 'a\x00b'\n", 1, "null bytes"),
        ("名前".encode("euc-jp"), 1, "utf-8"),
        (b"(" * 5000, 1, "cannot read it"),
        (b"x = " + b"-" * 20_000 + b"1", 1, "it"),
    ],
)
def test_file_that_is_no_python_is_a_finding(source: bytes, line: int, said: str) -> None:
    (found,) = check({NAME: source})

    assert (found.code, found.line) == ("AFM001", line)
    assert said in found.message


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("", "no revision = …, no down_revision = …, no def upgrade() in it"),
        (
            migration(INDEX).replace("revision = '0002'", "revision = made()", 1),
            "revision is not written out",
        ),
        (migration(INDEX).replace("def upgrade", "def up"), "there is no def upgrade() in it"),
    ],
)
def test_file_that_is_no_migration_is_a_finding(source: str, said: str) -> None:
    (message,) = [found.message for found in findings_in(source) if found.code == "AFM001"]

    assert said in message


def test_annotated_names_are_read() -> None:
    source = migration(INDEX).replace("revision = '0002'", "revision: str = '0002'")

    assert findings_in(source.replace("down_revision =", "down_revision: str | None =")) == []


@pytest.mark.parametrize(
    "above",
    [
        "from src.infrastructure.shared.database.base import Base",
        "import src.domain",
        "import src",
        "import importlib\nmodels = importlib.import_module('src.infrastructure.database.models')",
        "models = __import__('src.domain')",
    ],
)
def test_import_of_our_code_is_found(above: str) -> None:
    assert codes(INDEX, above=above) == "AFM002"
    assert codes(above.splitlines()[-1] + "\n" + INDEX, above="import importlib") == "AFM002"


@pytest.mark.parametrize(
    "above", ["import srctools", "from json import src", "import json", "name = 'src.domain'"]
)
def test_other_imports_are_fine(above: str) -> None:
    assert codes(INDEX, above=above) == ""


@pytest.mark.parametrize(
    "name",
    [
        "0002_second.py",
        "20261201_0003_second.py",
        "20261301_0002_second.py",
        "20261201_0002_Second.py",
        "20261201_0002.py",
        "20261201-0002-second.py",
    ],
)
def test_file_name_of_another_form_is_found(name: str) -> None:
    assert [found.code for found in findings_in(migration(INDEX), name)] == ["AFM003"]


@pytest.mark.parametrize("name", ["20261201_0002_second.py", "some/folder/20261201_0002_プロンプト名.py"])
def test_file_name_of_our_form_is_fine(name: str) -> None:
    assert findings_in(migration(INDEX), name) == []


@pytest.mark.parametrize("docstring", ["", '"""empty message\n\nRevision ID: 0002\n"""', '"""\n"""'])
def test_missing_message_is_found(docstring: str) -> None:
    source = migration(INDEX).replace('"""Second"""', docstring)

    assert [found.code for found in findings_in(source)] == ["AFM004"]


@pytest.mark.parametrize(
    "downgrade",
    [
        "pass",
        "...",
        '"""Downgrade schema."""',
        '"""Downgrade schema."""\npass',
        "return",
        "return None",
        "raise NotImplementedError",
        "raise NotImplementedError()",
        "raise NotImplementedError('')",
        "raise NotImplementedError(' ')",
    ],
)
def test_downgrade_that_undoes_nothing_is_found(downgrade: str) -> None:
    assert codes(INDEX, downgrade) == "AFM008"


@pytest.mark.parametrize(
    "downgrade",
    [
        "op.drop_index('i')",
        "raise NotImplementedError('the old texts are gone')",
        "raise NotImplementedError(f'the old texts are gone since {revision}')",
        "_undo()",
    ],
)
def test_downgrade_that_undoes_or_says_why_not_is_fine(downgrade: str) -> None:
    assert codes(INDEX, downgrade) == ""


def test_absent_downgrade_is_found_and_one_that_is_assigned_is_fine() -> None:
    without = migration(INDEX).partition("def downgrade")[0]

    assert [found.code for found in findings_in(without)] == ["AFM008"]
    assert findings_in(without + "downgrade = print\n") == []


def test_migration_that_does_nothing_yet_needs_no_downgrade() -> None:
    assert codes("pass", "pass") == ""
