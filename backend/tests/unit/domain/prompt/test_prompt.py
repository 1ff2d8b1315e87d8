import re
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from src.domain.prompt.errors import PromptStateError
from src.domain.prompt.prompt import (
    MAX_CONTENT_BYTES,
    MAX_TAGS,
    PromptContent,
    PromptStatus,
    checked_name,
    content_hash,
    slug,
)
from src.domain.shared.errors import RuleViolationError
from src.domain.shared.ids import UserId
from tests.builders import LOCAL, NOW, a_prompt

LATER = NOW + timedelta(hours=1)
ADA = UserId("ada")


# --- content ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["", " ", "\n\t　"])
def test_empty_content_is_refused(text: str) -> None:
    with pytest.raises(RuleViolationError, match="needs content"):
        PromptContent(text)


def test_content_up_to_the_limit_fits() -> None:
    assert PromptContent("a" * MAX_CONTENT_BYTES).text


@pytest.mark.parametrize(
    ("text", "system_message", "label"),
    [
        ("a" * (MAX_CONTENT_BYTES + 1), None, "content"),
        ("あ" * (MAX_CONTENT_BYTES // 3 + 1), None, "content"),
        ("fine", "a" * (MAX_CONTENT_BYTES + 1), "system_message"),
    ],
)
def test_content_beyond_the_limit_is_refused(text: str, system_message: str | None, label: str) -> None:
    with pytest.raises(RuleViolationError, match=f"The {label} has 1,000,00[0-9] bytes"):
        PromptContent(text, system_message)


@pytest.mark.parametrize(
    ("text", "message"),
    [("ab\ud800", "no valid Unicode text .at character 2"), ("ab\0", "NUL character .at character 2")],
)
def test_text_that_cannot_be_stored_is_refused(text: str, message: str) -> None:
    with pytest.raises(RuleViolationError, match=message):
        PromptContent(text)
    with pytest.raises(RuleViolationError, match=message):
        PromptContent("fine", text)


def test_variables_are_those_of_both_texts_system_message_first() -> None:
    content = PromptContent("{{b}} {{a}}", "{{role}} {{a}}")

    assert content.variables == ("role", "a", "b")


def test_hash_tells_which_text_is_the_system_message() -> None:
    hashes = {content_hash("a", "b"), content_hash("b", "a"), content_hash("a", None), content_hash("a", "")}

    assert len(hashes) == 4


def test_hash_is_the_sha256_of_the_json_list() -> None:
    """Fixed, since stored hashes must stay comparable. By hand: printf '["s","t あ"]' | sha256sum"""
    expected = "d3cc05ce4099615e72e52d063dafe029d0024117fbfbddfa011644be8020a08c"

    assert content_hash("t あ", "s") == expected


# --- names and titles -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["a", "support/triage", "v1.2_x-y", "請求/分類", "a" * 255])
def test_names_of_letters_digits_and_folders_are_taken(name: str) -> None:
    assert a_prompt(name=name).name == name


@pytest.mark.parametrize("name", ["", " ", "two words", "/a", "a/", "a//b", "a\n", "a" * 256, "käse?", "🙂"])
def test_other_names_are_refused(name: str) -> None:
    with pytest.raises(RuleViolationError, match="is no prompt name"):
        a_prompt(name=name)


def test_long_bad_name_is_shortened_in_the_message() -> None:
    with pytest.raises(RuleViolationError) as caught:
        checked_name("x" * 10_000)

    assert len(str(caught.value)) < 300


def test_name_is_stored_composed() -> None:
    assert checked_name("cafe\u0301") == "caf\u00e9"


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("Support triage", "support-triage"),
        ("  A -- B!! ", "a-b"),
        ("問い合わせの分類（v2）", "問い合わせの分類-v2"),
        ("ＡＢＣ　１２", "abc-12"),
        ("ver. 1.2", "ver.-1.2"),
        ("/etc/passwd", "etc-passwd"),
        ("...hidden", "hidden"),
    ],
)
def test_slug_of_a_title(title: str, name: str) -> None:
    assert slug(title) == name


def test_title_without_letters_gets_a_name_all_the_same() -> None:
    assert re.fullmatch("prompt-[0-9a-f]{8}", slug("🙂!?"))


@given(st.text())
def test_every_slug_is_a_name(title: str) -> None:
    assert len(slug(title)) <= 200
    assert checked_name(slug(title))


@pytest.mark.parametrize("title", ["", "   ", "　"])
def test_empty_title_is_refused(title: str) -> None:
    with pytest.raises(RuleViolationError, match="needs a title"):
        a_prompt(title=title, name="n")


def test_title_has_at_most_255_characters() -> None:
    assert len(a_prompt(title="あ" * 255).title) == 255
    with pytest.raises(RuleViolationError, match="The title has 300 characters"):
        a_prompt(title="a" * 300)


def test_title_is_stripped() -> None:
    assert a_prompt(title="  Hello ").title == "Hello"


@pytest.mark.parametrize(
    "tags", [("",), (" ",), ("x" * 256,), tuple(str(number) for number in range(MAX_TAGS + 1))]
)
def test_bad_tags_are_refused(tags: tuple[str, ...]) -> None:
    with pytest.raises(RuleViolationError, match="tag"):
        a_prompt(tags=tags)


def test_repeated_tag_counts_once() -> None:
    assert a_prompt(tags=("b", "a", "b")).tags == ("b", "a")


# --- life -------------------------------------------------------------------------------------------------------------


def test_new_prompt_is_version_1_and_a_draft() -> None:
    prompt = a_prompt(content="one")

    assert (prompt.version, prompt.status, prompt.is_deleted) == (1, PromptStatus.DRAFT, False)
    assert [entry.version for entry in prompt.new_versions] == [1]
    assert prompt.content_hash == prompt.new_versions[0].content_hash == PromptContent("one").content_hash


def test_new_prompt_belongs_to_who_made_it() -> None:
    prompt = a_prompt()

    assert (prompt.user_id, prompt.workspace_id) == (LOCAL.user_id, LOCAL.workspace_id)
    assert prompt.created_at == prompt.updated_at == NOW


def test_revising_makes_the_content_the_head_as_the_next_version() -> None:
    prompt = a_prompt(content="one")

    added = prompt.revise(PromptContent("two"), by=ADA, now=LATER)

    assert (prompt.version, prompt.content.text, prompt.updated_at) == (2, "two", LATER)
    assert prompt.content_hash == added.content_hash == PromptContent("two").content_hash
    assert (added.version, added.user_id, added.created_at) == (2, ADA, LATER)
    assert prompt.new_versions[-1] is added


def test_same_content_again_is_a_version_of_its_own() -> None:
    prompt = a_prompt(content="one")

    prompt.revise(PromptContent("one"), by=ADA, now=LATER)

    assert prompt.version == 2


def test_author_stays_who_made_the_prompt() -> None:
    prompt = a_prompt()

    prompt.revise(PromptContent("two"), by=ADA, now=LATER)

    assert prompt.user_id == LOCAL.user_id


def test_archived_prompt_takes_no_version() -> None:
    prompt = a_prompt(name="triage")
    prompt.archive(now=NOW)

    with pytest.raises(PromptStateError, match="'triage' is archived"):
        prompt.revise(PromptContent("two"), by=ADA, now=LATER)
    assert (prompt.version, len(prompt.new_versions)) == (1, 1)


def test_activated_prompt_takes_versions_again() -> None:
    prompt = a_prompt()
    prompt.archive(now=NOW)

    prompt.activate(now=NOW)
    prompt.revise(PromptContent("two"), by=ADA, now=LATER)

    assert (prompt.status, prompt.version) == (PromptStatus.ACTIVE, 2)


def test_archiving_twice_is_archiving() -> None:
    prompt = a_prompt()

    prompt.archive(now=NOW)
    prompt.archive(now=LATER)

    assert prompt.status is PromptStatus.ARCHIVED


def test_deleted_prompt_is_restored_as_it_was() -> None:
    prompt = a_prompt(status=PromptStatus.ACTIVE)

    prompt.delete(now=LATER)
    assert (prompt.is_deleted, prompt.deleted_at) == (True, LATER)
    prompt.restore(now=LATER)

    assert (prompt.is_deleted, prompt.status, prompt.version) == (False, PromptStatus.ACTIVE, 1)


def test_restoring_a_prompt_that_is_not_deleted_is_refused() -> None:
    with pytest.raises(PromptStateError, match="is not deleted"):
        a_prompt().restore(now=LATER)


def test_describing_changes_what_is_named_and_no_version() -> None:
    prompt = a_prompt(title="old", description="kept", tags=("kept",), metadata={"kept": 1})

    prompt.describe(title="new", now=LATER)

    assert (prompt.title, prompt.description, prompt.tags, prompt.metadata) == (
        "new",
        "kept",
        ("kept",),
        {"kept": 1},
    )
    assert (prompt.version, prompt.updated_at) == (1, LATER)


def test_describing_can_change_everything_else() -> None:
    prompt = a_prompt()

    prompt.describe(description="d", tags=("t",), metadata={"m": 1}, now=LATER)

    assert (prompt.description, prompt.tags, prompt.metadata) == ("d", ("t",), {"m": 1})


def test_empty_description_removes_it() -> None:
    prompt = a_prompt(description="old")

    prompt.describe(description="", now=LATER)

    assert prompt.description is None


def test_describing_badly_changes_nothing() -> None:
    prompt = a_prompt(title="old")

    with pytest.raises(RuleViolationError):
        prompt.describe(title=" ", now=LATER)

    assert (prompt.title, prompt.updated_at) == ("old", NOW)
