"""Knative's delivery rules: filters, replies, retries with backoff, dead letters."""

import base64
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import urllib3

from local.broker.messages import InvalidEvent, Message, has_cloudevent_headers, parse_message
from local.broker.queue import Delivery, DeliveryQueue
from shared.errors import Unavailable

_LOG = logging.getLogger(__name__)
_RETRYABLE_STATUSES = frozenset({404, 408, 409, 429})
_MAX_ERROR_DATA = 1024
_MAX_REPLY_BYTES = 1 << 20  # as the ingress accepts
_MAX_HOPS = 255  # Knative's default TTL
_INTERNAL_ERROR_DELAY_SECONDS = 60


@dataclass(frozen=True)
class Trigger:
    """A subscription; the fields have the meaning of those in a Trigger's spec."""

    name: str
    subscriber: str
    type: str | None = None  # None matches every event
    dead_letter_sink: str | None = None
    retry: int = 10
    backoff_policy: Literal["exponential", "linear"] = "exponential"
    backoff_delay: float = 0.5  # seconds; ten retries take several minutes, far longer than a job's lease of 30 s
    timeout: float = 620  # longer than Knative's longest request, so that a job in progress is not delivered twice

    def matches(self, event: Message) -> bool:
        return self.type is None or self.type == event.type

    def backoff(self, attempts: int) -> float:
        """Return the seconds until the next attempt, after `attempts` earlier retries."""
        return self.backoff_delay * (2**attempts if self.backoff_policy == "exponential" else attempts)


@dataclass(frozen=True)
class SubscriberResponse:
    """A subscriber's HTTP response; status 0 stands for a connection error or a timeout."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Sender(Protocol):
    """Sends one event to a URL; waits at most `timeout` seconds for the response."""

    def __call__(self, url: str, event: Message, timeout: float) -> SubscriberResponse: ...


def http_sender() -> Sender:
    """Return a sender over HTTP that neither retries nor follows redirects."""
    http = urllib3.PoolManager(maxsize=8, retries=False)

    def send(url: str, event: Message, timeout: float) -> SubscriberResponse:
        # A persistent connection would occupy the port of a worker whose gunicorn master was killed.
        headers = {**event.headers, "prefer": "reply", "connection": "close"}
        timeouts = urllib3.Timeout(connect=min(timeout, 5), read=timeout)
        try:
            response = http.request(
                "POST", url, body=event.body, headers=headers, timeout=timeouts, redirect=False, preload_content=False
            )
            body = response.read(_MAX_REPLY_BYTES + 1)
            response.close()
        except (urllib3.exceptions.HTTPError, ValueError) as exc:  # ValueError: a header that HTTP cannot carry
            return SubscriberResponse(0, {}, type(exc).__name__.encode())
        if len(body) > _MAX_REPLY_BYTES:
            return SubscriberResponse(0, {}, b"the reply is too large")
        return SubscriberResponse(response.status, dict(response.headers), body)

    return send


class Dispatcher:
    """Delivers the events of a queue to the subscribers of its Triggers."""

    def __init__(
        self, queue: DeliveryQueue, triggers: Sequence[Trigger], send: Sender, clock: Callable[[], float] = time.time
    ) -> None:
        self._queue = queue
        self._clock = clock
        self._triggers = {trigger.name: trigger for trigger in triggers}
        self._send = send

    def publish(self, event: Message) -> None:
        """Enqueue the event for every Trigger whose filter it matches; it is durable when this returns."""
        self._queue.enqueue(event, self._matching_triggers(event), self._clock())

    def deliver_next(self, trigger: str) -> bool:
        """Attempt the delivery that has been due longest; return False if none is due."""
        delivery = self._queue.claim(trigger, self._clock())
        if delivery is None:
            return False
        try:
            self._deliver(delivery, self._triggers[trigger])
        except Exception:
            self._retry_after_internal_error(delivery)
            raise
        return True

    def _retry_after_internal_error(self, delivery: Delivery) -> None:
        due = self._clock() + _INTERNAL_ERROR_DELAY_SECONDS
        try:
            self._queue.retry_at(delivery, due)
        except Unavailable:
            self._queue.release_at(delivery, due)

    def _deliver(self, delivery: Delivery, trigger: Trigger) -> None:
        url = (trigger.dead_letter_sink or "") if delivery.is_dead_letter else trigger.subscriber
        response = self._send(url, delivery.message, trigger.timeout)
        try:
            reply = _reply(response, from_dead_letter_sink=delivery.is_dead_letter)
        except InvalidEvent:
            self._handle_failure(delivery, trigger, response)
            return
        if reply is not None and delivery.hops >= _MAX_HOPS:
            _LOG.warning("reply dropped after too many hops", extra={"trigger": trigger.name})
            reply = None
        if reply is not None:
            reply = reply.with_default_trace(delivery.message)
        self._queue.complete(delivery, reply, self._matching_triggers(reply) if reply else (), self._clock())

    def _handle_failure(self, delivery: Delivery, trigger: Trigger, response: SubscriberResponse) -> None:
        fields = {"trigger": trigger.name, "status": response.status, "dead_letter": delivery.is_dead_letter}
        if _is_retryable(response.status) and delivery.attempts < trigger.retry:
            self._queue.retry_at(delivery, self._clock() + trigger.backoff(delivery.attempts))
        elif delivery.is_dead_letter or trigger.dead_letter_sink is None:
            _LOG.error("event dropped after failed delivery", extra=fields)
            self._queue.complete(delivery)
        else:
            _LOG.warning("event sent to dead-letter sink", extra=fields)
            message = delivery.message.with_extensions(_error_extensions(trigger, response))
            self._queue.dead_letter(delivery, message, self._clock())

    def _matching_triggers(self, event: Message) -> list[str]:
        return [trigger.name for trigger in self._triggers.values() if trigger.matches(event)]


def _error_extensions(trigger: Trigger, response: SubscriberResponse) -> dict[str, str]:
    """Return a dead letter's extensions; none for a 2xx whose body was no event, as in Knative's in-memory broker."""
    if 200 <= response.status < 300:
        return {}
    return {
        "knativeerrordest": trigger.subscriber,
        "knativeerrorcode": str(response.status or 500),
        "knativeerrordata": base64.b64encode(response.body)[:_MAX_ERROR_DATA].decode(),
    }


def _reply(response: SubscriberResponse, *, from_dead_letter_sink: bool) -> Message | None:
    """Return the event in a successful response, if any; InvalidEvent if the delivery failed.

    A 2xx with a body that is not a CloudEvent is a failure. The body of a dead-letter sink's response is ignored.
    """
    if not 200 <= response.status < 300:
        raise InvalidEvent(response.status)
    if from_dead_letter_sink or not (response.body or has_cloudevent_headers(response.headers)):
        return None
    return parse_message(response.headers, response.body)


def _is_retryable(status: int) -> bool:
    """Return whether to retry: no response, a 2xx that is not an event, four 4xx statuses, and every 5xx."""
    return status < 300 or status in _RETRYABLE_STATUSES or status >= 500
