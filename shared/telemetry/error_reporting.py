"""Faults, of ours and of dependencies: counted by kind, logged once, and reported to Sentry where that is on."""

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
_SENT = ("event_id", "timestamp", "platform", "level", "release", "environment", "exception", "tags", "contexts")
_LAST_SECONDS = 2

Reporter = Callable[[Exception, Mapping[str, str]], None]
reporters: list[Reporter] = []  # each is told of every captured exception, with its tags


def error_type(exc: Exception) -> str:
    """What kind of fault it is, one of metrics.FAULTS: the dependency that is away, else whose fault it is."""
    if isinstance(exc, Unavailable):
        return exc.dependency
    return "overloaded" if isinstance(exc, Overloaded) else "unexpected"


def capture_error(exc: Exception, **tags: str) -> None:
    """Count, log and report `exc`: once, however many layers see it."""
    if hasattr(exc, _CAPTURED):
        return
    setattr(exc, _CAPTURED, True)
    kind = error_type(exc)
    metrics.ERRORS.add(labels={"error.type": kind})
    if isinstance(exc, Overloaded):  # a flood is no error of ours: it is counted, and its access lines are sampled
        return
    told = {"error.type": kind, **tags}
    if isinstance(exc, Unavailable):
        told |= {"dependency": exc.dependency, "cause": exc.cause}
        _LOG.error("unavailable", extra=told, exc_info=exc)
    else:
        _LOG.error("unexpected", extra=told, exc_info=exc)
    for report in reporters:
        with suppress(Exception):  # a report that fails is no second fault
            report(exc, told)


def start(settings: "Settings", transport: "type[Transport] | None" = None) -> None:
    """Report to Sentry from now on if SENTRY_DSN is set; a missing package is one line in the log, and no more."""
    if settings.SENTRY_DSN is None:
        return
    try:
        reporters.append(_Sentry(settings.SENTRY_DSN.get_secret_value(), settings, transport))
    except Exception as exc:  # noqa: BLE001 - whatever it is, the function works without, and the text may hold the DSN
        _LOG.warning("errors are not reported to Sentry", extra={"cause": type(exc).__name__})


class _Sentry:
    """A client of its own, without integrations: it knows of an error what is told to it here."""

    def __init__(self, dsn: str, settings: "Settings", transport: "type[Transport] | None") -> None:
        import sentry_sdk  # noqa: PLC0415 - it is not in the image unless somebody adds it

        self._share = settings.SENTRY_SAMPLE_RATE
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
            before_send=_only_what_is_meant,
            transport=transport,
        )
        atexit.register(self._client.close, timeout=_LAST_SECONDS)

    def __call__(self, exc: Exception, tags: Mapping[str, str]) -> None:
        # The share is taken here, not by the SDK: what it leaves out must not use up the limit.
        if random.random() >= self._share or not self._limit.take(time.monotonic()):  # noqa: S311 - no secret hangs on it
            return
        trace = context.current.get()
        event: Event = {
            "level": "error",
            "exception": {
                "values": [_told(one) for one in reversed(logging_config.chain_of(exc))]
            },  # the cause comes first
            "tags": {**self._tags, **({"trace_id": trace.trace_id} if trace else {}), **tags},
            "contexts": {"trace": {"trace_id": trace.trace_id, "span_id": trace.span_id}} if trace else {},
        }
        self._client.capture_event(event)


def _only_what_is_meant(event: "Event", _: "Hint") -> "Event":
    """The last wall: whatever a version of the SDK adds to an event, as the host's name, stays here."""
    return cast("Event", {name: value for name, value in event.items() if name in _SENT})


def _told(exc: BaseException) -> dict[str, object]:
    """Class and places; an exception's text and the values of variables stay here."""
    frames = [
        {"filename": place.file, "lineno": place.line, "function": place.function, "in_app": True}
        for place in logging_config.places(exc)
    ]
    return {"type": type(exc).__name__, "module": type(exc).__module__, "stacktrace": {"frames": frames}}
