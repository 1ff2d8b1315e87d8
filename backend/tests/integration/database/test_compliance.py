"""SQLAlchemy's own suite of tests for dialects, on both of ours; what is excluded stands in tests/compliance."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.libsql_server import LibsqlServer

BACKEND = Path(__file__).parents[3]
SUITE = BACKEND / "tests" / "compliance"


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize(("dialect", "least_passed"), [("sqlite+local", 1300), ("libsql", 1000)])
def test_dialect_passes_the_suite_of_sqlalchemy(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    dialect: str,
    least_passed: int,
) -> None:
    environment = {**os.environ, "PYTHONPATH": str(BACKEND)}
    if dialect == "libsql":
        server: LibsqlServer = request.getfixturevalue("libsql_database")
        url, environment["TURSO_AUTH_TOKEN"] = server.url, server.token()
    else:
        url = f"sqlite+local:///{tmp_path}/suite.db"
    command = [sys.executable, "-m", "pytest", str(SUITE), "-q", "--dburi", url]
    command += ["-c", str(SUITE / "pytest.ini"), "--rootdir", str(SUITE), "--confcutdir", str(SUITE)]

    told = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)

    ending = told.stdout.strip().splitlines()[-1]
    with capsys.disabled():
        print(f"\nSQLAlchemy's suite on {dialect}: {ending}")
    assert told.returncode == 0, told.stdout + told.stderr
    passed = re.search(r"(\d+) passed", ending)
    assert passed is not None
    assert int(passed[1]) >= least_passed
