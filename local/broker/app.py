"""The broker's process: ingress, Triggers, and the tick of a PingSource every minute."""

import itertools
import logging
import os
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import flask

from local.broker.dispatcher import Dispatcher, Sender, Trigger, http_sender
from local.broker.messages import InvalidEvent, parse_message
from local.broker.queue import DeliveryQueue
from shared.errors import InvalidRequest
from shared.events import REQUESTED
from shared.http.messages import Request, Response
from shared.http.service import Service

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIEnvironment

_LOG = logging.getLogger(__name__)
_CONCURRENT_DELIVERIES = 2  # per Trigger, so that one subscriber that hangs does not block the others
_MAX_EVENT_BYTES = 1 << 20
_POLL_SECONDS = 0.5
_PING_SECONDS = 60


def default_triggers(calculate: str, subscriber: str | None) -> list[Trigger]:
    """Return the Triggers of knative/base, and one without a filter for `subscriber`."""
    requested = Trigger("requested", f"{calculate}/", type=REQUESTED, dead_letter_sink=f"{calculate}/dead-letter")
    return [requested, *([Trigger("everything", subscriber)] if subscriber else [])]


class Broker:
    """A WSGI application that accepts events, and the threads that deliver them."""

    def __init__(self, queue: DeliveryQueue, triggers: Sequence[Trigger], send: Sender) -> None:
        self._triggers = triggers
        self._dispatcher = Dispatcher(queue, triggers, send)
        self._published = threading.Condition()
        self._service = Service("broker", {("POST", "/"): self._ingress}, {}, max_body_bytes=_MAX_EVENT_BYTES)

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        return self._service(flask.Request(environ))(environ, start_response)

    def start(self) -> None:
        """Start the delivery threads; a delivery that the end of the process interrupts is repeated."""
        for trigger in self._triggers:
            for number in range(_CONCURRENT_DELIVERIES):
                name = f"{trigger.name}-{number}"
                threading.Thread(target=self._deliver, args=(trigger.name,), name=name, daemon=True).start()

    def _ingress(self, request: Request) -> Response:
        try:
            event = parse_message(request.headers, request.body)
        except InvalidEvent:
            raise InvalidRequest("Request must be a CloudEvent") from None
        self._dispatcher.publish(event)
        with self._published:
            self._published.notify_all()
        return Response(202)

    def _deliver(self, trigger: str) -> None:
        while True:
            try:
                delivered = self._dispatcher.deliver_next(trigger)
            except Exception:  # noqa: BLE001 - a fault in one delivery must not end the thread
                _LOG.exception("delivery raised an unexpected error", extra={"trigger": trigger})
                delivered = False
            if not delivered:
                with self._published:
                    self._published.wait(_POLL_SECONDS)


def send_pings(send: Sender, sink: str) -> None:
    """Send a ping event to `sink` at every full minute, as a PingSource does, and one as soon as it accepts one."""
    is_accepted = False
    for number in itertools.count():
        to_minute = _PING_SECONDS - time.time() % _PING_SECONDS
        time.sleep(to_minute if is_accepted or number >= _PING_SECONDS else 1)
        is_accepted |= _send_ping(send, sink, number)


def _send_ping(send: Sender, sink: str, number: int) -> bool:
    """Send a ping event without retries. Returns whether the sink accepts it."""
    headers = {
        "ce-specversion": "1.0",
        "ce-type": "dev.knative.sources.ping",
        "ce-source": "/otel-worker/sweep",
        "ce-id": f"{datetime.now(UTC):%Y%m%dT%H%MZ}-{number}",
    }
    return 200 <= send(sink, parse_message(headers, b""), _PING_SECONDS).status < 300


def from_environ(environ: Mapping[str, str] = os.environ) -> Broker:
    """Return the started broker for gunicorn, which calls this in its worker: threads do not survive a fork."""
    calculate, subscriber = environ["CALCULATE_URL"], environ.get("SUBSCRIBER")
    send = http_sender()
    broker = Broker(DeliveryQueue(Path(environ["QUEUE"])), default_triggers(calculate, subscriber), send)
    broker.start()
    threading.Thread(target=send_pings, args=(send, f"{calculate}/sweep"), name="pings", daemon=True).start()
    return broker
