"""A broker with Knative's rules and every fault it may have: away, ambiguous, twice, late, forgotten."""

import base64
import json
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING

from cloudevents.http import CloudEvent

from shared import events
from shared.errors import Unavailable
from shared.http.messages import Response
from shared.telemetry.context import Trace
from tests.simulation.calls import call
from tests.simulation.faults import Fate
from tests.simulation.oracle import Oracle
from tests.simulation.world import Death, World

if TYPE_CHECKING:
    from tests.simulation.pods import Services

_RETRIED = frozenset({404, 408, 409, 429})
_BACKOFF_MS = 500
_CONTRACT = frozenset({0, 200, 204, 400, 409, 422, 503})


class SimBroker(events.Publisher):
    """Takes events, delivers each at least once unless it forgets one, and posts replies as events."""

    def __init__(self, world: World, truth: Oracle, retries: int, away: list[tuple[int, int]]) -> None:
        self._world = world
        self._oracle = truth
        self._retries = retries
        self._away = away
        self.services: Services  # they publish here, so they come later

    def publish(self, event: CloudEvent) -> None:
        """As Publisher.publish: the event is the broker's now, else Unavailable, and it may be all the same."""
        world = self._world
        visit = world.step()
        fate = Fate.FAIL if self._is_away() else world.weather.fate(visit.handler)
        world.note(f"publish {event['id']}" + ("" if fate is Fate.NOW else f" … {fate.name}"))
        if fate in (Fate.LATER, Fate.TWICE, Fate.HANG):
            world.sleep(world.weather.hang_ms() if fate is Fate.HANG else world.weather.delay_ms())
        if fate not in (Fate.FAIL, Fate.CONFLICT, Fate.DIE_BEFORE):
            self.accept(*events.binary(event))
        if fate is Fate.TWICE:
            self.accept(*events.binary(event))
        if fate in (Fate.DIE_BEFORE, Fate.DIE_AFTER, Fate.DIE_GHOST):
            world.kill(visit.pod)
            raise Death
        if fate in (Fate.FAIL, Fate.CONFLICT, Fate.LOST, Fate.GHOST):
            world.counts["unpublished"] += 1
            raise Unavailable("broker", "ReadTimeoutError")

    def accept(self, headers: Mapping[str, str], body: bytes) -> None:
        """The event is in the queue, which delivers it once, twice, or seldom never."""
        world = self._world
        carried = {name.lower(): text for name, text in headers.items()}
        if carried["ce-type"] != events.REQUESTED:
            self._oracle.outcome(carried["ce-type"], json.loads(body))
            return
        faulty = not world.weather.fair
        x = world.rng.random() if faulty else 0.5
        if x < 0.03 and not world.weather.mere_deaths:
            world.counts["events_forgotten"] += 1
            world.note(f"forgot {carried['ce-id']}")
            return
        name = f"event {carried['ce-id']}"
        for _ in range(2 if x > 0.8 else 1):
            late = world.rng.randrange(30_000) if faulty and world.rng.random() < 0.1 else 0
            world.spawn(name, partial(self._deliver, carried, body), world.weather.delay_ms() + late)
        if x > 0.8:
            world.counts["duplicates"] += 1

    def _deliver(self, headers: dict[str, str], body: bytes) -> None:
        for attempt in range(self._retries + 1):
            answer = self._post("requested", headers, body)
            status = answer.status if answer else 0
            if answer and 200 <= status < 300:
                self._reply(answer)
                return
            if not (status < 300 or status in _RETRIED or status >= 500):
                break
            self._world.sleep(_BACKOFF_MS * 2**attempt)
        self._bury(headers, body, answer)

    def _bury(self, headers: dict[str, str], body: bytes, answer: Response | None) -> None:
        world = self._world
        world.counts["dead_letters"] += 1
        if world.rng.random() < 0.7:
            said = json.dumps(answer.body).encode() if answer and not isinstance(answer.body, bytes) else b""
            code, data = str(answer.status if answer else 500), base64.b64encode(said)[:1024].decode()
            reasons = {"dest": "http://calculate/", "code": code, "data": data}
            headers = headers | {f"ce-knativeerror{name}": text for name, text in reasons.items()}
        for attempt in range(self._retries + 1):
            answer = self._post("dead_letter", headers, body)
            if answer:
                if answer.status != 204:
                    world.fail(f"a dead letter was answered {answer.status}")
                return
            world.sleep(_BACKOFF_MS * 2**attempt)

    def _post(self, handler: str, headers: dict[str, str], body: bytes) -> Response | None:
        while self._is_away():
            self._world.sleep(1_000)
        trace = Trace(headers["traceparent"][3:35], "00000000000000b0") if "traceparent" in headers else None
        answer = self.services.visit("calculate", handler, call(self._world, headers=headers, body=body, trace=trace))
        if answer and answer.status not in _CONTRACT:
            self._world.fail(f"{handler} answered {answer.status}")
        return answer

    def _reply(self, answer: Response) -> None:
        if not answer.body:
            return
        if not isinstance(answer.body, bytes) or "ce-type" not in answer.headers:
            self._world.fail("a reply is no CloudEvent")
        else:
            self.accept(answer.headers, answer.body)

    def _is_away(self) -> bool:
        now = self._world.now
        return any(start <= now < end for start, end in self._away)
