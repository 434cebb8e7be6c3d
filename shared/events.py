"""CloudEvents as the contract names them: read from a request, published to a sink, given as a reply.

The only importer of cloudevents. docs/events.md has the three types with an example each.
"""

import json
import math
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import urllib3
from cloudevents.conversion import to_binary
from cloudevents.exceptions import GenericException
from cloudevents.http import CloudEvent, from_http

from shared.deadlines import run_with_timeout
from shared.errors import InvalidRequest, Unavailable
from shared.http.messages import Request
from shared.models import CompletedData, FailedData, Record, RequestedData, Status, parse
from shared.telemetry import context, metrics, spans
from shared.telemetry.context import Trace, trace_of

REQUESTED = "otelworker.distance.requested.v1"
COMPLETED = "otelworker.distance.completed.v1"
FAILED = "otelworker.distance.failed.v1"

PUBLISH_SECONDS = 10  # with the rest of a submission well inside the 30 s that callers wait
MOST_AT_ONCE = 32
_PAUSES = (0.1, 0.4, math.inf)  # after each try
_LONGEST_PAUSE = 2
_ASKED_AGAIN = frozenset({429, 502, 503, 504})


@dataclass(frozen=True)
class Event:
    """An event that has arrived: its context, its data as decoded JSON, and the trace it belongs to.

    `error_code` is the status that a dead letter's delivery failed with, where the broker says so.
    """

    type: str
    source: str
    id: str
    data: object
    trace: Trace
    error_code: str | None = None


def received(call: Request) -> Event:
    """The event of a request in binary or structured mode, or InvalidRequest."""
    structured = call.headers.get("content-type", "").lower().startswith("application/cloudevents")
    if structured:
        strict_json(call.body)  # the library would let a second value for a key win
    try:
        event = from_http(dict(call.headers), call.body, data_unmarshaller=strict_json)
    except (GenericException, ValueError, TypeError, AttributeError, RecursionError, InvalidRequest):
        raise InvalidRequest("Request must be a CloudEvent with JSON data") from None
    texts = {name: value for name, value in event.get_attributes().items() if isinstance(value, str)}
    for name in ("type", "source", "id"):
        if not texts.get(name):
            raise InvalidRequest(f"CloudEvent must have a {name}", name)
    trace = call.trace if "traceparent" in call.headers else trace_of({**call.headers, **texts})
    failed_with = texts.get("knativeerrorcode")
    return Event(texts["type"], texts["source"], texts["id"], event.get_data(), trace, failed_with)


def strict_json(text: bytes | str) -> object:
    """`text` decoded; a key given twice, a constant that is not JSON, or other than UTF-8 is an InvalidRequest."""
    try:
        if isinstance(text, bytes):
            text = text.decode("utf-8")
        return json.loads(text, object_pairs_hook=_object, parse_constant=_refuse)
    except (ValueError, RecursionError):
        raise InvalidRequest("Request must be JSON") from None


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """A JSON object; a second value for a key would silently win."""
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key is given twice")
    return found


def _refuse(constant: str) -> object:
    raise ValueError(constant)


def requested(record: Record, extensions: Mapping[str, str], trace: Trace) -> CloudEvent:
    """The event that asks for the calculation of a job; its id is the job's."""
    known = record.model_dump(mode="json", include={"job_id", "date", "device_id", *record.explicit_fields})
    data = {name: known[name] for name in ("job_id", "date", "device_id", *record.explicit_fields)}
    return _event(REQUESTED, record.job_id, data, {**extensions, **trace.headers()})


def outcome(record: Record, trace: Trace, extensions: Mapping[str, str] | None = None) -> CloudEvent:
    """The event that tells how a finished job ended; its id derives from the request's, so a repeat shows."""
    about = {"job_id": record.job_id, "date": record.date, "device_id": record.device_id}
    data: CompletedData | FailedData
    if record.status is Status.COMPLETED and record.result is not None:
        kind, data = COMPLETED, CompletedData(**about, **record.result.model_dump())
    else:
        reason = {"error_code": record.error_code or "", "error_message": record.error_message or ""}
        kind, data = FAILED, FailedData(**about, **reason)
    event_id = f"{record.job_id}-{record.status}"
    return _event(kind, event_id, data.model_dump(mode="json"), {**(extensions or {}), **trace.headers()})


def _event(kind: str, event_id: str, data: dict[str, Any], extensions: Mapping[str, str]) -> CloudEvent:
    attributes = {
        **extensions,
        "type": kind,
        "source": "/otel-worker/submit" if kind == REQUESTED else "/otel-worker/calculate",
        "id": event_id,
        "subject": data["job_id"],
        "datacontenttype": "application/json",  # without it no Content-Type is sent
    }
    return CloudEvent(attributes, data)


def binary(event: CloudEvent) -> tuple[dict[str, str], bytes]:
    """The event as headers and body, with its trace as a plain HTTP header too: brokers keep that one."""
    headers, body = to_binary(event)
    attributes = event.get_attributes()
    plain = {name: attributes[name] for name in ("traceparent", "tracestate") if name in attributes}
    return {**headers, **plain}, body


@contextmanager
def processed(event: Event) -> Iterator[spans.Span]:
    """The span of an event's processing, in the event's own trace; the request's is linked to where it is another."""
    about = {"id": event.id, "source": event.source, "type": event.type}
    here = context.current.get()
    with spans.span(f"process {event.type}", _told("process", about), kind=spans.CONSUMER, within=event.trace) as span:
        if here and here.trace_id != span.trace.trace_id:
            span.link(here.traceparent, "delivered by")
        yield span


@contextmanager
def _published(event: CloudEvent) -> Iterator[CloudEvent]:
    """The event as it is sent: its span, in the trace that it carries, is the parent of its processing."""
    about = {name: str(text) for name, text in event.get_attributes().items()}
    labels = {"messaging.operation.name": "publish", "cloudevents.event_type": about["type"]}
    here, began = context.current.get(), time.perf_counter()
    place = trace_of(about) if "traceparent" in about else None
    with spans.span(f"publish {about['type']}", _told("publish", about), kind=spans.PRODUCER, within=place) as span:
        if here and here.trace_id != span.trace.trace_id:
            span.link(here.traceparent, "published by")
        try:
            yield CloudEvent({**about, **span.trace.headers()}, event.get_data()) if span.is_recording else event
        except Unavailable as exc:
            labels["error.type"] = exc.cause
            metrics.PUBLISH_FAILURES.add(labels={"cloudevents.event_type": about["type"]})
            raise
        finally:
            metrics.PUBLISH_DURATION.record(time.perf_counter() - began, labels)


def _told(operation: str, about: Mapping[str, str]) -> dict[str, str]:
    """What a span says of an event, in the words of semantic conventions."""
    known = {f"cloudevents.event_{name}": about[name] for name in ("id", "source", "type", "subject") if name in about}
    kind = {"publish": "send"}.get(operation, operation)
    system = {"messaging.system": "knative", "messaging.operation.name": operation, "messaging.operation.type": kind}
    return {**system, **known}


class Publisher:
    """Puts events into a sink: a broker's ingress. docs/decisions/0001 has its failures and what becomes of each."""

    def __init__(self, sink: str) -> None:
        self._sink = sink
        self._http = urllib3.PoolManager(retries=False, maxsize=MOST_AT_ONCE)
        self._places = threading.BoundedSemaphore(MOST_AT_ONCE)

    def publish(self, event: CloudEvent) -> None:
        """The event is the broker's now; else, within PUBLISH_SECONDS, Unavailable, and it may be the broker's too."""
        with _published(event) as sent:
            self._put(sent)

    def _put(self, event: CloudEvent) -> None:
        headers, body = binary(event)
        if not self._places.acquire(blocking=False):
            raise Unavailable("broker", "busy")  # it has let so many hang already
        try:
            run_with_timeout(partial(self._tried, headers, body), PUBLISH_SECONDS)
        except TimeoutError:
            raise Unavailable("broker", "timeout") from None

    def _tried(self, headers: Mapping[str, str], body: bytes) -> None:
        ends = time.monotonic() + PUBLISH_SECONDS
        try:
            for shortest in _PAUSES:
                cause, asked = self._once(headers, body, max(ends - time.monotonic(), 0.1))
                if not cause:
                    return
                pause = max(shortest, asked)
                if pause > _LONGEST_PAUSE or time.monotonic() + pause > ends:
                    break
                time.sleep(pause)
            raise Unavailable("broker", cause)
        finally:
            self._places.release()

    def _once(self, headers: Mapping[str, str], body: bytes, left: float) -> tuple[str, float]:
        """Why the broker has not taken the event ("": it has), and after how many seconds to ask again."""
        bounded = urllib3.Timeout(connect=min(2, left), read=min(5, left))
        try:
            answer = self._http.request(
                "POST", self._sink, body=body, headers=headers, timeout=bounded, redirect=False, preload_content=False
            )
        except urllib3.exceptions.ReadTimeoutError:
            return "timeout", math.inf  # it is slow, and asking twice makes it slower
        except urllib3.exceptions.HTTPError as exc:
            return type(exc).__name__, 0
        if answer.length_remaining == 0:
            answer.release_conn()
        else:
            answer.close()  # we read no body: it may be of any size
        if 200 <= answer.status < 300:
            return "", 0
        after = answer.headers.get("Retry-After", "0")
        again = answer.status in _ASKED_AGAIN and after.isdecimal()  # a date is later than we wait
        return f"status {answer.status}", int(after) if again else math.inf


def data_of_request(event: Event) -> RequestedData:
    """The data of a request event as the contract wants it, or InvalidRequest."""
    return parse(RequestedData, event.data)
