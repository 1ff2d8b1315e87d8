"""Migrations as short as a test wants them, and what the linter says of them."""

from textwrap import dedent, indent

from src.operations.migrations.lint.lint import check
from src.operations.migrations.lint.rule import Finding

NAME = "20261201_0002_second.py"
FIRST_NAME = "20261123_0001_first.py"
FIRST = '''\
"""First"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table("prompts", sa.Column("id", sa.Text(), primary_key=True), sa.Column("tags", sa.Text()))
    op.create_table(
        "evaluations",
        sa.Column("id", sa.Text(), primary_key=True),
        sa.Column("prompt_id", sa.Text()),
        sa.ForeignKeyConstraint(["prompt_id"], ["prompts.id"], name="fk", ondelete="CASCADE"),
    )


def downgrade() -> None:
    op.drop_table("evaluations")
    op.drop_table("prompts")
'''


def migration(
    upgrade: str,
    downgrade: str = 'raise NotImplementedError("the rows are gone")',
    *,
    above: str = "",
    revision: str = "0002",
    parent: str = "0001",
) -> str:
    """A migration whose functions are `upgrade` and `downgrade`; `above` them stands what the module begins with."""
    up, down = (indent(dedent(body).strip(), "    ") for body in (upgrade, downgrade))
    head = f'"""Second"""\n\nimport sqlalchemy as sa\nfrom alembic import op\n{dedent(above)}\n'
    ids = f"revision = {revision!r}\ndown_revision = {parent!r}\n"
    return f"{head}{ids}\n\ndef upgrade() -> None:\n{up}\n\n\ndef downgrade() -> None:\n{down}\n"


def findings_in(source: str, name: str = NAME) -> list[Finding]:
    """What is found in a migration after the first, which makes prompts, and evaluations that refer to them."""
    found = check({FIRST_NAME: FIRST.encode(), name: source.encode()})
    return sorted(finding for finding in found if finding.path == name)


def codes(
    upgrade: str, downgrade: str = 'raise NotImplementedError("the rows are gone")', *, above: str = ""
) -> str:
    """The codes that are found, in the order of lines."""
    return " ".join(finding.code for finding in findings_in(migration(upgrade, downgrade, above=above)))
