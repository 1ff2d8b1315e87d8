"""A suite whose model should repeat what it is asked: two of its three cases pass when it does."""

from tests.llm_server import FakeLlm

SUITE = """\
name: echo
threshold: 0.5
prompt: {name: echo, file: p.md}
parameters: {temperature: 0}
cases:
  - {name: one, variables: {m: hi}, expected: hi}
  - {name: two, variables: {m: ho}, expected: ho}
  - {name: さん, variables: {m: へ}, assertions: [{type: contains, value: ほ}]}
"""


def ask(llm: FakeLlm) -> list[str]:
    return ["--base-url", f"{llm.base_url}/v1", "--model", "fake", "--max-attempts", "1"]
