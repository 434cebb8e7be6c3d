"""Knative's delivery rules: who gets an event, what an answer means, when to try again, when to give up."""

import base64
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import urllib3

from local.broker_queue import Delivery, Queue
from local.messages import Message, NotAnEvent, claims, message
from shared.errors import Unavailable

_LOG = logging.getLogger(__name__)
_RETRIED = frozenset({404, 408, 409, 429})
_LONGEST_ERROR = 1024
_LARGEST_REPLY = 1 << 20  # as the ingress takes
_MOST_HOPS = 255  # a broker's TTL
_AFTER_OUR_FAULT_SECONDS = 60


@dataclass(frozen=True)
class Trigger:
    """Who gets which events; the fields and their meanings are those of a Trigger's spec."""

    name: str
    subscriber: str
    type: str | None = None  # None filters nothing
    dead_letter_sink: str | None = None
    retry: int = 10
    backoff_policy: Literal["exponential", "linear"] = "exponential"
    backoff_delay: float = 0.5  # PT0.5S, so ten retries outlast a lease of 30 s by far
    timeout: float = 620  # longer than Knative's longest request: a job in flight is not delivered twice

    def admits(self, event: Message) -> bool:
        return self.type is None or self.type == event.type

    def backoff(self, attempts: int) -> float:
        """Seconds before the next attempt, after `attempts` earlier retries."""
        return self.backoff_delay * (2**attempts if self.backoff_policy == "exponential" else attempts)


@dataclass(frozen=True)
class Answer:
    """What a subscriber said; status 0 is that it said nothing: refused, cut off or too late."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Post(Protocol):
    """Sends one event to a URL, waiting `timeout` seconds at most."""

    def __call__(self, url: str, event: Message, timeout: float) -> Answer: ...


def poster() -> Post:
    """Delivery by HTTP, without retries or redirects of its own."""
    http = urllib3.PoolManager(maxsize=8, retries=False)

    def post(url: str, event: Message, timeout: float) -> Answer:
        # Closed each time: a worker whose master was killed keeps its port for as long as a connection stays open.
        headers = {**event.headers, "prefer": "reply", "connection": "close"}
        bounded = urllib3.Timeout(connect=min(timeout, 5), read=timeout)
        try:
            answer = http.request(
                "POST", url, body=event.body, headers=headers, timeout=bounded, redirect=False, preload_content=False
            )
            body = answer.read(_LARGEST_REPLY + 1)
            answer.close()
        except (urllib3.exceptions.HTTPError, ValueError) as exc:  # ValueError: a header that HTTP can't carry
            return Answer(0, {}, type(exc).__name__.encode())
        if len(body) > _LARGEST_REPLY:
            return Answer(0, {}, b"the reply is too large")
        return Answer(answer.status, dict(answer.headers), body)

    return post


class Dispatcher:
    """Carries the events of one queue to the subscribers of its Triggers."""

    def __init__(
        self, queue: Queue, triggers: Sequence[Trigger], post: Post, clock: Callable[[], float] = time.time
    ) -> None:
        self._queue = queue
        self._clock = clock
        self._triggers = {trigger.name: trigger for trigger in triggers}
        self._post = post

    def accept(self, event: Message) -> None:
        """The event is durable in the queue, for every Trigger whose filter admits it."""
        self._queue.put(event, self._admitting(event), self._clock())

    def attempt(self, trigger: str) -> bool:
        """Deliver what is due longest, once; False if nothing is due."""
        delivery = self._queue.take(trigger, self._clock())
        if delivery is None:
            return False
        try:
            self._deliver(delivery, self._triggers[trigger])
        except Exception:
            self._later(delivery)
            raise
        return True

    def _later(self, delivery: Delivery) -> None:
        """Try it again after our own fault, even where that can't be written down."""
        due = self._clock() + _AFTER_OUR_FAULT_SECONDS
        try:
            self._queue.again(delivery, due)
        except Unavailable:
            self._queue.hold(delivery, due)

    def _deliver(self, delivery: Delivery, rules: Trigger) -> None:
        url = (rules.dead_letter_sink or "") if delivery.dead else rules.subscriber
        answer = self._post(url, delivery.message, rules.timeout)
        try:
            reply = _reply(answer, from_sink=delivery.dead)
        except NotAnEvent:
            self._failed(delivery, rules, answer, final=not _retried(answer.status))
            return
        if reply is not None and delivery.hops >= _MOST_HOPS:
            _LOG.warning("dropped a reply of replies: trigger %s", rules.name)
            reply = None
        if reply is not None:
            reply = reply.in_trace_of(delivery.message)
        self._queue.done(delivery, reply, self._admitting(reply) if reply else (), self._clock())

    def _failed(self, delivery: Delivery, rules: Trigger, answer: Answer, *, final: bool) -> None:
        if not final and delivery.attempts < rules.retry:
            self._queue.again(delivery, self._clock() + rules.backoff(delivery.attempts))
        elif delivery.dead or rules.dead_letter_sink is None:
            _LOG.error("gave up an event: trigger %s, status %d, dead %s", rules.name, answer.status, delivery.dead)
            self._queue.done(delivery)
        else:
            _LOG.warning("an event goes to the dead-letter sink: trigger %s, status %d", rules.name, answer.status)
            self._queue.bury(delivery, delivery.message.with_extensions(_reason(rules, answer)), self._clock())

    def _admitting(self, event: Message) -> list[str]:
        return [trigger.name for trigger in self._triggers.values() if trigger.admits(event)]


def _reason(rules: Trigger, answer: Answer) -> dict[str, str]:
    """The extensions of a dead letter; none where the answer was no failure by its status, as the in-memory broker."""
    if 200 <= answer.status < 300:
        return {}
    return {
        "knativeerrordest": rules.subscriber,
        "knativeerrorcode": str(answer.status or 500),
        "knativeerrordata": base64.b64encode(answer.body)[:_LONGEST_ERROR].decode(),
    }


def _reply(answer: Answer, *, from_sink: bool) -> Message | None:
    """The event of a success, None if it is empty or a dead-letter sink's; NotAnEvent makes it a failed delivery."""
    if not 200 <= answer.status < 300:
        raise NotAnEvent(answer.status)
    if from_sink:
        return None
    return message(answer.headers, answer.body) if answer.body or claims(answer.headers) else None


def _retried(status: int) -> bool:
    """No answer, a 2xx that is no event, the four that may pass, and every fault of the server's."""
    return status < 300 or status in _RETRIED or status >= 500
