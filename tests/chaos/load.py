"""Callers that submit the planned jobs and retry as otel-ui does."""

import itertools
import json
import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

from tests.chaos.workload import EVENT_SOURCE, RETRIED_STATUSES, PlannedJob
from tests.integration.whole_stack import Response, send_request

_CALLERS = 16
_MAX_ATTEMPTS = 20
_PAUSE_SECONDS = (0.2, 0.5, 1.0, 2.0)  # the last one repeats


class Load:
    """Submits planned jobs at intervals of `interval` seconds. `jobs` has those submitted so far."""

    def __init__(self, url: str, plan: Iterator[tuple[PlannedJob, int]], interval: float) -> None:
        self.jobs: list[PlannedJob] = []
        self._url = url
        self._plan = plan
        self._interval = interval
        self._stopped = threading.Event()
        self._callers = ThreadPoolExecutor(_CALLERS)
        self._thread = ThreadPoolExecutor(1, "load")
        self._calls: list[Future[None]] = []

    @property
    def accepted(self) -> int:
        return sum(job.accepted for job in list(self.jobs))

    def start(self) -> None:
        self._future = self._thread.submit(self._run)

    def stop(self) -> None:
        """Submit no more jobs and wait for the pending retries. Raises the first error of a call, if any."""
        self._stopped.set()
        self._thread.shutdown()
        self._callers.shutdown()
        for future in (self._future, *self._calls):
            future.result()

    def _run(self) -> None:
        for job, callers in self._plan:
            self.jobs.append(job)
            for _ in range(callers):
                self._calls.append(self._callers.submit(self._call, job))
            if self._stopped.wait(self._interval):
                return

    def _call(self, job: PlannedJob) -> None:
        pauses = itertools.chain(_PAUSE_SECONDS, itertools.repeat(_PAUSE_SECONDS[-1]))
        for pause in itertools.islice(pauses, _MAX_ATTEMPTS):
            response = self._publish(job) if job.by_event else self._submit(job)
            job_id = response.json["job_id"] if response.status == 202 and not job.by_event else ""
            job.responses.append((response.status, job_id))
            if response.status not in RETRIED_STATUSES:
                return
            threading.Event().wait(pause)

    def _submit(self, job: PlannedJob) -> Response:
        return send_request("POST", f"{self._url}/api/distance/calculate", _body(job), {"Idempotency-Key": job.name})

    def _publish(self, job: PlannedJob) -> Response:
        attributes = {"specversion": "1.0", "type": "otelworker.distance.requested.v1", "source": EVENT_SOURCE}
        event = {**attributes, "id": job.name, "datacontenttype": "application/json", "data": _body(job)}
        headers = {"Content-Type": "application/cloudevents+json"}
        return send_request("POST", f"{self._url}/broker", json.dumps(event).encode(), headers)


def _body(job: PlannedJob) -> dict[str, str]:
    date, device_id = job.task
    return {"date": date, "device_id": device_id}
