"""Authentication and rate limiting of the whole system: real gunicorn, an issuer over HTTP, Redis if installed."""

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
from tests.integration.whole_stack import DAY, Response, send_request, stack_options
from tests.oidc_server import OidcServer, oidc_server
from tests.signing import AUDIENCE, now, signer

KEY = "a-key-of-the-tests-that-is-long-enough"
PAGE = "https://maps.example"
JOBS, SUBMIT, STATS = "/api/distance/jobs", "/api/distance/calculate", "/api/distance/stats"
LIMITS = {"RATE_LIMIT_CALCULATE": "20", "RATE_LIMIT_STATUS": "60"}


@dataclass
class SecuredStack:
    """The system, its issuer, and the store of its rate limits."""

    stack: Stack
    issuer: OidcServer
    redis: "subprocess.Popen[bytes] | None"

    def bearer(self, subject: str = "ada", **claims: Any) -> dict[str, str]:
        return {"Authorization": f"Bearer {signer('rsa').token(iss=self.issuer.url, sub=subject, **claims)}"}

    def send_request(self, service: str, path: str, headers: dict[str, str], method: str = "GET") -> Response:
        return send_request(method, f"http://{self.stack.plan.address(service)}{path}", None, headers)


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecuredStack]:
    with ExitStack() as parts:
        issuer = parts.enter_context(oidc_server())
        settings = {
            **LIMITS,
            "AUTH_ISSUER": issuer.url,
            "AUTH_AUDIENCE": AUDIENCE,
            "API_KEYS": KEY,
            "CORS_ORIGINS": PAGE,
            "DATA_DIR": str(tmp_path_factory.mktemp("secured")),
        }
        process = None
        if redis_server.PROGRAM:
            settings["RATE_LIMIT_STORE"], process = parts.enter_context(redis_server.redis_server())
        yield SecuredStack(parts.enter_context(run_stack(stack_options(**settings))), issuer, process)


def test_each_service_requires_authentication(secured: SecuredStack) -> None:
    requests = [
        ("submit", SUBMIT, "POST"),
        ("status", f"{JOBS}/x", "GET"),
        ("list", JOBS, "GET"),
        ("list", STATS, "GET"),
    ]
    for service, path, method in requests:
        response = secured.send_request(service, path, {}, method)
        assert (response.status, response.json["error"]["message"]) == (401, "Missing authorization header"), service
        assert secured.send_request(service, path, secured.bearer(), method).status in (200, 400, 404)
        assert secured.send_request(service, path, {"X-API-Key": KEY}, method).status in (200, 400, 404)
        assert secured.send_request(service, "/readyz", {}).status == 200


def test_events_and_sweep_need_no_authentication(secured: SecuredStack) -> None:
    job = send_request("POST", secured.stack.url + SUBMIT, {**DAY}, {"X-API-Key": KEY})
    assert job.status == 202
    with Client(secured.stack.url, api_key=KEY) as client:
        assert client.wait(job.json["job_id"]).status == "completed"
    assert secured.send_request("calculate", "/sweep", {}, "POST").status == 204


@pytest.mark.parametrize(
    ("claims", "status", "message"),
    [
        ({}, 200, ""),
        ({"exp": now() - 3600}, 401, "Token expired"),
        ({"aud": "elsewhere"}, 401, "Invalid token: wrong audience"),
    ],
)
def test_tokens_of_a_real_issuer(secured: SecuredStack, claims: dict[str, Any], status: int, message: str) -> None:
    response = secured.send_request("list", JOBS, secured.bearer(**claims))
    assert response.status == status
    assert message in response.body.decode()


def send(secured: SecuredStack, *lines: str) -> int:
    """Send a request with raw header lines and return the status."""
    host, port = secured.stack.plan.address("list").split(":")
    with socket.create_connection((host, int(port)), 10) as connection:
        connection.settimeout(10)
        head = "\r\n".join([f"GET {JOBS} HTTP/1.1", "Host: list", "Connection: close", *lines])
        connection.sendall(f"{head}\r\n\r\n".encode("latin-1"))
        return int(connection.recv(64).split()[1])


def test_malformed_or_repeated_headers_do_not_authenticate(secured: SecuredStack) -> None:
    token = secured.bearer()["Authorization"]
    assert send(secured, f"x-api-key: {KEY}") == 200
    assert send(secured, f"authorization: {token}") == 200
    for lines in (
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
        assert send(secured, *lines) in (400, 401), lines


def test_cached_keys_are_used_while_issuer_is_unavailable_and_new_process_returns_503(
    secured: SecuredStack, tmp_path: Path
) -> None:
    assert secured.send_request("list", JOBS, secured.bearer()).status == 200
    responses, secured.issuer.responses = secured.issuer.responses, {}
    try:
        assert secured.send_request("list", JOBS, secured.bearer()).status == 200
        with function("list", secured.stack.plan.function_environment("list"), tmp_path / "log") as fresh:
            response = fresh.send_request("GET", JOBS, None, secured.bearer())
    finally:
        secured.issuer.responses = responses
    assert (response.status, response.json["error"]["message"]) == (503, "Unavailable: issuer")
    log = (tmp_path / "log").read_text()
    assert '"cause": "status 404"' in log
    assert secured.bearer()["Authorization"][:30] not in log


def test_each_service_allows_configured_origins(secured: SecuredStack) -> None:
    preflight = {"Origin": PAGE, "Access-Control-Request-Method": "GET"}
    for service, path in (("submit", SUBMIT), ("status", f"{JOBS}/x"), ("list", JOBS)):
        response = secured.send_request(service, path, preflight, "OPTIONS")
        assert (response.status, response.headers["access-control-allow-origin"]) == (204, PAGE), service
        assert "Authorization" in response.headers["access-control-allow-headers"]
        assert secured.send_request(service, path, {"Origin": PAGE}).headers["access-control-allow-origin"] == PAGE


def test_client_command_and_smoke_test_authenticate(
    secured: SecuredStack, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    url = secured.stack.url
    with Client(url, token=lambda: secured.bearer("client")["Authorization"][7:]) as client:
        assert client.stats()["total"] >= 0
    with Client(url) as anonymous, pytest.raises(NotAllowedError, match="Missing authorization header"):
        anonymous.stats()
    monkeypatch.setenv("DISTANCE_SERVICE_ENDPOINT", url)
    monkeypatch.setenv("DISTANCE_SERVICE_API_KEY", KEY)
    with DistanceClient() as demo:
        assert demo.list_jobs().total_count >= 0
    arguments = ("smoke", "--url", url, "--date", DAY["date"], "--device", DAY["device_id"])
    assert main(arguments, {"API_KEYS": KEY}) == 0
    assert main(arguments, {}) == 1
    assert capsys.readouterr().err == "the functions: status 401 instead of 202\n"
    monkeypatch.setenv("OTEL_WORKER_API_KEY", KEY)
    assert command(url, "list", "--limit", "1")
    monkeypatch.delenv("OTEL_WORKER_API_KEY")
    assert "Missing authorization header" in command(url, "list", code=5)


@API.parametrize()
@settings(max_examples=5, suppress_health_check=list(HealthCheck), derandomize=True)
def test_responses_with_authentication_match_document(case: schemathesis.Case[Any], secured: SecuredStack) -> None:
    if case.path.startswith("/api/distance/"):
        options: dict[str, Any] = {"base_url": secured.stack.url, "excluded_checks": [positive_data_acceptance]}
        assert case.call_and_validate(**options).status_code in (401, 404, 405)
        assert case.call_and_validate(headers={"X-API-Key": KEY}, **options).status_code != 401


@pytest.mark.skipif(redis_server.PROGRAM is None, reason="no redis-server on this machine")
def test_services_share_rate_limits_and_work_without_the_store(secured: SecuredStack) -> None:
    caller = secured.bearer("many")

    def remaining(service: str) -> int:
        response = secured.send_request(service, STATS if service == "list" else f"{JOBS}/x", caller)
        return int(response.headers["ratelimit-remaining"])

    assert [remaining("list"), remaining("status"), remaining("list"), remaining("status")] == [59, 58, 57, 56]
    responses = [secured.send_request("list", STATS, caller) for _ in range(57)]
    assert [response.status for response in responses] == [200] * 56 + [429]
    assert responses[-1].json["error"]["code"] == "RATE_LIMITED"
    assert 0 < int(responses[-1].headers["retry-after"]) <= 60
    assert secured.send_request("status", f"{JOBS}/x", caller).status == 429
    assert secured.send_request("list", STATS, secured.bearer("another")).status == 200
    assert secured.redis is not None
    secured.redis.send_signal(signal.SIGSTOP)
    try:
        assert secured.send_request("list", STATS, caller).status == 200
    finally:
        secured.redis.send_signal(signal.SIGCONT)
    secured.redis.kill()
    secured.redis.wait()
    assert [secured.send_request(service, JOBS, caller).status for service in ("list", "list")] == [200, 200]
    assert secured.send_request("status", f"{JOBS}/x", caller).status == 404
