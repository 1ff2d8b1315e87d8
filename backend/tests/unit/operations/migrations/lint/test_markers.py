import pytest

from tests.unit.operations.migrations.lint.snippets import codes, findings_in, migration

DROP = "op.drop_column('prompts', 'tags')"
INDEX = "op.create_index('i', 'prompts', ['tags'])"


@pytest.mark.parametrize(
    "upgrade",
    [
        f"{DROP}  # autoforge: allow AFM101 nobody ever released it",
        f"# autoforge: allow AFM101 nobody ever released it\n{DROP}",
        "op.drop_column(  # autoforge: allow AFM101 nobody ever released it\n    'prompts',\n    'tags',\n)",
        "op.drop_column(\n    'prompts',\n    'tags',  # autoforge: allow AFM101 nobody ever released it\n)",
        f"{DROP}  # autoforge: allow AFM101, AFM102: nobody ever released it",
        f"{DROP}  # autoforge:allow AFM101 誰も使っていない",
    ],
)
def test_finding_can_be_allowed_where_it_is(upgrade: str) -> None:
    assert codes(upgrade) == ""


@pytest.mark.parametrize(
    ("upgrade", "expected"),
    [
        (f"{DROP}  # autoforge: allow AFM101", "AFM101 AFM901"),
        (f"{DROP}  # autoforge: allow AFM101 # noqa: E501", "AFM101 AFM901"),
        (f"{DROP}  # autoforge: allow AFM101 -", "AFM101 AFM901"),
        (f"{DROP}  # autoforge: allow", "AFM101 AFM901"),
        (f"{DROP}  # autoforge: allow drop, it is fine", "AFM101 AFM901"),
        (f"{DROP}  # autoforge: allow AFM999 it is fine", "AFM101 AFM901"),
        (f"{DROP}  # autoforge: ignore AFM101 it is fine", "AFM101 AFM901"),
        (f"{DROP}  # autoforge: allow AFM102 it is fine", "AFM101 AFM902"),
        (f"# autoforge: allow AFM101 it is fine\n{INDEX}\n{DROP}", "AFM902 AFM101"),
        (f"{INDEX}  # autoforge: allow AFM101 it is fine", "AFM902"),
        (f"{DROP}  # autoforge says AFM101 is fine", "AFM101"),
        ("text = '# autoforge: allow AFM101'\n" + INDEX, ""),
    ],
)
def test_marker_that_is_unclear_or_allows_nothing_is_found(upgrade: str, expected: str) -> None:
    assert codes(upgrade) == expected


def test_markers_cannot_allow_what_breaks_the_software() -> None:
    source = migration(INDEX, parent="gone").replace(
        "'gone'", "'gone'  # autoforge: allow AFM006 it will come"
    )

    assert [found.code for found in findings_in(source)] == ["AFM006", "AFM901"]


def test_contract_allows_drops_and_renames_of_the_whole_migration() -> None:
    rename = "op.alter_column('prompts', 'name', new_column_name='slug')"
    upgrade = f"{DROP}\n{rename}\nop.alter_column('prompts', 'id', nullable=False)"

    assert codes(upgrade) == "AFM101 AFM102 AFM103"
    assert codes(upgrade, above="# autoforge: contract since release 1.4 nobody uses them") == ""
    assert (
        codes(upgrade + "\nop.execute('COMMIT')", above="# autoforge: contract since release 1.4") == "AFM301"
    )


@pytest.mark.parametrize(
    ("above", "upgrade", "expected"),
    [
        ("# autoforge: contract", DROP, "AFM901 AFM101"),
        ("# autoforge: contract since release 1.4", INDEX, "AFM902"),
        ("", f"# autoforge: contract since release 1.4\n{DROP}", "AFM901 AFM101"),
    ],
)
def test_contract_needs_a_reason_a_place_and_a_use(above: str, upgrade: str, expected: str) -> None:
    assert codes(upgrade, above=above) == expected


def test_findings_about_the_whole_file_are_allowed_at_its_beginning() -> None:
    allowed = "# autoforge: allow AFM003 it came from another project\n" + migration(INDEX)

    assert findings_in(allowed, "second.py") == []


def test_finding_tells_where_what_and_where_the_recipe_is() -> None:
    (found,) = findings_in(migration(INDEX + "\n" + DROP))

    assert str(found).startswith("20261201_0002_second.py:12: AFM101 drop-in-one-step: drops prompts.tags,")
    assert found.recipe == "docs/migrations.md#afm101-drop-in-one-step"
