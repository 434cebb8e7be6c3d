"""The Services of the system: pods made of the real handlers, and requests that go to one of them."""

from typing import Any

from functions.calculate.delivery import Delivery
from functions.calculate.event_publisher import EventPublisher
from functions.calculate.submission import Submitter
from functions.calculate.sweep.devices import DeviceRefresher
from functions.calculate.sweep.reconcile import Sweep
from functions.calculate.sweep.retention import Retention
from functions.list.handler import DeviceLister, JobLister
from functions.list.results import ResultReader
from functions.status.handler import JobHandler
from shared import events
from shared.config.settings import Settings
from shared.http.error_responses import error_response
from shared.http.messages import Handler, Request, Response
from shared.job_index.index import Index
from shared.jobs.store import Clock, JobStore
from shared.storage.bucket import Bucket
from tests.simulation.fixes import SimFixes
from tests.simulation.oracle import Oracle
from tests.simulation.s3 import S3
from tests.simulation.world import Death, Pod, Visit, World

SETTINGS = Settings.model_validate({})
_SKEW_MS = 2_000
_AT_MOST = {"submit": 2, "calculate": 99, "status": 2, "list": 2}


class Services:
    """Every Service with its pods; a pod that has died is followed by a new one."""

    def __init__(self, world: World, s3: S3, fixes: SimFixes, publisher: events.Publisher, truth: Oracle) -> None:
        self._world = world
        self._fixes = fixes
        self._publisher = publisher
        self._oracle = truth

        def sleep(seconds: float) -> None:
            world.sleep(round(seconds * 1000))

        client: Any = s3
        self._records = Bucket(client, SETTINGS.JOBS_BUCKET, sleep)
        self._csvs = Bucket(client, SETTINGS.CSV_BUCKET, sleep)
        self._pods: dict[str, list[tuple[Pod, dict[str, Handler]]]] = {name: [] for name in _AT_MOST}
        self._made = 0
        self.last: Visit  # the visit that was answered last

    def visit(self, service: str, handler: str, call: Request) -> Response | None:
        """The answer to one request, handled in the current process; None if the pod dies."""
        world = self._world
        process = world.current
        pod, handlers = self._pod(service)
        process.visit = visit = Visit(pod, handler, world.now)
        pod.inside.append(process)
        try:
            reply = handlers[handler](call)
        except Death:
            world.note("no answer")
            self._oracle.died(visit)
            return None
        except Exception as exc:  # noqa: BLE001 - as shared/http/service.py's Service does
            reply = error_response(exc, call.trace)
            if reply.status == 500:
                world.fail(f"{handler} answered 500: {exc!r}")
        finally:
            pod.inside.remove(process)
            process.visit = None
        self.last = visit
        world.note(f"answered {reply.status}")
        world.counts[f"{handler}_{reply.status}"] += 1
        self._oracle.answered(visit, reply.status)
        return reply

    def scale_down(self) -> None:
        """Ask some pod of calculate that works to stop."""
        busy = [pod for pod, _ in self._pods["calculate"] if pod.inside and pod.alive]
        if busy:
            self._world.terminate(self._world.rng.choice(busy))

    def _pod(self, service: str) -> tuple[Pod, dict[str, Handler]]:
        pods = self._pods[service]
        pods[:] = [made for made in pods if made[0].alive and not made[0].stopping]
        free = [made for made in pods if not made[0].inside] if service == "calculate" else pods
        if free and (len(pods) >= _AT_MOST[service] or self._world.rng.random() < 0.7):
            return self._world.rng.choice(free)
        self._made += 1
        pod = Pod(self._world, f"{service}-{self._made}", self._world.rng.randint(-_SKEW_MS, _SKEW_MS))
        pods.append((pod, self._wired(service, pod.clock)))
        return pods[-1]

    def _wired(self, service: str, clock: Clock) -> dict[str, Handler]:
        """What the function's main.py wires."""
        jobs = JobStore(self._records, clock)
        if service == "submit":
            return {"submit": Submitter(SETTINGS, jobs, self._publisher, clock).submit}
        if service == "list":
            lister = JobLister(Index(self._records), ResultReader(jobs))
            return {"list": lister.list_page, "devices": DeviceLister(self._records).list_devices}
        if service == "status":
            return self._status(jobs, Index(self._records), clock)
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

        def swept(_: Request) -> Response:
            sweep.run()
            return Response(204)

        return {"requested": delivery.handle_request, "dead_letter": delivery.handle_dead_letter, "sweep": swept}

    def _status(self, jobs: JobStore, index: Index, clock: Clock) -> dict[str, Handler]:
        handler = JobHandler(
            jobs,
            self._csvs,
            lambda wanted: next(iter(index.page(wanted).entries), None),
            lambda key, _name, _method: (f"http://csv/{key}", clock()),
            csv_age=self._oracle.csv_age,
            clock=clock,
        )
        return {"status": handler.status, "download": handler.download, "delete": handler.delete}
