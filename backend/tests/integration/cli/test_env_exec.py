"""`env exec` becomes another program, so each test runs a process of its own."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from src.core.config.settings.declaration import AppEnv
from tests.env_values import RANDOM, sound_values
from tests.integration.cli.env_world import EnvWorld

STAGING = AppEnv.STAGING
PRINT = "import json, os, sys; json.dump(dict(os.environ), sys.stdout)"
HARD = {
    "OPENAI_API_KEY": "two  words # no comment $HOME $(id) `id` \\",
    "ANTHROPIC_API_KEY": 'it\'s "quoted"\nin two lines\r\n and 日本語\u3000',
    "LANGFUSE_PUBLIC_KEY": "'",
    "LANGFUSE_SECRET_KEY": "\\'\\\\",
}


@pytest.fixture
def world(tmp_path: Path) -> EnvWorld:
    folder = tmp_path / "backend"
    folder.mkdir()
    return EnvWorld(folder)


def test_command_gets_exactly_the_values_whatever_they_look_like(world: EnvWorld) -> None:
    world.write(STAGING, **HARD)

    done = world.run("env", "exec", "--env", "staging", "--", sys.executable, "-c", PRINT, more={"MINE": "x"})

    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found.items() >= (sound_values(STAGING) | HARD).items()
    assert not found.keys() & {"MINE", "PYTHONPATH", "PYDANTIC_DISABLE_PLUGINS"}


def test_variable_is_passed_by_name(world: EnvWorld) -> None:
    world.write(STAGING)
    words = ("env", "exec", "--env", "staging", "--pass", "MINE", "--", sys.executable, "-c", PRINT)

    assert json.loads(world.run(*words, more={"MINE": "x", "OTHER": "y"}).stdout)["MINE"] == "x"


def test_words_of_the_command_are_its_own_and_no_shell_reads_them(world: EnvWorld) -> None:
    world.write(STAGING)
    words = ["--env", "-h", "$HOME", "a b", "*", "; echo no"]

    done = world.run(
        *(
            "env",
            "exec",
            "--env",
            "staging",
            sys.executable,
            "-c",
            "import sys, json; print(json.dumps(sys.argv[1:]))",
        ),
        *words,
    )

    assert json.loads(done.stdout) == words


@pytest.mark.parametrize("code", [0, 1, 42])
def test_exit_code_and_streams_are_those_of_the_command(world: EnvWorld, code: int) -> None:
    world.write(STAGING)
    program = f"import sys; print(sys.stdin.read(), end=''); print('bad', file=sys.stderr); sys.exit({code})"

    done = subprocess.run(
        world.command("env", "exec", "--env", "staging", "--", sys.executable, "-c", program),
        input="in",
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    assert (done.returncode, done.stdout, done.stderr) == (code, "in", "bad\n")


def test_signals_reach_the_command_itself(world: EnvWorld) -> None:
    world.write(STAGING)
    # not one long sleep: a Ctrl-C that comes just before a sleep begins is not seen until that ends
    program = "import time; print('ready', flush=True); [time.sleep(0.05) for _ in range(1200)]"
    command = world.command("env", "exec", "--env", "staging", "--", sys.executable, "-c", program)

    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGINT)
        assert "KeyboardInterrupt" in process.stderr.read()

    assert process.returncode in (-signal.SIGINT, 130)


def test_command_dies_of_a_broken_pipe_as_it_would_alone(world: EnvWorld) -> None:
    world.write(STAGING)
    command = world.command("env", "exec", "--env", "staging", "--", "sh", "-c", "while echo x; do :; done")

    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.stdout.close()
        process.wait(timeout=30)

    assert process.returncode == -signal.SIGPIPE


def test_command_that_cannot_be_run_is_told_with_the_code_of_a_shell(world: EnvWorld, tmp_path: Path) -> None:
    world.write(STAGING)
    (tmp_path / "plain").write_text("no program")
    (tmp_path / "odd").write_bytes(b"\0\1\2")
    (tmp_path / "odd").chmod(0o755)

    for name, code, why in (
        ("no-such-command", 127, "there is no such command on PATH"),
        (tmp_path / "nothing", 127, "No such file"),
        (tmp_path / "plain", 126, "Permission denied"),
        (tmp_path / "odd", 126, "Exec format error"),
        (tmp_path, 126, "Permission denied"),
    ):
        done = world.run("env", "exec", "--env", "staging", "--", name)
        assert (done.returncode, done.stdout) == (code, "")
        assert why in done.stderr
        assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("changed", [{"REDIS_PASSWORD": ""}, {"REDIS_PASSWORD": "${X}"}])
def test_nothing_is_run_when_a_value_is_missing(
    world: EnvWorld, changed: dict[str, str], tmp_path: Path
) -> None:
    world.write(STAGING, **changed)

    done = world.run("env", "exec", "--env", "staging", "--", "touch", tmp_path / "ran")

    assert (done.returncode, done.stdout) == (1, "")
    assert "REDIS_PASSWORD" in done.stderr
    assert RANDOM not in done.stderr
    assert not (tmp_path / "ran").exists()


def test_nothing_is_run_without_a_file_or_a_command(world: EnvWorld, tmp_path: Path) -> None:
    done = world.run("env", "exec", "--env", "staging", "--", "touch", tmp_path / "ran")

    assert done.returncode == 1
    assert "autoforge env render --env staging" in done.stderr
    assert not (tmp_path / "ran").exists()
    assert world.run("env", "exec", "--env", "staging").returncode == 2


@pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="there is no /proc here")
def test_values_are_in_no_list_of_processes(world: EnvWorld) -> None:
    world.write(STAGING)
    program = "print(open('/proc/self/cmdline').read())"

    done = world.run("env", "exec", "--env", "staging", "--", sys.executable, "-c", program)

    assert done.returncode == 0
    assert RANDOM not in done.stdout
