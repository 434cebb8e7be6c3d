"""A broker without threads, by the clock of the test, and subscribers that say what the test has them say."""

from pathlib import Path

from local.broker_queue import Queue
from local.delivery import Answer, Dispatcher, Trigger
from local.messages import Message, message

REQUESTED = "otelworker.distance.requested.v1"
CALCULATE = "http://calculate"
DONE = Answer(204, {}, b"")


def event(kind: str = REQUESTED, number: int = 1) -> Message:
    headers = {
        "ce-specversion": "1.0",
        "ce-type": kind,
        "ce-source": "/test",
        "ce-id": str(number),
        "content-type": "application/json",
    }
    return message(headers, b'{"date": "2026-01-25"}')


def as_answer(of: Message) -> Answer:
    return Answer(200, of.headers, of.body)


class Subscribers:
    """Says what the test has put into `answers`, by URL, the last of them for good; remembers what was posted."""

    def __init__(self) -> None:
        self.answers: dict[str, list[Answer]] = {}
        self.posted: list[tuple[str, Message]] = []

    def __call__(self, url: str, event: Message, timeout: float) -> Answer:
        self.posted.append((url, event))
        answers = self.answers.get(url, [DONE])
        return answers.pop(0) if len(answers) > 1 else answers[0]

    def urls(self) -> list[str]:
        return [url for url, _ in self.posted]


class Bench:
    """A broker without threads: `run` delivers what is due, `wait` lets time pass."""

    def __init__(self, path: Path, rules: list[Trigger]) -> None:
        self.now = 1_000_000.0
        self.rules = rules
        self.subscribers = Subscribers()
        self.queue = Queue(path)
        self.courier = Dispatcher(self.queue, rules, self.subscribers, clock=lambda: self.now)

    def run(self) -> int:
        return sum(self._run(rule.name) for rule in self.rules)

    def _run(self, trigger: str) -> int:
        return sum(1 for _ in iter(lambda: self.courier.attempt(trigger), False))

    def wait(self, seconds: float) -> None:
        self.now += seconds

    def run_to_the_end(self) -> list[float]:
        """The seconds after now at which there was something to deliver."""
        began, times = self.now, []
        for _ in range(20_000):
            if not len(self.queue):
                break
            if self.run():
                times.append(self.now - began)
            self.wait(0.5)
        return times
