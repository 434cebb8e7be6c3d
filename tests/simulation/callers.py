"""Clients that submit and delete jobs, with retries and Idempotency-Keys, and other producers of request events."""

import json
from collections import Counter
from functools import partial
from typing import Any

from tests.simulation.broker import SimulatedBroker
from tests.simulation.fixes import DATES, DEVICES
from tests.simulation.oracle import Oracle
from tests.simulation.pods import Services
from tests.simulation.world import World

_MAX_ATTEMPTS = 4
_OPTIONAL_FIELDS: tuple[dict[str, Any], ...] = (
    {},
    {},
    {"away_threshold_km": 1.5, "analysis": {"dwell_fixes": 3}},
    {"timezone": "America/New_York"},
    {"home": {"latitude": 40.74, "longitude": -74.04}, "timezone": "UTC"},
)


class Callers:
    """The clients of one run. `sweep_offset_ms` is the time within each minute at which the sweep runs."""

    def __init__(
        self, world: World, services: Services, broker: SimulatedBroker, oracle: Oracle, sweep_offset_ms: int
    ) -> None:
        self._world = world
        self._services = services
        self._broker = broker
        self._oracle = oracle
        self._sweep_offset_ms = sweep_offset_ms
        self._deletion_probability = world.rng.choice((0, 0, 0.2, 0.5))

    def start(self, jobs: int, within_ms: int) -> None:
        """Start `jobs` callers and producers at random times, half of them close to a sweep."""
        rng = self._world.rng
        for number in range(jobs):
            body, when = self._random_body(), rng.randrange(within_ms)
            if rng.random() < 0.5:
                when = max(0, when // 60_000 * 60_000 + self._sweep_offset_ms + rng.randint(-2_000, 2_000))
            if rng.random() < 0.25:
                self._world.spawn(f"producer {number}", partial(self._produce, number, body), when)
                continue
            key = f"key-{number}" if rng.random() < 0.6 else None
            for repeat in range(rng.choice((1, 1, 2, 3)) if key else 1):
                submission = body if repeat == 0 or rng.random() < 0.8 else self._random_body()
                self._world.spawn(f"caller {number}.{repeat}", partial(self._submit, submission, key), when)
                when += rng.choice((0, 3, 20_000))

    def _random_body(self) -> dict[str, Any]:
        rng = self._world.rng
        body = {"date": rng.choice(DATES), "device_id": rng.choice(DEVICES), **rng.choice(_OPTIONAL_FIELDS)}
        if not body["device_id"] and rng.random() < 0.5:
            del body["device_id"]
        return body

    def _submit(self, body: dict[str, Any], key: str | None) -> None:
        world = self._world
        headers = {"content-type": "application/json"} | ({"idempotency-key": key} if key else {})
        text = json.dumps(body).encode()
        send = partial(self._services.send, "submit", "submit", headers=headers, body=text)
        if not world.faults.over and world.rng.random() < 0.1:
            # The caller times out and retries while its first request is still in progress.
            world.spawn("timed-out request of " + world.current.name, send)
            world.sleep(world.rng.choice((0, 100, 30_000)))
        for _ in range(_MAX_ATTEMPTS):
            response = send()
            if response is not None and response.status < 500:
                content: Any = response.body
                if response.status == 202:
                    self._check_accepted(body, key, content)
                elif response.status != 422 or key is None:
                    world.report_violation(f"the response of submit has status {response.status}")
                return
            world.sleep(world.rng.randrange(1_000, 5_000))

    def _check_accepted(self, body: dict[str, Any], key: str | None, content: dict[str, Any]) -> None:
        record = self._oracle.record_acknowledgement(content["job_id"], key, content["queued_at"])
        if record is not None:
            if (record["date"], record["device_id"]) != (body["date"], body.get("device_id", "")):
                self._world.report_violation("202 for a job with a different date or device")
            resolved = {**body, "analysis": {**record["analysis"], **body.get("analysis", {})}}
            if any(record[name] != value for name, value in resolved.items()):
                self._world.report_violation("202 for a job with different parameters")
        if self._world.rng.random() < self._deletion_probability:
            if key is not None and self._world.rng.random() < 0.5:
                resubmit = partial(self._submit, body, key)
                self._world.spawn(f"{self._world.current.name} again", resubmit, self._world.rng.randrange(90_000))
            self._delete(content["job_id"])

    def _delete(self, job_id: str) -> None:
        """Delete the job after a while, with retries until the deletion is confirmed."""
        world = self._world
        world.sleep(world.rng.choice((0, 100, 3_000, 60_000)))
        if world.rng.random() < 0.4:
            world.sleep((self._sweep_offset_ms - world.now) % 60_000 + world.rng.randrange(1_500))
        for _ in range(_MAX_ATTEMPTS):
            if world.rng.random() < 0.1:
                return
            job = self._oracle.jobs.get(job_id)
            if job is not None:
                self._oracle.allow_deletion(job)
            self._oracle.pending_deletions[job_id] += 1
            response = self._services.send("status", "delete", path={"job_id": job_id})
            self._oracle.pending_deletions -= Counter([job_id])
            if response is not None and response.status in (204, 404):
                self._oracle.check_deletion(job_id, job, response.status)
                return
            if response is not None and response.status not in (409, 503):
                world.report_violation(f"the response to a deletion has status {response.status}")
            world.sleep(world.rng.randrange(1_000, 5_000))

    def _produce(self, number: int, body: dict[str, Any]) -> None:
        """Publish a request event with or without a job id, once or twice, sometimes with an invalid date."""
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
