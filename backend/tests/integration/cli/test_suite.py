from pathlib import Path

from tests.integration.cli.harness import EXAMPLE, Cli

SUITE = """\
name: s
cases:
  - {name: one, variables: {m: hi}, expected: hi}
  - {name: two, variables: {m: ho}, expected: ho}
"""


def test_import_makes_a_version_only_of_changed_content(cli: Cli) -> None:
    file = cli.write("s.yaml", SUITE)

    first = cli.done("suite", "import", file)
    again = cli.done("suite", "import", file, "--json").json
    file.write_text(SUITE.replace("expected: ho", "expected: hu"), encoding="utf-8")
    changed = cli.done("suite", "import", file, "--json").json

    assert first.out == "Imported suite s, version 1, 2 cases.\n"
    assert (again["created"], again["suite"]["version"]) == (False, 1)
    assert (changed["created"], changed["suite"]["version"]) == (True, 2)
    assert [suite["version"] for suite in cli.done("suite", "list", "--json").json["items"]] == [2]


def test_suite_may_be_stored_under_another_name(cli: Cli) -> None:
    cli.done("suite", "import", cli.write("s.yaml", SUITE), "--name", "other")
    assert "other" in cli.done("suite", "list").out


def test_show_prints_the_first_cases(cli: Cli) -> None:
    cli.done("suite", "import", EXAMPLE / "suite.yaml")

    shown = cli.done("suite", "show", "support-triage", "--cases", "2")

    assert "en-02" in shown.out
    assert "en-03" not in shown.out
    assert "70 more" in shown.err
    found = cli.done("suite", "show", "support-triage", "--cases", "3", "--json").json
    assert (found["suite"]["case_count"], len(found["cases"])) == (72, 3)
    assert found["cases"][0]["name"] == "en-01"


def test_check_reads_everything_and_stores_nothing(fresh_cli: Cli, database_file: Path) -> None:
    checked = fresh_cli.done("suite", "check", EXAMPLE / "suite.yaml")

    assert checked.out == "support-triage: 72 cases, no mistakes. Threshold 90.0 %.\n"
    assert fresh_cli.done("suite", "check", EXAMPLE / "suite.yaml", "--json").json["cases"] == 72
    assert not database_file.exists()


def test_check_names_file_line_and_field(cli: Cli) -> None:
    file = cli.write(
        "s.yaml", "name: s\ncases:\n  - name: one\n    assertions: [{type: regex, value: '('}]\n"
    )

    said = cli.refused("suite", "check", file, code=2)

    assert "s.yaml, line 4: " in said
    assert cli.refused("suite", "import", file, code=2) == said
    assert cli.done("suite", "list", "--json").json == {"items": []}


def test_check_finds_cases_that_the_suites_prompt_cannot_use(cli: Cli) -> None:
    cli.write("p.md", "Sort {{message}}")
    file = cli.write("s.yaml", "prompt: {file: p.md}\n" + SUITE)
    assert "needs message" in cli.refused("suite", "check", file, code=2)


def test_unknown_suite_and_absent_file_are_told_apart(cli: Cli) -> None:
    assert "no test suite 'nope'" in cli.refused("suite", "show", "nope", code=1)
    assert "nope.yaml" in cli.refused("suite", "import", "nope.yaml", code=2)
    assert "autoforge suite import" in cli.done("suite", "list").err
