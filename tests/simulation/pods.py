"""Services and their pods, which run the real handlers, and the requests to them."""

from collections.abc import Mapping
from typing import Any

from werkzeug.datastructures import MultiDict

from functions.calculate.delivery import Delivery
from functions.calculate.event_publisher import EventPublisher
from functions.calculate.submission import Submitter
from functions.calculate.sweep.devices import DeviceRefresher
from functions.calculate.sweep.reconcile import Sweep
from functions.calculate.sweep.retention import Retention
from functions.list.handler import DayLister, DeviceLister, JobLister
from functions.list.results import ResultReader
from functions.status.handler import JobHandler
from shared import events
from shared.config.settings import Settings
from shared.http.error_responses import error_response
from shared.http.messages import Handler, Request, Response
from shared.job_index.index import Index
from shared.jobs.store import Clock, JobStore
from shared.storage.bucket import Bucket
from shared.telemetry.context import Trace
from tests.simulation.fixes import SimulatedFixes
from tests.simulation.oracle import Oracle
from tests.simulation.s3 import S3
from tests.simulation.world import Invocation, Pod, PodDied, World

SETTINGS = Settings.parse({})
_MAX_SKEW_MS = 2_000
_MAX_PODS = {"submit": 2, "calculate": 99, "status": 2, "list": 2}


class Services:
    """All Services with their pods. New pods replace those that have died."""

    def __init__(
        self, world: World, s3: S3, fixes: SimulatedFixes, publisher: events.Publisher, oracle: Oracle
    ) -> None:
        self._world = world
        self._fixes = fixes
        self._publisher = publisher
        self._oracle = oracle

        def sleep(seconds: float) -> None:
            world.sleep(round(seconds * 1000))

        client: Any = s3
        self._records = Bucket(client, SETTINGS.JOBS_BUCKET, sleep)
        self._csvs = Bucket(client, SETTINGS.CSV_BUCKET, sleep)
        self._pods: dict[str, list[tuple[Pod, dict[str, Handler]]]] = {name: [] for name in _MAX_PODS}
        self._pod_count = 0
        self.last_invocation: Invocation  # the latest one that returned a response

    def send(
        self,
        service: str,
        handler: str,
        *,
        path: Mapping[str, str] | None = None,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
        trace: Trace | None = None,
    ) -> Response | None:
        """Handle a request in the current process and return the response, or None if the pod dies.

        The request starts a new trace if `trace` is None.
        """
        world = self._world
        trace = trace or Trace(f"{world.rng.getrandbits(128) | 1:032x}", f"{world.rng.getrandbits(64) | 1:016x}")
        request = Request(path or {}, MultiDict(query or {}), headers or {}, body, trace)
        process = world.current
        pod, handlers = self._choose_pod(service)
        process.invocation = invocation = Invocation(pod, handler, world.now)
        pod.processes.append(process)
        try:
            response = handlers[handler](request)
        except PodDied:
            world.note("no response")
            self._oracle.record_crash(invocation)
            return None
        except Exception as exc:  # noqa: BLE001 - shared/http/service.py handles errors in the same way
            response = error_response(exc, trace)
            if response.status == 500:
                world.report_violation(f"the response of {handler} has status 500: {exc!r}")
        finally:
            pod.processes.remove(process)
            process.invocation = None
        self.last_invocation = invocation
        world.note(f"response {response.status}")
        world.counts[f"{handler}_{response.status}"] += 1
        self._oracle.check_response(invocation, response.status)
        return response

    def scale_down(self) -> None:
        """Terminate a random pod of calculate that handles a request."""
        busy = [pod for pod, _ in self._pods["calculate"] if pod.processes and pod.alive]
        if busy:
            self._world.terminate(self._world.rng.choice(busy))

    def _choose_pod(self, service: str) -> tuple[Pod, dict[str, Handler]]:
        """Return an available pod or start one. A pod of calculate handles one request at a time."""
        pods = self._pods[service]
        pods[:] = [entry for entry in pods if entry[0].alive and not entry[0].terminating]
        available = [entry for entry in pods if not entry[0].processes] if service == "calculate" else pods
        if available and (len(pods) >= _MAX_PODS[service] or self._world.rng.random() < 0.7):
            return self._world.rng.choice(available)
        self._pod_count += 1
        skew_ms = self._world.rng.randint(-_MAX_SKEW_MS, _MAX_SKEW_MS)
        pod = Pod(self._world, f"{service}-{self._pod_count}", skew_ms)
        pods.append((pod, self._wire(service, pod.clock)))
        return pods[-1]

    def _wire(self, service: str, clock: Clock) -> dict[str, Handler]:
        """Wire the handlers of a pod as the function's main.py does."""
        jobs = JobStore(self._records, clock)
        if service == "submit":
            return {"submit": Submitter(SETTINGS, jobs, self._publisher, clock).submit}
        if service == "list":
            index, results = Index(self._records), ResultReader(jobs)
            return {
                "list": JobLister(index, results).list_page,
                "days": DayLister(index, results).list_days,
                "devices": DeviceLister(self._records).list_devices,
            }
        if service == "status":
            return self._wire_status(jobs, Index(self._records), clock)
        event_publisher = EventPublisher(self._publisher, {})
        retention = Retention(self._records, self._csvs, jobs, self._oracle.job_age, self._oracle.csv_age)
        sweep = Sweep(
            self._records,
            self._csvs,
            jobs,
            event_publisher=event_publisher,
            retention=retention,
            device_refresher=DeviceRefresher(self._records, self._fixes.latest_fix_times),
            clock=clock,
        )
        delivery = Delivery(SETTINGS, jobs, self._fixes, self._csvs, event_publisher=event_publisher, clock=clock)

        def run_sweep(_: Request) -> Response:
            sweep.run()
            return Response(204)

        return {"requested": delivery.handle_request, "dead_letter": delivery.handle_dead_letter, "sweep": run_sweep}

    def _wire_status(self, jobs: JobStore, index: Index, clock: Clock) -> dict[str, Handler]:
        handler = JobHandler(
            jobs,
            self._csvs,
            lambda query: next(iter(index.page(query).entries), None),
            lambda key, _name, _method: (f"http://csv/{key}", clock()),
            csv_age=self._oracle.csv_age,
            clock=clock,
        )
        return {"status": handler.status, "download": handler.download, "delete": handler.delete}
