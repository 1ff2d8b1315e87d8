"""Suites in YAML: what is read of their head and cases, and where an error says it is."""

from dataclasses import asdict
from pathlib import Path

import pytest

from src.application.evaluation.ports import RunDefaults
from src.domain.evaluation.assertion import Assertion
from src.domain.evaluation.suite import TestCase
from src.infrastructure.evaluation.suite_files.suite_file import open_suite
from tests.unit.infrastructure.evaluation.suite_texts import cases_of, error_of, parse, with_case, written

FULL = """\
name: support-triage
description: One line.
threshold: 0.9
prompt: {name: support-triage, file: prompt-v2.md}
provider: {type: scripted, answers: answers.jsonl}
model: gpt-4o-mini
parameters: {temperature: 0, max_tokens: 200}
repeats: 2
concurrency: 16
timeout_seconds: 30
max_attempts: 3
defaults:
  variables: {language: en, tone: calm}
  assertions:
    - type: is-json
      value: {type: object, properties: {category: {const: "{{expected}}"}}}
cases:
  - name: en-001
    variables: {message: "I was charged twice.", tone: friendly}
    expected: billing
    threshold: 0.5
    assertions:
      - {type: icontains, value: refund, weight: 2}
      - {type: not-contains, value: "as an AI"}
  - variables: {message: 二重に請求されました。}
    expected: 請求
"""


def test_yaml_suite_is_read_with_defaults_merged_into_each_case(tmp_path: Path) -> None:
    path = written(tmp_path, "suite.yaml", FULL)

    suite = open_suite(path)
    first, second = suite.cases()

    assert (suite.name, suite.description, suite.threshold) == ("support-triage", "One line.", 0.9)
    assert first == TestCase(
        name="en-001",
        variables={"language": "en", "tone": "friendly", "message": "I was charged twice."},
        expected="billing",
        threshold=0.5,
        assertions=(
            Assertion.build(
                "is-json", value={"type": "object", "properties": {"category": {"const": "{{expected}}"}}}
            ),
            Assertion.build("icontains", value="refund", weight=2),
            Assertion.build("not-contains", value="as an AI"),
        ),
    )
    assert second.name == "case-0002"
    assert second.variables["message"] == "二重に請求されました。"
    assert second.expected == "請求"


def test_run_settings_are_read_with_paths_relative_to_the_suite_file(tmp_path: Path) -> None:
    assert open_suite(written(tmp_path, "suite.yml", FULL)).run == RunDefaults(
        prompt_name="support-triage",
        prompt_file=tmp_path / "prompt-v2.md",
        provider="scripted",
        answers=tmp_path / "answers.jsonl",
        model="gpt-4o-mini",
        parameters={"temperature": 0, "max_tokens": 200},
        repeats=2,
        concurrency=16,
        timeout_seconds=30.0,
        max_attempts=3,
    )


def test_run_settings_that_are_absent_are_none() -> None:
    assert parse("name: s\ncases: [{expected: a}]").run == RunDefaults()


@pytest.mark.parametrize(
    ("prompt", "name", "file"),
    [
        ("support-triage", "support-triage", None),
        ("prompts/triage", None, "prompts/triage"),
        ("triage.md", None, "triage.md"),
        ("問い合わせ.txt", None, "問い合わせ.txt"),
        ("{name: team/triage}", "team/triage", None),
    ],
)
def test_prompt_text_is_a_file_when_it_looks_like_a_path(
    tmp_path: Path, prompt: str, name: str | None, file: str | None
) -> None:
    run = open_suite(written(tmp_path, "s.yaml", f"name: s\nprompt: {prompt}\ncases: [{{expected: a}}]")).run

    assert run.prompt_name == name
    assert run.prompt_file == (tmp_path / file if file else None)


def test_provider_may_be_a_text_or_a_mapping() -> None:
    short = parse("name: s\nprovider: openai\ncases: [{expected: a}]").run
    long = parse(
        "name: s\nprovider: {type: openai, base_url: 'http://x', api_key_env: KEY}\ncases: [{expected: a}]"
    ).run

    assert (short.provider, short.base_url) == ("openai", None)
    assert (long.provider, long.base_url, long.api_key_env) == ("openai", "http://x", "KEY")


def test_values_of_a_yaml_case_are_plain_dicts_and_lists() -> None:
    (case,) = cases_of(
        "name: s\ncases: [{variables: {x: [{y: 1}]}, assertions: [{type: is-json, value: {type: object}}]}]"
    )

    assert asdict(case)["variables"] == {"x": [{"y": 1}]}
    assert type(case.assertions[0].value) is dict


@pytest.mark.parametrize(
    ("text", "line", "field", "message"),
    [
        ("name: s\ncase: []\n", 2, "case", "unknown key; did you mean 'cases'?"),
        ("name: s\nxyzzy: 1\n", 2, "xyzzy", "unknown key; known are name, description"),
        (with_case("expected: a", "asertions: []"), 4, "cases[0].asertions", "did you mean 'assertions'?"),
        (
            with_case("assertions:", "  - type: equals", "    vaule: a"),
            5,
            "cases[0].assertions[0].vaule",
            "did you mean 'value'?",
        ),
        ("cases: [{expected: a}]\n", 1, "name", "is missing"),
        ("name: ''\ncases: [{expected: a}]\n", 1, "name", "1 to 255 characters, not 0"),
        ("name: 3\ncases: [{expected: a}]\n", 1, "name", 'takes a text, not the number 3; quote it: "3"'),
        ("name: [s]\n", 1, "name", "takes a text, not a list"),
        ("name: s\nthreshold: 1.5\ncases: [{}]\n", 2, "threshold", "1.5 is no pass rate"),
        ("name: s\nthreshold: true\ncases: [{}]\n", 2, "threshold", "takes a number, not the bool true"),
        ("name: s\nthreshold: high\ncases: [{}]\n", 2, "threshold", "takes a number, not the text 'high'"),
        pytest.param(
            f"name: s\nthreshold: {'9' * 400}\ncases: [{{}}]\n",
            2,
            "threshold",
            "the number is too big",
            id="400 digits",
        ),
        ("name: s\n", 1, "cases", "is missing; it is a list of cases"),
        ("name: s\ncases:\n", 2, "cases", "is missing"),
        ("name: s\ncases: []\n", 2, "cases", "there are no cases"),
        ("name: s\ncases: {a: 1}\n", 2, "cases", "takes a list of cases"),
        ("name: s\ncases: [billing]\n", 2, "cases[0]", "takes a mapping with name, variables"),
        (with_case("name: a"), 3, "cases[0].assertions", "the case checks nothing"),
        (with_case("name: ' '", "expected: a"), 3, "cases[0].name", "1 to 255 characters"),
        pytest.param(
            with_case(f"name: {'n' * 256}", "expected: a"), 3, "cases[0].name", "not 256", id="long name"
        ),
        (with_case("name: a", "expected: x", "threshold: 2"), 5, "cases[0].threshold", "not between 0 and 1"),
        (
            "name: s\ncases:\n  - {name: a, expected: x}\n  - {name: a, expected: y}\n",
            4,
            "cases[1].name",
            "the name 'a' is taken by the case on line 3",
        ),
        (
            "name: s\ncases:\n  - {name: case-0002, expected: x}\n  - {expected: y}\n",
            4,
            "cases[1].name",
            "the case has no name, and 'case-0002' is taken by the case on line 3",
        ),
        (with_case("expected: true"), 3, "cases[0].expected", 'not the bool true; quote it: "true"'),
        (with_case("expected: 42"), 3, "cases[0].expected", 'not the number 42; quote it: "42"'),
        (with_case("expected: [a]"), 3, "cases[0].expected", "takes a text, not a list"),
        (with_case("expected: a", "variables: x"), 4, "cases[0].variables", "takes a mapping of names"),
        (with_case("assertions: equals"), 3, "cases[0].assertions", "takes a list, not the text"),
        (with_case("assertions: [equals]"), 3, "cases[0].assertions[0]", "takes a mapping with type, value"),
        (with_case("assertions:", "  - value: a"), 4, "cases[0].assertions[0].type", "is missing"),
        (with_case("assertions:", "  - {type: 1}"), 4, "cases[0].assertions[0].type", "takes a text"),
        (
            with_case("assertions:", "  -", "    type: contain", "    value: x"),
            5,
            "cases[0].assertions[0].type",
            "unknown assertion 'contain'; did you mean 'contains'?",
        ),
        (
            with_case("assertions:", "  - {type: is-json}", "  - type: latency"),
            5,
            "cases[0].assertions[1].threshold",
            "latency needs one",
        ),
        (
            with_case("assertions:", "  - type: contains", "    value: [a]"),
            5,
            "cases[0].assertions[0].value",
            "takes a text",
        ),
        (
            with_case("assertions:", "  - type: is-json", "    weight: -1"),
            5,
            "cases[0].assertions[0].weight",
            "not between 0",
        ),
        (
            with_case("assertions:", "  - type: contains", '    value: "{{city}}"'),
            5,
            "cases[0].assertions[0].value",
            "No value for 'city'",
        ),
        (
            with_case("variables: {x: ''}", "assertions:", "  - type: contains", '    value: "{{x}}"'),
            6,
            "cases[0].assertions[0].value",
            "takes a text, not ''",
        ),
        ("name: s\ndefaults: {asserts: []}\ncases: [{}]\n", 2, "defaults.asserts", "'assertions'"),
        ("name: s\ndefaults: {variables: 3}\ncases: [{}]\n", 2, "defaults.variables", "takes a mapping"),
        (
            "name: s\ndefaults:\n  assertions:\n    - {type: nope}\ncases: [{}]\n",
            4,
            "defaults.assertions[0].type",
            "unknown assertion 'nope'",
        ),
        ("name: s\nrepeats: 0\ncases: [{}]\n", 2, "repeats", "0 is not between 1 and 100"),
        ("name: s\nrepeats: 1.5\ncases: [{}]\n", 2, "repeats", "takes a whole number, not the number 1.5"),
        ("name: s\nconcurrency: 999\ncases: [{}]\n", 2, "concurrency", "999 is not between"),
        ("name: s\ntimeout_seconds: 0\ncases: [{}]\n", 2, "timeout_seconds", "0.0 is not between"),
        ("name: s\nmax_attempts: no\ncases: [{}]\n", 2, "max_attempts", "no is a bool"),
        ("name: s\nmodel: 4\ncases: [{}]\n", 2, "model", "takes a text"),
        ("name: s\nparameters: hot\ncases: [{}]\n", 2, "parameters", "takes a mapping"),
        ("name: s\nprovider: opanai\ncases: [{}]\n", 2, "provider", "did you mean 'openai'?"),
        ("name: s\nprovider:\n  type: x\ncases: [{}]\n", 3, "provider.type", "unknown provider 'x'"),
        ("name: s\nprovider: {base_url: x}\ncases: [{}]\n", 2, "provider.type", "is missing"),
        (
            "name: s\nprovider:\n  type: openai\n  api_key: sk-1\ncases: [{}]\n",
            4,
            "provider.api_key",
            "did you mean 'api_key_env'?",
        ),
        ("name: s\nprompt: {nam: x}\ncases: [{}]\n", 2, "prompt.nam", "did you mean 'name'?"),
        ("name: s\nprompt: [x]\ncases: [{}]\n", 2, "prompt", "takes a text, not a list"),
    ],
)
def test_error_in_a_suite_names_line_and_field(text: str, line: int, field: str, message: str) -> None:
    error = error_of(text)

    assert (error.line, error.field) == (line, field)
    assert message in error.reason


@pytest.mark.parametrize(
    ("line", "field"), [("prompt: a/b.md", "prompt"), ("prompt: {file: b}", "prompt.file")]
)
def test_suite_in_a_request_cannot_name_a_prompt_file(line: str, field: str) -> None:
    error = error_of(f"name: s\n{line}\ncases: [{{expected: a}}]\n")

    assert (error.line, error.field) == (2, field)
    assert "cannot refer to a file" in error.reason


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("name: s\ncases: /etc/passwd\n", "cases"),
        ("name: s\ncases: cases.csv\n", "cases"),
        (
            "name: s\nprovider: {type: scripted, answers: a.jsonl}\ncases: [{expected: a}]\n",
            "provider.answers",
        ),
    ],
)
def test_suite_in_a_request_cannot_name_a_file_of_cases_or_answers(text: str, field: str) -> None:
    error = error_of(text)

    assert (error.line, error.field) == (2, field)
    assert "cannot refer to a file" in error.reason
