"""What is known of a backup: a JSON file beside it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

RECORD_SUFFIX = ".json"
_FORMAT = 1


class Kind(StrEnum):
    FILE = "file"
    """A SQLite database."""
    DUMP = "dump"
    """SQL text, compressed when its name ends in .gz."""
    BRANCH = "branch"
    """A database beside the original, at Turso; no file here."""


@dataclass(frozen=True, slots=True)
class Backup:
    """`name` is the file's in `folder`, or the branch's at Turso; `url` is of the database that was backed up.

    `rows` are those of each table at the moment of the backup, empty for a branch, which nobody counted. With
    `broken_references` the database itself had rows that refer to nothing. `point_in_time` is when a branch was made,
    in the words that Turso wants for going back to that moment.
    """

    name: str
    kind: Kind
    folder: Path
    made_at: datetime
    url: str
    revision: str | None
    rows: Mapping[str, int]
    bytes: int | None = None
    sha256: str | None = None
    reason: str | None = None
    broken_references: int = 0
    branch_url: str | None = None
    point_in_time: str | None = None

    @property
    def path(self) -> Path:
        return self.folder / self.name

    @property
    def row_count(self) -> int:
        return sum(self.rows.values())

    @property
    def is_there(self) -> bool:
        """Whether its file is; of a branch only Turso knows."""
        return self.kind is Kind.BRANCH or self.path.is_file()

    def facts(self) -> dict[str, Any]:
        """What is known of it, as JSON has it; `folder` is where it is found."""
        return {
            "name": self.name,
            "kind": self.kind.value,
            "made_at": self.made_at.astimezone(UTC).isoformat().replace("+00:00", "Z"),
            "url": self.url,
            "revision": self.revision,
            "rows": dict(self.rows),
            "bytes": self.bytes,
            "sha256": self.sha256,
            "reason": self.reason,
            "broken_references": self.broken_references,
            "branch_url": self.branch_url,
            "point_in_time": self.point_in_time,
        }


def to_json(backup: Backup) -> str:
    fields = {"format": _FORMAT, **backup.facts()}
    return json.dumps(fields, ensure_ascii=False, indent=2) + "\n"


def from_json(text: str, folder: Path) -> Backup:
    """Raises ValueError for what is no record of ours."""
    try:
        fields = json.loads(text)
        if fields["format"] != _FORMAT:
            raise ValueError(f"format {fields['format']!r}")
        return Backup(
            name=Path(str(fields["name"])).name,
            kind=Kind(fields["kind"]),
            folder=folder,
            made_at=datetime.fromisoformat(fields["made_at"]),
            url=str(fields["url"]),
            revision=fields["revision"],
            rows={str(table): int(count) for table, count in fields["rows"].items()},
            bytes=fields["bytes"],
            sha256=fields["sha256"],
            reason=fields["reason"],
            broken_references=int(fields["broken_references"]),
            branch_url=fields["branch_url"],
            point_in_time=fields["point_in_time"],
        )
    except (KeyError, TypeError, AttributeError) as exc:
        raise ValueError(f"no record of a backup: {exc!r}") from None
