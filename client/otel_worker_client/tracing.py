"""The caller's trace goes along where OpenTelemetry is installed; elsewhere this does nothing."""

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any

try:
    from opentelemetry import context, propagate, trace
except ImportError:  # the extra `tracing`
    context = propagate = trace = None  # type: ignore[assignment] # what has no trace has none to pass on

# The key by which instrumentations of HTTP clients leave a call out, as in opentelemetry.instrumentation.utils.
_SUPPRESSED = getattr(context, "_SUPPRESS_HTTP_INSTRUMENTATION_KEY", "suppress_http_instrumentation")


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
    """The one CLIENT span of a call, for the time of a block; an exception is recorded by its class.

    An instrumented requests would make another one below it for each request.
    """
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
        token = context.attach(context.set_value(_SUPPRESSED, value=True))
        try:
            yield current
        except Exception as exc:
            current.set_attribute("error.type", type(exc).__name__)
            current.set_status(trace.Status(trace.StatusCode.ERROR))
            raise
        finally:
            context.detach(token)
