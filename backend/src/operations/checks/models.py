"""Phase 4-4: the tables are what the guide asked for. Told from the models; that the database has them is for 4-5."""

import re
from collections.abc import Iterator, Mapping

from sqlalchemy import CheckConstraint, Index, MetaData, Table, TextClause

from src.operations.checks.check import Check
from src.operations.checks.scene import Scene
from src.operations.verdict import Verdict, fail, ok

# The indexes that the guide asked for: on these columns, under its name where it gave one.
INDEXES: Mapping[str, Mapping[str, str | None]] = {
    "prompts": {
        "user_id": "idx_prompts_user_id",
        "status": "idx_prompts_status",
        "created_at": None,
        "deleted_at": None,
        "parent_id": None,
    },
    "prompt_templates": {"category": None, "usage_count": None},
    "evaluations": {
        "prompt_id": "idx_evaluations_prompt_id",
        "status": "idx_evaluations_status",
        "created_at": None,
        "provider": None,
    },
    "test_results": {"evaluation_id": None, "passed": None, "score": None},
}
CASCADES = (("evaluations", "prompt_id", "prompts"), ("test_results", "evaluation_id", "evaluations"))

_SCOPES = ("workspace_id", "evaluation_id")
_JAPANESE = re.compile(r"[\u3040-\u30ff\u4e00-\u9fff]|^ID$")
_CHECKED = re.compile(r"(^|_)(status|score|version|count|ms|usd)$")
_FIX = "Correct the model, write the migration (docs/migrations.md), then: autoforge db check"


def _judge(faults: Iterator[str], said: str) -> Verdict:
    found = list(faults)
    if not found:
        return ok(said)
    return fail("; ".join(found[:3]) + (f"; and {len(found) - 3} more" if len(found) > 3 else ""), _FIX)


def _metadata() -> MetaData:
    from src.infrastructure.database.models import Base

    return Base.metadata


def _look_for_models(scene: Scene) -> Verdict:
    tables = _metadata().tables
    return _judge(unregistered(scene, tables), f"{len(tables)} tables: {', '.join(sorted(tables))}")


def unregistered(scene: Scene, tables: Mapping[str, Table]) -> Iterator[str]:
    """Tables of the guide, or of a file of models, that importing `infrastructure.database.models` does not make."""
    for name in INDEXES:
        if name not in tables:
            yield f"{name} is not registered"
    for path in sorted((scene.backend / "src" / "infrastructure").glob("*/models/*_model.py")):
        for name in re.findall(
            r'^    __tablename__ = "(\w+)"$', path.read_text(encoding="utf-8"), re.MULTILINE
        ):
            if name not in tables and name not in INDEXES:
                yield f"{name} of {path.name} is not registered in infrastructure/database/models.py"


def uncommented(metadata: MetaData) -> Iterator[str]:
    for table in metadata.sorted_tables:
        if not _JAPANESE.search(table.comment or ""):
            yield f"{table.name} has no Japanese comment"
        for column in table.columns:
            if not _JAPANESE.search(column.comment or ""):
                yield f"{table.name}.{column.name} has no Japanese comment"


def unchecked(metadata: MetaData) -> Iterator[str]:
    """Columns of states, scores and counts that take any value."""
    for table in metadata.sorted_tables:
        rules = [_text(one.sqltext) for one in table.constraints if isinstance(one, CheckConstraint)]
        for column in table.columns:
            is_checked = any(re.search(rf"\b{column.name}\b", rule) for rule in rules)
            if _CHECKED.search(column.name) and not column.foreign_keys and not is_checked:
                yield f"{table.name}.{column.name} has no CHECK"


def unindexed(metadata: MetaData) -> Iterator[str]:
    for table, columns in INDEXES.items():
        for column, name in columns.items():
            having = [index for index in metadata.tables[table].indexes if _covers(index, column)]
            if not any(name in (None, index.name) for index in having):
                yield f"{table}.{column} has no index{f' {name}' if name else ''}"


def _covers(index: Index, column: str) -> bool:
    """Lists of one workspace or one run begin with it; an index of deleted rows has them as its condition."""
    names = [found.name for found in index.columns]
    begins = names[:1] == [column] or (names[0] in _SCOPES and names[1:2] == [column])
    return begins or _text(index.dialect_options["sqlite"]["where"]) == f"{column} IS NOT NULL"


def _text(clause: object) -> str:
    """As it was written; to compile it takes a millisecond, and there are many."""
    return clause.text if isinstance(clause, TextClause) else str(clause)


def unnamed(metadata: MetaData) -> Iterator[str]:
    for table in metadata.sorted_tables:
        for one in table.constraints:
            if one.name is None:
                yield f"{table.name} has a constraint without a name"


def uncascading(metadata: MetaData) -> Iterator[str]:
    for table, column, parent in CASCADES:
        keys = metadata.tables[table].columns[column].foreign_keys
        if not any(key.column.table.name == parent and key.ondelete == "CASCADE" for key in keys):
            yield f"{table}.{column} does not follow {parent} when that is deleted"


_REGISTERED = ("schema.registered",)

MODELS = (
    Check(
        id="schema.registered",
        phase="4-4",
        title="Every model is registered",
        why="What is not registered is in no migration.",
        look=_look_for_models,
    ),
    Check(
        id="schema.comments",
        phase="4-4",
        title="Tables and columns have their Japanese comments",
        why="They are the documentation of the schema.",
        look=lambda _: _judge(uncommented(_metadata()), "every table and column"),
        needs=_REGISTERED,
    ),
    Check(
        id="schema.checks",
        phase="4-4",
        title="States, scores and counts are checked by the database",
        why="What another program writes past our rules would be believed.",
        look=lambda _: _judge(unchecked(_metadata()), "each has its CHECK"),
        needs=_REGISTERED,
    ),
    Check(
        id="schema.names",
        phase="4-4",
        title="Every constraint has a name",
        why="A migration cannot drop what has no name.",
        look=lambda _: _judge(unnamed(_metadata()), "each has one"),
        needs=_REGISTERED,
    ),
    Check(
        id="schema.indexes",
        phase="4-4",
        title="The indexes of the guide are there",
        why="Lists would walk over whole tables.",
        look=lambda _: _judge(
            unindexed(_metadata()), "each of them, under the guide's name where it gave one"
        ),
        needs=_REGISTERED,
    ),
    Check(
        id="schema.cascades",
        phase="4-4",
        title="What belongs to a prompt goes with it",
        why="Evaluations of a deleted prompt would be left over.",
        look=lambda _: _judge(
            uncascading(_metadata()), "evaluations with their prompt, results with their evaluation"
        ),
        needs=_REGISTERED,
    ),
)
