"""What is told of each request: its span, its duration, its line in the log. Probes come too often for any of it."""

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from shared.telemetry import metrics, spans
from shared.telemetry.context import Trace
from shared.telemetry.error_reporting import error_type

_LOG = logging.getLogger(__name__)
_first = [True]  # until the process has answered its first request


@dataclass
class Request:
    """A request that is being worked on; who answers it fills in the rest, with headers that go beside any answer."""

    method: str
    span: spans.Span
    route: str = ""
    status: int = 500
    fault: str = ""
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def trace(self) -> Trace:
        return self.span.trace

    def matched(self, template: str) -> None:
        """It goes to the path of this template, which names the span and the metrics: paths themselves have no end."""
        self.route = template
        self.span.named(f"{self.method} {template}")

    def asked_by(self, caller: str) -> None:
        """Who asks, by a pseudonym; "" is nobody in particular."""
        if caller:
            self.span.set({"enduser.pseudo.id": caller})

    def failed(self, exc: Exception) -> None:
        self.fault = error_type(exc)
        self.span.raised(exc)

    def labels(self) -> dict[str, str | int]:
        """The attributes that log, span and metric have in common."""
        told: dict[str, str | int] = {"http.request.method": self.method, "http.response.status_code": self.status}
        if self.route:
            told["http.route"] = self.route
        if self.status >= 500:
            told["error.type"] = self.fault or str(self.status)
        return told


@contextmanager
def served(method: str, path: str, within: Trace, *, probe: bool) -> Iterator[Request]:
    """A request in the trace `within`, or a new one, from its first byte to its answer."""
    method = method if method in metrics.METHODS else metrics.OTHER
    if probe:
        span = spans.nowhere(within)
        with spans.silence(), span.current():
            yield Request(method, span)
        return
    began = time.perf_counter()
    told: dict[str, Any] = {"http.request.method": method, "url.path": path[:200], "url.scheme": "http"}
    if _first[0]:
        _first[0] = False
        metrics.COLD_STARTS.add()
        told["faas.coldstart"] = True
    with spans.span(method, told, kind=spans.SERVER, within=within) as span:
        request = Request(method, span)
        yield request
        labels = request.labels()
        span.set(labels)
        if request.status >= 500:
            span.failed(str(labels["error.type"]))
        seconds = time.perf_counter() - began
        metrics.HTTP_DURATION.record(seconds, labels)
        level = logging.DEBUG if request.status < 500 else logging.WARNING
        if _LOG.isEnabledFor(level):
            _LOG.log(level, "request", extra={**labels, "duration_ms": round(seconds * 1000, 1)})
