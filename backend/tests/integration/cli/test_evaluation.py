from pathlib import Path

from src.application.evaluation import commands
from src.bootstrap import Container
from src.core.config.settings.base import load_settings
from src.domain.evaluation.evaluation import RunSettings
from src.domain.shared.ids import EvaluationId, PromptId, SuiteId
from tests.integration.cli.echo_suite import SUITE, ask
from tests.integration.cli.harness import Cli
from tests.llm_server import FakeLlm


def test_one_case_is_shown_in_full(cli: Cli, suite: Path, llm: FakeLlm) -> None:
    evaluation = cli.done("eval", "run", suite, *ask(llm), "--json").json["id"]

    shown = cli.done("eval", "show", evaluation, "--case", "さん").out

    assert "--- m\nへ\n" in shown
    assert "--- answer\nへ\n" in shown
    assert "contains" in shown
    as_json = cli.done("eval", "show", evaluation, "--case", "さん", "--json").json
    assert as_json["results"][0]["assertions"][0]["passed"] is False
    assert "no result of a case 'four'" in cli.refused("eval", "show", evaluation, "--case", "four", code=1)


def test_failed_cases_are_listed_on_demand(cli: Cli, suite: Path, llm: FakeLlm) -> None:
    evaluation = cli.done("eval", "run", suite, *ask(llm), "--json").json["id"]

    assert "さん" in cli.done("eval", "show", evaluation, "--failed").out
    assert cli.done("eval", "show", evaluation, "--errored").err == "No such cases.\n"
    summary = cli.done("eval", "show", evaluation).out
    assert "PASS  66.7 % passed (2 of 3), threshold 50.0 %" in summary
    assert "33 in, 21 out" in summary
    assert "results" not in cli.done("eval", "show", evaluation, "--json").json


def test_ids_must_exist_and_be_long_enough(cli: Cli) -> None:
    assert "too short" in cli.refused("eval", "show", "abc", code=2)
    assert "no evaluation 'abcdef'" in cli.refused("eval", "show", "abcdef", code=1)
    assert "no evaluation 'abcdef'" in cli.refused("eval", "compare", "abcdef", "abcdef", code=1)


def test_list_can_be_narrowed(cli: Cli, suite: Path, llm: FakeLlm) -> None:
    cli("eval", "run", suite, *ask(llm))
    cli("eval", "run", suite, *ask(llm), "--cases", "one")

    listed = cli.done("eval", "list", "--prompt", "echo")
    assert listed.out.count("echo v1") == 2
    assert cli.done("eval", "list", "--status", "failed", "--json").json == {"items": []}
    assert len(cli.done("eval", "list", "--limit", "1", "--json").json["items"]) == 1
    assert "no prompt 'nobody'" in cli.refused("eval", "list", "--prompt", "nobody", code=1)


def test_compare_says_when_the_suites_differ(cli: Cli, suite: Path, llm: FakeLlm) -> None:
    a = cli.done("eval", "run", suite, *ask(llm), "--json").json["id"]
    suite.write_text(
        SUITE.replace("expected: ho", "expected: hu").replace("name: one", "name: uno"), encoding="utf-8"
    )
    b = cli("eval", "run", suite, *ask(llm), "--json").json["id"]

    compared = cli.done("eval", "compare", a, b)
    as_json = cli.done("eval", "compare", a, b, "--json").json

    assert "different suites" in compared.err
    assert "Cases: 1 broken, 1 only in A, 1 only in B, 1 the same." in compared.out
    assert as_json["same_suite"] is False
    assert as_json["counts"]["broken"] == 1
    assert {case["case_name"]: case["change"] for case in as_json["cases"]} == {
        "one": "only_a",
        "uno": "only_b",
        "two": "broken",
        "さん": "same",
    }
    assert "No case changed" in cli.done("eval", "compare", a, a).out


def test_pending_run_is_cancelled_for_good(cli: Cli, suite: Path) -> None:
    cli.done("suite", "import", suite)
    evaluation = start_pending(cli)

    assert (
        cli.done("eval", "cancel", evaluation[:8]).out
        == f"Cancelled evaluation {evaluation[:8]}; 0 answers are stored.\n"
    )
    assert "cancelled already" in cli.refused("eval", "cancel", evaluation, code=1)
    assert "CANCELLED  0 of 3 stored" in cli.done("eval", "show", evaluation).out
    assert "is cancelled" in cli.refused("eval", "resume", evaluation, code=1)


def test_cancel_prints_the_evaluation_as_json(cli: Cli, suite: Path) -> None:
    cli.done("suite", "import", suite)
    assert cli.done("eval", "cancel", start_pending(cli), "--json").json["status"] == "cancelled"


def test_live_run_of_another_process_cannot_be_taken(cli: Cli, suite: Path) -> None:
    cli.done("suite", "import", suite)
    assert "If its process died" in cli.refused("eval", "resume", start_pending(cli), code=1)


def start_pending(cli: Cli) -> EvaluationId:
    """An evaluation that another process has just begun, of the stored suite "echo"."""
    prompt = cli.done("prompt", "create", "--title", "p", "--content", "{{m}}", "--json").json
    suite = cli.done("suite", "show", "echo", "--json").json["suite"]
    container = Container(load_settings())
    services = container.services
    evaluation = commands.start_evaluation(
        prompt_id=PromptId(prompt["id"]),
        version=None,
        suite_id=SuiteId(suite["id"]),
        settings=RunSettings("scripted"),
        owner="another",
        by=services.principal,
        uow=services.unit_of_work(),
        now=services.now(),
    )
    container.close()
    return evaluation.id
