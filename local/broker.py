"""The stand-in for a Knative broker on one machine: ingress, Triggers, and a PingSource's tick each minute."""

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

from local.broker_queue import Queue
from local.delivery import Dispatcher, Post, Trigger, poster
from local.messages import NotAnEvent, message
from shared.errors import InvalidRequest
from shared.http.messages import Request, Response
from shared.http.service import Service

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIEnvironment

_LOG = logging.getLogger(__name__)
_DELIVERIES_AT_A_TIME = 2  # for each Trigger: a subscriber that hangs holds up no other
_LARGEST_EVENT = 1 << 20
_LOOK_SECONDS = 0.5
_TICK_SECONDS = 60


def triggers(calculate: str, subscriber: str | None) -> list[Trigger]:
    """The Triggers of this system, as knative/ has them, and one more for whoever wants to watch."""
    requested = Trigger(
        "requested",
        f"{calculate}/",
        type="otelworker.distance.requested.v1",
        dead_letter_sink=f"{calculate}/dead-letter",
    )
    return [requested, *([Trigger("everything", subscriber)] if subscriber else [])]


class Broker:
    """A WSGI application that takes events, and the threads that deliver them."""

    def __init__(self, queue: Queue, rules: Sequence[Trigger], post: Post) -> None:
        self._rules = rules
        self._courier = Dispatcher(queue, rules, post)
        self._arrived = threading.Condition()
        self._service = Service("broker", {("POST", "/"): self._ingress}, {}, max_body_bytes=_LARGEST_EVENT)

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        return self._service(flask.Request(environ))(environ, start_response)

    def start(self) -> None:
        """Deliver from now on, until the process ends; what is on its way then comes again."""
        for rule in self._rules:
            for number in range(_DELIVERIES_AT_A_TIME):
                name = f"{rule.name}-{number}"
                threading.Thread(target=self._deliver, args=(rule.name,), name=name, daemon=True).start()

    def _ingress(self, call: Request) -> Response:
        try:
            event = message(call.headers, call.body)
        except NotAnEvent:
            raise InvalidRequest("Request must be a CloudEvent") from None
        self._courier.accept(event)
        with self._arrived:
            self._arrived.notify_all()
        return Response(202)

    def _deliver(self, trigger: str) -> None:
        while True:
            try:
                delivered = self._courier.attempt(trigger)
            except Exception:  # noqa: BLE001 - whatever it was, the next event may fare better
                _LOG.exception("a delivery broke: trigger %s", trigger)
                delivered = False
            if not delivered:
                with self._arrived:
                    self._arrived.wait(_LOOK_SECONDS)


def tick(post: Post, sink: str) -> None:
    """Post a ping to `sink` at every full minute, as the PingSource does; a lost one is made up by the next."""
    for number in itertools.count():
        time.sleep(_TICK_SECONDS - time.time() % _TICK_SECONDS)
        headers = {
            "ce-specversion": "1.0",
            "ce-type": "dev.knative.sources.ping",
            "ce-source": "/otel-worker/sweep",
            "ce-id": f"{datetime.now(UTC):%Y%m%dT%H%MZ}-{number}",
        }
        post(sink, message(headers, b""), _TICK_SECONDS)


def from_environ(environ: Mapping[str, str] = os.environ) -> Broker:
    """The broker that gunicorn serves; called in its worker, so its threads are the worker's."""
    calculate, subscriber = environ["CALCULATE_URL"], environ.get("SUBSCRIBER")
    post = poster()
    broker = Broker(Queue(Path(environ["QUEUE"])), triggers(calculate, subscriber), post)
    broker.start()
    threading.Thread(target=tick, args=(post, f"{calculate}/sweep"), name="tick", daemon=True).start()
    return broker
