from tests.contract.refresh_cli_docs import COMMAND, PAGE, page


def test_reference_page_of_the_command_line_is_current() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), f"docs/cli.md is stale; in backend/ run: {COMMAND}"


def test_every_command_has_help_and_json() -> None:
    sections = page().split("\n## ")[1:]
    for section in sections:
        is_group = "COMMAND [ARGS]" in section
        is_another_program = section.startswith("autoforge env exec")  # whose output is its own
        assert is_group or is_another_program or "--json" in section, section.splitlines()[0]
