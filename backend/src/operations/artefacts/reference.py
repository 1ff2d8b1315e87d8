"""The reference page of the settings, in English and Japanese."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from src.core.config.settings.catalogue import PREFIXES, Setting, all_settings
from src.core.config.settings.declaration import DEPLOYED, AppEnv, Home


@dataclass(frozen=True, slots=True)
class _Words:
    intro: str
    columns: Sequence[str]
    home: Mapping[Home, str]
    required: str
    everywhere: str
    runner: str
    generated: str
    or_else: str
    old_names: str
    hidden: str
    kinds: Mapping[str, str]


_EN = _Words(
    intro="""\
# Settings

[日本語](settings.ja.md) · Written by `autoforge env generate` from the declaration in
`backend/src/core/config/settings/`; `make check` fails when it is stale.

Values come from, later ones winning: the defaults below, `backend/.env`, `backend/.env.<environment>`, the process
environment. An empty value counts as unset. Secrets have no default and are never printed. See [the environment
files](../env-files.md) for making and checking them, and [secrets](../secrets.md) for what GitHub keeps.

A name at GitHub has the prefix of its environment, `STAGING_` or `PROD_`, where none is written.
""",
    columns=("Setting", "Takes", "Default (local / staging / production)", "Lives", "What it is"),
    home={
        Home.PLAIN: "template",
        Home.SECRET: "GitHub secret",
        Home.VARIABLE: "GitHub variable",
        Home.HAND: "with you",
    },
    required="required in",
    everywhere="required everywhere",
    runner="read by commands only",
    generated="locally it makes itself",
    or_else="or",
    old_names="formerly",
    hidden="secret ",
    kinds={},
)
_JA = _Words(
    intro="""\
# 設定一覧

[English](settings.md) · `backend/src/core/config/settings/` の宣言から `autoforge env generate` が書き出します。
古くなると `make check` が失敗します。

値は次の順に読まれ、後のものが優先されます: 下の既定値、`backend/.env`、`backend/.env.<環境>`、プロセスの環境変数。
空の値は未設定とみなします。秘密の値に既定値はなく、表示もされません。ファイルの作成と検査は
[環境ファイル](../env-files.ja.md)、GitHub に置く値は[シークレット](../secrets.ja.md)を参照してください。

GitHub での名前には、別名が書かれていない限り環境の接頭辞 `STAGING_` または `PROD_` が付きます。
""",
    columns=("設定", "値", "既定値（local / staging / production）", "置き場所", "説明"),
    home={
        Home.PLAIN: "テンプレート",
        Home.SECRET: "GitHub シークレット",
        Home.VARIABLE: "GitHub 変数",
        Home.HAND: "手元",
    },
    required="必須:",
    everywhere="すべての環境で必須",
    runner="コマンドだけが読む",
    generated="ローカルでは自動生成",
    or_else="または",
    old_names="旧名",
    hidden="秘密の",
    kinds={"text": "文字列", "integer": "整数", "number": "数値", "list": "リスト"},
)


def english() -> str:
    return _page(
        _EN, [setting.en for setting in all_settings()], [setting.group.en for setting in all_settings()]
    )


def japanese() -> str:
    return _page(
        _JA, [setting.ja for setting in all_settings()], [setting.group.ja for setting in all_settings()]
    )


def _page(words: _Words, texts: Sequence[str], groups: Sequence[str]) -> str:
    parts = [words.intro]
    rows = zip(groups, all_settings(), texts, strict=True)
    for group, members in groupby(rows, key=lambda row: row[0]):
        rule = "|".join("---" for _ in words.columns)
        parts.append(f"\n## {group}\n\n| {' | '.join(words.columns)} |\n|{rule}|\n")
        parts += [_row(words, setting, text) for _, setting, text in members]
    return "".join(parts)


def _row(words: _Words, setting: Setting, text: str) -> str:
    kind = words.kinds.get(setting.kind, setting.kind).replace("|", "\\|")
    cells = (
        f"`{setting.name}`",
        f"{words.hidden if setting.is_secret else ''}{kind}",
        _defaults(setting),
        _home(words, setting),
        f"{text}{_notes(words, setting)}",
    )
    return f"| {' | '.join(cells)} |\n"


def _defaults(setting: Setting) -> str:
    written = [
        "–" if not setting.is_for(env) or (default := setting.default(env)) is None else f"`{default}`"
        for env in AppEnv
    ]
    return written[0] if len(set(written)) == 1 else " / ".join(written)


def _home(words: _Words, setting: Setting) -> str:
    source = setting.source(DEPLOYED[0])
    is_shared = source is not None and not source.startswith(PREFIXES[DEPLOYED[0]])
    return f"{words.home[setting.home]}{f' `{source}`' if is_shared else ''}"


def _notes(words: _Words, setting: Setting) -> str:
    where = [env for env in AppEnv if setting.is_required(env)]
    notes = []
    if where:
        required = f"{words.required} {', '.join(where)}" if len(where) < len(AppEnv) else words.everywhere
        notes.append(required + (f" ({words.or_else} `{setting.or_else}`)" if setting.or_else else ""))
    if setting.is_generated:
        notes.append(words.generated)
    if setting.for_runner:
        notes.append(words.runner)
    if setting.old_names:
        notes.append(f"{words.old_names} {', '.join(f'`{name}`' for name in setting.old_names)}")
    return f" <br>*{'; '.join(notes)}*" if notes else ""
