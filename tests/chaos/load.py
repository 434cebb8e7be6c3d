"""Callers: they ask for what the seed decides, and ask again as otel-ui does until they are heard."""

import itertools
import json
import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

from tests.chaos.workload import RETRIED, SOURCE, Wish
from tests.integration.whole_stack import Answer, ask

_CALLERS = 16
_TRIES = 20
_PAUSES = (0.2, 0.5, 1.0, 2.0)  # seconds; the last one again and again


class Load:
    """Asks for one wish after another, `pace` seconds apart; `wishes` is what has been asked for so far."""

    def __init__(self, url: str, plan: Iterator[tuple[Wish, int]], pace: float) -> None:
        self.wishes: list[Wish] = []
        self._url = url
        self._plan = plan
        self._pace = pace
        self._ended = threading.Event()
        self._callers = ThreadPoolExecutor(_CALLERS)
        self._thread = ThreadPoolExecutor(1, "load")
        self._calls: list[Future[None]] = []

    @property
    def accepted(self) -> int:
        return sum(wish.accepted for wish in list(self.wishes))

    def start(self) -> None:
        self._running = self._thread.submit(self._run)

    def stop(self) -> None:
        """Ask for nothing new; callers go on until they are heard or give up. What broke a call is raised."""
        self._ended.set()
        self._thread.shutdown()
        self._callers.shutdown()
        for done in (self._running, *self._calls):
            done.result()

    def _run(self) -> None:
        for wish, callers in self._plan:
            self.wishes.append(wish)
            for _ in range(callers):
                self._calls.append(self._callers.submit(self._call, wish))
            if self._ended.wait(self._pace):
                return

    def _call(self, wish: Wish) -> None:
        pauses = itertools.chain(_PAUSES, itertools.repeat(_PAUSES[-1]))
        for pause in itertools.islice(pauses, _TRIES):
            answer = self._event(wish) if wish.foreign else self._submission(wish)
            told = answer.json["job_id"] if answer.status == 202 and not wish.foreign else ""
            wish.answers.append((answer.status, told))
            if answer.status not in RETRIED:
                return
            threading.Event().wait(pause)

    def _submission(self, wish: Wish) -> Answer:
        return ask("POST", f"{self._url}/api/distance/calculate", _body(wish), {"Idempotency-Key": wish.name})

    def _event(self, wish: Wish) -> Answer:
        attributes = {"specversion": "1.0", "type": "otelworker.distance.requested.v1", "source": SOURCE}
        event = {**attributes, "id": wish.name, "datacontenttype": "application/json", "data": _body(wish)}
        structured = {"Content-Type": "application/cloudevents+json"}
        return ask("POST", f"{self._url}/broker", json.dumps(event).encode(), structured)


def _body(wish: Wish) -> dict[str, str]:
    date, device_id = wish.task
    return {"date": date, "device_id": device_id}
