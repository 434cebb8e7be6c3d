"""Request tracing, metrics and access logging. Probes are excluded, because they are too frequent."""

import logging
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from shared.telemetry import metrics, spans
from shared.telemetry.context import Trace
from shared.telemetry.error_reporting import error_type

_LOG = logging.getLogger(__name__)
_MAX_FORK_DELAY_SECONDS = 5  # a worker that starts later replaces another one
_is_cold_start = [True]  # until the process has handled its first request


@dataclass
class RequestTelemetry:
    """The telemetry of one request. The handler sets `status`, and `headers` that are added to the response."""

    method: str
    span: spans.Span
    route: str = ""
    status: int = 500
    error_type: str = ""
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def trace(self) -> Trace:
        return self.span.trace

    def set_route(self, template: str) -> None:
        """Name span and metrics by the path template, whose cardinality is bounded."""
        self.route = template
        self.span.set_name(f"{self.method} {template}")

    def set_caller(self, caller: str) -> None:
        """Record the caller's pseudonym; "" for an anonymous caller."""
        if caller:
            self.span.set({"enduser.pseudo.id": caller})

    def record_exception(self, exc: Exception) -> None:
        self.error_type = error_type(exc)
        self.span.record_exception(exc)

    def attributes(self) -> dict[str, str | int]:
        """The attributes that log record, span and metric share."""
        attributes: dict[str, str | int] = {
            "http.request.method": self.method,
            "http.response.status_code": self.status,
        }
        if self.route:
            attributes["http.route"] = self.route
        if self.status >= 500:
            attributes["error.type"] = self.error_type or str(self.status)
        return attributes


@contextmanager
def instrument_request(method: str, path: str, parent: Trace, *, is_probe: bool) -> Iterator[RequestTelemetry]:
    """Instrument a request in the trace `parent`, from its headers to its response."""
    method = method if method in metrics.METHODS else metrics.OTHER
    if is_probe:
        span = spans.non_recording_span(parent)
        with spans.suppress_tracing(), span.current():
            yield RequestTelemetry(method, span)
        return
    started = time.perf_counter()
    attributes: dict[str, Any] = {"http.request.method": method, "url.path": path[:200], "url.scheme": "http"}
    if _is_cold_start[0]:
        _is_cold_start[0] = False
        metrics.COLD_STARTS.add()
        attributes["faas.coldstart"] = True
    with spans.span(method, attributes, kind=spans.SERVER, within=parent) as span:
        request = RequestTelemetry(method, span)
        yield request
        labels = request.attributes()
        span.set(labels)
        if request.status >= 500:
            span.set_error(str(labels["error.type"]))
        seconds = time.perf_counter() - started
        metrics.HTTP_DURATION.record(seconds, labels)
        level = logging.DEBUG if request.status < 500 else logging.WARNING
        if _LOG.isEnabledFor(level):
            _LOG.log(level, "request", extra={**labels, "duration_ms": round(seconds * 1000, 1)})


def process_age(proc: Path = Path("/proc"), now: float | None = None) -> float:
    """Return the seconds since the process started, including the start of gunicorn's master; 0 without procfs.

    `now` is in seconds since boot.
    """
    try:
        own, master = _start_time(proc / "self"), _start_time(proc / str(os.getppid()))
    except (OSError, ValueError, IndexError):
        return 0.0
    since_boot = time.clock_gettime(time.CLOCK_BOOTTIME) if now is None else now
    return max(since_boot - (master if own - master < _MAX_FORK_DELAY_SECONDS else own), 0.0)


def _start_time(process: Path) -> float:
    """Return the start in seconds since boot: field 22 of stat in proc(5). The name before it may contain spaces."""
    stat = (process / "stat").read_text()
    return int(stat.rpartition(")")[2].split()[19]) / os.sysconf("SC_CLK_TCK")
