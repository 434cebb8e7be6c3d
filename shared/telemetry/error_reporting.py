"""Errors: counted by kind, logged once, and reported to Sentry if SENTRY_DSN is set."""

import atexit
import logging
import random
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, cast

from shared.errors import Overloaded, Unavailable
from shared.telemetry import context, logging_config, metrics
from shared.telemetry.rate_limit import RateLimit
from shared.version import VERSION

if TYPE_CHECKING:
    from sentry_sdk import Transport
    from sentry_sdk.types import Event, Hint

    from shared.config.settings import Settings

_LOG = logging.getLogger(__name__)
_CAPTURED = "_otel_worker_captured"
_ALLOWED_FIELDS = (
    "event_id",
    "timestamp",
    "platform",
    "level",
    "release",
    "environment",
    "exception",
    "tags",
    "contexts",
)
_FLUSH_SECONDS = 2

Reporter = Callable[[Exception, Mapping[str, str]], None]
reporters: list[Reporter] = []  # called with each captured exception and its tags


def error_type(exc: Exception) -> str:
    """Classify an exception as one of metrics.FAULTS: the dependency, "overloaded" or "unexpected"."""
    if isinstance(exc, Unavailable):
        return exc.dependency
    return "overloaded" if isinstance(exc, Overloaded) else "unexpected"


def capture_error(exc: Exception, **tags: str) -> None:
    """Count, log and report an exception. Further calls for the same exception have no effect."""
    if hasattr(exc, _CAPTURED):
        return
    setattr(exc, _CAPTURED, True)
    kind = error_type(exc)
    metrics.ERRORS.add(labels={"error.type": kind})
    if isinstance(exc, Overloaded):  # expected under load: the access log samples it
        return
    fields = {"error.type": kind, **tags}
    if isinstance(exc, Unavailable):
        fields |= {"dependency": exc.dependency, "cause": exc.cause}
        _LOG.error("unavailable", extra=fields, exc_info=exc)
    else:
        _LOG.error("unexpected", extra=fields, exc_info=exc)
    for report in reporters:
        with suppress(Exception):  # a failed report must not cause another error
            report(exc, fields)


def start(settings: "Settings", transport: "type[Transport] | None" = None) -> None:
    """Report errors to Sentry if SENTRY_DSN is set. A missing package is logged and otherwise ignored."""
    if settings.SENTRY_DSN is None:
        return
    try:
        reporters.append(_SentryReporter(settings.SENTRY_DSN.get_secret_value(), settings, transport))
    except Exception as exc:  # noqa: BLE001 - the function works without it; the text may contain the DSN
        _LOG.warning("errors are not reported to Sentry", extra={"cause": type(exc).__name__})


class _SentryReporter:
    """Sends errors by a Sentry client without integrations.

    It builds the events itself, because the SDK's event_from_exception adds the exception's text and variables.
    """

    def __init__(self, dsn: str, settings: "Settings", transport: "type[Transport] | None") -> None:
        import sentry_sdk  # noqa: PLC0415 - an optional dependency

        self._sample_rate = settings.SENTRY_SAMPLE_RATE
        self._limit = RateLimit(settings.SENTRY_MAX_PER_MINUTE, 60)
        self._tags = {"service": logging_config.service_name(), "version": VERSION}
        self._client = sentry_sdk.Client(
            dsn=dsn,
            release=f"otel-worker@{VERSION}",
            default_integrations=False,
            auto_enabling_integrations=False,
            include_local_variables=False,
            include_source_context=False,
            max_request_body_size="never",
            max_breadcrumbs=0,
            send_client_reports=False,
            enable_backpressure_handling=False,
            before_send=_remove_other_fields,
            transport=transport,
        )
        atexit.register(self._client.close, timeout=_FLUSH_SECONDS)

    def __call__(self, exc: Exception, tags: Mapping[str, str]) -> None:
        # Sampled here, not by the SDK, so that dropped events do not count against the limit.
        if random.random() >= self._sample_rate or not self._limit.acquire(time.monotonic()):  # noqa: S311 - not cryptographic
            return
        trace = context.current.get()
        event: Event = {
            "level": "error",
            "exception": {
                "values": [_exception(link) for link in reversed(logging_config.exception_chain(exc))]
            },  # cause first
            "tags": {**self._tags, **({"trace_id": trace.trace_id} if trace else {}), **tags},
            "contexts": {"trace": {"trace_id": trace.trace_id, "span_id": trace.span_id}} if trace else {},
        }
        self._client.capture_event(event)


def _remove_other_fields(event: "Event", _: "Hint") -> "Event":
    """Remove fields that the SDK adds, for example the host name."""
    return cast("Event", {name: value for name, value in event.items() if name in _ALLOWED_FIELDS})


def _exception(exc: BaseException) -> dict[str, object]:
    """Return class and stack frames, without the exception's text and variables."""
    frames = [
        {"filename": frame.file, "lineno": frame.line, "function": frame.function, "in_app": True}
        for frame in logging_config.frames(exc)
    ]
    return {"type": type(exc).__name__, "module": type(exc).__module__, "stacktrace": {"frames": frames}}
