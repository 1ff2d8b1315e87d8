"""The command line before a fake Turso platform, with every secret remembered."""

from tests.fake_turso_platform import FakeTursoPlatform
from tests.integration.cli.harness import Cli, Outcome

STAGING, PRODUCTION = "autoforgenexus-staging", "autoforgenexus-production"
PLATFORM_TOKEN = "eyJhbGciOiJSUzI1NiJ9.eyJwbGFudGVkIjoxfQ.planted-platform-token"


class TursoCli:
    def __init__(self, cli: Cli, fake: FakeTursoPlatform) -> None:
        self._cli, self.fake, self.folder = cli, fake, cli.folder

    def __call__(self, *words: object, stdin: str = "") -> Outcome:
        return self._cli("turso", *words, stdin=stdin)

    def done(self, *words: object, stdin: str = "") -> Outcome:
        return self._cli.done("turso", *words, stdin=stdin)

    def refused(self, *words: object, code: int, stdin: str = "") -> str:
        return self._cli.refused("turso", *words, code=code, stdin=stdin)
