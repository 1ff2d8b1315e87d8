"""The recipes in docs/migrations.md, run up and down on both backends, with more rows than one batch holds."""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from pydantic import SecretStr
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError, IntegrityError

from src.infrastructure.shared.database.local_sqlite import EngineRole, local_engine
from src.infrastructure.shared.database.remote_libsql import remote_engine
from src.operations.migrations import alembic_commands as alembic
from src.operations.migrations.revisions import VERSIONS
from src.operations.migrations.safeguards import MigrationRefusedError
from src.operations.migrations.schema import Schema, diff, row_counts, snapshot
from tests.integration.operations.migrations.recipe_page import Example, examples, recipes, whole, write_chain
from tests.libsql_server import LibsqlServer

RECIPES = recipes()
MANY = 1100  # two batches, and a part of a third
ROWS = {
    "prompts": 3,
    "prompt_versions": MANY,
    "prompt_templates": 2,
    "evaluations": MANY,
    "test_results": 2 * MANY,
}
NUMBERS = f"WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < {MANY})"
INSERTS = (
    "INSERT INTO prompts (id, name, title, content, content_hash, user_id, parent_id)"
    " VALUES ('p1', 'a', 'A', 'Hi', 'h', 'u', NULL), ('p2', 'b', 'B', 'Hi', 'h', 'u', 'p1'),"
    " ('p3', 'c', 'C', 'Hi', 'h', 'u', 'p1')",
    "INSERT INTO prompt_templates (id, name, template, category)"
    " VALUES ('t1', 'one', 'Hi', 'c'), ('t2', 'two', 'Hi', 'c')",
    f"{NUMBERS} INSERT INTO prompt_versions (id, prompt_id, version, content, content_hash, user_id)"
    " SELECT printf('v%05d', x), 'p1', x, 'Hi', 'h', 'u' FROM n",
    f"{NUMBERS} INSERT INTO evaluations (id, prompt_id, status, execution_time_ms, model)"
    " SELECT printf('e%05d', x), 'p2', iif(x % 2, 'completed', 'cancelled'), iif(x % 3, x, NULL),"
    " CASE x % 3 WHEN 0 THEN NULL WHEN 1 THEN 'gpt-4o' ELSE 'sonnet' END FROM n",
    *(
        f"{NUMBERS} INSERT INTO test_results (id, evaluation_id, position, repeat, test_case_name, input_data,"
        " actual_output, outcome, score, passed)"
        f" SELECT printf('{letter}%05d', x), printf('e%05d', x), {position}, 1, 'case', '{{}}',"
        " iif(x % 2, 'yes', NULL), 'passed', 1.0, 1 FROM n"
        for position, letter in enumerate("rs")
    ),
)


def fill(engine: Engine) -> None:
    alembic.upgrade(alembic.alembic_config(engine), "0001")
    with engine.begin() as connection:
        for insert in INSERTS:
            connection.exec_driver_sql(insert)


@pytest.fixture(scope="module")
def filled_file(outer_environment: object, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("recipes") / "filled.db"
    engine = local_engine(path, EngineRole.WRITE)
    fill(engine)
    engine.dispose()
    return path


@pytest.fixture(scope="module")
def filled_server(libsql_binary: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("recipes")
    with LibsqlServer(folder) as server:
        engine = remote_engine(server.url, EngineRole.WRITE, token=SecretStr(server.token()))
        fill(engine)
        engine.dispose()
    return folder


@dataclass(frozen=True, slots=True)
class Chain:
    """The steps of one recipe after our first migration, and a database at that one."""

    engine: Engine
    folder: Path
    revisions: list[str]

    def up(self, steps: int | None = None) -> None:
        """To the step with that number; by default through all of them."""
        self._run(alembic.upgrade, self.revisions[-1 if steps is None else steps - 1])

    def down(self, steps: int = 0) -> None:
        self._run(alembic.downgrade, self.revisions[steps - 1] if steps else "0001")

    def ask(self, sql: str) -> list[tuple[object, ...]]:
        with self.engine.connect() as connection:
            return [tuple(row) for row in connection.execute(text(sql))]

    def write(self, sql: str) -> None:
        with self.engine.begin() as connection:
            connection.execute(text(sql))

    @property
    def schema(self) -> Schema:
        with self.engine.connect() as connection:
            return snapshot(connection)

    @property
    def rows(self) -> dict[str, int]:
        with self.engine.connect() as connection:
            return {table: count for table, count in row_counts(connection).items() if count}

    @property
    def revision(self) -> object:
        return self.ask("SELECT version_num FROM alembic_version")[0][0]

    def _run(self, command: Callable[..., None], revision: str) -> None:
        command(alembic.alembic_config(self.engine, versions=(VERSIONS, self.folder)), revision)


@pytest.fixture(params=["file", "libsql"])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    """A database at our first migration, with rows."""
    if request.param == "file":
        path = tmp_path / "recipe.db"
        shutil.copyfile(request.getfixturevalue("filled_file"), path)
        engine = local_engine(path, EngineRole.WRITE)
    else:
        template, start = (request.getfixturevalue(name) for name in ("filled_server", "start_libsql"))
        server = start(template=template)
        engine = remote_engine(server.url, EngineRole.WRITE, token=SecretStr(server.token()))
    yield engine
    engine.dispose()


@pytest.fixture
def chain(request: pytest.FixtureRequest, engine: Engine, tmp_path: Path) -> Chain:
    """Of the recipe that the test names: `@recipe("rename-column")`."""
    folder = tmp_path / "steps"
    return Chain(engine, folder, write_chain(folder, RECIPES[request.param]))


def recipe(*names: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("chain", names, indirect=True)


def write_as_the_running_release(engine: Engine, key: str) -> None:
    """What a release does that knows only our first migration."""
    with engine.begin() as connection:
        for sql in (
            f"INSERT INTO prompts (id, name, title, content, content_hash, user_id) VALUES"
            f" ('{key}', '{key}', 'T', 'Hi', 'h', 'u')",
            f"INSERT INTO prompt_versions (id, prompt_id, version, content, content_hash, user_id) VALUES"
            f" ('{key}', '{key}', 1, 'Hi', 'h', 'u')",
            f"INSERT INTO evaluations (id, prompt_id, execution_time_ms) VALUES ('{key}', '{key}', 5)",
            f"INSERT INTO test_results (id, evaluation_id, position, repeat, test_case_name, input_data, outcome,"
            f" score, passed) VALUES ('{key}', '{key}', 0, 1, 'case', '{{}}', 'passed', 1.0, 1)",
            f"INSERT INTO prompt_templates (id, name, template, category, description) VALUES"
            f" ('{key}', '{key}', 'Hi', 'c', 'd')",
            f"UPDATE prompt_templates SET description = 'e' WHERE id = '{key}'",
            f"UPDATE evaluations SET execution_time_ms = 6 WHERE id = '{key}'",
        ):
            connection.exec_driver_sql(sql)
        assert connection.exec_driver_sql("PRAGMA foreign_key_check").all() == []


@recipe(*RECIPES)
def test_running_release_goes_on_until_the_contract_step(
    chain: Chain, request: pytest.FixtureRequest
) -> None:
    steps = RECIPES[request.node.callspec.params["chain"]]
    for number, text_of_step in enumerate(steps, start=1):
        if text_of_step.startswith("# autoforge: contract"):
            break
        chain.up(number)
        write_as_the_running_release(chain.engine, f"new-{number}")


@recipe("add-column", "require-column", "rename-column", "parent", "long-backfill", "drop-column")
def test_way_back_leads_to_the_schema_and_the_rows_of_before(chain: Chain) -> None:
    schema, rows = chain.schema, chain.rows
    results = chain.ask("SELECT id, evaluation_id FROM test_results ORDER BY id")
    times = chain.ask("SELECT id, execution_time_ms FROM evaluations ORDER BY id")

    chain.up()
    assert diff(schema, chain.schema) != ()
    assert chain.rows == rows
    chain.down()

    assert diff(schema, chain.schema) == ()
    assert chain.rows == rows == ROWS
    assert chain.ask("SELECT id, evaluation_id FROM test_results ORDER BY id") == results
    assert chain.ask("SELECT id, execution_time_ms FROM evaluations ORDER BY id") == times


@recipe("add-column")
def test_add_column(chain: Chain) -> None:
    chain.up()
    assert chain.ask("SELECT DISTINCT language FROM prompts") == [("en",)]


@recipe("require-column")
def test_require_column(chain: Chain) -> None:
    chain.up()

    assert chain.ask("SELECT model_family, count(*) FROM evaluations GROUP BY 1 ORDER BY 1") == [
        ("gpt", 367),
        ("sonnet", 367),
        ("unknown", 366),
    ]
    with pytest.raises(IntegrityError, match="model_family"):
        chain.write("INSERT INTO evaluations (id, prompt_id) VALUES ('new', 'p1')")


@recipe("require-column")
def test_require_column_notices_who_still_writes_nothing(chain: Chain) -> None:
    chain.up(2)
    write_as_the_running_release(chain.engine, "late")

    with pytest.raises(RuntimeError, match="1 evaluations have no model_family"):
        chain.up(3)

    assert chain.revision == chain.revisions[1]


@recipe("long-backfill")
def test_long_backfill_goes_on_where_it_was_ended(chain: Chain) -> None:
    chain.up(1)
    chain.write(
        "CREATE TRIGGER ended BEFORE UPDATE ON test_results WHEN NEW.id = 's00700'"
        " BEGIN SELECT RAISE(ABORT, 'the machine went down'); END"
    )

    with pytest.raises(DBAPIError, match="the machine went down"):
        chain.up(2)

    ((left,),) = chain.ask("SELECT count(*) FROM test_results WHERE answer_length IS NULL")
    assert 0 < int(str(left)) < 2 * MANY
    assert chain.revision == chain.revisions[0]
    write_as_the_running_release(chain.engine, "meanwhile")
    chain.write("DROP TRIGGER ended")
    chain.up(2)
    assert chain.ask("SELECT answer_length, count(*) FROM test_results GROUP BY 1 ORDER BY 1") == [
        (0, MANY + 1),
        (3, MANY),
    ]


@recipe("rename-column")
def test_rename_column(chain: Chain) -> None:
    before = chain.ask("SELECT id, execution_time_ms FROM evaluations ORDER BY id")
    chain.up()

    assert chain.ask("SELECT id, duration_ms FROM evaluations ORDER BY id") == before
    assert "execution_time_ms" not in str(chain.schema.tables["evaluations"])
    with pytest.raises(IntegrityError, match="ck_evaluations_duration_ms"):
        chain.write("UPDATE evaluations SET duration_ms = -1 WHERE id = 'e00001'")


@recipe("drop-column")
def test_drop_column(chain: Chain) -> None:
    chain.up()
    assert [
        column.name for column in chain.schema.tables["prompt_templates"].columns if "desc" in column.name
    ] == []


@recipe("drop-table", "new-table", "delete-rows")
def test_what_cannot_be_undone_says_so_and_changes_nothing(chain: Chain) -> None:
    chain.up()
    rows = chain.rows

    with pytest.raises(NotImplementedError, match="gone"):
        chain.down()

    assert (chain.revision, chain.rows) == (chain.revisions[-1], rows)


@recipe("drop-table")
def test_drop_table(chain: Chain) -> None:
    chain.up()
    assert chain.rows == {table: count for table, count in ROWS.items() if table != "prompt_templates"}


@recipe("parent")
def test_parent(chain: Chain) -> None:
    before = chain.schema
    chain.up()

    assert all("ck_prompts_status" in line for line in diff(before, chain.schema))
    assert chain.rows == ROWS
    chain.write("UPDATE prompts SET status = 'paused' WHERE id = 'p1'")
    with pytest.raises(IntegrityError, match="ck_prompts_status"):
        chain.write("UPDATE prompts SET status = 'asleep' WHERE id = 'p1'")
    with pytest.raises(IntegrityError, match="FOREIGN KEY"):
        chain.write("INSERT INTO evaluations (id, prompt_id) VALUES ('x', 'nobody')")

    chain.down()
    assert chain.ask("SELECT id, status FROM prompts WHERE status <> 'draft'") == []


@recipe("new-table")
def test_new_table(chain: Chain) -> None:
    columns = "id, prompt_id, version, content, system_message, content_hash, user_id, created_at, updated_at"
    before = chain.ask(f"SELECT {columns} FROM prompt_versions ORDER BY id")
    chain.up(2)
    write_as_the_running_release(chain.engine, "late")

    with pytest.raises(RuntimeError, match="1 versions are not in prompt_history"):
        chain.up(3)

    chain.write(
        f"INSERT INTO prompt_history ({columns}) SELECT {columns} FROM prompt_versions WHERE id = 'late'"
    )
    chain.up(3)
    assert chain.ask(f"SELECT {columns} FROM prompt_history WHERE id <> 'late' ORDER BY id") == before
    assert "prompt_versions" not in chain.schema.tables
    chain.write("DELETE FROM prompts WHERE id = 'late'")
    assert chain.ask("SELECT count(*) FROM prompt_history WHERE id = 'late'") == [(0,)]


@recipe("delete-rows")
def test_delete_rows(chain: Chain) -> None:
    chain.up()
    assert chain.rows == ROWS | {"evaluations": MANY // 2, "test_results": MANY}


@recipe("delete-rows")
def test_rows_that_nobody_declared_are_not_deleted(chain: Chain) -> None:
    (file,) = chain.folder.glob("*.py")
    file.write_text(file.read_text().replace('("evaluations", "test_results")', '("evaluations",)'))

    with pytest.raises(MigrationRefusedError, match="test_results has 1,100 rows of 2,200"):
        chain.up()

    assert chain.rows == ROWS


@pytest.mark.parametrize(
    "example",
    [
        pytest.param(example, id=f"line-{example.line}")
        for example in examples("right")
        if example.language == "python"
    ],
)
def test_right_example_runs(filled_file: Path, tmp_path: Path, example: Example) -> None:
    shutil.copyfile(filled_file, tmp_path / "right.db")
    engine = local_engine(tmp_path / "right.db", EngineRole.WRITE)
    folder = tmp_path / "steps"
    folder.mkdir()
    (folder / "example.py").write_text(whole(example.text), encoding="utf-8")
    chain = Chain(engine, folder, ["0002"])

    chain.up()

    assert chain.rows["test_results"] == ROWS["test_results"]
    if "raise NotImplementedError" not in (folder / "example.py").read_text(encoding="utf-8"):
        chain.down()
        assert chain.revision == "0001"
    engine.dispose()
