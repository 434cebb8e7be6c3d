"""The health of the whole: that of every service, asked for at the same time."""

import http.client
import json
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any, NamedTuple

from shared.http.health_paths import HEALTH, LIVE, READY, STARTUP, STATUS
from shared.version import VERSION

_PROBE_SECONDS = 5
_LARGEST_BODY = 1 << 20
_WORST_FIRST = ("unhealthy", "degraded", "healthy")
# What each service is asked, and what the whole is where all answer 200.
_YES_OR_NO = {
    **dict.fromkeys(LIVE, ("/healthz", "healthy")),
    **dict.fromkeys(READY, ("/readyz", "ready")),
    **dict.fromkeys(STARTUP, ("/health/startup", "started")),
}


class _Said(NamedTuple):
    """What a service answered: 0 and no body where it didn't, or not in JSON."""

    status: int
    body: dict[str, Any]
    latency_ms: float


class Probing:
    """Asks the services (addresses, host:port, by name); what it says names `instance`."""

    paths = frozenset({*_YES_OR_NO, *HEALTH, *STATUS})

    def __init__(self, services: Mapping[str, str], instance: str) -> None:
        self._services = services
        self._who = {"service": "gateway", "instance": instance}
        self._threads = ThreadPoolExecutor(len(services))
        self._began = time.monotonic()

    def answer(self, path: str) -> tuple[Sequence[str], dict[str, Any]]:
        """The services that make the answer a 503, and what else it says."""
        if path in _YES_OR_NO:
            asked, well = _YES_OR_NO[path]
            failing = [name for name, said in self._asked(asked).items() if said.status != 200]
            return failing, {} if failing else {"status": well, **self._who}
        return self._report() if path in HEALTH else ((), self._status())

    def _report(self) -> tuple[Sequence[str], dict[str, Any]]:
        found = self._asked("/health")
        states = {name: _state(said, "overall_status") for name, said in found.items()}
        overall = _worst(states)
        body = {
            "status": overall,
            "overall_status": overall,
            **self._who,
            "timestamp": _now(),
            "system_uptime_seconds": self._uptime(),
            "services": {
                name: said.body if "overall_status" in said.body else {"overall_status": states[name]}
                for name, said in found.items()
            },
        }
        return [name for name, state in states.items() if state == "unhealthy"], body

    def _status(self) -> dict[str, Any]:
        found = self._asked("/status")
        states = {name: _state(said, "status") for name, said in found.items()}
        told = {
            "service_name": "gateway",
            "service_version": VERSION,
            "status": _worst(states),
            "uptime": self._uptime(),
            "timestamp": _now(),
            "dependencies": {
                name: {
                    "status": states[name],
                    "message": "ok" if said.status == 200 else "unavailable",
                    "latency_ms": said.latency_ms,
                }
                for name, said in found.items()
            },
            "services": {name: said.body for name, said in found.items() if said.status == 200},
        }
        metrics = found["list"].body.get("metrics")
        return told if metrics is None else {**told, "metrics": metrics}

    def _uptime(self) -> float:
        return round(time.monotonic() - self._began, 3)

    def _asked(self, path: str) -> dict[str, _Said]:
        said = self._threads.map(lambda name: self._ask(name, path), self._services)
        return dict(zip(self._services, said, strict=True))

    def _ask(self, service: str, path: str) -> _Said:
        began = time.perf_counter()
        status, body = self._got(self._services[service], path)
        return _Said(status, body, round((time.perf_counter() - began) * 1000, 1))

    def _got(self, address: str, path: str) -> tuple[int, dict[str, Any]]:
        connection = http.client.HTTPConnection(address, timeout=_PROBE_SECONDS)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            body = json.loads(answer.read(_LARGEST_BODY))
        except (OSError, http.client.HTTPException, ValueError):
            return 0, {}
        finally:
            connection.close()
        return (answer.status, body) if isinstance(body, dict) else (0, {})


def _now() -> str:
    """As shared.models tells times; that would bring pydantic, which the gateway does without."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _state(said: _Said, name: str) -> str:
    """What the service says that it is; one that doesn't say is not well."""
    state = said.body.get(name)
    return state if state in _WORST_FIRST else "unhealthy"


def _worst(states: Mapping[str, str]) -> str:
    return min(states.values(), key=_WORST_FIRST.index)
