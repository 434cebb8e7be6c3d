"""CloudEvents: parsing of deliveries, creation of events, and publication to a sink.

This is the only module that imports cloudevents. docs/reference/events.md describes the types with examples.
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
from shared.event_types import COMPLETED, EVENT_TYPES, FAILED, REQUESTED
from shared.http.messages import Request
from shared.ids import job_id_of_event
from shared.models import Record, Status
from shared.submissions import Submission, parse_event_data
from shared.telemetry import context, metrics, spans
from shared.telemetry.context import Trace, trace_of

__all__ = [
    "COMPLETED",
    "FAILED",
    "REQUESTED",
    "CalculationRequest",
    "Publisher",
    "encode_binary",
    "outcome_event",
    "parse_request",
    "processing_span",
    "request_event",
    "strict_json",
]

PUBLISH_TIMEOUT_SECONDS = 10  # callers of submit wait 30 s
MAX_CONCURRENT_PUBLISHES = 32
_CONNECT_TIMEOUT_SECONDS = 2
_RESPONSE_TIMEOUT_SECONDS = 5
_BACKOFF_SECONDS = (0.1, 0.4, math.inf)  # after each attempt
_MAX_RETRY_AFTER_SECONDS = 2
_RETRYABLE_STATUSES = frozenset({429, 502, 503, 504})


@dataclass(frozen=True)
class CalculationRequest:
    """A request event as the broker delivered it.

    `attributes` are the id, source and type of the event. `last_status` is the response status of the last delivery
    attempt of a dead letter, where the broker provides it.
    """

    job_id: str
    submission: Submission
    trace: Trace
    attributes: Mapping[str, str]
    last_status: str | None = None


def parse_request(request: Request) -> CalculationRequest:
    """Parse the request event in an HTTP request, in binary or structured mode.

    An event without job ID gets one that is derived from its source and id. Raises InvalidRequest if the HTTP request
    contains no valid event of this type.
    """
    structured = request.headers.get("content-type", "").lower().startswith("application/cloudevents")
    if structured:
        strict_json(request.body)  # the library accepts duplicate keys
    try:
        event = from_http(dict(request.headers), request.body, data_unmarshaller=strict_json)
    except (GenericException, ValueError, TypeError, AttributeError, RecursionError, InvalidRequest):
        raise InvalidRequest("Request must be a CloudEvent with JSON data") from None
    attributes = {name: value for name, value in event.get_attributes().items() if isinstance(value, str)}
    for name in ("type", "source", "id"):
        if not attributes.get(name):
            raise InvalidRequest(f"CloudEvent must have a {name}", name)
    if attributes["type"] != REQUESTED:
        raise InvalidRequest("Unexpected event type", "type")
    submission, job_id = parse_event_data(event.get_data())
    return CalculationRequest(
        job_id or job_id_of_event(attributes["source"], attributes["id"]),
        submission,
        request.trace if "traceparent" in request.headers else trace_of({**request.headers, **attributes}),
        {name: attributes[name] for name in ("id", "source", "type")},
        attributes.get("knativeerrorcode"),
    )


def strict_json(text: bytes | str) -> object:
    """Decode JSON in UTF-8; InvalidRequest for duplicate keys, and for constants that JSON lacks, such as NaN."""
    try:
        if isinstance(text, bytes):
            text = text.decode("utf-8")
        return json.loads(text, object_pairs_hook=_object, parse_constant=_reject_constant)
    except (ValueError, RecursionError):
        raise InvalidRequest("Request must be JSON") from None


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    decoded = dict(pairs)
    if len(decoded) < len(pairs):
        raise ValueError("duplicate key")
    return decoded


def _reject_constant(constant: str) -> object:
    raise ValueError(constant)


def request_event(record: Record, extensions: Mapping[str, str], trace: Trace) -> CloudEvent:
    """Create the event that requests the calculation of a job. Its id is the job ID."""
    return _event(REQUESTED, record.job_id, {**_job(record), **_explicit(record)}, {**extensions, **trace.headers()})


def _explicit(record: Record) -> dict[str, Any]:
    """Return the optional fields that the submission contained, as in its body."""
    values = record.values()
    fields = {name: values[name] for name in record.explicit_fields if not name.startswith("analysis.")}
    if "home" in fields:
        fields["home"] = dict(vars(record.home))
    parameters = [name for name in record.explicit_fields if name.startswith("analysis.")]
    analysis = {name.removeprefix("analysis."): values[name] for name in parameters}
    return fields | ({"analysis": analysis} if analysis else {})


def outcome_event(record: Record, trace: Trace, extensions: Mapping[str, str] | None = None) -> CloudEvent:
    """Create the outcome event of a finished job. Its id derives from the job ID, so consumers detect duplicates."""
    if record.status is Status.COMPLETED and record.result is not None:
        event_type, data = COMPLETED, {**record.result.summary(), **_job(record)}
    else:
        error = {"error_code": record.error_code or "", "error_message": record.error_message or ""}
        event_type, data = FAILED, {**_job(record), **error}
    return _event(event_type, f"{record.job_id}-{record.status}", data, {**(extensions or {}), **trace.headers()})


def _job(record: Record) -> dict[str, Any]:
    """Return the fields that the data of all events have."""
    return {"job_id": record.job_id, "date": record.date.isoformat(), "device_id": record.device_id}


def _event(event_type: str, event_id: str, data: dict[str, Any], extensions: Mapping[str, str]) -> CloudEvent:
    attributes = {
        **extensions,
        "type": event_type,
        "source": EVENT_TYPES[event_type].source,
        "id": event_id,
        "subject": data["job_id"],
        "datacontenttype": "application/json",  # the library derives Content-Type from it
    }
    return CloudEvent(attributes, data)


def encode_binary(event: CloudEvent) -> tuple[dict[str, str], bytes]:
    """Encode an event as headers and body. The trace is also a plain HTTP header, which brokers propagate."""
    headers, body = to_binary(event)
    attributes = event.get_attributes()
    trace = {name: attributes[name] for name in ("traceparent", "tracestate") if name in attributes}
    return {**headers, **trace}, body


@contextmanager
def processing_span(request: CalculationRequest) -> Iterator[spans.Span]:
    """Span of the processing of an event, in the trace of the event; linked to the HTTP request if that differs."""
    delivery = context.current.get()
    name = f"process {request.attributes['type']}"
    attributes = _span_attributes("process", request.attributes)
    with spans.span(name, attributes, kind=spans.CONSUMER, within=request.trace) as span:
        if delivery and delivery.trace_id != span.trace.trace_id:
            span.link(delivery.traceparent, "delivered by")
        yield span


@contextmanager
def _publishing_span(event: CloudEvent) -> Iterator[CloudEvent]:
    """Span and metrics of a publication. Yields the event with the span as the parent of its processing."""
    attributes = {name: str(text) for name, text in event.get_attributes().items()}
    event_type = attributes["type"]
    labels = {"messaging.operation.name": "publish", "cloudevents.event_type": event_type}
    publisher, started = context.current.get(), time.perf_counter()
    trace = trace_of(attributes) if "traceparent" in attributes else None
    span_attributes = _span_attributes("publish", attributes)
    with spans.span(f"publish {event_type}", span_attributes, kind=spans.PRODUCER, within=trace) as span:
        if publisher and publisher.trace_id != span.trace.trace_id:
            span.link(publisher.traceparent, "published by")
        try:
            yield CloudEvent({**attributes, **span.trace.headers()}, event.get_data()) if span.is_recording else event
        except Unavailable as exc:
            labels["error.type"] = exc.cause
            metrics.PUBLISH_FAILURES.add(labels={"cloudevents.event_type": event_type})
            raise
        finally:
            metrics.PUBLISH_DURATION.record(time.perf_counter() - started, labels)


def _span_attributes(operation: str, attributes: Mapping[str, str]) -> dict[str, str]:
    """Return the span attributes of an event by OpenTelemetry's semantic conventions."""
    return {
        "messaging.system": "knative",
        "messaging.operation.name": operation,
        "messaging.operation.type": "send" if operation == "publish" else operation,
        **{
            f"cloudevents.event_{name}": attributes[name]
            for name in ("id", "source", "type", "subject")
            if name in attributes
        },
    }


class Publisher:
    """Publishes events to a sink, usually a broker's ingress. docs/decisions/0001 lists failures and their handling.

    It retries by itself: urllib3's Retry has no total deadline, and cannot retry a closed connection without also
    retrying a read timeout, which would add load to a slow broker.
    """

    def __init__(self, sink: str) -> None:
        self._sink = sink
        self._http = urllib3.PoolManager(retries=False, maxsize=MAX_CONCURRENT_PUBLISHES)
        self._slots = threading.BoundedSemaphore(MAX_CONCURRENT_PUBLISHES)

    def publish(self, event: CloudEvent) -> None:
        """Publish an event within PUBLISH_TIMEOUT_SECONDS.

        Raises Unavailable if the broker did not acknowledge it. It may have accepted the event nevertheless.
        """
        with _publishing_span(event) as sent:
            self._send(sent)

    def _send(self, event: CloudEvent) -> None:
        headers, body = encode_binary(event)
        if not self._slots.acquire(blocking=False):
            raise Unavailable("broker", "busy")  # earlier publications are blocked
        try:
            run_with_timeout(partial(self._send_with_retries, headers, body), PUBLISH_TIMEOUT_SECONDS)
        except TimeoutError:
            raise Unavailable("broker", "timeout") from None

    def _send_with_retries(self, headers: Mapping[str, str], body: bytes) -> None:
        deadline = time.monotonic() + PUBLISH_TIMEOUT_SECONDS
        try:
            for backoff in _BACKOFF_SECONDS:
                cause, retry_after = self._attempt(headers, body, max(deadline - time.monotonic(), 0.1))
                if not cause:
                    return
                delay = max(backoff, retry_after)
                if delay > _MAX_RETRY_AFTER_SECONDS or time.monotonic() + delay > deadline:
                    break
                time.sleep(delay)
            raise Unavailable("broker", cause)
        finally:
            self._slots.release()

    def _attempt(self, headers: Mapping[str, str], body: bytes, remaining: float) -> tuple[str, float]:
        """Post the event once. Return the cause of a failure, "" on success, and the seconds before a retry."""
        timeout = urllib3.Timeout(
            connect=min(_CONNECT_TIMEOUT_SECONDS, remaining), read=min(_RESPONSE_TIMEOUT_SECONDS, remaining)
        )
        try:
            response = self._http.request(
                "POST", self._sink, body=body, headers=headers, timeout=timeout, redirect=False, preload_content=False
            )
        except urllib3.exceptions.ReadTimeoutError:
            return "timeout", math.inf  # a retry would add load to a slow broker
        except urllib3.exceptions.HTTPError as exc:
            return type(exc).__name__, 0
        if response.length_remaining == 0:
            response.release_conn()
        else:
            response.close()  # the body may be of any size
        if 200 <= response.status < 300:
            return "", 0
        retry_after = response.headers.get("Retry-After", "0")
        retryable = response.status in _RETRYABLE_STATUSES and retry_after.isdecimal()  # dates are too far ahead
        return f"status {response.status}", int(retry_after) if retryable else math.inf
