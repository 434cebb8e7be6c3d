"""Clients that read status, downloads, lists, devices and days, and compare the responses with the oracle."""

from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Any

from shared.models import Status, rfc3339
from tests.simulation.day_reader import DayReader
from tests.simulation.fixes import DATES, DEVICES, LATEST
from tests.simulation.oracle import DELETED, RANK, Oracle, TrackedJob
from tests.simulation.pods import Services
from tests.simulation.world import World

_RESULT_FIELDS = ("result", "error_code", "error_message")
_FIELDS = ("job_id", "date", "device_id", "queued_at")


class Readers:
    """The reading clients of one run. `sweep_offset_ms` is the time within each minute at which the sweep runs."""

    def __init__(self, world: World, services: Services, oracle: Oracle, sweep_offset_ms: int) -> None:
        self._world = world
        self._services = services
        self._oracle = oracle
        self._sweep_offset_ms = sweep_offset_ms
        self.days = DayReader(world, services, oracle)

    def start(self, until_ms: int) -> None:
        """Start one reader of each kind. Those of the list often read while a sweep runs."""
        readers = {
            "status": (self._status, 20_000),
            "download": (self._download, 50_000),
            "walk": (self.walk, 40_000),
            "page": (self._random_page, 20_000),
            "devices": (self._devices, 60_000),
            "days": (self.days.read, 30_000),
        }
        for name, (read, mean_pause_ms) in readers.items():
            self._world.spawn(f"reader of {name}", partial(self._repeat, read, mean_pause_ms, until_ms))

    def _repeat(self, read: Callable[[], object], mean_pause_ms: int, until_ms: int) -> None:
        rng = self._world.rng
        while self._world.now < until_ms:
            self._world.sleep(rng.randrange(2 * mean_pause_ms))
            if read in (self.walk, self._random_page) and rng.random() < 0.6:
                self._world.sleep((self._sweep_offset_ms - self._world.now) % 60_000 + rng.randrange(1_000))
            read()

    def _status(self) -> None:
        """Read the status of a random job: it equals the record at some time during the request."""
        jobs = list(self._oracle.jobs.values())
        if not jobs:
            return
        job = self._world.rng.choice(jobs)
        rank_before = job.rank
        response = self._services.send("status", "status", path={"job_id": job.job_id})
        if response is None or response.status == 503:
            return
        body: Any = response.body
        if response.status == 404:
            exists = job is self._oracle.jobs.get(job.job_id) and job.rank < DELETED
            if exists or not self._oracle.may_be_deleted(job):
                self._world.report_violation(f"404 for the status of {job.job_id}")
            return
        if response.status != 200:
            self._world.report_violation(f"{response.status} for the status of {job.job_id}")
        if body["queued_at"] != job.record["queued_at"]:
            return  # a new job with the same id
        if not rank_before <= RANK[body["status"]] <= job.rank:
            self._world.report_violation(f"the status of {job.job_id} is {body['status']}")
        if any(body[name] != job.record[name] for name in _FIELDS):
            self._world.report_violation(f"the status of {job.job_id} differs from its record")
        if ("result" in body) != (body["status"] == "completed"):
            self._world.report_violation(f"{body['status']} job {job.job_id}: result missing or unexpected")

    def _download(self) -> None:
        """Request the CSV of a job by its id, or the newest CSV of a date and device."""
        jobs = list(self._oracle.jobs.values())
        if not jobs:
            return
        job = self._world.rng.choice(jobs)
        day, device = job.record["date"], job.record["device_id"]
        same_task = [other for other in jobs if (other.record["date"], other.record["device_id"]) == (day, device)]
        by_id = self._world.rng.random() < 0.5
        candidates = [job] if by_id else same_task
        completed = [other for other in candidates if other.listed_rank == 2 and "result" in other.record]
        name = "_".join(filter(None, ("distance", day.replace("-", ""), device, job.job_id if by_id else "")))
        response = self._services.send("status", "download", path={"filename": f"{name}.csv"})
        if response is None or response.status == 503:
            return
        # If the newest job is deleted during the request, the response is 404 even if there is an older job.
        stable = self._oracle.csv_age is None and not any(map(self._oracle.may_be_deleted, same_task))
        expected = completed if stable else []
        if response.status != 302:
            if response.status != 404 or expected:
                self._world.report_violation(f"{response.status} for {name}.csv")
            return
        location = response.headers["Location"]
        all_jobs = (*self._oracle.previous_jobs, *self._oracle.jobs.values())
        owners = [other for other in all_jobs if other.csv_path == location.removeprefix("http://csv/")]
        if not owners or (by_id and owners[0].job_id != job.job_id):
            self._world.report_violation(f"{name}.csv redirects to {location}")
        if not by_id and any(other.position > owners[0].position for other in expected):
            self._world.report_violation(f"{name}.csv redirects to {owners[0].job_id}, which is not the newest")

    def _devices(self) -> None:
        """Read the devices: all of them, or none before a query of the database has succeeded."""
        response = self._services.send("list", "devices")
        if response is None or response.status == 503:
            return
        body: Any = response.body
        expected = [{"device_id": name, "last_fix_at": rfc3339(at)} for name, at in sorted(LATEST.items())]
        if body["devices"] != ([] if body["as_of"] is None else expected):
            self._world.report_violation(f"the devices are {body['devices']}")

    def walk(self, total: int | None = None) -> None:
        """Read the whole list by next_offset. It has all jobs that were listed before, with at least their rank."""
        expected = [(job, job.listed_rank) for job in self._oracle.jobs.values() if job.listed_rank >= 0]
        deleted, started_ms = self._deleted_jobs(), self._world.now
        listed_ranks: dict[tuple[str, str], int] = {}
        offset: int | None = 0
        limit = self._world.rng.choice((2, 3, 5, 50))
        totals, removals = list[int](), self._oracle.removals
        while offset is not None:
            body = self._get({"limit": str(limit), "offset": str(offset)})
            if body is None:
                return
            totals.append(body["total_count"])
            for listed in body["jobs"]:
                position = listed["queued_at"], listed["job_id"]
                listed_ranks[position] = max(RANK[listed["status"]], listed_ranks.get(position, 0))
            offset = body["next_offset"]
        if total is not None and set(totals) != {total}:
            self._world.report_violation(f"total_count is {totals} instead of {total}")
        self._world.counts["walks"] += 1
        # A removal moves the jobs behind it up, so that a walk by offset may skip some.
        self._compare(expected if removals == self._oracle.removals else [], deleted, listed_ranks, started_ms)

    def _deleted_jobs(self) -> list[TrackedJob]:
        return [job for job in (*self._oracle.previous_jobs, *self._oracle.jobs.values()) if job.deletion_confirmed]

    def _random_page(self) -> None:
        """Read one page with random filters."""
        rng = self._world.rng
        filters = (("date", DATES), ("device_id", DEVICES))
        query = {name: rng.choice(values) for name, values in filters if rng.random() < 0.4}
        if rng.random() < 0.4:
            query["status"] = rng.choice(list(Status)[:4]).value
        self.page(query)

    def page(self, query: dict[str, str]) -> dict[str, Any] | None:
        """Read and check one page. Return None if the request failed."""
        expected = [
            (job, job.listed_rank)
            for job in self._oracle.jobs.values()
            if job.listed_rank >= 0
            and query.get("date") in (None, "", job.record["date"])
            and query.get("device_id") in (None, "", job.record["device_id"])
            and ("status" not in query or (job.listed_rank == 2 and job.record["status"] == query["status"]))
            # A rejected submission with the same key and a different body may have left its marker. The list resolves
            # this when the job changes its state or a sweep runs.
            and (job.listed_rank > 0 or not query or len(self._oracle.marked_tasks.get(job.job_id, ())) < 2)
        ]
        deleted, started_ms = self._deleted_jobs(), self._world.now
        body = self._get({**query, "limit": "500"})
        if body is None:
            return None
        self._world.counts["pages"] += 1
        for listed in body["jobs"]:
            if any(text and listed[name] != text for name, text in query.items()):
                self._world.report_violation(f"a list of {query} has {listed}")
        if body["total_count"] != len(body["jobs"]):
            self._world.report_violation(f"total_count is {body['total_count']} for {len(body['jobs'])} jobs")
        listed_ranks = {(listed["queued_at"], listed["job_id"]): RANK[listed["status"]] for listed in body["jobs"]}
        self._compare(expected, deleted, listed_ranks, started_ms)
        return body

    def _get(self, query: dict[str, str]) -> dict[str, Any] | None:
        """Request a page and check each of its jobs."""
        with_results = self._world.rng.random() < 0.3
        query = {**query, "results": str(with_results).lower()}
        response = self._services.send("list", "list", query=query)
        if response is None or response.status == 503:
            return None
        results_complete = with_results and not self._services.last_invocation.faulted
        body: Any = response.body
        if response.status != 200:
            self._world.report_violation(f"the response of the list has status {response.status}")
        jobs = body["jobs"]
        # A creation that lost against another one of the same id may be listed until its marker is deleted.
        occurrences = Counter(listed["job_id"] for listed in jobs if self._exists(listed))
        if occurrences and max(occurrences.values()) > 1:
            self._world.report_violation("a page has a job twice")
        order = [(listed["queued_at"], listed["job_id"]) for listed in jobs]
        if order != sorted(order, reverse=True):
            self._world.report_violation("a page is not newest first")
        for listed in jobs:
            self._check_state(listed)
            self._check_result(listed, required=results_complete)
        return dict(body)

    def _check_result(self, listed: dict[str, Any], *, required: bool) -> None:
        """Check that the result of a listed job equals the record's. It may be absent unless `required`."""
        result, job = {name: listed[name] for name in _RESULT_FIELDS if name in listed}, self._find(listed)
        if job is None or RANK[listed["status"]] < RANK["completed"]:
            if result:
                self._world.report_violation(f"the list has {listed}, which has no result")
            return
        expected = {name: job.record[name] for name in _RESULT_FIELDS if name in job.record}
        if "result" in expected:
            filename = expected["result"]["csv_path"].rsplit("/", 1)[1]
            summary = {name: value for name, value in expected["result"].items() if name != "analysis"}
            expected["result"] = {**summary, "csv_download_path": f"/api/distance/download/{filename}"}
        if result not in ({}, expected):
            self._world.report_violation(f"the list has {listed}, whose result differs from the record")
        if required and not result and self._exists(listed) and not self._oracle.may_be_deleted(job):
            self._world.report_violation(f"the list has {listed} without its result")

    def _check_state(self, listed: dict[str, Any]) -> None:
        """Check that the state of a listed job is not ahead of its record."""
        rank, job = RANK[listed["status"]], self._find(listed)
        if job is None:
            if rank > 0:
                self._world.report_violation(f"the list has {listed}, which has no record")
            return
        if rank > job.rank or (rank == 2 and listed["status"] != job.record["status"]):
            self._world.report_violation(f"the list has {listed}, which is ahead of the record")
        if (rank == 2) != ("completed_at" in listed):
            self._world.report_violation(f"the list has {listed}: completed_at missing or unexpected")
        if rank == 2 and any(listed[name] != job.record[name] for name in (*_FIELDS, "completed_at")):
            self._world.report_violation(f"the list has {listed}, which differs from the record")

    def _exists(self, listed: dict[str, Any]) -> bool:
        job = self._find(listed)
        return job is not None and job.rank < DELETED

    def _find(self, listed: dict[str, Any]) -> TrackedJob | None:
        position = listed["queued_at"], listed["job_id"]
        jobs = [self._oracle.jobs.get(listed["job_id"]), *self._oracle.previous_jobs]
        return next((job for job in jobs if job and job.position == position), None)

    def _compare(
        self,
        expected: list[tuple[TrackedJob, int]],
        deleted: list[TrackedJob],
        listed_ranks: dict[tuple[str, str], int],
        started_ms: int,
    ) -> None:
        for job, rank in expected:
            listed_rank = listed_ranks.get(job.position, -1)
            if listed_rank < rank and not self._oracle.may_be_deleted(job):
                self._world.report_violation(f"the list has {job.job_id} with rank {listed_rank} instead of {rank}")
        for job in deleted:
            # A marker written after the last sweep looks like that of an existing job until the next sweep.
            late_marker = (
                self._oracle.marker_counts[job.job_id]
                or self._oracle.marker_deleted_ms.get(job.job_id, 0) >= started_ms
            )
            if job.position in listed_ranks and not late_marker:
                self._world.report_violation(f"the list has {job.job_id}, which is deleted")
