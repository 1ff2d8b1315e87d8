"""Phase 4-4: tables that lack something, and ours, which lack nothing."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import CheckConstraint, Column, ForeignKey, Index, Integer, MetaData, String, Table, text

from src.infrastructure.database.models import Base
from src.operations.checks import models
from src.operations.checks.models import INDEXES
from tests.integration.operations.checks.scenes import Look, OpenScene


def test_table_that_is_not_registered_is_seen(open_scene: OpenScene, clone: Path) -> None:
    scene, tables = open_scene(), dict(Base.metadata.tables)
    assert list(models.unregistered(scene, tables)) == []

    added = clone / "backend" / "src" / "infrastructure" / "prompt" / "models" / "note_model.py"
    added.write_text('class NoteModel(Base):\n    __tablename__ = "notes"\n')
    without = {name: table for name, table in tables.items() if name != "prompts"}
    assert list(models.unregistered(scene, without)) == [
        "prompts is not registered",
        "notes of note_model.py is not registered in infrastructure/database/models.py",
    ]


@pytest.mark.parametrize(
    ("columns", "faults_of", "expected"),
    [
        ([Column("a", Integer, comment="数")], models.uncommented, []),
        (
            [Column("a", Integer, comment="number"), Column("b", Integer)],
            models.uncommented,
            ["t.a has no Japanese comment", "t.b has no Japanese comment"],
        ),
        ([Column("score", Integer), CheckConstraint("score >= 0", name="score")], models.unchecked, []),
        (
            [Column("overall_score", Integer), CheckConstraint("score >= 0", name="score")],
            models.unchecked,
            ["t.overall_score has no CHECK"],
        ),
        ([Column("usage_count", Integer)], models.unchecked, ["t.usage_count has no CHECK"]),
        (
            [Column("a", Integer), CheckConstraint("a > 0")],
            models.unnamed,
            ["t has a constraint without a name"],
        ),
        ([Column("a", Integer), CheckConstraint("a > 0", name="a")], models.unnamed, []),
    ],
)
def test_what_a_table_lacks_is_named(
    columns: list[Column[int]], faults_of: Callable[[MetaData], Iterator[str]], expected: list[str]
) -> None:
    metadata = MetaData()
    id_column: Column[str] = Column("id", String(36), comment="ID")
    Table("t", metadata, id_column, *columns, comment="表")
    metadata.tables["t"].primary_key.name = "pk_t"
    assert list(faults_of(metadata)) == expected


def test_index_that_the_guide_asked_for_is_missed() -> None:
    metadata = MetaData()
    for name, wanted in INDEXES.items():
        columns: list[Column[str]] = [Column(column, String) for column in wanted]
        Table(name, metadata, Column("workspace_id", String), *columns)
    assert len(list(models.unindexed(metadata))) == sum(map(len, INDEXES.values()))

    prompts = metadata.tables["prompts"].columns
    Index("ix_other", prompts["user_id"])  # not under the guide's name
    Index("idx_prompts_status", prompts["workspace_id"], prompts["status"])
    Index("idx_created", prompts["created_at"], prompts["parent_id"])  # parent_id comes second
    Index("idx_deleted", prompts["created_at"], sqlite_where=text("deleted_at IS NOT NULL"))

    missed = [fault for fault in models.unindexed(metadata) if fault.startswith("prompts.")]
    assert missed == [
        "prompts.user_id has no index idx_prompts_user_id",
        "prompts.parent_id has no index",
    ]


def test_rows_that_would_be_left_over_are_seen() -> None:
    metadata = MetaData()
    for name in ("prompts", "evaluations", "test_results"):
        Table(name, metadata, Column("id", String))
    metadata.tables["evaluations"].append_column(
        Column("prompt_id", String, ForeignKey("prompts.id", ondelete="CASCADE"))
    )
    metadata.tables["test_results"].append_column(
        Column("evaluation_id", String, ForeignKey("evaluations.id", ondelete="SET NULL"))
    )
    assert list(models.uncascading(metadata)) == [
        "test_results.evaluation_id does not follow evaluations when that is deleted"
    ]


@pytest.mark.parametrize(
    "id",
    [
        "schema.registered",
        "schema.comments",
        "schema.checks",
        "schema.names",
        "schema.indexes",
        "schema.cascades",
    ],
)
def test_our_tables_lack_nothing(look: Look, id: str) -> None:
    assert look(id).level == "ok"
