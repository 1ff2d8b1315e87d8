"""Whether the deployed server answers as ours does. It is asked without any secret."""

import json
import secrets
from collections.abc import Callable
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

from src.core.config.settings.values import is_loopback
from src.operations.checks import live_certificates
from src.operations.checks.check import Check
from src.operations.checks.live_http import Answer, NoAnswer
from src.operations.checks.scene import Scene
from src.operations.verdict import Verdict, fail, ok, outage, skip

_PROBLEM = "application/problem+json"
_LOGS = "Look into the log of the server."


def _where_deployed(look: Callable[[Scene, str], Verdict]) -> Callable[[Scene], Verdict]:
    """Hands on the place of the server, where the settings name one."""

    def look_where_deployed(scene: Scene) -> Verdict:
        url = scene.settings.service_url
        if url is None:
            return skip("SERVICE_URL is not set: nothing is deployed, as far as is known here")
        return look(scene, urlsplit(url).netloc)

    return look_where_deployed


@_where_deployed
def _look_tls(scene: Scene, place: str) -> Verdict:
    url = urlsplit(scene.settings.service_url or "")
    if url.scheme not in ("http", "https") or not url.hostname or url.username or url.query:
        return fail(
            "SERVICE_URL is no address of a server", "Set it as https://host, without anything behind."
        )
    if url.scheme == "http":
        if is_loopback(url.hostname):
            return ok(f"without TLS, as {place} is on this machine")
        return fail(
            f"{place} is asked without TLS: everybody on the way reads prompts and keys",
            f"Set SERVICE_URL=https://{place}",
        )
    answer = scene.outside.service
    if isinstance(answer, NoAnswer):
        if answer.certificate is not None:
            return live_certificates.refused(place, answer.certificate)
        return skip(f"{place} does not answer")  # which service.healthy tells
    end = answer.certificate_end if answer is not None else None
    return ok("TLS") if end is None else live_certificates.judged(place, end, now=scene.now)


@_where_deployed
def _look_healthy(scene: Scene, place: str) -> Verdict:
    answer = scene.outside.service
    if isinstance(answer, Answer) and answer.status == 200:
        if _json(answer) == {"status": "ok"}:
            return ok(f"{place} answers in {answer.seconds * 1000:,.0f} ms")
        return fail(
            f"what answers at {place} is not this application",
            "Correct SERVICE_URL, or what is deployed there.",
        )
    return _bad(place, "/healthz", answer)


@_where_deployed
def _look_ready(scene: Scene, place: str) -> Verdict:
    answer = scene.outside.ask_service("/readyz")
    if isinstance(answer, Answer):
        if answer.status == 200:
            return ok("it reaches its database, which is migrated")
        if answer.status == 503:
            fix = (
                f"Run: autoforge db status{scene.env_option}. If that is current, the server has other settings than "
                "these: deploy them again, and look into its log."
            )
            return fail(f"{place} is not ready: its database does not answer it, or is not migrated", fix)
    return _bad(place, "/readyz", answer)


@_where_deployed
def _look_problems(scene: Scene, place: str) -> Verdict:
    path = f"/api/v1/verify-{secrets.token_hex(8)}"
    answer = scene.outside.ask_service(path)
    if not isinstance(answer, Answer) or answer.status != 404:
        return _bad(place, path, answer, wanted=404)
    media, problem = answer.headers.get("content-type", "").partition(";")[0].strip(), _json(answer)
    if media != _PROBLEM or not isinstance(problem, dict) or not _is_problem(problem):
        return fail(
            f"{place} answers an unknown address with {media or 'no type'}, and not with a problem document",
            "See what stands before the server and answers in its place.",
        )
    return ok(f"an unknown address is answered with {problem['type']}")


def _bad(place: str, path: str, answer: Answer | NoAnswer | None, *, wanted: int = 200) -> Verdict:
    if not isinstance(answer, Answer):
        reason = "nothing was asked" if answer is None else answer.reason
        return outage(reason, f"See whether it runs, and whether SERVICE_URL is right. {_LOGS}")
    said = f"{place} answers {path} with HTTP {answer.status} instead of {wanted}"
    if 300 <= answer.status < 400:
        to = urlsplit(answer.headers.get("location", "")).netloc or "elsewhere"
        return fail(f"{said}, and points to {to}", "Set SERVICE_URL to the address that answers by itself.")
    if answer.status in (502, 503, 504):
        return outage(said, f"It is starting, or down: repeat in a moment. {_LOGS}")
    return fail(said, f"See whether SERVICE_URL is right. {_LOGS}")


def _is_problem(found: dict[str, Any]) -> bool:
    return str(found.get("type", "")).startswith("urn:autoforge:problem:") and found.get("status") == 404


def _json(answer: Answer) -> Any:
    with suppress(ValueError, RecursionError):
        return json.loads(answer.body)
    return None


_ALIVE = ("service.healthy",)

SERVICE = (
    Check(
        id="service.tls",
        phase="4-7",
        title="The deployed server is spoken to over TLS",
        why="Prompts and keys cross the internet on the way to it.",
        needs=("settings.valid",),
        look=_look_tls,
        quick=False,
    ),
    Check(
        id="service.healthy",
        phase="4-7",
        title="The deployed server lives",
        why="What was deployed may not have started.",
        needs=("service.tls",),
        look=_look_healthy,
        quick=False,
    ),
    Check(
        id="service.ready",
        phase="4-7",
        title="The deployed server can do its work",
        why="It may have started with other settings than these, or before the migrations.",
        needs=(*_ALIVE, "migrations.current"),
        look=_look_ready,
        quick=False,
    ),
    Check(
        id="service.problem-documents",
        phase="4-7",
        title="Errors come as problem documents (RFC 9457)",
        why="A proxy that answers with pages of its own hides the reasons from clients.",
        needs=_ALIVE,
        look=_look_problems,
        quick=False,
    ),
)
