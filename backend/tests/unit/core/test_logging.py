import subprocess
import sys

from src.core.config.settings.base import BACKEND_DIR

PROGRAM = """
import logging
early = logging.getLogger("src.early")
from src.core.logging import configure_logging
configure_logging("DEBUG")
early.debug("ours 日本")
logging.getLogger("sqlalchemy.engine").info("theirs, chatter")
logging.getLogger("sqlalchemy.engine").warning("theirs, a warning")
"""


def test_our_loggers_speak_from_the_level_on_and_libraries_from_warning_on() -> None:
    done = subprocess.run(
        [sys.executable, "-X", "utf8", "-c", PROGRAM],
        cwd=BACKEND_DIR,
        capture_output=True,
        text=True,
        check=True,
    )

    first, second = done.stderr.splitlines()
    assert first.endswith("DEBUG   [src.early] ours 日本")
    assert second.endswith("WARNING [sqlalchemy.engine] theirs, a warning")
    assert done.stdout == ""
