import json
import os
import signal
import threading
import time
from pathlib import Path

import pytest

from tests.integration.cli.echo_suite import SUITE, ask
from tests.integration.cli.harness import EXAMPLE, Cli
from tests.llm_server import FakeLlm, HttpReply, LlmCall


def test_example_passes_with_version_2_and_fails_with_version_1(cli: Cli) -> None:
    failed = cli("eval", "run", EXAMPLE / "suite.yaml", "--prompt", EXAMPLE / "prompt-v1.md")
    passed = cli.done("eval", "run", EXAMPLE / "suite.yaml")

    assert failed.code == 1
    assert "FAIL  59.7 % passed (43 of 72), threshold 90.0 %" in failed.out
    assert "en-02" in failed.out
    assert "… and 9 more: autoforge eval show" in failed.err
    assert "PASS  94.4 % passed (68 of 72), threshold 90.0 %" in passed.out
    assert "scripted: a replay of recorded answers, no model was asked" in passed.out
    assert "support-triage, version 2" in passed.out
    a, b = passed.err.splitlines()[-1].split()[-2:]
    compared = cli.done("eval", "compare", a, b)
    assert "Cases: 2 broken, 27 fixed, 1 better, 42 the same." in compared.out
    assert compared.out.index("en-17") < compared.out.index("en-21")
    assert "+34.7 points" in compared.out
    assert "… and 7 more: --all" in compared.err
    assert cli.done("eval", "compare", a, b, "--all").out.count("fixed ") == 27


def test_run_asks_the_model_and_stores_what_it_said(cli: Cli, suite: Path, llm: FakeLlm) -> None:
    ran = cli.done("eval", "run", suite, *ask(llm), "--param", "seed=7", "--param", "stop=x", "--json")

    assert {
        (call.model, call.body["temperature"], call.body["seed"], call.body["stop"]) for call in llm.requests
    } == {("fake", 0, 7, "x")}
    evaluation = ran.json
    assert evaluation["status"] == "completed"
    assert evaluation["abandoned"] is False
    assert (evaluation["metrics"]["passed"], evaluation["metrics"]["failed"]) == (2, 1)
    shown = cli.done("eval", "show", evaluation["id"][:6], "--all", "--json").json
    assert [(r["case_name"], r["outcome"]) for r in shown["results"]] == [
        ("one", "passed"),
        ("two", "passed"),
        ("さん", "failed"),
    ]


def test_same_suite_and_prompt_are_stored_once(cli: Cli, suite: Path, llm: FakeLlm) -> None:
    first = cli.done("eval", "run", suite, *ask(llm))
    second = cli.done("eval", "run", suite, *ask(llm))

    assert "Registered" in first.err
    assert "Imported suite echo, version 1, 3 cases." in first.err
    assert "Registered" not in second.err
    assert "Imported" not in second.err
    assert "autoforge eval compare" in second.err
    assert [v["version"] for v in cli.done("prompt", "versions", "echo", "--json").json["items"]] == [1]
    assert cli.done("prompt", "show", "echo", "--json").json["title"] == "エコー"


def test_stored_suite_and_stored_prompt_are_named(cli: Cli, suite: Path, llm: FakeLlm) -> None:
    cli.done("suite", "import", suite)
    cli.done("prompt", "create", "--title", "mine", "--content", "first {{m}}")
    cli.done("prompt", "revise", "mine", "--content", "second {{m}}")

    cli("eval", "run", "echo", "--prompt", "mine", "--version", "1", "--cases", "t*", *ask(llm))
    cli("eval", "run", "echo", "--prompt", "mine", "--cases", "one", "--repeats", "2", *ask(llm))

    assert [call.prompt for call in llm.requests] == ["first ho", "second hi", "second hi"]


def test_version_of_the_suites_prompt_is_taken_from_the_registry(cli: Cli, suite: Path, llm: FakeLlm) -> None:
    cli.done("prompt", "create", "--title", "echo", "--content", "old {{m}}")
    cli("eval", "run", suite, "--version", "1", "--cases", "one", *ask(llm))
    assert [call.prompt for call in llm.requests] == ["old hi"]


def test_suite_without_a_prompt_needs_one(cli: Cli, suite: Path, llm: FakeLlm) -> None:
    cli.done("suite", "import", suite)
    assert "--prompt: the suite names no prompt" in cli.refused("eval", "run", "echo", *ask(llm), code=2)


def test_prompt_name_with_folders_is_no_file(cli: Cli, suite: Path, llm: FakeLlm) -> None:
    cli.done("prompt", "create", "--title", "T", "--name", "team/echo", "--content", "{{m}}")
    cli.done("eval", "run", suite, "--prompt", "team/echo", "--cases", "one", *ask(llm))
    assert [call.prompt for call in llm.requests] == ["hi"]


def test_prompt_file_takes_its_own_name_when_the_suite_has_none(cli: Cli, llm: FakeLlm) -> None:
    cli.write("My Greeting.md", "{{m}}")
    suite = cli.write("s.yaml", SUITE.replace("prompt: {name: echo, file: p.md}\n", ""))
    cli.done("eval", "run", suite, "--prompt", "./My Greeting.md", *ask(llm))
    assert cli.done("prompt", "show", "my-greeting", "--json").json["title"] == "my-greeting"


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["nope"], 1, "no test suite 'nope'"),
        (["nope.yaml"], 2, "nope.yaml"),
        (["suite.yaml"], 2, "--provider: the suite names none"),
        (["suite.yaml", "--provider", "magic"], 2, "no provider 'magic'"),
        (["suite.yaml", "--provider", "openai", "--model", "m"], 2, "OPENAI_API_KEY is not set"),
        (["suite.yaml", "--provider", "openai"], 2, "needs a model"),
        (["suite.yaml", "--base-url", "http://127.0.0.1:9"], 2, "--model: say which model"),
        (["suite.yaml", "--base-url", "ftp://x", "--model", "m"], 2, "base_url"),
        (
            ["suite.yaml", "--base-url", "http://x", "--model", "m", "--api-key-env", "NO_SUCH"],
            2,
            "NO_SUCH is not set",
        ),
        (["suite.yaml", "--answers", "absent.jsonl"], 2, "absent.jsonl"),
        (
            ["suite.yaml", "--answers", "a.jsonl", "--provider", "openai", "--model", "m"],
            2,
            "--answers: provider openai",
        ),
        (["suite.yaml", "--answers", "a.jsonl", "--base-url", "http://x", "--model", "m"], 2, "--answers"),
        (
            ["suite.yaml", "--provider", "scripted", "--base-url", "http://x", "--model", "m"],
            2,
            "--base-url: provider",
        ),
        (["suite.yaml", "--answers", "a.jsonl", "--prompt", "nobody"], 1, "no prompt 'nobody'"),
        (["suite.yaml", "--answers", "a.jsonl", "--prompt", "absent.md"], 2, "absent.md"),
        (
            ["suite.yaml", "--answers", "a.jsonl", "--prompt", "p.md", "--version", "2"],
            2,
            "--version: a prompt file",
        ),
        (["suite.yaml", "--answers", "a.jsonl", "--repeats", "0"], 2, "repeats: 0"),
        (["suite.yaml", "--answers", "a.jsonl", "--param", "x"], 2, "not of the form name=value"),
        (["suite.yaml", "--answers", "a.jsonl", "--cases", "x*"], 2, "No case of the suite matches 'x*'"),
    ],
)
def test_bad_options_are_one_line_and_start_nothing(
    cli: Cli, suite: Path, words: list[str], code: int, said: str
) -> None:
    cli.write("a.jsonl", json.dumps({"case": "one", "answer": "hi"}))

    outcome = cli("eval", "run", *words)

    assert (outcome.code, outcome.out) == (code, "")
    assert said in outcome.err.splitlines()[-1]
    assert cli.done("eval", "list", "--json").json == {"items": []}


def test_wrong_options_are_found_before_the_suite_is_stored(cli: Cli, suite: Path) -> None:
    outcome = cli("eval", "run", suite, "--provider", "magic")

    assert outcome.code == 2
    assert cli.done("suite", "list", "--json").json == {"items": []}


def test_another_endpoint_is_not_given_the_key_of_the_suites(
    cli: Cli, suite: Path, llm: FakeLlm, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOME_KEY", "sk-secret")
    provider = (
        "provider: {type: openai, base_url: 'http://127.0.0.1:9/v1', api_key_env: SOME_KEY}\nmodel: m\n"
    )
    suite.write_text(provider + SUITE, encoding="utf-8")

    cli("eval", "run", suite, *ask(llm))
    cli("eval", "run", suite, *ask(llm), "--api-key-env", "SOME_KEY")

    assert ["authorization" in call.headers for call in llm.requests] == [False] * 3 + [True] * 3


def test_answers_of_the_suite_are_not_used_with_a_real_model(cli: Cli, suite: Path, llm: FakeLlm) -> None:
    cli.write("a.jsonl", json.dumps({"case": "one", "answer": "hi"}))
    suite.write_text("provider: {type: scripted, answers: a.jsonl}\nmodel: fake\n" + SUITE, encoding="utf-8")

    scripted = cli("eval", "run", suite, "--json").json
    asked = cli("eval", "run", suite, "--base-url", llm.base_url, "--json").json

    assert scripted["settings"]["provider_options"] == {"answers": str(cli.folder / "a.jsonl")}
    assert asked["settings"]["provider_options"] == {"base_url": llm.base_url}
    assert (asked["provider"], asked["model"]) == ("openai", "fake")


def test_missing_answers_fail_the_run_which_can_be_resumed(cli: Cli, suite: Path, llm: FakeLlm) -> None:
    llm.reply(lambda call: HttpReply(404, {"error": "no such model"}) if call.prompt == "ho" else call.prompt)
    ran = cli("eval", "run", suite, *ask(llm))
    asked_first = len(llm.requests)
    evaluation = cli.done("eval", "list", "--json").json["items"][0]

    assert ran.code == 1
    assert "FAIL  50.0 % passed (1 of 2), threshold 50.0 %; 1 answer missing" in ran.out
    assert "no such model" in ran.out
    assert f"autoforge eval resume {evaluation['id'][:8]}" in ran.err
    assert "no such model" in cli.done("eval", "show", evaluation["id"], "--errored").out

    llm.reply(lambda call: call.prompt)
    resumed = cli.done("eval", "resume", evaluation["id"][:8])

    assert "PASS  66.7 % passed (2 of 3)" in resumed.out
    assert [call.prompt for call in llm.requests[asked_first:]] == ["ho"]
    assert "is completed" in cli.refused("eval", "resume", evaluation["id"], code=1)


@pytest.mark.parametrize(
    ("reply", "code"),
    [
        (HttpReply(hang_up=True), 4),
        (HttpReply(503, "busy"), 4),
        (HttpReply(429, "slower", headers={"Retry-After": "500"}), 4),
        (HttpReply(401, "who are you?"), 1),
        (HttpReply(200, "<html>"), 1),
    ],
)
def test_provider_that_never_answers_is_no_verdict(
    cli: Cli, suite: Path, llm: FakeLlm, reply: HttpReply, code: int
) -> None:
    llm.reply(lambda _: reply)
    ran = cli("eval", "run", suite, *ask(llm))
    assert ran.code == code
    assert "NO VERDICT  none of 3 answers came" in ran.out


def test_provider_that_is_down_exits_4_and_says_where_it_is_not(cli: Cli, suite: Path) -> None:
    ran = cli(
        "eval", "run", suite, "--base-url", "http://127.0.0.1:9/v1", "--model", "m", "--max-attempts", "1"
    )
    assert ran.code == 4
    assert "cannot connect to 127.0.0.1:9: Connection refused" in ran.out


def test_silent_provider_exits_4(cli: Cli, suite: Path, llm: FakeLlm) -> None:
    llm.reply(lambda _: HttpReply(delay_seconds=30))
    assert cli("eval", "run", suite, *ask(llm), "--timeout", "0.2").code == 4


def test_prompt_with_a_variable_that_no_case_has_is_a_failure_of_ours(
    cli: Cli, suite: Path, llm: FakeLlm
) -> None:
    cli.write("p.md", "{{other}}")
    ran = cli("eval", "run", suite, *ask(llm))
    assert ran.code == 1
    assert "No value for 'other'" in ran.out
    assert llm.requests == []


def test_interrupted_run_keeps_its_answers_and_says_how_to_go_on(cli: Cli, suite: Path, llm: FakeLlm) -> None:
    def reply(call: LlmCall) -> str | HttpReply:
        if call.prompt == "へ":
            os.kill(os.getpid(), signal.SIGINT)
            return HttpReply(delay_seconds=30)
        return call.prompt

    llm.reply(reply)
    ran = cli("eval", "run", suite, *ask(llm), "--concurrency", "1")
    evaluation = cli.done("eval", "list", "--status", "failed", "--json").json["items"][0]

    assert (ran.code, ran.out) == (130, "")
    assert "Interrupted; 2 of 3 answers are stored." in ran.err
    assert f"autoforge eval resume {evaluation['id'][:8]}" in ran.err
    llm.reply(lambda call: call.prompt)
    assert "2 of 3" in cli.done("eval", "resume", evaluation["id"]).out


def test_second_interruption_does_not_wait_for_calls_under_way(cli: Cli, suite: Path, llm: FakeLlm) -> None:
    def interrupt_twice() -> None:
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(0.3)
        os.kill(os.getpid(), signal.SIGTERM)

    def reply(_: LlmCall) -> HttpReply:
        threading.Thread(target=interrupt_twice).start()
        return HttpReply(delay_seconds=30)

    llm.reply(reply)
    began = time.monotonic()
    ran = cli("eval", "run", suite, *ask(llm), "--concurrency", "1")

    assert ran.code == 130
    assert "0 of 3 answers are stored" in ran.err
    assert time.monotonic() - began < 2.5
