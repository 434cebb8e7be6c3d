"""Whether a process and what it depends on are well: checks that run once in a few seconds, and their reports.

A report holds names, numbers and fixed words: never what a driver said, an address, or anything of a job.
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
from shared.errors import OtelWorkerError, Unavailable
from shared.models import rfc3339
from shared.telemetry.error_reporting import capture_error
from shared.version import VERSION

_LOG = logging.getLogger(__name__)
KEPT_SECONDS = 5  # what a check has found, for everybody who asks
KEPT_FAILING_SECONDS = 1  # a recovery is to be seen soon
CHECK_SECONDS = 4  # less than a prober waits: the gateway's 5 s

_CAUSELESS = ("unavailable", "timeout", "error")  # messages of checks that fail without a phrase of their own

Ask = Callable[[], None]
Numbers = Callable[[], Mapping[str, int | float | None]]


class CheckFailed(OtelWorkerError):
    """What is checked is not well; the text is a fixed phrase, and everybody may read it."""


@dataclass(frozen=True)
class Check:
    """`ask` returns where all is well, else raises: Unavailable for a dependency, Failing with words of its own.

    While a critical one fails the process is not ready; any other makes it degraded. What takes longer than `seconds`
    fails.
    """

    ask: Ask
    critical: bool = True
    seconds: float = CHECK_SECONDS


AnyCheck = Check | Ask  # a function alone is a critical check


@dataclass(frozen=True)
class Outcome:
    """What a check has found: "" where all is well, and how long that took."""

    message: str
    latency_ms: float


class Health:
    """The health of the process `service`, by its checks; `numbers` are what it can count."""

    def __init__(
        self,
        service: str,
        checks: Mapping[str, AnyCheck],
        numbers: Numbers | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.service = service
        self.numbers = numbers
        self._checks = {name: one if isinstance(one, Check) else Check(one) for name, one in checks.items()}
        self._clock = clock
        self._began = clock()
        self._runs = {name: self._shared(name, check) for name, check in self._checks.items()}
        self._counting = SingleFlight(numbers, CHECK_SECONDS, lambda _: 0, clock) if numbers else None

    def readiness(self) -> dict[str, str]:
        """The result of each critical check: "" if it succeeds, else "unavailable" or the phrase of its Failing."""
        critical = [name for name, check in self._checks.items() if check.critical]
        messages = {name: outcome.message for name, outcome in self._outcomes(critical).items()}
        return {name: "unavailable" if text in _CAUSELESS else text for name, text in messages.items()}

    def report(self) -> dict[str, Any]:
        """The body of /health."""
        outcomes = self._outcomes(self._checks)
        overall = self._overall(outcomes)
        checks = {
            name: {"name": name, "critical": self._checks[name].critical, **_told(outcome)}
            for name, outcome in outcomes.items()
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
        """The body of /status; without metrics where there are none, or they can't be had now."""
        outcomes = self._outcomes(self._checks)
        told = {
            "service_name": self.service,
            "service_version": VERSION,
            "environment": environment(),
            "status": self._overall(outcomes),
            "uptime": self._uptime(),
            "timestamp": rfc3339(datetime.now(UTC)),
            "dependencies": {name: _told(outcome) for name, outcome in outcomes.items()},
        }
        if self._counting is not None:
            try:
                told["metrics"] = dict(self._counting.asked()())
            except (Unavailable, TimeoutError) as exc:
                _LOG.warning("jobs not counted", extra={"cause": type(exc).__name__})
        return told

    def counted(self) -> dict[str, Any]:
        """The body of /metrics/json: `numbers`, read now."""
        numbers = dict(self.numbers()) if self.numbers else {}
        return {"timestamp": rfc3339(datetime.now(UTC)), **numbers}

    def _uptime(self) -> float:
        return round(self._clock() - self._began, 3)

    def _outcomes(self, names: Iterable[str]) -> dict[str, Outcome]:
        """All at the same time: together they take as long as the slowest."""
        asked = [(name, self._runs[name].asked()) for name in names]
        return {name: self._waited(name, result) for name, result in asked}

    def _waited(self, name: str, result: Callable[[], Outcome]) -> Outcome:
        try:
            return result()
        except TimeoutError:
            _LOG.warning("check failed", extra={"dependency": name, "cause": "timeout"})
            return Outcome("timeout", self._checks[name].seconds * 1000)

    def _overall(self, outcomes: Mapping[str, Outcome]) -> str:
        failing = {self._checks[name].critical for name, outcome in outcomes.items() if outcome.message}
        return "unhealthy" if True in failing else "degraded" if failing else "healthy"

    def _shared(self, name: str, check: Check) -> SingleFlight[Outcome]:
        def run() -> Outcome:
            began = self._clock()
            message = _failure(name, check.ask)
            return Outcome(message, round((self._clock() - began) * 1000, 1))

        def kept(outcome: Outcome) -> float:
            return KEPT_FAILING_SECONDS if outcome.message else KEPT_SECONDS

        return SingleFlight(run, check.seconds, kept, self._clock)


def _failure(name: str, ask: Ask) -> str:
    """What to say of the check, "" where it succeeds; the log has the cause."""
    try:
        ask()
    except Unavailable as exc:
        _LOG.warning("check failed", extra={"dependency": name, "cause": exc.cause})
        return "unavailable"
    except CheckFailed as exc:
        _LOG.warning("check failed", extra={"dependency": name, "cause": str(exc)})
        return str(exc)
    except Exception as exc:  # noqa: BLE001 - a check that breaks is no reason to leave out the others
        capture_error(exc)
        return "error"
    return ""


def _told(outcome: Outcome) -> dict[str, Any]:
    status = "unhealthy" if outcome.message else "healthy"
    return {"status": status, "message": outcome.message or "ok", "latency_ms": outcome.latency_ms}


def environment(environ: Mapping[str, str] = os.environ) -> str:
    """Where the process runs, by the resource attribute of OpenTelemetry that says so."""
    attributes = dict(pair.partition("=")[::2] for pair in environ.get("OTEL_RESOURCE_ATTRIBUTES", "").split(","))
    told = {name.strip(): unquote(text.strip()) for name, text in attributes.items()}
    return told.get("deployment.environment.name") or told.get("deployment.environment") or "unknown"
