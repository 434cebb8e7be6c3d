"""The caller's trace goes along where OpenTelemetry is installed; elsewhere this does nothing."""

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any

try:
    from opentelemetry import propagate, trace
except ImportError:  # the extra `tracing`
    propagate = trace = None  # type: ignore[assignment] # what has no trace has none to pass on


def headers() -> dict[str, str]:
    """What makes the service's spans children of the caller's."""
    carrier: dict[str, str] = {}
    if propagate is not None:
        propagate.inject(carrier)
    return carrier


class NoSpan:
    """Nobody is told."""

    def set_attribute(self, name: str, value: Any) -> None:
        """Nothing."""


@contextlib.contextmanager
def span(name: str, attributes: Mapping[str, Any]) -> Iterator[Any]:
    """A client's span for the time of a block; an exception is told by the class."""
    if trace is None:
        yield NoSpan()
        return
    tracer = trace.get_tracer("otel-worker-client")
    with tracer.start_as_current_span(
        name,
        kind=trace.SpanKind.CLIENT,
        attributes=dict(attributes),
        record_exception=False,
        set_status_on_exception=False,
    ) as current:
        try:
            yield current
        except Exception as exc:
            current.set_attribute("error.type", type(exc).__name__)
            current.set_status(trace.Status(trace.StatusCode.ERROR))
            raise
