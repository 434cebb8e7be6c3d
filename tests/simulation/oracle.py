"""What has happened, as the storage shows it, and what must hold at each answer and outcome."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from shared.models import Status
from tests.simulation.disk import Disk
from tests.simulation.fixes import Expected, expected
from tests.simulation.world import START, Visit, World

RANK = {status.value: status.rank for status in Status}
GONE = RANK["deleted"]
_PROMISED_MS = 180_000  # from the next sweep after a crash to the end of the job


@dataclass
class Known:
    """A job, as the world knows it; a deleted one whose id is used again is another job."""

    job_id: str
    record: dict[str, Any]  # as it was last, before a tombstone took its place
    rank: int = 0
    shown: int = -1  # the rank that every list from now on must show; -1: it need not be listed
    doomed_ms: int | None = None  # since when somebody has wanted its deletion, or it has been too old
    deleted: bool = False  # ... and has been told that it is done: no list may show it from now on
    acked_ms: int | None = None
    crashed_ms: int = 0
    due_ms: int | None = None
    outcome: tuple[str, dict[str, Any]] | None = None
    writer: Visit | None = None  # whose lease the record holds

    @property
    def position(self) -> tuple[str, str]:
        """Which life of its id it is."""
        return self.record["queued_at"], self.job_id

    @property
    def csv_path(self) -> str | None:
        """The key of its CSV, once it is completed."""
        return str(self.record["result"]["csv_path"]) if "result" in self.record else None


@dataclass
class Oracle:
    """Every job that ever had a record."""

    world: World
    csvs: Disk
    job_age: timedelta | None = None
    csv_age: timedelta | None = None
    jobs: dict[str, Known] = field(default_factory=dict)
    past: list[Known] = field(default_factory=list)  # jobs whose id is used again
    marked_as: dict[str, set[str]] = field(default_factory=dict)  # what markers of queued jobs have said of them
    markers: Counter[str] = field(default_factory=Counter)  # how many there are, but for those of deletions
    unmarked_ms: dict[str, int] = field(default_factory=dict)  # when one was deleted last
    places: dict[str, set[str]] = field(default_factory=dict)  # when each id was queued, in the words of its markers
    gone: int = 0  # how many jobs, real or not, have left the list
    by_key: dict[str, str] = field(default_factory=dict)
    being_deleted: Counter[str] = field(default_factory=Counter)  # ids, by how many requests

    def expected(self, record: dict[str, Any]) -> Expected:
        """The plain reference's word on a job."""
        home = record["home"]["latitude"], record["home"]["longitude"]
        return expected(
            record["date"], record["device_id"], record["timezone"], home, float(record["away_threshold_km"])
        )

    def may_go(self, known: Known) -> bool:
        """Whether the job may be deleted: somebody asked for it, or it is as old as jobs get."""
        if self.job_age is not None and self.aged(ms_of(known.record["queued_at"]), self.job_age):
            self.doom(known)
        return known.doomed_ms is not None

    def doom(self, known: Known) -> None:
        """From now on the job may be deleted at any time."""
        if known.doomed_ms is None:
            known.doomed_ms = self.world.now

    def aged(self, since_ms: int, age: timedelta) -> bool:
        """Whether one pod may find that what another has dated so is longer ago than `age`."""
        return self.world.now + 4_000 >= since_ms + age / timedelta(milliseconds=1)

    def acked(self, job_id: str, key: str | None, queued_at: str) -> dict[str, Any] | None:
        """A caller has been told of a job: its record, unless it has been deleted meanwhile."""
        known = self.jobs.get(job_id)
        if known is None:
            self.world.fail(f"202 for {job_id}, which has no record")
        if key is not None and self.by_key.setdefault(key, job_id) != job_id:
            self.world.fail("one Idempotency-Key has two jobs")
        if self.may_go(known) or any(other.job_id == job_id for other in self.past):
            return None
        if known.record["queued_at"] != queued_at:
            self.world.fail(f"202 for {job_id} with another queued_at than its record")
        known.shown = max(known.shown, 0)
        if known.acked_ms is None:
            known.acked_ms = self.world.now
            self.world.counts["acknowledged"] += 1
        return known.record

    def told_deleted(self, job_id: str, known: Known | None, status: int) -> None:
        """A caller has been told that a job is gone: of its record nothing may be left, unless the id is used again."""
        if known is None:
            return
        if status == 404 and known.rank < GONE and known is self.jobs.get(job_id):
            self.world.fail(f"{job_id} was not found, and stands")
        if status == 204:
            known.deleted = True
            if known.rank < GONE:
                self.world.fail(f"{job_id} is said to be deleted, and stands")
            if known.csv_path in self.csvs.objects:
                self.world.fail(f"{job_id} is said to be deleted, and its CSV stands")

    def outcome(self, kind: str, data: dict[str, Any]) -> None:
        """An outcome event has reached the broker."""
        job_id = data["job_id"]
        lives = [known for known in (*self.past, self.jobs.get(job_id)) if known and known.job_id == job_id]
        ended = [known for known in lives if _told(known.record) == (kind, data)]
        if not ended:
            self.world.fail(f"an outcome event says {kind} of {job_id}, the record does not")
        if ended[-1].outcome not in (None, (kind, data)):
            self.world.fail(f"two outcome events of {job_id} differ")
        ended[-1].outcome = kind, data
        self.world.counts["outcomes"] += 1

    def answered(self, visit: Visit, status: int) -> None:
        """A request has been answered: what it moved without meeting a fault, it has told the list."""
        if visit.handler == "requested":
            self._delivered(visit, self.jobs.get(visit.touched or ""), status)
        if visit.hurt:
            return
        if len(visit.uploads) == 1 and not set(visit.uploads).isdisjoint(self.csvs.uploads):
            self.world.fail(f"an attempt at {visit.touched} has left an unfinished upload")
        self._shown(visit.moved)

    def ranks(self) -> dict[tuple[str, str], int]:
        """How far every job is."""
        return {known.position: known.rank for known in self.jobs.values()}

    def _shown(self, ranks: dict[tuple[str, str], int]) -> None:
        """From now on every list shows these jobs as far as this."""
        for position, rank in ranks.items():
            known = self.jobs.get(position[1])
            if rank < GONE and known is not None and known.position == position:
                known.shown = max(known.shown, rank)

    def _delivered(self, visit: Visit, known: Known | None, status: int) -> None:
        again = any(other.job_id == visit.touched for other in self.past)
        if status in (200, 204) and not again and (known is None or known.rank < 2):
            self.world.fail(f"a delivery was answered {status} though its job has not ended")
        released = visit.hurt or known is None or known.writer is not visit or known.rank != 1
        if status == 503 and known and not released and holds(known.record, self.world.now):
            self.world.fail(f"an attempt at {known.job_id} gave up and kept its lease")

    def died(self, visit: Visit) -> None:
        """A request died with its pod: the job that it was at, or all jobs of a sweep, are the next sweep's."""
        here = self.jobs.get(visit.touched or "")
        for known in self.jobs.values() if visit.handler == "sweep" else [here] if here else []:
            known.crashed_ms, known.due_ms = self.world.now, None

    def swept(self, started_ms: int, ranks: dict[tuple[str, str], int]) -> None:
        """A sweep has done its work: what was so when it began is in the list, and crashed jobs have three minutes."""
        self._shown(ranks)
        for known in self.jobs.values():
            began = max(known.crashed_ms, known.acked_ms or 0)
            if known.rank < 2 and known.due_ms is None and began <= started_ms:
                known.due_ms = started_ms + _PROMISED_MS


def _told(record: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """The outcome event that a record calls for."""
    said = record.get("result") or {name: record.get(name) for name in ("error_code", "error_message")}
    kind = f"otelworker.distance.{record['status']}.v1"
    return kind, {**said, **{name: record[name] for name in ("job_id", "date", "device_id")}}


def holds(record: dict[str, Any], now: int) -> bool:
    """Whether some attempt's lease goes on."""
    ends = record.get("lease_expires_at")
    return ends is not None and ms_of(ends) > now


def ms_of(instant: str) -> int:
    """Virtual milliseconds of an RFC 3339 instant."""
    return round((datetime.fromisoformat(instant) - START).total_seconds() * 1000)
