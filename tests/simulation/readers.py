"""Who reads: the status of one job, and pages of the list; what they are told is held against the truth."""

from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Any

from shared.models import Status, rfc3339
from tests.simulation.calls import call
from tests.simulation.fixes import DATES, DEVICES, LATEST
from tests.simulation.oracle import GONE, RANK, Known, Oracle
from tests.simulation.pods import Services
from tests.simulation.world import World

_END = ("result", "error_code", "error_message")
_FIELDS = ("job_id", "date", "device_id", "queued_at")


class Readers:
    """Reads and checks, until the run ends."""

    def __init__(self, world: World, services: Services, truth: Oracle, tick_ms: int) -> None:
        self._world = world
        self._services = services
        self._oracle = truth
        self._tick_ms = tick_ms  # when in a minute the sweep is called

    def start(self, until_ms: int) -> None:
        """One of each kind, at times of their own, those of the list often while a sweep runs."""
        kinds = {
            "status": (self._status, 20_000),
            "download": (self._download, 50_000),
            "walk": (self.walk, 40_000),
            "page": (self._page, 20_000),
            "devices": (self._devices, 60_000),
        }
        for name, (read, pause_ms) in kinds.items():
            self._world.spawn(f"reader of {name}", partial(self._again, read, pause_ms, until_ms))

    def _again(self, read: Callable[[], object], pause_ms: int, until_ms: int) -> None:
        rng = self._world.rng
        while self._world.now < until_ms:
            self._world.sleep(rng.randrange(2 * pause_ms))
            if read in (self.walk, self._page) and rng.random() < 0.6:
                self._world.sleep((self._tick_ms - self._world.now) % 60_000 + rng.randrange(1_000))
            read()

    def _status(self) -> None:
        known = list(self._oracle.jobs.values())
        if not known:
            return
        job = self._world.rng.choice(known)
        before = job.rank
        reply = self._services.visit("status", "status", call(self._world, path={"job_id": job.job_id}))
        if reply is None or reply.status == 503:
            return
        body: Any = reply.body
        if reply.status == 404:
            if not self._oracle.may_go(job) or (job is self._oracle.jobs.get(job.job_id) and job.rank < GONE):
                self._world.fail(f"{job.job_id} is not found")
            return
        if reply.status != 200:
            self._world.fail(f"the status of {job.job_id} is {reply.status}")
        if body["queued_at"] != job.record["queued_at"]:
            return  # the id has been used again
        if not before <= RANK[body["status"]] <= job.rank:
            self._world.fail(f"the status of {job.job_id} is {body['status']}")
        if any(body[name] != job.record[name] for name in _FIELDS):
            self._world.fail(f"the status of {job.job_id} differs from its record")
        if ("result" in body) != (body["status"] == "completed"):
            self._world.fail(f"the status of {job.job_id} is {body['status']}, its result is amiss")

    def _download(self) -> None:
        """The way to the CSV of a job by its name, or to the newest one's of a date and a device."""
        known = list(self._oracle.jobs.values())
        if not known:
            return
        job = self._world.rng.choice(known)
        day, device = job.record["date"], job.record["device_id"]
        alike = [other for other in known if (other.record["date"], other.record["device_id"]) == (day, device)]
        named = self._world.rng.random() < 0.5
        wanted = [other for other in ([job] if named else alike) if other.shown == 2 and "result" in other.record]
        name = "_".join(filter(None, ("distance", day.replace("-", ""), device, job.job_id if named else "")))
        reply = self._services.visit("status", "download", call(self._world, path={"filename": f"{name}.csv"}))
        if reply is None or reply.status == 503:
            return
        # A newest job that goes while it is asked for leads nowhere, though there may be an older one.
        sure = self._oracle.csv_age is None and not any(map(self._oracle.may_go, alike))
        lasting = wanted if sure else []
        if reply.status != 302:
            if reply.status != 404 or lasting:
                self._world.fail(f"{name}.csv is answered {reply.status}")
            return
        every = (*self._oracle.past, *self._oracle.jobs.values())
        owners = [other for other in every if other.csv_path == reply.headers["Location"].removeprefix("http://csv/")]
        if not owners or (named and owners[0].job_id != job.job_id):
            self._world.fail(f"{name}.csv leads to {reply.headers['Location']}")
        if not named and any(other.position > owners[0].position for other in lasting):
            self._world.fail(f"{name}.csv leads to {owners[0].job_id}, which is not the newest")

    def _devices(self) -> None:
        """All of them or, before the look at the database has succeeded, none."""
        reply = self._services.visit("list", "devices", call(self._world))
        if reply is None or reply.status == 503:
            return
        body: Any = reply.body
        wanted = [{"device_id": name, "last_fix_at": rfc3339(at)} for name, at in sorted(LATEST.items())]
        if body["devices"] != ([] if body["as_of"] is None else wanted):
            self._world.fail(f"the devices are {body['devices']}")

    def walk(self, total: int | None = None) -> None:
        """The whole list by next_offset: every job that a caller knew of before is in it, as far as it was."""
        wanted = [(job, job.shown) for job in self._oracle.jobs.values() if job.shown >= 0]
        deleted, began_ms = self._deleted(), self._world.now
        met: dict[tuple[str, str], int] = {}
        offset: int | None = 0
        limit = self._world.rng.choice((2, 3, 5, 50))
        counts, gone = list[int](), self._oracle.gone
        while offset is not None:
            body = self._asked({"limit": str(limit), "offset": str(offset)})
            if body is None:
                return
            counts.append(body["total_count"])
            for shown in body["jobs"]:
                position = shown["queued_at"], shown["job_id"]
                met[position] = max(RANK[shown["status"]], met.get(position, 0))
            offset = body["next_offset"]
        if total is not None and set(counts) != {total}:
            self._world.fail(f"total_count is {counts} of {total}")
        self._world.counts["walks"] += 1
        # Where a job has gone others have moved up: a walk by offset may leave some out.
        self._compare(wanted if gone == self._oracle.gone else [], deleted, met, began_ms)

    def _deleted(self) -> list[Known]:
        return [job for job in (*self._oracle.past, *self._oracle.jobs.values()) if job.deleted]

    def _page(self) -> None:
        """One page of everything that a filter admits."""
        rng = self._world.rng
        query = {
            name: rng.choice(some) for name, some in (("date", DATES), ("device_id", DEVICES)) if rng.random() < 0.4
        }
        if rng.random() < 0.4:
            query["status"] = rng.choice(list(Status)[:4]).value
        self.page(query)

    def page(self, query: dict[str, str]) -> dict[str, Any] | None:
        """The page, checked; None if there was no answer."""
        wanted = [
            (job, job.shown)
            for job in self._oracle.jobs.values()
            if job.shown >= 0
            and query.get("date") in (None, "", job.record["date"])
            and query.get("device_id") in (None, "", job.record["device_id"])
            and ("status" not in query or (job.shown == 2 and job.record["status"] == query["status"]))
            # A submission with another body under the same key may have left its marker: which of the two is to be
            # believed is seen when the job moves or a sweep comes by.
            and (job.shown > 0 or not query or len(self._oracle.marked_as.get(job.job_id, ())) < 2)
        ]
        deleted, began_ms = self._deleted(), self._world.now
        body = self._asked({**query, "limit": "500"})
        if body is None:
            return None
        self._world.counts["pages"] += 1
        for shown in body["jobs"]:
            if any(text and shown[name] != text for name, text in query.items()):
                self._world.fail(f"a list of {query} shows {shown}")
        if body["total_count"] != len(body["jobs"]):
            self._world.fail(f"total_count is {body['total_count']} for a list of {len(body['jobs'])} jobs")
        met = {(shown["queued_at"], shown["job_id"]): RANK[shown["status"]] for shown in body["jobs"]}
        self._compare(wanted, deleted, met, began_ms)
        return body

    def _asked(self, query: dict[str, str]) -> dict[str, Any] | None:
        with_results = self._world.rng.random() < 0.3
        query = {**query, "results": str(with_results).lower()}
        reply = self._services.visit("list", "list", call(self._world, query=query))
        if reply is None or reply.status == 503:
            return None
        every = with_results and not self._services.last.hurt
        body: Any = reply.body
        if reply.status != 200:
            self._world.fail(f"the list answered {reply.status}")
        jobs = body["jobs"]
        # A creation that lost to another one of the same id may show beside it until its marker goes.
        told = Counter(shown["job_id"] for shown in jobs if self._stands(shown))
        if told and max(told.values()) > 1:
            self._world.fail("a job is twice on one page")
        order = [(shown["queued_at"], shown["job_id"]) for shown in jobs]
        if order != sorted(order, reverse=True):
            self._world.fail("a page is not newest first")
        for shown in jobs:
            self._plausible(shown)
            self._ended(shown, every=every)
        return dict(body)

    def _ended(self, shown: dict[str, Any], *, every: bool) -> None:
        """What a row says of its job's end is what the record says; it may say nothing where a read met a fault."""
        said, job = {name: shown[name] for name in _END if name in shown}, self._life(shown)
        if job is None or RANK[shown["status"]] < RANK["completed"]:
            if said:
                self._world.fail(f"the list shows {shown}, which has no end")
            return
        wanted = {name: job.record[name] for name in _END if name in job.record}
        if "result" in wanted:
            filename = wanted["result"]["csv_path"].rsplit("/", 1)[1]
            wanted["result"] = {**wanted["result"], "csv_download_path": f"/api/distance/download/{filename}"}
        if said not in ({}, wanted):
            self._world.fail(f"the list shows {shown}, the record's end is another")
        if every and not said and self._stands(shown) and not self._oracle.may_go(job):
            self._world.fail(f"the list shows {shown} without its end")

    def _plausible(self, shown: dict[str, Any]) -> None:
        rank, job = RANK[shown["status"]], self._life(shown)
        if job is None:
            if rank > 0:
                self._world.fail(f"the list shows {shown}, which has no record")
            return
        if rank > job.rank or (rank == 2 and shown["status"] != job.record["status"]):
            self._world.fail(f"the list shows {shown} before its time")
        if (rank == 2) != ("completed_at" in shown):
            self._world.fail(f"the list shows {shown}: completed_at is amiss")
        if rank == 2 and any(shown[name] != job.record[name] for name in (*_FIELDS, "completed_at")):
            self._world.fail(f"the list shows {shown}, which differs from the record")

    def _stands(self, shown: dict[str, Any]) -> bool:
        job = self._life(shown)
        return job is not None and job.rank < GONE

    def _life(self, shown: dict[str, Any]) -> Known | None:
        lives = [self._oracle.jobs.get(shown["job_id"]), *self._oracle.past]
        return next((life for life in lives if life and life.position == (shown["queued_at"], shown["job_id"])), None)

    def _compare(
        self,
        wanted: list[tuple[Known, int]],
        deleted: list[Known],
        met: dict[tuple[str, str], int],
        began_ms: int,
    ) -> None:
        for job, rank in wanted:
            if met.get(job.position, -1) < rank and not self._oracle.may_go(job):
                self._world.fail(f"the list shows {job.job_id} with rank {met.get(job.position)} instead of {rank}")
        for job in deleted:
            # Nothing tells a marker that came too late to be folded from one of a job that stands: the next sweep does.
            late = self._oracle.markers[job.job_id] or self._oracle.unmarked_ms.get(job.job_id, 0) >= began_ms
            if job.position in met and not late:
                self._world.fail(f"the list shows {job.job_id}, which is deleted")
