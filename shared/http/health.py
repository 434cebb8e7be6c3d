"""Health checks and the reports of the health endpoints.

Results are cached for a few seconds. A report contains names, numbers and fixed phrases, never the text of a driver's
error, an address or the data of a job.
"""

import logging
import os
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote

from shared.deadlines import SingleFlight
from shared.errors import CheckFailed, Unavailable
from shared.models import rfc3339
from shared.telemetry.error_reporting import capture_error
from shared.version import VERSION

_LOG = logging.getLogger(__name__)
CACHE_SECONDS = 5
FAILURE_CACHE_SECONDS = 1  # so that a recovery is visible soon
CHECK_TIMEOUT_SECONDS = 4  # less than the gateway's probe timeout of 5 s

_GENERIC_MESSAGES = ("unavailable", "timeout", "error")  # failures without a phrase of their own

StatsSource = Callable[[], Mapping[str, int | float | None]]


@dataclass(frozen=True)
class Check:
    """A health check: `probe` raises Unavailable or CheckFailed if the dependency is unhealthy.

    A failing critical check makes the process not ready, any other makes it degraded. A probe that exceeds
    `timeout_seconds` fails.
    """

    probe: Callable[[], None]
    critical: bool = True
    timeout_seconds: float = CHECK_TIMEOUT_SECONDS


AnyCheck = Check | Callable[[], None]  # a plain function is a critical check


@dataclass(frozen=True)
class CheckResult:
    """The result of a check. `message` is empty if it succeeded."""

    message: str
    latency_ms: float


class Health:
    """The health of one process. `stats` returns the job counts that it can report."""

    def __init__(
        self,
        service: str,
        checks: Mapping[str, AnyCheck],
        stats: StatsSource | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.service = service
        self.stats = stats
        self._checks = {name: check if isinstance(check, Check) else Check(check) for name, check in checks.items()}
        self._clock = clock
        self._started = clock()
        self._runs = {name: self._single_flight(name, check) for name, check in self._checks.items()}
        self._stats_runs = SingleFlight(stats, CHECK_TIMEOUT_SECONDS, lambda _: 0, clock) if stats else None

    def readiness(self) -> dict[str, str]:
        """The message of each critical check; causes other than fixed phrases are "unavailable"."""
        critical = [name for name, check in self._checks.items() if check.critical]
        messages = {name: result.message for name, result in self._results(critical).items()}
        return {name: "unavailable" if text in _GENERIC_MESSAGES else text for name, text in messages.items()}

    def report(self) -> dict[str, Any]:
        """The body of /health."""
        results = self._results(self._checks)
        overall = self._overall(results)
        checks = {
            name: {"name": name, "critical": self._checks[name].critical, **_as_json(result)}
            for name, result in results.items()
        }
        return {
            "status": overall,
            "overall_status": overall,
            "service": self.service,
            "timestamp": rfc3339(datetime.now(UTC)),
            "system_uptime_seconds": self._uptime(),
            "checks": checks,
        }

    def status(self) -> dict[str, Any]:
        """The body of /status. `metrics` is omitted if the process has no job counts or cannot read them."""
        results = self._results(self._checks)
        body = {
            "service_name": self.service,
            "service_version": VERSION,
            "environment": deployment_environment(),
            "status": self._overall(results),
            "uptime": self._uptime(),
            "timestamp": rfc3339(datetime.now(UTC)),
            "dependencies": {name: _as_json(result) for name, result in results.items()},
        }
        if self._stats_runs is not None:
            try:
                body["metrics"] = dict(self._stats_runs.start()())
            except (Unavailable, TimeoutError) as exc:
                _LOG.warning("failed to count jobs", extra={"cause": type(exc).__name__})
        return body

    def job_counts(self) -> dict[str, Any]:
        """The body of /metrics/json, read now."""
        counts = dict(self.stats()) if self.stats else {}
        return {"timestamp": rfc3339(datetime.now(UTC)), **counts}

    def _uptime(self) -> float:
        return round(self._clock() - self._started, 3)

    def _results(self, names: Iterable[str]) -> dict[str, CheckResult]:
        """Run the checks concurrently."""
        runs = [(name, self._runs[name].start()) for name in names]
        return {name: self._wait(name, run) for name, run in runs}

    def _wait(self, name: str, run: Callable[[], CheckResult]) -> CheckResult:
        try:
            return run()
        except TimeoutError:
            _LOG.warning("check failed", extra={"dependency": name, "cause": "timeout"})
            return CheckResult("timeout", self._checks[name].timeout_seconds * 1000)

    def _overall(self, results: Mapping[str, CheckResult]) -> str:
        failing = {self._checks[name].critical for name, result in results.items() if result.message}
        return "unhealthy" if True in failing else "degraded" if failing else "healthy"

    def _single_flight(self, name: str, check: Check) -> SingleFlight[CheckResult]:
        def run() -> CheckResult:
            started = self._clock()
            message = _run(name, check.probe)
            return CheckResult(message, round((self._clock() - started) * 1000, 1))

        def cache_seconds(result: CheckResult) -> float:
            return FAILURE_CACHE_SECONDS if result.message else CACHE_SECONDS

        return SingleFlight(run, check.timeout_seconds, cache_seconds, self._clock)


def _run(name: str, probe: Callable[[], None]) -> str:
    """Run a probe and return its message, "" if it succeeds. The cause of a failure is logged."""
    try:
        probe()
    except Unavailable as exc:
        _LOG.warning("check failed", extra={"dependency": name, "cause": exc.cause})
        return "unavailable"
    except CheckFailed as exc:
        _LOG.warning("check failed", extra={"dependency": name, "cause": str(exc)})
        return str(exc)
    except Exception as exc:  # noqa: BLE001 - a broken check must not prevent the report of the others
        capture_error(exc)
        return "error"
    return ""


def _as_json(result: CheckResult) -> dict[str, Any]:
    status = "unhealthy" if result.message else "healthy"
    return {"status": status, "message": result.message or "ok", "latency_ms": result.latency_ms}


def deployment_environment(environ: Mapping[str, str] = os.environ) -> str:
    """The deployment environment, from OpenTelemetry's resource attributes."""
    pairs = dict(pair.partition("=")[::2] for pair in environ.get("OTEL_RESOURCE_ATTRIBUTES", "").split(","))
    attributes = {name.strip(): unquote(text.strip()) for name, text in pairs.items()}
    return attributes.get("deployment.environment.name") or attributes.get("deployment.environment") or "unknown"
