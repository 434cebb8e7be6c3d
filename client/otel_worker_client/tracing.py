"""Propagation of the caller's trace if OpenTelemetry is installed; otherwise no-ops."""

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any

try:
    from opentelemetry import context, propagate, trace
except ImportError:  # the extra `tracing`
    context = propagate = trace = None  # type: ignore[assignment] # checked before each use

# The context key that suppresses instrumentation of HTTP clients, from opentelemetry.instrumentation.utils.
_SUPPRESSED = getattr(context, "_SUPPRESS_HTTP_INSTRUMENTATION_KEY", "suppress_http_instrumentation")


def headers() -> dict[str, str]:
    """Return the trace context headers of the current span."""
    carrier: dict[str, str] = {}
    if propagate is not None:
        propagate.inject(carrier)
    return carrier


class NoOpSpan:
    """A span for a process without OpenTelemetry."""

    def set_attribute(self, name: str, value: Any) -> None:
        """Do nothing."""


@contextlib.contextmanager
def span(name: str, attributes: Mapping[str, Any]) -> Iterator[Any]:
    """Run the block in a CLIENT span; an exception sets `error.type` to its class.

    Instrumentation of requests is suppressed: it would add a span for each attempt.
    """
    if trace is None:
        yield NoOpSpan()
        return
    tracer = trace.get_tracer("otel-worker-client")
    with tracer.start_as_current_span(
        name,
        kind=trace.SpanKind.CLIENT,
        attributes=dict(attributes),
        record_exception=False,
        set_status_on_exception=False,
    ) as current:
        token = context.attach(context.set_value(_SUPPRESSED, value=True))
        try:
            yield current
        except Exception as exc:
            current.set_attribute("error.type", type(exc).__name__)
            current.set_status(trace.Status(trace.StatusCode.ERROR))
            raise
        finally:
            context.detach(token)
