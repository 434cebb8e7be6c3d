"""The limits in the documentation match the code."""

import runpy
from dataclasses import fields
from datetime import timedelta
from typing import Any

import pytest

from functions.calculate import delivery as job_delivery
from functions.calculate.fixes.connection import CALCULATION, DEVICE_REFRESH, READINESS
from functions.list import results
from functions.list.stats import STUCK_AGE
from local import gunicorn_config
from local.broker import app as broker
from local.broker import dispatcher, queue
from local.gateway import app as gateway
from local.gateway import health as gateway_health
from shared import events
from shared.auth import jwks_cache, rate_limits
from shared.http import health, health_checks, socket_options
from shared.http import service as http_service
from tests.contract.markdown import ROOT, rows
from tests.contract.world import World

CHECKS = rows("docs/reference/health.md", ["check", "service", "critical", "fails when"])


def test_database_timeouts_match_documentation() -> None:
    documented = {
        name: tuple(bounds)
        for name, *bounds, _ in rows(
            "docs/reference/database.md", ["timeout", "calculate", "`/readyz`", "devices", "applies to"]
        )
    }
    timeouts = (CALCULATION, READINESS, DEVICE_REFRESH)
    names = [*(field.name for field in fields(CALCULATION)), "total_timeout"]
    assert documented == {name: tuple(f"{getattr(each, name)} s" for each in timeouts) for name in names}


def test_request_limits_match_documentation(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FUNCTION_TARGET", raising=False)  # set by functions-framework when it loads a function
    columns = ["limit", "submit, status, list", "calculate", "gateway", "local broker", "beyond it"]
    documented = {name: values for name, *values, _ in rows("docs/reference/limits.md", columns)}
    functions: dict[str, Any] = runpy.run_path(str(ROOT / "gunicorn.conf.py"))
    servers = [functions, functions, vars(gunicorn_config), vars(gunicorn_config)]
    limits = {service._name: service._max_body_bytes for service in World().services}
    calculate = limits.pop("distance-calculate")
    assert set(limits.values()) == {http_service.MAX_BODY_BYTES}
    bodies = (http_service.MAX_BODY_BYTES, calculate, gateway._MAX_BODY_BYTES, broker._MAX_EVENT_BYTES)
    concurrency_limits = (
        http_service.MAX_CONCURRENCY,
        job_delivery.MAX_CONCURRENCY,
        gateway._MAX_CONCURRENT_REQUESTS,
        http_service.MAX_CONCURRENCY,
    )
    assert documented == {
        "body": [size(body) for body in bodies],
        "request line": [f"{server['limit_request_line']} B" for server in servers],
        "header fields": [str(server["limit_request_fields"]) for server in servers],
        "header field": [f"{server['limit_request_field_size']} B" for server in servers],
        "concurrent requests": [str(concurrency) for concurrency in concurrency_limits],
        "threads": [str(server["threads"]) for server in servers],
        "connections": [str(server["worker_connections"]) for server in servers],
        "backlog": [str(server["backlog"]) for server in servers],
        "silence within a request": [f"{socket_options.IDLE_TIMEOUT_SECONDS} s"] * 4,
    }
    for server, concurrency in zip(servers, concurrency_limits, strict=True):
        assert concurrency < server["threads"] < server["worker_connections"]


def test_timeouts_and_broker_limits_match_documentation() -> None:
    waits = rows("docs/reference/limits.md", ["wait", "at most", "beyond it"])
    documented = waits + rows("docs/reference/limits.md", ["limit", "at most", "beyond it"])
    assert {name: value for name, value, _ in documented if value[0].isdigit()} == {
        "publishing an event": f"{events.PUBLISH_TIMEOUT_SECONDS} s",
        "concurrent publications": str(events.MAX_CONCURRENT_PUBLISHES),
        "results of a page of the list, or of days": f"{results.TIMEOUT_SECONDS} s",
        "keys of a token's issuer": f"{jwks_cache.FETCH_TIMEOUT_SECONDS} s",
        "store of rate limits": f"{rate_limits._STORE_TIMEOUT_SECONDS} s",
        "gateway: response of a service": f"{gateway._RESPONSE_TIMEOUT_SECONDS} s",
        "health check of a service": f"{health.CHECK_TIMEOUT_SECONDS} s",
        "gateway: health of a service": f"{gateway_health._TIMEOUT_SECONDS} s",
        "gateway: size of a response": size(gateway._MAX_RESPONSE_BYTES),
        "waiting deliveries": str(queue.MAX_DELIVERIES),
        "free disk space": size(queue.MIN_FREE_DISK_BYTES),
        "concurrent deliveries per Trigger": str(broker._CONCURRENT_DELIVERIES),
        "reply of a subscriber": size(dispatcher._MAX_REPLY_BYTES),
        "replies to replies": str(dispatcher._MAX_HOPS),
    }


def test_health_checks_match_documentation() -> None:
    documented = {name: (critical, fails) for name, _, critical, fails in CHECKS}
    listing = World().services[3]._health._checks
    optional = {**health_checks.default_checks("http://broker"), "jobs": listing["jobs"], "memory": listing["jobs"]}
    assert {name for name, (critical, _) in documented.items() if critical == "no"} == set(optional)
    assert not any(check.critical for check in optional.values())
    assert f"within {health_checks._CONNECT_TIMEOUT_SECONDS} s" in documented["broker"][1]
    assert size(health_checks._MIN_FREE_BYTES) in documented["tmp"][1]
    assert f"{health_checks._MAX_MEMORY_SHARE * 100:.0f} %" in documented["memory"][1]
    assert timedelta(hours=1) == STUCK_AGE
    text = (ROOT / "docs" / "reference" / "health.md").read_text(encoding="utf-8")
    assert f"cached for {health.CACHE_SECONDS} s, a failure for {health.FAILURE_CACHE_SECONDS} s" in text
    assert f"for {health.CHECK_TIMEOUT_SECONDS} s at most" in text


def size(count: int) -> str:
    return f"{count >> 20} MiB" if count >= 1 << 20 else f"{count >> 10} KiB"
