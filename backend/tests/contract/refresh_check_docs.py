"""Writes docs/checks.md and docs/checks.ja.md. From backend/: python -m tests.contract.refresh_check_docs"""

from collections.abc import Iterator
from pathlib import Path

import yaml

from src.operations.checks.all_checks import ALL_CHECKS, PHASES, TROUBLES
from src.operations.checks.check import Check

_TEXTS = Path(__file__).with_name("check_texts.yaml")
TEXTS: dict[str, tuple[str, str, str]] = yaml.safe_load(_TEXTS.read_text(encoding="utf-8"))
PHASES_JA = {
    "machine": "このマシン",
    "4-1": "マイグレーションの準備",
    "4-2": "Turso のデータベース",
    "4-3": "環境ファイルと設定",
    "4-4": "スキーマ",
    "4-5": "マイグレーションの適用",
    "4-6": "動いている環境",
    "4-7": "シークレットとデプロイ",
    "help": "ガイドのトラブル",
}
DOCS = Path(__file__).parents[3] / "docs"
COMMAND = "python -m tests.contract.refresh_check_docs"
_NOTE = f"<!-- Written by `{COMMAND}` (in backend/); edit the checks and tests/contract/check_texts.yaml. -->"

_HEAD = """\
# Checks

{note}

`autoforge doctor` runs the quick ones for the environment of `APP_ENV`: what is wrong here, and how to mend it.
`autoforge verify --env staging` runs every one, for an environment that is named; CI does so after a deployment.
([日本語](checks.ja.md))

```
autoforge doctor                                # what is bad in detail, the rest in one line for each phase
autoforge doctor --all                          # every check
autoforge doctor --fix                          # mends what can be mended safely, then looks again
autoforge verify --env staging --phase 4-6      # one phase, and what it needs
autoforge verify --env production --json        # for machines
```

Every check has an id, which stays, and a number in the phase of the set-up guide. It is `ok`, `warn` (it works, and
should be seen to), `fail`, `blocked` by another one that failed, or `skip` when there is nothing to check. Exit code:
0 all is well, 1 something failed, 2 wrong usage, 4 all that failed is that services outside do not answer.

`doctor` changes nothing. `verify` writes to the live services in a place of its own, which it clears again, and makes a
local database that is not there yet. `--fix` changes modes of files, generated files, and applies migrations to a local
file; a deployed database is never migrated on the side.
"""

_HEAD_JA = """\
# チェック一覧

{note}

`autoforge doctor` は `APP_ENV` の環境ですぐ終わるチェックを行い、何がおかしいか、どう直すかを示します。
`autoforge verify --env staging` は、指定した環境ですべてのチェックを行います。CI もデプロイ後に実行します。
（[English](checks.md)）

```
autoforge doctor                                # 悪いところは詳しく、ほかはフェーズごとに 1 行
autoforge doctor --all                          # すべてのチェック
autoforge doctor --fix                          # 安全に直せるものを直し、もう一度調べる
autoforge verify --env staging --phase 4-6      # 一つのフェーズと、その前提
autoforge verify --env production --json        # 機械向け
```

各チェックには、変わらない ID と、構築ガイドのフェーズ内の番号があります。結果は次のいずれかです。
`ok`、`warn`（動くが見直すべき）、`fail`、`blocked`（ほかのチェックが失敗して判断できない）、`skip`（調べるものがない）。
終了コードは、0 が問題なし、1 が失敗あり、2 が使い方の誤り、4 が「失敗は外部サービスの無応答だけ」です。

`doctor` は何も変更しません。`verify` は動いているサービスの専用の場所に書き込み、あとを片付けます。
ローカルのデータベースがまだなければ作ります。`--fix` が変えるのは、ファイルのモード、生成物、
ローカルファイルへのマイグレーション適用だけです。デプロイ先のデータベースは変えません。
"""


def english() -> str:
    return "\n".join(
        [
            _HEAD.format(note=_NOTE),
            *(
                _table(
                    f"## {_named(phase, title)}",
                    ("", "id", "proves", "mended by"),
                    (
                        (
                            check.number,
                            f"`{check.id}`",
                            f"{check.title}. {check.why}",
                            TEXTS[check.id][0] + _fix(check),
                        )
                        for check in _of(phase)
                    ),
                )
                for phase, title in PHASES.items()
            ),
            _table(
                "## The guide's chapter on troubles",
                ("it said", "told by"),
                ((f"`{said}`", f"`{name}`") for said, name in TROUBLES.items()),
            ),
        ]
    )


def japanese() -> str:
    return "\n".join(
        [
            _HEAD_JA.format(note=_NOTE),
            *(
                _table(
                    f"## {_named(phase, PHASES_JA[phase])}",
                    ("", "ID", "確かめること", "直し方"),
                    (
                        (
                            check.number,
                            f"`{check.id}`",
                            TEXTS[check.id][1],
                            TEXTS[check.id][2] + _fix(check, "、または"),
                        )
                        for check in _of(phase)
                    ),
                )
                for phase in PHASES
            ),
            _table(
                "## ガイドのトラブルシューティング",
                ("表示", "示すチェック"),
                ((f"`{said}`", f"`{name}`") for said, name in TROUBLES.items()),
            ),
        ]
    )


def _of(phase: str) -> list[Check]:
    found = [check for check in ALL_CHECKS if check.phase == phase]
    return sorted(found, key=lambda check: int(check.number.rpartition(".")[2]))


def _named(phase: str, title: str) -> str:
    return f"{phase} {title}" if phase.startswith("4-") else title


def _fix(check: Check, joined: str = ", or ") -> str:
    return f"{joined}`--fix`" if check.mend else ""


def _table(title: str, heads: tuple[str, ...], rows: Iterator[tuple[str, ...]]) -> str:
    lines = [f"| {' | '.join(cells)} |" for cells in (heads, tuple("---" for _ in heads), *rows)]
    return "\n".join([title, "", *lines, ""])


PAGES = {"checks.md": english, "checks.ja.md": japanese}

if __name__ == "__main__":
    for name, page in PAGES.items():
        (DOCS / name).write_text(page(), encoding="utf-8")
