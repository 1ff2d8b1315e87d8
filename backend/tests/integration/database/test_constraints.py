"""What the database itself refuses, whoever writes."""

from typing import Any

import pytest
from sqlalchemy.exc import IntegrityError

from src.domain.shared.ids import new_id
from src.infrastructure.database.models import (
    Base,
    EvaluationModel,
    PromptModel,
    PromptTemplateModel,
    PromptVersionModel,
    TestCaseModel,
    TestResultModel,
    TestSuiteModel,
)
from src.infrastructure.shared.database.errors import on_unique_violation
from src.infrastructure.shared.database.turso_connection import TursoConnection

PROMPT: dict[str, Any] = {"title": "t", "content": "c", "user_id": "u"}


def save(database: TursoConnection, *rows: Base) -> None:
    with database.sessions()(expire_on_commit=False) as session:
        session.add_all(rows)
        session.commit()


@pytest.fixture
def ids(database: TursoConnection) -> dict[str, str]:
    """A row in every table, and their ids."""
    prompt = PromptModel(**PROMPT, id=new_id(), name="taken")
    suite = TestSuiteModel(id=new_id(), name="taken", version=1, case_count=1, content_hash="h")
    evaluation = EvaluationModel(id=new_id(), prompt_id=prompt.id, test_suite_id=suite.id)
    save(database, prompt, suite)
    save(database, evaluation)
    save(
        database,
        PromptVersionModel(prompt_id=prompt.id, version=1, content="c", content_hash="h", user_id="u"),
        PromptTemplateModel(name="taken", template="t", category="c"),
        TestCaseModel(suite_id=suite.id, position=0, name="taken"),
        TestResultModel(evaluation_id=evaluation.id, test_case_name="c", position=0, score=1.0, passed=True),
    )
    return {"prompt": prompt.id, "suite": suite.id, "evaluation": evaluation.id, "nobody": new_id()}


VERSION = {"prompt_id": "prompt", "version": 2, "content": "c", "content_hash": "h", "user_id": "u"}
TEMPLATE = {"name": "new", "template": "t", "category": "c"}
SUITE = {"name": "new", "version": 1, "case_count": 1, "content_hash": "h"}
CASE = {"suite_id": "suite", "position": 1, "name": "new"}
EVALUATION = {"prompt_id": "prompt"}
RESULT = {"evaluation_id": "evaluation", "test_case_name": "c", "position": 1, "score": 1.0, "passed": True}

BROKEN: list[tuple[type[Base], dict[str, Any], dict[str, Any], str]] = [
    (PromptModel, PROMPT, {"title": None}, "NOT NULL constraint failed: prompts.title"),
    (PromptModel, PROMPT, {"status": "published"}, "CHECK constraint failed: ck_prompts_status"),
    (PromptModel, PROMPT, {"version": 0}, "CHECK constraint failed: ck_prompts_version"),
    (PromptModel, PROMPT, {"name": "taken"}, "UNIQUE constraint failed: prompts.workspace_id, prompts.name"),
    (PromptModel, PROMPT, {"id": "prompt"}, "UNIQUE constraint failed: prompts.id"),
    (PromptModel, PROMPT, {"parent_id": "nobody"}, "FOREIGN KEY constraint failed"),
    (PromptVersionModel, VERSION, {"version": 0}, "CHECK constraint failed: ck_prompt_versions_version"),
    (PromptVersionModel, VERSION, {"version": 1}, "UNIQUE constraint failed: prompt_versions.prompt_id"),
    (PromptVersionModel, VERSION, {"prompt_id": "nobody"}, "FOREIGN KEY constraint failed"),
    (
        PromptTemplateModel,
        TEMPLATE,
        {"usage_count": -1},
        "CHECK constraint failed: ck_prompt_templates_usage",
    ),
    (
        PromptTemplateModel,
        TEMPLATE,
        {"name": "taken"},
        "UNIQUE constraint failed: prompt_templates.workspace",
    ),
    (TestSuiteModel, SUITE, {"threshold": 1.1}, "CHECK constraint failed: ck_test_suites_threshold"),
    (TestSuiteModel, SUITE, {"case_count": 0}, "CHECK constraint failed: ck_test_suites_case_count"),
    (TestSuiteModel, SUITE, {"version": 0}, "CHECK constraint failed: ck_test_suites_version"),
    (TestSuiteModel, SUITE, {"name": "taken"}, "UNIQUE constraint failed: test_suites.workspace_id"),
    (
        TestSuiteModel,
        SUITE,
        {"name": "taken", "version": 2},
        "UNIQUE constraint failed: test_suites.workspace_id",
    ),
    (TestCaseModel, CASE, {"position": -1}, "CHECK constraint failed: ck_test_cases_position"),
    (TestCaseModel, CASE, {"threshold": -0.1}, "CHECK constraint failed: ck_test_cases_threshold"),
    (
        TestCaseModel,
        CASE,
        {"position": 0},
        "UNIQUE constraint failed: test_cases.suite_id, test_cases.position",
    ),
    (
        TestCaseModel,
        CASE,
        {"name": "taken", "position": 2},
        "UNIQUE constraint failed: test_cases.suite_id, test_cases.name",
    ),
    (TestCaseModel, CASE, {"suite_id": "nobody"}, "FOREIGN KEY constraint failed"),
    (EvaluationModel, EVALUATION, {"status": "done"}, "CHECK constraint failed: ck_evaluations_status"),
    (
        EvaluationModel,
        EVALUATION,
        {"overall_score": 1.01},
        "CHECK constraint failed: ck_evaluations_overall_score",
    ),
    (
        EvaluationModel,
        EVALUATION,
        {"overall_score": -0.1},
        "CHECK constraint failed: ck_evaluations_overall_score",
    ),
    (
        EvaluationModel,
        EVALUATION,
        {"execution_time_ms": -1},
        "CHECK constraint failed: ck_evaluations_execution",
    ),
    (
        EvaluationModel,
        EVALUATION,
        {"prompt_version": 0},
        "CHECK constraint failed: ck_evaluations_prompt_version",
    ),
    (EvaluationModel, EVALUATION, {"total": -1}, "CHECK constraint failed: ck_evaluations_total"),
    (EvaluationModel, EVALUATION, {"completed": -1}, "CHECK constraint failed: ck_evaluations_completed"),
    (EvaluationModel, EVALUATION, {"prompt_id": "nobody"}, "FOREIGN KEY constraint failed"),
    (EvaluationModel, EVALUATION, {"test_suite_id": "nobody"}, "FOREIGN KEY constraint failed"),
    (TestResultModel, RESULT, {"score": 1.01}, "CHECK constraint failed: ck_test_results_score"),
    (TestResultModel, RESULT, {"score": None}, "NOT NULL constraint failed: test_results.score"),
    (TestResultModel, RESULT, {"latency_ms": -1}, "CHECK constraint failed: ck_test_results_latency_ms"),
    (TestResultModel, RESULT, {"token_count": -1}, "CHECK constraint failed: ck_test_results_token_count"),
    (
        TestResultModel,
        RESULT,
        {"prompt_tokens": -1},
        "CHECK constraint failed: ck_test_results_prompt_tokens",
    ),
    (
        TestResultModel,
        RESULT,
        {"completion_tokens": -1},
        "CHECK constraint failed: ck_test_results_completion",
    ),
    (TestResultModel, RESULT, {"cost_usd": -0.1}, "CHECK constraint failed: ck_test_results_cost_usd"),
    (TestResultModel, RESULT, {"attempts": 0}, "CHECK constraint failed: ck_test_results_attempts"),
    (TestResultModel, RESULT, {"repeat": 0}, "CHECK constraint failed: ck_test_results_repeat"),
    (TestResultModel, RESULT, {"outcome": "maybe"}, "CHECK constraint failed: ck_test_results_outcome"),
    (TestResultModel, RESULT, {"position": -1}, "CHECK constraint failed: ck_test_results_position"),
    (TestResultModel, RESULT, {"position": 0}, "UNIQUE constraint failed: test_results.evaluation_id"),
    (TestResultModel, RESULT, {"evaluation_id": "nobody"}, "FOREIGN KEY constraint failed"),
]


@pytest.mark.parametrize(
    ("model", "fine", "broken", "message"),
    BROKEN,
    ids=[f"{model.__tablename__}-{broken}" for model, _, broken, _ in BROKEN],
)
def test_row_that_breaks_a_constraint_is_refused(
    database: TursoConnection,
    ids: dict[str, str],
    model: type[Base],
    fine: dict[str, Any],
    broken: dict[str, Any],
    message: str,
) -> None:
    def with_ids(values: dict[str, Any]) -> dict[str, Any]:
        return {
            name: ids.get(value, value) if name.endswith("id") else value for name, value in values.items()
        }

    save(database, model(**with_ids(fine)))
    wrong = {**fine, **({"name": "another"} if "name" in fine else {}), **broken}
    with pytest.raises(IntegrityError, match=message):
        save(database, model(**with_ids(wrong)))


def test_every_enum_score_and_count_is_checked() -> None:
    """Adding such a column without its CHECK fails here; with one, a row for it belongs into BROKEN."""
    checked = {
        (table.name, str(constraint.name))
        for table in Base.metadata.tables.values()
        for constraint in table.constraints
        if type(constraint).__name__ == "CheckConstraint"
    }
    tried = {message.rsplit(" ", 1)[-1] for *_, message in BROKEN if message.startswith("CHECK")}

    untried = {name for _, name in checked if not any(name.startswith(part) for part in tried)}
    assert untried == {name for _, name in checked if name.endswith("_row_version")} | {
        "ck_evaluations_threshold"
    }


@pytest.mark.parametrize(
    ("column", "is_mapped"), [("prompts.name", True), ("prompts.title", False), ("test_suites.name", False)]
)
def test_only_the_named_column_has_the_given_meaning(
    database: TursoConnection, ids: dict[str, str], column: str, is_mapped: bool
) -> None:
    with (
        pytest.raises(ZeroDivisionError if is_mapped else IntegrityError),
        on_unique_violation((column, ZeroDivisionError())),
    ):
        save(database, PromptModel(**PROMPT, name="taken"))


def test_check_constraint_is_no_unique_violation(database: TursoConnection) -> None:
    with (
        pytest.raises(IntegrityError, match="CHECK"),
        on_unique_violation(("prompts.version", ZeroDivisionError())),
    ):
        save(database, PromptModel(**PROMPT, version=0))


def test_deleting_a_prompt_takes_what_belongs_to_it(database: TursoConnection, ids: dict[str, str]) -> None:
    child = PromptModel(**PROMPT, parent_id=ids["prompt"])
    save(database, child)

    with database.sessions()(expire_on_commit=False) as session:
        session.delete(session.get_one(PromptModel, ids["prompt"]))
        session.commit()

    with database.read_sessions()() as session:
        left = [
            session.query(model).count() for model in (PromptVersionModel, EvaluationModel, TestResultModel)
        ]
        assert left == [0, 0, 0]
        assert session.get_one(PromptModel, child.id).parent_id is None


def test_deleting_a_suite_keeps_its_evaluations(database: TursoConnection, ids: dict[str, str]) -> None:
    with database.sessions()(expire_on_commit=False) as session:
        session.delete(session.get_one(TestSuiteModel, ids["suite"]))
        session.commit()

    with database.read_sessions()() as session:
        assert session.query(TestCaseModel).count() == 0
        assert session.get_one(EvaluationModel, ids["evaluation"]).test_suite_id is None
