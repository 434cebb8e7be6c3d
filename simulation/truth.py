"""What has happened, as the storage shows it, and what must hold at each write, answer and outcome."""

import json
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from shared.models import Status
from simulation.disk import Disk
from simulation.fixes import Expected, expected
from simulation.world import START, Visit, World

_RANK = {status.value: status.rank for status in Status}
_NEVER_CHANGES = ("job_id", "date", "device_id", "timezone", "home", "away_threshold_km", "queued_at", "given")
_END = ("status", "completed_at", "result", "error_code", "error_message", "attempt")
_CODES = {"NO_DATA", "UNDELIVERABLE", "TOO_MANY_ATTEMPTS"}
_LEASE_MARGIN_MS = 3_000  # the 5 s that a claim waits less the 2 s that its clock may be ahead
_MOST_ATTEMPTS = 5
_STALLED_MS = 10_000  # a step of an attempt that takes no longer leaves it the time to renew its lease
_PROMISED_MS = 180_000  # from the next sweep after a crash to the end of the job


@dataclass
class Known:
    """A job, as the world knows it."""

    job_id: str
    record: dict[str, Any]
    rank: int = 0
    shown: int = -1  # the rank that every list from now on must show; -1: it need not be listed
    acked_ms: int | None = None
    crashed_ms: int = 0
    due_ms: int | None = None
    outcome: tuple[str, dict[str, Any]] | None = None
    writer: Visit | None = None  # who changed the record last


@dataclass
class Truth:
    """Every job that ever had a record, and the invariants that are checked as things happen."""

    world: World
    records: Disk
    csvs: Disk
    jobs: dict[str, Known] = field(default_factory=dict)
    strays: set[str] = field(default_factory=set)  # jobs that a creation may have left a wrong marker of
    by_key: dict[str, str] = field(default_factory=dict)
    writers: dict[str, Visit] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.records.watch = self._record_written
        self.csvs.watch = self._csv_written

    def _record_written(self, key: str, old: bytes | None, new: bytes | None) -> None:
        if not key.startswith("jobs/"):
            return
        job_id = key[5:-5]
        if new is None:
            self.world.fail(f"the record of {job_id} was deleted")
            return
        record = json.loads(new)
        rank = _RANK[record["status"]]
        known = self.jobs.get(job_id)
        before = known.record if known else record
        if known is None:
            known = self.jobs[job_id] = Known(job_id, record)
            if rank != 0 or record["job_id"] != job_id:
                self.world.fail(f"{job_id} was created as {record['status']} {record['job_id']}")
        elif old is None:
            self.world.fail(f"the record of {job_id} was made again")
        elif old != new:
            self._moved(known, known.record, record)
        known.record, known.rank = record, rank
        visit = self.world.current.visit
        if visit is not None:
            visit.moved[job_id] = rank
        known.writer = None if _given_back(before, record) else visit
        if rank == 2:
            self._ended(known)

    def _moved(self, known: Known, old: dict[str, Any], new: dict[str, Any]) -> None:
        fail, job_id = self.world.fail, known.job_id
        if any(old.get(name) != new.get(name) for name in _NEVER_CHANGES):
            fail(f"the task of {job_id} changed")
        if _RANK[new["status"]] < known.rank:
            fail(f"{job_id} went back from {old['status']} to {new['status']}")
        if known.rank == 2 and any(old.get(name) != new.get(name) for name in _END):
            fail(f"the end of {job_id} changed from {old['status']} to {new['status']}")
        if new["attempt"] < old["attempt"]:
            fail(f"the attempts of {job_id} went back")
        if known.rank == 1 and new.get("owner") != old.get("owner") and new.get("owner"):
            self.world.counts["takeovers"] += 1
            ends = old.get("lease_expires_at")
            if ends is not None and self.world.now < ms_of(ends) + _LEASE_MARGIN_MS:
                fail(f"{job_id} was taken from an attempt whose lease had not ended")
            if new["attempt"] == old["attempt"]:
                fail(f"two attempts of {job_id} have one number")
            holder = known.writer
            if holder and self._goes_on(holder):
                fail(f"{job_id} was taken from an attempt that went on all the time")

    def _goes_on(self, holder: Visit) -> bool:
        """Whether an attempt lives, and has asked for something every few seconds without meeting a fault."""
        longest_ms = max(holder.gap_ms, self.world.now - holder.stepped_ms)
        return holder.pod.alive and not holder.hurt and longest_ms < _STALLED_MS

    def _ended(self, known: Known) -> None:
        record, fail = known.record, self.world.fail
        wanted = self.expected(record)
        if record["status"] == "failed":
            code = record.get("error_code")
            if code not in _CODES or record.get("result"):
                fail(f"{known.job_id} failed with {code}")
            if code == "TOO_MANY_ATTEMPTS" and record["attempt"] < _MOST_ATTEMPTS:
                fail(f"{known.job_id} was given up after {record['attempt']} attempts")
            if code == "NO_DATA" and wanted.numbers is not None:
                fail(f"{known.job_id} failed with NO_DATA though there is data")
        else:
            result = record["result"]
            there = self.csvs.objects.get(result["csv_path"])
            if wanted.numbers is None or any(result[name] != value for name, value in wanted.numbers.items()):
                fail(f"{known.job_id} was completed with wrong numbers")
            if there is None or there.body != wanted.csv or len(there.body) != result["csv_size_bytes"]:
                fail(f"{known.job_id} was completed without its whole CSV")
        if known.due_ms is not None and self.world.now > known.due_ms and self.world.weather.mere_deaths:
            fail(f"{known.job_id} ended later than three minutes after the sweep that followed a crash")

    def expected(self, record: dict[str, Any]) -> Expected:
        """The plain reference's word on a job."""
        home = record["home"]["latitude"], record["home"]["longitude"]
        return expected(
            record["date"], record["device_id"], record["timezone"], home, float(record["away_threshold_km"])
        )

    def _csv_written(self, key: str, _: bytes | None, new: bytes | None) -> None:
        known = self.jobs.get(key.split("/")[1])
        if known is None:
            self.world.fail(f"a CSV of no job: {key}")
            return
        if new is None:
            if known.rank == 2 and key == (known.record.get("result") or {}).get("csv_path"):
                self.world.fail(f"the CSV of {known.job_id} was deleted")
            return
        if new != self.expected(known.record).csv:
            self.world.fail(f"a CSV of {known.job_id} is visible that is not whole")
        visit = self.world.current.visit
        if visit is not None and self.writers.setdefault(key, visit) is not visit:
            self.world.fail(f"two attempts of {known.job_id} wrote the same CSV")

    def outcome(self, kind: str, data: dict[str, Any]) -> None:
        """An outcome event has reached the broker."""
        known = self.jobs.get(data["job_id"])
        if known is None or known.rank != 2 or kind.split(".")[2] != known.record["status"]:
            self.world.fail(f"an outcome event says {kind} of {data['job_id']}")
            return
        said = known.record.get("result") or {name: known.record[name] for name in ("error_code", "error_message")}
        if data != {**said, **{name: known.record[name] for name in ("job_id", "date", "device_id")}}:
            self.world.fail(f"an outcome event differs from the record of {data['job_id']}")
        if known.outcome not in (None, (kind, data)):
            self.world.fail(f"two outcome events of {data['job_id']} differ")
        known.outcome = kind, data
        self.world.counts["outcomes"] += 1

    def acked(self, job_id: str, key: str | None, queued_at: str) -> Known:
        """A caller has been told of a job."""
        known = self.jobs.get(job_id)
        if known is None or f"jobs/{job_id}.json" not in self.records.objects:
            self.world.fail(f"202 for {job_id}, which has no record")
            raise AssertionError
        if known.record["queued_at"] != queued_at:
            self.world.fail(f"202 for {job_id} with another queued_at than its record")
        if key is not None and self.by_key.setdefault(key, job_id) != job_id:
            self.world.fail("one Idempotency-Key has two jobs")
        known.shown = max(known.shown, 0)
        if known.acked_ms is None:
            known.acked_ms = self.world.now
            self.world.counts["acknowledged"] += 1
        return known

    def answered(self, visit: Visit, status: int) -> None:
        """A request has been answered: what it moved without meeting a fault, it has told the list."""
        if visit.handler == "requested":
            self._delivered(visit, self.jobs.get(visit.touched or ""), status)
        if visit.hurt:
            self._astray(visit)
        else:
            for job_id, rank in visit.moved.items():
                known = self.jobs[job_id]
                known.shown = max(known.shown, rank)

    def _astray(self, visit: Visit) -> None:
        if visit.handler == "submit" and visit.touched:
            self.strays.add(visit.touched)

    def _delivered(self, visit: Visit, known: Known | None, status: int) -> None:
        if status in (200, 204) and (known is None or known.rank != 2):
            self.world.fail(f"a delivery was answered {status} though its job has not ended")
        released = visit.hurt or known is None or known.writer is not visit or known.rank != 1
        if status == 503 and known and not released and _holds(known.record, self.world.now):
            self.world.fail(f"an attempt at {known.job_id} gave up and kept its lease")

    def died(self, visit: Visit) -> None:
        """A request died with its pod: the job that it was at, or all jobs of a sweep, are the next sweep's."""
        self._astray(visit)
        for known in (
            self.jobs.values() if visit.handler == "sweep" else filter(None, [self.jobs.get(visit.touched or "")])
        ):
            known.crashed_ms, known.due_ms = self.world.now, None

    def swept(self, started_ms: int, ranks: dict[str, int]) -> None:
        """A sweep met no fault: what was so when it began is in the list, and crashed jobs have three minutes."""
        for job_id, rank in ranks.items():
            known = self.jobs[job_id]
            known.shown = max(known.shown, rank)
            began = max(known.crashed_ms, known.acked_ms or 0)
            if known.rank < 2 and known.due_ms is None and began <= started_ms:
                known.due_ms = started_ms + _PROMISED_MS


def _holds(record: dict[str, Any], now: int) -> bool:
    """Whether some attempt's lease goes on."""
    ends = record.get("lease_expires_at")
    return ends is not None and ms_of(ends) > now


def _given_back(before: dict[str, Any], record: dict[str, Any]) -> bool:
    """Whether a lease was ended before its time."""
    ends, ended = record.get("lease_expires_at"), before.get("lease_expires_at")
    return ends is None or (ended is not None and ends < ended)


def ms_of(instant: str) -> int:
    """Virtual milliseconds of an RFC 3339 instant."""
    return round((datetime.fromisoformat(instant) - START).total_seconds() * 1000)
