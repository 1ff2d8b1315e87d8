import json

import pytest

from tests.integration.cli.harness import Cli


def test_prompt_is_created_from_a_file_with_front_matter(cli: Cli) -> None:
    file = cli.write("greet.md", "---\ntitle: あいさつ\nsystem_message: Be kind.\n---\nHello {{name}}\n")

    created = cli.done("prompt", "create", "--file", file, "--name", "team/greet", "--tag", "a", "--tag", "b")

    assert created.out == "Created prompt team/greet, version 1.\n"
    prompt = cli.done("prompt", "show", "team/greet", "--json").json
    assert (prompt["title"], prompt["content"], prompt["system_message"]) == (
        "あいさつ",
        "Hello {{name}}",
        "Be kind.",
    )
    assert (prompt["tags"], prompt["version"], prompt["status"]) == (["a", "b"], 1, "draft")


def test_text_may_come_from_an_option_or_from_standard_input(cli: Cli) -> None:
    given = cli.done(
        "prompt", "create", "--title", "One", "--content", "Hi", "--system", "Be brief.", "--json"
    ).json
    piped = cli.done("prompt", "create", "--title", "Two", "--json", stdin="質問: {{q}}\r\n").json
    dashed = cli.done("prompt", "create", "--title", "Three", "--file", "-", "--json", stdin="Hi\n").json

    assert (given["name"], given["content"], given["system_message"]) == ("one", "Hi", "Be brief.")
    assert piped["content"] == "質問: {{q}}"
    assert dashed["content"] == "Hi"


@pytest.mark.parametrize(
    ("words", "stdin", "said"),
    [
        (["--content", "Hi"], b"", "--title: the prompt needs one."),
        (["--title", "T", "--content", "Hi", "--file", "x.md"], b"", "--file or --content, not both"),
        (["--title", "T", "--file", "absent.md"], b"", "absent.md"),
        (["--title", "T"], b"", "A prompt needs content"),
        (["--title", "T"], b"\xff", "standard input: byte 1 is no UTF-8"),
        (["--title", " ", "--content", "Hi"], b"", "A prompt needs a title"),
        (["--title", "x" * 300, "--content", "Hi"], b"", "300 characters"),
        (["--title", "T", "--content", "Hi", "--name", "two words"], b"", "is no prompt name"),
        (["--title", "T"], b"x" * 5_000_000, "at most 1,000,000 fit"),
    ],
)
def test_bad_input_is_one_line_and_stores_nothing(
    cli: Cli, words: list[str], stdin: bytes, said: str
) -> None:
    assert said in cli.refused("prompt", "create", *words, code=2, stdin=stdin)
    assert cli.done("prompt", "list", "--json").json == {"items": []}


def test_taken_name_fails(cli: Cli) -> None:
    cli.done("prompt", "create", "--title", "T", "--content", "Hi", "--name", "greet")
    assert "greet" in cli.refused(
        "prompt", "create", "--title", "T", "--content", "Hi", "--name", "greet", code=1
    )


def test_revising_adds_versions_that_can_be_shown(cli: Cli) -> None:
    cli.done("prompt", "create", "--title", "Greet", "--content", "Hi {{name}}")
    revised = cli.done("prompt", "revise", "greet", "--content", "Hello {{name}}")

    assert revised.out == "Prompt greet is at version 2.\n"
    assert cli.done("prompt", "show", "greet", "--version", "1", "--json").json["content"] == "Hi {{name}}"
    listed = cli.done("prompt", "versions", "greet", "--json").json["items"]
    assert [entry["version"] for entry in listed] == [2, 1]
    assert "Hello {{name}}" in cli.done("prompt", "versions", "greet").out
    shown = cli.done("prompt", "show", "greet", "--version", "1").out
    assert "1 (the newest is 2)" in shown
    assert "--- content\nHi {{name}}\n" in shown
    assert "version 9" in cli.refused("prompt", "show", "greet", "--version", "9", code=1)


def test_archived_prompt_takes_no_version_until_it_is_activated(cli: Cli) -> None:
    cli.done("prompt", "create", "--title", "Greet", "--content", "Hi")

    assert cli.done("prompt", "archive", "greet", "--json").json["status"] == "archived"
    assert "archived" in cli.refused("prompt", "revise", "greet", "--content", "Hello", code=1)
    assert cli.done("prompt", "activate", "greet").out == "Prompt greet is active.\n"
    cli.done("prompt", "revise", "greet", "--content", "Hello")
    assert "greet" in cli.done("prompt", "list", "--status", "active").out


def test_deleting_needs_yes_and_can_be_undone(cli: Cli) -> None:
    created = cli.done("prompt", "create", "--title", "Greet", "--content", "Hi", "--json").json

    assert "repeat with --yes" in cli.refused("prompt", "delete", "greet", code=3)
    deleted = cli.done("prompt", "delete", "greet", "--yes")
    assert f"autoforge prompt restore {created['id']}" in deleted.out
    assert "no prompt 'greet'" in cli.refused("prompt", "show", "greet", code=1)
    assert created["id"] in cli.done("prompt", "list", "--deleted").out

    assert cli.done("prompt", "restore", created["id"]).out == "Restored prompt greet, version 1.\n"
    assert cli.done("prompt", "delete", "greet", "--yes", "--json").json == {
        "id": created["id"],
        "name": "greet",
        "deleted": True,
    }
    assert cli.done("prompt", "restore", "greet", "--json").json["deleted_at"] is None
    assert "not deleted" in cli.refused("prompt", "restore", created["id"], code=1)


def test_prompts_are_found_by_id_too(cli: Cli) -> None:
    created = cli.done("prompt", "create", "--title", "Greet", "--content", "Hi", "--json").json
    assert cli.done("prompt", "show", created["id"], "--json").json == created


def test_list_goes_on_past_a_page_up_to_the_limit(cli: Cli) -> None:
    for number in range(4):
        cli.done("prompt", "create", "--title", f"P{number}", "--content", "Hi")

    assert [p["name"] for p in cli.done("prompt", "list", "--limit", "3", "--json").json["items"]] == [
        "p3",
        "p2",
        "p1",
    ]
    lines = cli.done("prompt", "list").out.splitlines()
    assert lines[0].split() == ["Name", "Version", "Status", "Changed", "Title"]
    assert len(lines) == 5


def test_empty_list_says_what_to_do(cli: Cli) -> None:
    listed = cli.done("prompt", "list")
    assert listed.out == ""
    assert "autoforge prompt create" in listed.err


def test_escape_sequences_in_stored_texts_do_not_reach_the_terminal(cli: Cli) -> None:
    cli.done("prompt", "create", "--title", "Evil \x1b[2J", "--content", "\x1b]0;owned\x07text")

    for words in (("list",), ("show", "evil-2j")):
        out = cli.done("prompt", *words).out
        assert "\x1b" not in out
        assert "\\x1b" in out
    assert (
        json.loads(cli.done("prompt", "show", "evil-2j", "--json").out)["content"] == "\x1b]0;owned\x07text"
    )
