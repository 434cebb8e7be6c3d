"""A broker without threads, with a fake clock and fake subscribers."""

from pathlib import Path

from local.broker.dispatcher import Dispatcher, SubscriberResponse, Trigger
from local.broker.messages import Message, parse_message
from local.broker.queue import DeliveryQueue

REQUESTED = "otelworker.distance.requested.v1"
CALCULATE = "http://calculate"
DONE = SubscriberResponse(204, {}, b"")


def event(kind: str = REQUESTED, number: int = 1) -> Message:
    headers = {
        "ce-specversion": "1.0",
        "ce-type": kind,
        "ce-source": "/test",
        "ce-id": str(number),
        "content-type": "application/json",
    }
    return parse_message(headers, b'{"date": "2026-01-25"}')


def as_response(event: Message) -> SubscriberResponse:
    return SubscriberResponse(200, event.headers, event.body)


class Subscribers:
    """Return the next of `responses` for the URL, repeating the last one, and record every event in `posted`."""

    def __init__(self) -> None:
        self.responses: dict[str, list[SubscriberResponse]] = {}
        self.posted: list[tuple[str, Message]] = []

    def __call__(self, url: str, event: Message, timeout: float) -> SubscriberResponse:
        self.posted.append((url, event))
        responses = self.responses.get(url, [DONE])
        return responses.pop(0) if len(responses) > 1 else responses[0]

    def urls(self) -> list[str]:
        return [url for url, _ in self.posted]


class Bench:
    """A broker whose time the test controls: `run` delivers what is due, `wait` advances the clock."""

    def __init__(self, path: Path, triggers: list[Trigger]) -> None:
        self.now = 1_000_000.0
        self.triggers = triggers
        self.subscribers = Subscribers()
        self.queue = DeliveryQueue(path)
        self.dispatcher = Dispatcher(self.queue, triggers, self.subscribers, clock=lambda: self.now)

    def run(self) -> int:
        return sum(self._run(trigger.name) for trigger in self.triggers)

    def _run(self, trigger: str) -> int:
        return sum(1 for _ in iter(lambda: self.dispatcher.deliver_next(trigger), False))

    def wait(self, seconds: float) -> None:
        self.now += seconds

    def run_until_empty(self) -> list[float]:
        """Run until the queue is empty; return the offsets in seconds at which deliveries were attempted."""
        began, times = self.now, []
        for _ in range(20_000):
            if not len(self.queue):
                break
            if self.run():
                times.append(self.now - began)
            self.wait(0.5)
        return times
