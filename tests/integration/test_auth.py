"""The whole system with a door: real gunicorn, an issuer over HTTP, Redis where its program is."""

import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from otel_worker_client import Client, NotAllowedError
from otel_worker_client.distance_client import DistanceClient
from schemathesis.specs.openapi.checks import positive_data_acceptance

from admin.__main__ import main
from local.stack import Stack, run_stack
from tests.integration import redis_server
from tests.integration.processes import function
from tests.integration.test_command import command
from tests.integration.test_openapi import API
from tests.integration.whole_stack import DAY, Answer, ask, given
from tests.issuing import Site, issuing
from tests.signing import AUDIENCE, now, signer

KEY = "a-key-of-the-tests-that-is-long-enough"
PAGE = "https://maps.example"
JOBS, SUBMIT, STATS = "/api/distance/jobs", "/api/distance/calculate", "/api/distance/stats"
LIMITS = {"RATE_LIMIT_CALCULATE": "20", "RATE_LIMIT_STATUS": "60"}


@dataclass
class Guarded:
    """The system, the issuer that it asks, and the store that it counts in."""

    stack: Stack
    site: Site
    redis: "subprocess.Popen[bytes] | None"

    def bearer(self, subject: str = "ada", **claims: Any) -> dict[str, str]:
        return {"Authorization": f"Bearer {signer('rsa').token(iss=self.site.url, sub=subject, **claims)}"}

    def ask(self, service: str, path: str, headers: dict[str, str], method: str = "GET") -> Answer:
        return ask(method, f"http://{self.stack.plan.address(service)}{path}", None, headers)


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    with ExitStack() as parts:
        site = parts.enter_context(issuing())
        settings = {
            **LIMITS,
            "AUTH_ISSUER": site.url,
            "AUTH_AUDIENCE": AUDIENCE,
            "API_KEYS": KEY,
            "CORS_ORIGINS": PAGE,
            "DATA_DIR": str(tmp_path_factory.mktemp("guarded")),
        }
        process = None
        if redis_server.PROGRAM:
            settings["RATE_LIMIT_STORE"], process = parts.enter_context(redis_server.redis_server())
        yield Guarded(parts.enter_context(run_stack(given(**settings))), site, process)


def test_every_service_asks_who_calls(guarded: Guarded) -> None:
    asked = [("submit", SUBMIT, "POST"), ("status", f"{JOBS}/x", "GET"), ("list", JOBS, "GET"), ("list", STATS, "GET")]
    for service, path, method in asked:
        answer = guarded.ask(service, path, {}, method)
        assert (answer.status, answer.json["error"]["message"]) == (401, "Missing authorization header"), service
        assert guarded.ask(service, path, guarded.bearer(), method).status in (200, 400, 404)
        assert guarded.ask(service, path, {"X-API-Key": KEY}, method).status in (200, 400, 404)
        assert guarded.ask(service, "/readyz", {}).status == 200


def test_the_broker_is_not_asked(guarded: Guarded) -> None:
    job = ask("POST", guarded.stack.url + SUBMIT, {**DAY}, {"X-API-Key": KEY})
    assert job.status == 202
    with Client(guarded.stack.url, api_key=KEY) as client:
        assert client.wait(job.json["job_id"]).status == "completed"
    assert guarded.ask("calculate", "/sweep", {}, "POST").status == 204


@pytest.mark.parametrize(
    ("claims", "status", "words"),
    [
        ({}, 200, ""),
        ({"exp": now() - 3600}, 401, "Token expired"),
        ({"aud": "elsewhere"}, 401, "Invalid token: wrong audience"),
    ],
)
def test_tokens_of_a_real_issuer(guarded: Guarded, claims: dict[str, Any], status: int, words: str) -> None:
    answer = guarded.ask("list", JOBS, guarded.bearer(**claims))
    assert answer.status == status
    assert words in answer.body.decode()


def said(guarded: Guarded, *lines: str) -> int:
    """The status of a request with these header lines, byte by byte."""
    host, port = guarded.stack.plan.address("list").split(":")
    with socket.create_connection((host, int(port)), 10) as connection:
        connection.settimeout(10)
        head = "\r\n".join([f"GET {JOBS} HTTP/1.1", "Host: list", "Connection: close", *lines])
        connection.sendall(f"{head}\r\n\r\n".encode("latin-1"))
        return int(connection.recv(64).split()[1])


def test_no_spelling_of_a_header_is_a_key(guarded: Guarded) -> None:
    token = guarded.bearer()["Authorization"]
    assert said(guarded, f"x-api-key: {KEY}") == 200
    assert said(guarded, f"authorization: {token}") == 200
    for tricks in (
        [f"X_API_Key: {KEY}"],
        [f"X-API-Key: wrong\r\nX-API-Key: {KEY}"],
        [f"X-API-Key: {KEY}\r\nX-API-Key: {KEY}"],
        [f"X-API-Key : {KEY}"],
        [f"X-API-Key:\r\n {KEY}"],
        [f"Authorization: Bearer wrong\r\nAuthorization: {token}"],
        [f"Authorization: {token}\r\nAuthorization: {token}"],
        [f"Proxy-Authorization: {token}"],
        [f"Cookie: Authorization={token}"],
        [f"X-Original-Authorization: {token}"],
    ):
        assert said(guarded, *tricks) in (400, 401), tricks


def test_an_issuer_that_went_away_keeps_nobody_out_and_one_that_never_was_there_is_unavailable(
    guarded: Guarded, tmp_path: Path
) -> None:
    assert guarded.ask("list", JOBS, guarded.bearer()).status == 200
    pages, guarded.site.pages = guarded.site.pages, {}
    try:
        assert guarded.ask("list", JOBS, guarded.bearer()).status == 200
        with function("list", guarded.stack.plan.function_environment("list"), tmp_path / "log") as fresh:
            answer = fresh.ask("GET", JOBS, None, guarded.bearer())
    finally:
        guarded.site.pages = pages
    assert (answer.status, answer.json["error"]["message"]) == (503, "Unavailable: issuer")
    log = (tmp_path / "log").read_text()
    assert '"cause": "status 404"' in log
    assert guarded.bearer()["Authorization"][:30] not in log


def test_pages_that_are_named_may_ask_every_service(guarded: Guarded) -> None:
    question = {"Origin": PAGE, "Access-Control-Request-Method": "GET"}
    for service, path in (("submit", SUBMIT), ("status", f"{JOBS}/x"), ("list", JOBS)):
        answer = guarded.ask(service, path, question, "OPTIONS")
        assert (answer.status, answer.headers["access-control-allow-origin"]) == (204, PAGE), service
        assert "Authorization" in answer.headers["access-control-allow-headers"]
        assert guarded.ask(service, path, {"Origin": PAGE}).headers["access-control-allow-origin"] == PAGE


def test_our_own_callers_have_a_key(
    guarded: Guarded, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    url = guarded.stack.url
    with Client(url, token=lambda: guarded.bearer("client")["Authorization"][7:]) as client:
        assert client.stats()["total"] >= 0
    with Client(url) as nobody, pytest.raises(NotAllowedError, match="Missing authorization header"):
        nobody.stats()
    monkeypatch.setenv("DISTANCE_SERVICE_ENDPOINT", url)
    monkeypatch.setenv("DISTANCE_SERVICE_API_KEY", KEY)
    with DistanceClient() as demo:
        assert demo.list_jobs().total_count >= 0
    words = ("smoke", "--url", url, "--date", DAY["date"], "--device", DAY["device_id"])
    assert main(words, {"API_KEYS": KEY}) == 0
    assert main(words, {}) == 1
    assert capsys.readouterr().err == "the functions: status 401 in place of 202\n"
    monkeypatch.setenv("OTEL_WORKER_API_KEY", KEY)
    assert command(url, "list", "--limit", "1")
    monkeypatch.delenv("OTEL_WORKER_API_KEY")
    assert "Missing authorization header" in command(url, "list", code=5)


@API.parametrize()
@settings(max_examples=5, suppress_health_check=list(HealthCheck), derandomize=True)
def test_what_the_door_answers_is_documented(case: schemathesis.Case[Any], guarded: Guarded) -> None:
    if case.path.startswith("/api/distance/"):
        asked: dict[str, Any] = {"base_url": guarded.stack.url, "excluded_checks": [positive_data_acceptance]}
        assert case.call_and_validate(**asked).status_code in (401, 404, 405)
        assert case.call_and_validate(headers={"X-API-Key": KEY}, **asked).status_code != 401


@pytest.mark.skipif(redis_server.PROGRAM is None, reason="no redis-server on this machine")
def test_services_count_together_and_a_store_that_is_away_or_hangs_stops_nobody(guarded: Guarded) -> None:
    caller = guarded.bearer("many")

    def left(service: str) -> int:
        answer = guarded.ask(service, STATS if service == "list" else f"{JOBS}/x", caller)
        return int(answer.headers["ratelimit-remaining"])

    assert [left("list"), left("status"), left("list"), left("status")] == [59, 58, 57, 56]
    answers = [guarded.ask("list", STATS, caller) for _ in range(57)]
    assert [answer.status for answer in answers] == [200] * 56 + [429]
    assert answers[-1].json["error"]["code"] == "RATE_LIMITED"
    assert 0 < int(answers[-1].headers["retry-after"]) <= 60
    assert guarded.ask("status", f"{JOBS}/x", caller).status == 429
    assert guarded.ask("list", STATS, guarded.bearer("another")).status == 200
    assert guarded.redis is not None
    guarded.redis.send_signal(signal.SIGSTOP)
    try:
        assert guarded.ask("list", STATS, caller).status == 200
    finally:
        guarded.redis.send_signal(signal.SIGCONT)
    guarded.redis.kill()
    guarded.redis.wait()
    assert [guarded.ask(service, JOBS, caller).status for service in ("list", "list")] == [200, 200]
    assert guarded.ask("status", f"{JOBS}/x", caller).status == 404
