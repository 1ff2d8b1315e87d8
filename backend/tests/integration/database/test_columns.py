"""What columns hold, and rows that were made by hand, as the guide makes them."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from sqlalchemy.exc import StatementError

from src.application.prompt.commands import revise_prompt
from src.application.shared.page import PageRequest, decode_cursor
from src.domain.prompt.prompt import PromptContent, PromptStatus, content_hash
from src.domain.shared.ids import LOCAL_WORKSPACE, PromptId, new_id
from src.infrastructure.database.models import (
    Base,
    EvaluationModel,
    PromptModel,
    PromptVersionModel,
    TestResultModel,
)
from src.infrastructure.evaluation.repositories.evaluation_reader import SqlEvaluationReader
from src.infrastructure.prompt.repositories.prompt_reader import SqlPromptReader
from src.infrastructure.shared.database.local_sqlite import EngineRole
from src.infrastructure.shared.database.turso_connection import TursoConnection
from src.infrastructure.shared.database.unit_of_work import SqlUnitOfWork
from tests.builders import LOCAL, NOW

PROMPT: dict[str, Any] = {"title": "t", "content": "c", "user_id": "u"}


def save(database: TursoConnection, *rows: Base) -> None:
    with database.sessions()(expire_on_commit=False) as session:
        session.add_all(rows)
        session.commit()


# --- times ------------------------------------------------------------------------------------------------------------


def written_and_read(database: TursoConnection, moment: datetime | None) -> datetime | None:
    row = PromptModel(**PROMPT, deleted_at=moment)
    save(database, row)
    with database.read_sessions()() as session:
        return session.get_one(PromptModel, row.id).deleted_at


def test_time_comes_back_aware_in_utc_cut_to_milliseconds(database: TursoConnection) -> None:
    found = written_and_read(database, datetime(2026, 11, 2, 10, 0, 0, 123999, tzinfo=UTC))

    assert found == datetime(2026, 11, 2, 10, 0, 0, 123000, tzinfo=UTC)
    assert found is not None
    assert found.tzinfo is UTC


def test_time_of_another_zone_is_the_same_moment(database: TursoConnection) -> None:
    tokyo = datetime(2026, 11, 2, 19, 0, tzinfo=timezone(timedelta(hours=9)))

    assert written_and_read(database, tokyo) == tokyo


def test_times_of_rows_and_of_the_database_sort_as_one_text(database: TursoConnection) -> None:
    written_and_read(database, datetime(2026, 11, 2, 10, 0, 0, 5000, tzinfo=UTC))
    with database.read_sessions()() as session:
        connection = session.connection()
        ours, theirs = connection.exec_driver_sql(
            "SELECT deleted_at, strftime('%Y-%m-%d %H:%M:%f000', '2026-11-02 10:00:00.005') FROM prompts"
        ).one()

    assert ours == theirs == "2026-11-02 10:00:00.005000"


def test_no_time_stays_none(database: TursoConnection) -> None:
    assert written_and_read(database, None) is None


def test_time_without_a_zone_is_refused(database: TursoConnection) -> None:
    with pytest.raises(StatementError, match="has no time zone"):
        written_and_read(database, datetime(2026, 11, 2))  # noqa: DTZ001


def test_time_that_the_database_gives_is_now_with_milliseconds(database: TursoConnection) -> None:
    before = datetime.now(UTC) - timedelta(milliseconds=1)
    with database.write_transaction() as connection:
        connection.exec_driver_sql(
            "INSERT INTO prompts (id, name, title, content, content_hash, user_id) VALUES (?, 'n', 't', 'c', 'h', 'u')",
            (new_id(),),
        )
        connection.commit()
    with database.read_sessions()() as session:
        row = session.query(PromptModel).one()

    assert before <= row.created_at <= datetime.now(UTC)
    assert row.created_at.microsecond % 1000 == 0
    assert (row.created_at.tzinfo, row.updated_at.tzinfo) == (UTC, UTC)


def test_change_through_a_model_moves_updated_at(database: TursoConnection) -> None:
    row = PromptModel(**PROMPT, created_at=NOW, updated_at=NOW)
    save(database, row)
    with database.sessions()(expire_on_commit=False) as session:
        session.get_one(PromptModel, row.id).title = "new"
        session.commit()

    with database.read_sessions()() as session:
        found = session.get_one(PromptModel, row.id)
    assert (found.created_at, found.row_version) == (NOW, 2)
    assert found.updated_at > NOW


# --- rows made by hand ------------------------------------------------------------------------------------------------


@pytest.fixture
def by_hand(database: TursoConnection) -> PromptModel:
    row = PromptModel(title="By hand", content="Hello {{name}}", user_id="ada", status="draft")
    save(database, row)
    return row


def prompt_reader(database: TursoConnection) -> SqlPromptReader:
    return SqlPromptReader(database.engine(EngineRole.READ), LOCAL_WORKSPACE)


def test_prompt_made_by_hand_reads_as_version_1(database: TursoConnection, by_hand: PromptModel) -> None:
    reader = prompt_reader(database)

    head, version = reader.get(by_hand.id), reader.get_version(by_hand.id, 1)

    assert (head.version, head.row_version, head.name) == (1, 1, by_hand.name)
    assert head.content_hash == version.content_hash == content_hash("Hello {{name}}", None)
    assert (version.content, version.user_id) == ("Hello {{name}}", "ada")
    assert [entry.version for entry in reader.list_versions(by_hand.id, PageRequest()).items] == [1]


def test_first_use_of_a_prompt_made_by_hand_writes_its_history(
    database: TursoConnection, by_hand: PromptModel
) -> None:
    with SqlUnitOfWork(database, LOCAL_WORKSPACE) as uow:
        prompt = uow.prompts.get(PromptId(by_hand.id))
        assert uow.prompts.get_version(prompt, 1).content == PromptContent("Hello {{name}}")
        uow.commit()

    with database.read_sessions()() as session:
        (entry,) = session.query(PromptVersionModel).all()
        assert (entry.prompt_id, entry.version, entry.content) == (by_hand.id, 1, "Hello {{name}}")
        assert session.get_one(PromptModel, by_hand.id).row_version == 1


def test_prompt_made_by_hand_keeps_its_first_version_when_it_is_revised(
    database: TursoConnection, by_hand: PromptModel
) -> None:
    revise_prompt(
        prompt_id=PromptId(by_hand.id),
        content=PromptContent("Second"),
        by=LOCAL,
        uow=SqlUnitOfWork(database, LOCAL_WORKSPACE),
        now=NOW,
    )

    versions = prompt_reader(database).list_versions(by_hand.id, PageRequest()).items
    assert [(entry.version, entry.content) for entry in versions] == [(2, "Second"), (1, "Hello {{name}}")]


def test_prompt_made_by_hand_reads_as_an_aggregate(database: TursoConnection, by_hand: PromptModel) -> None:
    with SqlUnitOfWork(database, LOCAL_WORKSPACE) as uow:
        prompt = uow.prompts.get(PromptId(by_hand.id))

    assert (prompt.status, prompt.tags, prompt.metadata) == (PromptStatus.DRAFT, (), {})
    assert not prompt.is_deleted


def test_two_prompts_made_by_hand_have_names_of_their_own(database: TursoConnection) -> None:
    save(database, PromptModel(**PROMPT), PromptModel(**PROMPT))


def test_evaluation_made_by_hand_can_be_read(database: TursoConnection, by_hand: PromptModel) -> None:
    row = EvaluationModel(prompt_id=by_hand.id, status="completed", overall_score=0.85)
    save(database, row)

    view = SqlEvaluationReader(database.read_sessions(), LOCAL_WORKSPACE).get(row.id)
    with SqlUnitOfWork(database, LOCAL_WORKSPACE) as uow:
        evaluation = uow.evaluations.get(view.id)  # type: ignore[arg-type]

    assert (view.status, view.overall_score, view.prompt_name) == ("completed", 0.85, by_hand.name)
    assert (view.prompt_version, view.suite_id, view.metrics) == (1, None, None)
    assert (evaluation.overall_score, evaluation.settings.provider) == (0.85, "")


@pytest.mark.parametrize(
    ("values", "outcome"),
    [
        ({"passed": True}, "passed"),
        ({"passed": False}, "failed"),
        ({"passed": False, "error_message": "x"}, "errored"),
    ],
)
def test_result_made_by_hand_has_the_outcome_that_follows(
    database: TursoConnection, by_hand: PromptModel, values: dict[str, Any], outcome: str
) -> None:
    evaluation = EvaluationModel(id=new_id(), prompt_id=by_hand.id)
    save(database, evaluation)
    save(database, TestResultModel(evaluation_id=evaluation.id, test_case_name="c", score=0.5, **values))

    (result,) = (
        SqlEvaluationReader(database.read_sessions(), LOCAL_WORKSPACE)
        .list_results(evaluation.id, None, PageRequest())
        .items
    )
    assert (result.outcome, result.position, result.repeat) == (outcome, None, 1)


def test_results_made_by_hand_are_listed_over_several_pages(
    database: TursoConnection, by_hand: PromptModel
) -> None:
    evaluation = EvaluationModel(id=new_id(), prompt_id=by_hand.id)
    save(database, evaluation)
    save(
        database,
        *(
            TestResultModel(evaluation_id=evaluation.id, test_case_name=f"c{n}", score=1.0, passed=True)
            for n in range(3)
        ),
    )
    reader = SqlEvaluationReader(database.read_sessions(), LOCAL_WORKSPACE)

    first = reader.list_results(evaluation.id, None, PageRequest(limit=2))
    after = decode_cursor(first.next_cursor, (int, int, str))
    second = reader.list_results(evaluation.id, None, PageRequest(limit=2, after=after))

    assert sorted(result.case_name for result in (*first.items, *second.items)) == ["c0", "c1", "c2"]


def test_mixins_tell_what_is_deleted(by_hand: PromptModel) -> None:
    assert not by_hand.is_deleted
    by_hand.deleted_at = NOW
    assert by_hand.is_deleted
