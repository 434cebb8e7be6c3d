"""Health of the whole system, aggregated from the health endpoints of its services."""

import http.client
import json
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any, NamedTuple

from shared.http.health_paths import HEALTH, LIVE, READY, STARTUP, STATUS
from shared.version import VERSION

_TIMEOUT_SECONDS = 5
_MAX_BODY_BYTES = 1 << 20
_STATES_WORST_FIRST = ("unhealthy", "degraded", "healthy")
# By the gateway's path: the path that the services are probed on, and the state if all of them return 200.
_PROBES = {
    **dict.fromkeys(LIVE, ("/healthz", "healthy")),
    **dict.fromkeys(READY, ("/readyz", "ready")),
    **dict.fromkeys(STARTUP, ("/health/startup", "started")),
}


class _ServiceResponse(NamedTuple):
    """A service's response; status 0 and an empty body if there was none, or none in JSON."""

    status: int
    body: dict[str, Any]
    latency_ms: float


class HealthAggregator:
    """Queries all services concurrently. `services` maps names to addresses (host:port).

    Every report contains `instance`, which identifies the gateway's process.
    """

    paths = frozenset({*_PROBES, *HEALTH, *STATUS})

    def __init__(self, services: Mapping[str, str], instance: str) -> None:
        self._services = services
        self._identity = {"service": "gateway", "instance": instance}
        self._threads = ThreadPoolExecutor(len(services))
        self._started = time.monotonic()

    def check(self, path: str) -> tuple[Sequence[str], dict[str, Any]]:
        """Return the names of the services that fail (none means 200), and the body of the report."""
        if path in _PROBES:
            service_path, state = _PROBES[path]
            failing = [name for name, response in self._query_all(service_path).items() if response.status != 200]
            return failing, {} if failing else {"status": state, **self._identity}
        return self._health_report() if path in HEALTH else ((), self._status_report())

    def _health_report(self) -> tuple[Sequence[str], dict[str, Any]]:
        responses = self._query_all("/health")
        states = {name: _state(response, "overall_status") for name, response in responses.items()}
        overall = _worst(states)
        body = {
            "status": overall,
            "overall_status": overall,
            **self._identity,
            "timestamp": _now(),
            "system_uptime_seconds": self._uptime(),
            "services": {
                name: response.body if "overall_status" in response.body else {"overall_status": states[name]}
                for name, response in responses.items()
            },
        }
        return [name for name, state in states.items() if state == "unhealthy"], body

    def _status_report(self) -> dict[str, Any]:
        responses = self._query_all("/status")
        states = {name: _state(response, "status") for name, response in responses.items()}
        report = {
            "service_name": "gateway",
            "service_version": VERSION,
            "status": _worst(states),
            "uptime": self._uptime(),
            "timestamp": _now(),
            "dependencies": {
                name: {
                    "status": states[name],
                    "message": "ok" if response.status == 200 else "unavailable",
                    "latency_ms": response.latency_ms,
                }
                for name, response in responses.items()
            },
            "services": {name: response.body for name, response in responses.items() if response.status == 200},
        }
        metrics = responses["list"].body.get("metrics")
        return report if metrics is None else {**report, "metrics": metrics}

    def _uptime(self) -> float:
        return round(time.monotonic() - self._started, 3)

    def _query_all(self, path: str) -> dict[str, _ServiceResponse]:
        responses = self._threads.map(lambda address: _query(address, path), self._services.values())
        return dict(zip(self._services, responses, strict=True))


def _query(address: str, path: str) -> _ServiceResponse:
    started = time.perf_counter()
    status, body = _get_json(address, path)
    return _ServiceResponse(status, body, round((time.perf_counter() - started) * 1000, 1))


def _get_json(address: str, path: str) -> tuple[int, dict[str, Any]]:
    connection = http.client.HTTPConnection(address, timeout=_TIMEOUT_SECONDS)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        body = json.loads(response.read(_MAX_BODY_BYTES))
    except (OSError, http.client.HTTPException, ValueError):
        return 0, {}
    finally:
        connection.close()
    return (response.status, body) if isinstance(body, dict) else (0, {})


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _state(response: _ServiceResponse, field: str) -> str:
    """Return the state that the service reports in `field`; "unhealthy" if it reports none."""
    state = response.body.get(field)
    return state if state in _STATES_WORST_FIRST else "unhealthy"


def _worst(states: Mapping[str, str]) -> str:
    return min(states.values(), key=_STATES_WORST_FIRST.index)
