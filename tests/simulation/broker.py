"""A simulated broker with Knative's delivery rules and its faults: outages, duplicates, delays and lost events."""

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
from tests.simulation.faults import DEADLY, Fault
from tests.simulation.oracle import Oracle
from tests.simulation.world import PodDied, World

if TYPE_CHECKING:
    from tests.simulation.pods import Services

_RETRIED_STATUSES = frozenset({404, 408, 409, 429})
_BACKOFF_MS = 500
_CONTRACT_STATUSES = frozenset({0, 200, 204, 400, 409, 422, 503})


class SimulatedBroker(events.Publisher):
    """Accepts events, delivers each one at least once unless it loses the event, and accepts replies as events."""

    def __init__(self, world: World, oracle: Oracle, retries: int, outages: list[tuple[int, int]]) -> None:
        self._world = world
        self._oracle = oracle
        self._retries = retries
        self._outages = outages
        self.services: Services  # set later, because the services publish to this broker

    def publish(self, event: CloudEvent) -> None:
        """Accept an event as Publisher.publish does. After Unavailable the broker may still have the event."""
        world = self._world
        invocation = world.step()
        fault = Fault.FAIL if self._is_down() else world.faults.next_fault(invocation.handler)
        world.note(f"publish {event['id']}" + ("" if fault is Fault.NONE else f" … {fault.name}"))
        if fault in (Fault.LATER, Fault.TWICE, Fault.HANG):
            world.sleep(world.faults.hang_ms() if fault is Fault.HANG else world.faults.delay_ms())
        if fault not in (Fault.FAIL, Fault.CONFLICT, Fault.DIE_BEFORE):
            self.accept(*events.encode_binary(event))
        if fault is Fault.TWICE:
            self.accept(*events.encode_binary(event))
        if fault in DEADLY:
            world.kill(invocation.pod)
            raise PodDied
        if fault in (Fault.FAIL, Fault.CONFLICT, Fault.LOST, Fault.GHOST):
            world.counts["unpublished"] += 1
            raise Unavailable("broker", "ReadTimeoutError")

    def accept(self, headers: Mapping[str, str], body: bytes) -> None:
        """Queue the event for one delivery. Faults deliver it twice or lose it."""
        world = self._world
        headers = {name.lower(): text for name, text in headers.items()}
        if headers["ce-type"] != events.REQUESTED:
            self._oracle.record_outcome(headers["ce-type"], json.loads(body))
            return
        faulty = not world.faults.over
        x = world.rng.random() if faulty else 0.5
        if x < 0.03 and not world.faults.only_deaths:
            world.counts["events_lost"] += 1
            world.note(f"lost {headers['ce-id']}")
            return
        name = f"event {headers['ce-id']}"
        for _ in range(2 if x > 0.8 else 1):
            extra_delay_ms = world.rng.randrange(30_000) if faulty and world.rng.random() < 0.1 else 0
            world.spawn(name, partial(self._deliver, headers, body), world.faults.delay_ms() + extra_delay_ms)
        if x > 0.8:
            world.counts["duplicates"] += 1

    def _deliver(self, headers: dict[str, str], body: bytes) -> None:
        for attempt in range(self._retries + 1):
            response = self._post("requested", headers, body)
            status = response.status if response else 0
            if response and 200 <= status < 300:
                self._accept_reply(response)
                return
            if not (status < 300 or status in _RETRIED_STATUSES or status >= 500):
                break
            self._world.sleep(_BACKOFF_MS * 2**attempt)
        self._dead_letter(headers, body, response)

    def _dead_letter(self, headers: dict[str, str], body: bytes, response: Response | None) -> None:
        """Deliver the event to the dead-letter sink, most often with the error attributes that Knative adds."""
        world = self._world
        world.counts["dead_letters"] += 1
        if world.rng.random() < 0.7:
            content = json.dumps(response.body).encode() if response and not isinstance(response.body, bytes) else b""
            code, data = str(response.status if response else 500), base64.b64encode(content)[:1024].decode()
            attributes = {"dest": "http://calculate/", "code": code, "data": data}
            headers = headers | {f"ce-knativeerror{name}": text for name, text in attributes.items()}
        for attempt in range(self._retries + 1):
            response = self._post("dead_letter", headers, body)
            if response:
                if response.status != 204:
                    world.report_violation(f"the response to a dead letter has status {response.status}")
                return
            world.sleep(_BACKOFF_MS * 2**attempt)

    def _post(self, handler: str, headers: dict[str, str], body: bytes) -> Response | None:
        while self._is_down():
            self._world.sleep(1_000)
        trace = Trace(headers["traceparent"][3:35], "00000000000000b0") if "traceparent" in headers else None
        response = self.services.send("calculate", handler, headers=headers, body=body, trace=trace)
        if response and response.status not in _CONTRACT_STATUSES:
            self._world.report_violation(f"the response of {handler} has status {response.status}")
        return response

    def _accept_reply(self, response: Response) -> None:
        if not response.body:
            return
        if not isinstance(response.body, bytes) or "ce-type" not in response.headers:
            self._world.report_violation("a reply is not a CloudEvent")
        else:
            self.accept(response.headers, response.body)

    def _is_down(self) -> bool:
        now = self._world.now
        return any(start <= now < end for start, end in self._outages)
