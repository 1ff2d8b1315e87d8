"""The command line before a fake GitHub, with a value for everything that is required."""

from tests.fake_github import FakeGithub
from tests.integration.cli.harness import Cli, Outcome

GITHUB_TOKEN = "ghp_planted0github0token0123456789abcdef"


class GithubCli:
    def __init__(self, cli: Cli, fake: FakeGithub, values: dict[str, str]) -> None:
        self._cli, self.fake, self.values, self.folder = cli, fake, values, cli.folder

    def __call__(self, *words: object) -> Outcome:
        return self._cli("secrets", *words)

    def done(self, *words: object) -> Outcome:
        return self._cli.done("secrets", *words)

    def refused(self, *words: object, code: int) -> str:
        return self._cli.refused("secrets", *words, code=code)
