import pytest

from src.operations.shell.reading import ReadOnlyError, require_reading


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT 1",
        "  -- why\n select 1;",
        "VALUES (1), (2)",
        "EXPLAIN QUERY PLAN DELETE FROM t",
        "WITH a AS (SELECT 1), b (x) AS (SELECT 'DELETE') SELECT * FROM a",
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n",
        "PRAGMA foreign_keys",
        "PRAGMA table_info(prompts);",
        "PRAGMA main.foreign_key_check",
        "PRAGMA integrity_check(10)",
    ],
)
def test_reading_is_allowed(sql: str) -> None:
    require_reading(sql)


@pytest.mark.parametrize(
    "sql",
    [
        "INSERT INTO t VALUES (1) RETURNING x",
        "WITH a AS (SELECT 1) INSERT INTO t SELECT * FROM a",
        "with a as (select 1) delete from t",
        "REPLACE INTO t VALUES (1)",
        "DROP TABLE t",
        "VACUUM",
        "VACUUM INTO 'x'",
        "ATTACH 'x' AS y",
        "BEGIN IMMEDIATE",
        "PRAGMA user_version = 3",
        "PRAGMA user_version(3)",
        "PRAGMA main.user_version = 3",
        "PRAGMA wal_checkpoint",
        "PRAGMA wal_checkpoint(TRUNCATE)",
        "PRAGMA",
        "selec 1",
        "'SELECT'",
        "/* SELECT */ UPDATE t SET x = 1",
        "",
    ],
)
def test_everything_else_is_refused(sql: str) -> None:
    with pytest.raises(ReadOnlyError, match="--write"):
        require_reading(sql)
