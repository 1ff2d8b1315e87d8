import pytest

from src.core.config.settings.base import BACKEND_DIR
from src.core.config.settings.declaration import AppEnv
from src.operations.env_files.template import Filled, TemplateError, fill
from tests.env_values import RANDOM, sound_values, sources

STAGING, PRODUCTION = AppEnv.STAGING, AppEnv.PRODUCTION
WHOLE = "".join(
    f"{name}={value if name == 'APP_ENV' else f'${{STAGING_{name}}}'}\n"
    for name, value in sound_values(STAGING).items()
)


def filled(text: str, **given: str) -> Filled:
    return fill(WHOLE + text, STAGING, sources(STAGING) | given, label="the template")


def refused(text: str, **given: str) -> list[str]:
    with pytest.raises(TemplateError) as caught:
        filled(text, **given)
    first, *lines = str(caught.value).splitlines()
    assert first == "the template cannot be rendered. Nothing was written."
    return [line.strip() for line in lines]


@pytest.mark.parametrize("env", [STAGING, PRODUCTION])
def test_template_of_the_project_takes_the_values_of_its_environment(env: AppEnv) -> None:
    path = BACKEND_DIR / f".env.{env.value}.template"

    found = fill(path.read_text(encoding="utf-8"), env, sources(env), label=path.name)

    assert found.values.items() >= sound_values(env).items()
    assert "OPENAI_API_KEY" in found.left_out
    assert not found.left_out.keys() & found.values.keys()


def test_value_is_filled_in_within_other_text() -> None:
    url = "REDIS_URL=rediss://default:${STAGING_REDIS_PASSWORD}@${STAGING_REDIS_HOST}:6379/0\n"

    assert filled(url).values["REDIS_URL"] == f"rediss://default:{RANDOM}@cache.example.com:6379/0"


def test_optional_value_that_is_not_there_is_left_out_and_told() -> None:
    keys = "OPENAI_API_KEY=${STAGING_OPENAI_API_KEY}\nANTHROPIC_API_KEY=${STAGING_ANTHROPIC_API_KEY}\nAPP_NAME=\n"

    found = filled(keys, STAGING_ANTHROPIC_API_KEY=" \n")

    assert found.left_out == {
        "OPENAI_API_KEY": "STAGING_OPENAI_API_KEY is not set",
        "ANTHROPIC_API_KEY": "STAGING_ANTHROPIC_API_KEY is empty",
        "APP_NAME": "the line is empty",
    }
    assert found.values == sound_values(STAGING)


def test_redis_url_stands_in_for_host_and_password() -> None:
    given = sources(STAGING) | {"STAGING_REDIS_HOST": "", "STAGING_REDIS_URL": "rediss://:x@h/0"}
    del given["STAGING_REDIS_PASSWORD"]

    found = fill(WHOLE + "REDIS_URL=${STAGING_REDIS_URL}\n", STAGING, given, label="the template")

    assert list(found.left_out) == ["REDIS_HOST", "REDIS_PASSWORD"]


@pytest.mark.parametrize(
    "value",
    ["two words", "'", '"', "a'b\"c", "x # y", "$HOME", "$(id)", "a\\", "a\nb", " x", "日本語\u3000", "{}"],
)
def test_value_goes_in_as_it_is_whatever_it_looks_like(value: str) -> None:
    found = filled("OPENAI_API_KEY=${STAGING_OPENAI_API_KEY}\n", STAGING_OPENAI_API_KEY=value)

    assert found.values["OPENAI_API_KEY"] == value


N = len(WHOLE.splitlines()) + 1
NO_NAME = "the $ at character {} does not begin ${{NAME}}, all that is taken"
BAD_LINES = {
    "DEBUG=${STAGING_DEBUG:-false}": f"line {N}: DEBUG: {NO_NAME.format(1)}",
    "DEBUG=x$DEBUG": f"line {N}: DEBUG: {NO_NAME.format(2)}",
    "DEBUG=${STAGING_DEBUG": f"line {N}: DEBUG: {NO_NAME.format(1)}",
    "DEBUG=$": f"line {N}: DEBUG: {NO_NAME.format(1)}",
    "DEBUG=${}": f"line {N}: DEBUG: {NO_NAME.format(1)}",
    "DEBUG='$X'": f"line {N}: DEBUG: {NO_NAME.format(1)}",
    "REDIS_PORT=${REDIS_PORT}": f"line {N}: REDIS_PORT: REDIS_PORT is no secret and no variable of staging",
    "REDIS_PORT=${PROD_REDIS_PORT}": f"line {N}: REDIS_PORT: PROD_REDIS_PORT is of production; "
    "here names begin with STAGING_",
    "DEBUG=${CLOUDFLARE_API_TOKEN}": f"line {N}: DEBUG: CLOUDFLARE_API_TOKEN is no secret and no variable of staging",
    "REDIS_PASWORD=x": f"line {N}: REDIS_PASWORD is no setting",
    "CLERK_PUBLIC_KEY=${STAGING_CLERK_PUBLISHABLE_KEY}": f"line {N}: CLERK_PUBLIC_KEY is an old name; "
    "call it CLERK_PUBLISHABLE_KEY",
    "TURSO_API_TOKEN=${TURSO_API_TOKEN}": f"line {N}: TURSO_API_TOKEN has no place in staging; remove the line",
    "SQLITE_SYNCHRONOUS=FULL": f"line {N}: SQLITE_SYNCHRONOUS has no place in staging; remove the line",
    "REDIS_HOST=${STAGING_REDIS_HOST}": f"line {N}: REDIS_HOST stands in line 4 too",
    "OPENAI_API_KEY=sk-secret": f"line {N}: OPENAI_API_KEY: a template holds no secrets; write "
    "${STAGING_OPENAI_API_KEY}",
    "no assignment": f"line {N}: it is not of the form NAME=value, or a quote does not end",
    "DEBUG='false": f"line {N}: it is not of the form NAME=value, or a quote does not end",
    "DEBUG": f"line {N}: it has a name without `=`",
}


@pytest.mark.parametrize("line", BAD_LINES)
def test_each_bad_line_is_told_with_its_number(line: str) -> None:
    assert refused(f"{line}\n") == [BAD_LINES[line]]


def test_every_fault_is_told_at_once_and_in_order() -> None:
    text = "APP_ENV=production\nPORT=${PORT}\nPORT=1\nJWT_SECRET_KEY=${PROD_JWT_SECRET_KEY}\n"
    text += "REDIS_HOST=${STAGING_REDIS_HOST}\n"

    with pytest.raises(TemplateError) as caught:
        fill(text, STAGING, {"STAGING_REDIS_HOST": ""}, label="t")

    assert [line.strip() for line in str(caught.value).splitlines()[1:]] == [
        "line 1: APP_ENV: this is a template of staging, and it says another environment",
        "line 2: PORT: PORT is no secret and no variable of staging",
        "line 3: PORT stands in line 2 too",
        "line 4: JWT_SECRET_KEY: PROD_JWT_SECRET_KEY is of production; here names begin with STAGING_",
        "line 5: REDIS_HOST is required, and STAGING_REDIS_HOST is empty (nor has REDIS_URL, which could stand in)",
        "CLERK_PUBLISHABLE_KEY is required, and has no line",
        "CLERK_SECRET_KEY is required, and has no line",
        "REDIS_PASSWORD is required, and has no line (nor has REDIS_URL, which could stand in)",
        "TURSO_AUTH_TOKEN is required, and has no line",
        "TURSO_DATABASE_URL is required, and has no line",
    ]


def test_empty_template_lacks_every_required_setting() -> None:
    with pytest.raises(TemplateError) as caught:
        fill("", STAGING, sources(STAGING), label="t")

    assert all(name in str(caught.value) for name in sound_values(STAGING))


@pytest.mark.parametrize(
    ("value", "why"),
    [("a${PROD_X}b", "holds ${…} itself"), ("a\udcffb", "cannot be written: it is not UTF-8")],
)
def test_value_that_must_not_or_cannot_be_written_is_told_by_name_only(value: str, why: str) -> None:
    [said] = refused("OPENAI_API_KEY=${STAGING_OPENAI_API_KEY}\n", STAGING_OPENAI_API_KEY=value)

    assert said == f"line {N}: OPENAI_API_KEY: the value of STAGING_OPENAI_API_KEY {why}"


def test_error_holds_no_value_of_the_environment() -> None:
    said = " ".join(refused("NOPE=1\nDEBUG=$\n"))

    assert not any(value in said for value in sources(STAGING).values())
