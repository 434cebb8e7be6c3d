"""Who asks for jobs: people with and without an Idempotency-Key, who try again, and other producers of events."""

import json
from collections import Counter
from functools import partial
from typing import Any

from tests.simulation.broker import SimBroker
from tests.simulation.calls import call
from tests.simulation.fixes import DATES, DEVICES
from tests.simulation.oracle import Oracle
from tests.simulation.pods import Services
from tests.simulation.world import World

_TRIES = 4
_EXTENSIONS: tuple[dict[str, Any], ...] = (
    {},
    {},
    {"away_threshold_km": 1.5},
    {"timezone": "America/New_York"},
    {"home": {"latitude": 40.74, "longitude": -74.04}, "timezone": "UTC"},
)


class Callers:
    """Starts the callers of one run."""

    def __init__(self, world: World, services: Services, broker: SimBroker, truth: Oracle, tick_ms: int) -> None:
        self._world = world
        self._services = services
        self._broker = broker
        self._oracle = truth
        self._tick_ms = tick_ms  # when in a minute the sweep is called
        self._deletions = world.rng.choice((0, 0, 0.2, 0.5))  # share of the jobs that their callers delete

    def start(self, jobs: int, within_ms: int) -> None:
        """`jobs` callers and producers, each at a time of its own, many of them while a sweep runs."""
        rng = self._world.rng
        for number in range(jobs):
            body, when = self._body(), rng.randrange(within_ms)
            if rng.random() < 0.5:
                when = max(0, when // 60_000 * 60_000 + self._tick_ms + rng.randint(-2_000, 2_000))
            if rng.random() < 0.25:
                self._world.spawn(f"producer {number}", partial(self._produce, number, body), when)
                continue
            key = f"key-{number}" if rng.random() < 0.6 else None
            for again in range(rng.choice((1, 1, 2, 3)) if key else 1):
                said = body if again == 0 or rng.random() < 0.8 else self._body()
                self._world.spawn(f"caller {number}.{again}", partial(self._submit, said, key), when)
                when += rng.choice((0, 3, 20_000))

    def _body(self) -> dict[str, Any]:
        rng = self._world.rng
        body = {"date": rng.choice(DATES), "device_id": rng.choice(DEVICES), **rng.choice(_EXTENSIONS)}
        if not body["device_id"] and rng.random() < 0.5:
            del body["device_id"]
        return body

    def _submit(self, body: dict[str, Any], key: str | None) -> None:
        world = self._world
        headers = {"content-type": "application/json"} | ({"idempotency-key": key} if key else {})
        text = json.dumps(body).encode()

        def once() -> None:
            self._services.visit("submit", "submit", call(world, headers=headers, body=text))

        if not world.weather.fair and world.rng.random() < 0.1:
            # The caller's patience ends while the first request still goes on.
            world.spawn("impatient " + world.current.name, once)
            world.sleep(world.rng.choice((0, 100, 30_000)))
        for _ in range(_TRIES):
            reply = self._services.visit("submit", "submit", call(world, headers=headers, body=text))
            if reply is not None and reply.status < 500:
                said: Any = reply.body
                if reply.status == 202:
                    self._accepted(body, key, said)
                elif reply.status != 422 or key is None:
                    world.fail(f"submit answered {reply.status}")
                return
            world.sleep(world.rng.randrange(1_000, 5_000))

    def _accepted(self, body: dict[str, Any], key: str | None, said: dict[str, Any]) -> None:
        record = self._oracle.acked(said["job_id"], key, said["queued_at"])
        if record is not None:
            if (record["date"], record["device_id"]) != (body["date"], body.get("device_id", "")):
                self._world.fail("202 for a job of another date or device")
            if any(record[name] != value for name, value in body.items()):
                self._world.fail("202 for a job of another task")
        if self._world.rng.random() < self._deletions:
            if key is not None and self._world.rng.random() < 0.5:
                again = partial(self._submit, body, key)
                self._world.spawn(f"{self._world.current.name} again", again, self._world.rng.randrange(90_000))
            self._delete(said["job_id"])

    def _delete(self, job_id: str) -> None:
        """The caller wants its traces gone, at some time; it tries until it is told that they are."""
        world = self._world
        world.sleep(world.rng.choice((0, 100, 3_000, 60_000)))
        if world.rng.random() < 0.4:
            world.sleep((self._tick_ms - world.now) % 60_000 + world.rng.randrange(1_500))
        for _ in range(_TRIES):
            if world.rng.random() < 0.1:
                return
            known = self._oracle.jobs.get(job_id)
            if known is not None:
                self._oracle.doom(known)
            self._oracle.being_deleted[job_id] += 1
            reply = self._services.visit("status", "delete", call(world, path={"job_id": job_id}))
            self._oracle.being_deleted -= Counter([job_id])
            if reply is not None and reply.status in (204, 404):
                self._oracle.told_deleted(job_id, known, reply.status)
                return
            if reply is not None and reply.status not in (409, 503):
                world.fail(f"a deletion was answered {reply.status}")
            world.sleep(world.rng.randrange(1_000, 5_000))

    def _produce(self, number: int, body: dict[str, Any]) -> None:
        """Another producer's event, with or without a job id, sometimes twice, sometimes hopeless."""
        world = self._world
        x = world.rng.random()
        data = dict(body)
        if x < 0.3:
            data["job_id"] = f"{world.rng.getrandbits(32):08x}-0000-4000-8000-{number:012x}"
        elif x < 0.4:
            data["date"] = "yesterday"
        headers = {
            "content-type": "application/json",
            "ce-specversion": "1.0",
            "ce-type": "otelworker.distance.requested.v1",
            "ce-source": "/elsewhere",
            "ce-id": f"e{number}",
        }
        for _ in range(2 if world.rng.random() < 0.3 else 1):
            self._broker.accept(headers, json.dumps(data).encode())
            world.sleep(world.rng.choice((0, 500, 40_000)))
