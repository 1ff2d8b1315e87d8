"""Prompt files: what is the prompt, what is front matter, and where an error says it is."""

import os
from pathlib import Path

import pytest

from src.domain.prompt.prompt import MAX_CONTENT_BYTES
from src.domain.shared.errors import RuleViolationError
from src.infrastructure.prompt.prompt_file import MAX_FILE_BYTES, PromptFile, read_prompt_file


def read(tmp_path: Path, content: str | bytes) -> PromptFile:
    path = tmp_path / "prompt.md"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_prompt_file(path)


@pytest.mark.parametrize(
    ("written", "text"),
    [
        ("Sort {{message}}.", "Sort {{message}}."),
        ("一行目\n二行目\n", "一行目\n二行目"),
        ("two line ends\n\n", "two line ends\n"),
        ("windows\r\nlines\r\n", "windows\r\nlines"),
        ("\n leading", "\n leading"),
        ("----\nfour dashes", "----\nfour dashes"),
        ("--- a heading ---\ntext", "--- a heading ---\ntext"),
        ("text\n---\nmore\n", "text\n---\nmore"),
        (b"\xef\xbb\xbfmarked", "marked"),
    ],
)
def test_whole_file_is_the_content_but_for_its_last_line_end(
    tmp_path: Path, written: str | bytes, text: str
) -> None:
    prompt = read(tmp_path, written)

    assert prompt.content.text == text
    assert (prompt.title, prompt.content.system_message) == (None, None)


def test_front_matter_gives_title_and_system_message(tmp_path: Path) -> None:
    prompt = read(
        tmp_path,
        "---\ntitle: 問い合わせの分類\nsystem_message: |-\n  あなたは分類器です。\n  ---\n  Be brief.\n---\n"
        "\n分類: {{message}}\n",
    )

    assert prompt.title == "問い合わせの分類"
    assert prompt.content.system_message == "あなたは分類器です。\n---\nBe brief."
    assert prompt.content.text == "分類: {{message}}"


def test_front_matter_with_windows_line_ends_and_byte_order_mark(tmp_path: Path) -> None:
    prompt = read(tmp_path, "\ufeff---\r\ntitle: T\r\n---\r\n\r\nText\r\n")

    assert (prompt.title, prompt.content.text) == ("T", "Text")


@pytest.mark.parametrize("front", ["---\n---\n", "---\n# nothing\n---\n", "---\ntitle: ''\n---\n"])
def test_text_after_an_empty_front_matter_may_begin_with_dashes(tmp_path: Path, front: str) -> None:
    prompt = read(tmp_path, f"{front}---\nrule above\n")

    assert (prompt.title, prompt.content.text) == (None, "---\nrule above")


def test_only_one_blank_line_after_the_front_matter_is_dropped(tmp_path: Path) -> None:
    assert read(tmp_path, "---\n---\n\n\nText").content.text == "\nText"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", ": A prompt needs content; it is empty."),
        (" \n", ": A prompt needs content"),
        ("---\ntitle: T\n---\n", ": A prompt needs content"),
        ("---\ntitle: T\n---", ": A prompt needs content"),
        ("---\ntitle: T\ntext", ", line 1: a line '---' begins a front matter, and no second one ends it"),
        ("---\n", ", line 1: a line '---' begins a front matter"),
        ("---\ntitle: T\nsystem: x\n---\na", ", line 3: system: unknown key; did you mean 'system_message'?"),
        ("---\n\ntitle: 2024-01-31\n---\na", ", line 3: title: 2024-01-31 is a date in YAML"),
        ("---\ntitle: [T]\n---\na", ", line 2: title: takes a text, not a list"),
        ("---\ntitle: a\ntitle: b\n---\na", ", line 3: title: the key 'title' stands twice"),
        ("---\ntitle: 'a\n---\na", "broken YAML: found unexpected end"),
        ("---\nJust a rule above.\n---\na", ", line 2: takes a mapping with title, system_message"),
        ("Hello\n\0", ", line 2: the line holds a NUL character"),
        ("Hello\n請求".encode("cp932"), ", line 2: byte 1 of the line is no UTF-8"),
        ("Hello".encode("utf-16"), ", line 1: the file looks like UTF-16"),
        pytest.param("x" * (MAX_CONTENT_BYTES + 1), ": The content has 1,000,001 bytes", id="too long"),
    ],
)
def test_error_names_file_and_line(tmp_path: Path, content: str | bytes, message: str) -> None:
    with pytest.raises(RuleViolationError) as caught:
        read(tmp_path, content)

    assert str(caught.value).startswith(str(tmp_path / "prompt.md"))
    assert message in str(caught.value)
    assert type(caught.value) is RuleViolationError


def test_file_that_is_far_too_big_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "prompt.md"
    path.touch()
    os.truncate(path, MAX_FILE_BYTES + 1)

    with pytest.raises(RuleViolationError, match=r"prompt\.md: has 2,100,001 bytes; at most 2,100,000 fit"):
        read_prompt_file(path)


def test_largest_content_fits(tmp_path: Path) -> None:
    text = "x" * MAX_CONTENT_BYTES

    assert read(tmp_path, f"---\nsystem_message: {text}\n---\n{text}\n").content.text == text


def test_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(RuleViolationError, match=r"nowhere\.md: cannot be read: No such file"):
        read_prompt_file(tmp_path / "nowhere.md")


def test_directory_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RuleViolationError, match="is a directory"):
        read_prompt_file(tmp_path)
