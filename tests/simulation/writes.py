"""What must hold at each write to the storage, as it happens."""

import json
from hashlib import sha256
from typing import Any

from tests.simulation.disk import Disk, Object
from tests.simulation.oracle import GONE, RANK, Known, Oracle, holds, ms_of
from tests.simulation.world import Visit

_NEVER_CHANGES = (
    "job_id",
    "date",
    "device_id",
    "timezone",
    "home",
    "away_threshold_km",
    "queued_at",
    "explicit_fields",
)
_END = ("status", "completed_at", "result", "error_code", "error_message", "attempt")
_CODES = {"NO_DATA", "UNDELIVERABLE", "TOO_MANY_ATTEMPTS"}
_EXHAUSTED = {"expired_leases": 5, "released_attempts": 100, "redispatch_count": 24}
_LEASE_MARGIN_MS = 3_000  # the 5 s that a claim waits less the 2 s that its clock may be ahead
_STALLED_MS = 10_000  # a step of an attempt that takes no longer leaves it the time to renew its lease
_MOURNING_MS = 7 * 86_400_000 - 86_400_000  # tombstones go by the day


class Writes:
    """Watches the two buckets."""

    def __init__(self, truth: Oracle, records: Disk, csvs: Disk) -> None:
        self._oracle = truth
        self._world = truth.world
        self._csvs = csvs
        self._writers: dict[str, Visit] = {}
        records.watch = self._record_written
        csvs.watch = self._csv_written

    def _record_written(self, key: str, old: Object | None, new: bytes | None) -> None:
        if key.startswith("t/"):
            self._marked(key, old, new)
        if not key.startswith("jobs/") or (old is not None and old.body == new):
            return
        job_id = key[5:-5]
        known = self._oracle.jobs.get(job_id)
        if new is None:
            self._forgotten(known)
            return
        record = json.loads(new)
        rank = RANK[record["status"]]
        if known is None or (known.rank == GONE and rank < GONE):
            known = self._created(job_id, known, record)
        elif rank == GONE:
            self._deleted(known, record)
        else:
            self._moved(known, known.record, record)
        visit = self._world.current.visit
        if visit is not None:
            visit.moved[known.position] = rank
        if record.get("owner") != known.record.get("owner"):
            known.writer = visit if record.get("owner") else None
        known.rank = rank
        if rank < GONE:
            known.record = record
        if rank == 2:
            self._ended(known)

    def _marked(self, key: str, old: Object | None, new: bytes | None) -> None:
        if old is not None and new is not None:
            return
        job_id, rank, said = key[2:].split(".", 2)
        status, queued_ms, day, device, *_ = said.split("~")
        known, truth = self._oracle.jobs.get(job_id), self._oracle
        if status == "deleted":
            truth.gone += 1
        else:
            truth.markers[job_id] += 1 if new is not None else -1
        # Of several creations of one id at most one stays in the list.
        places = truth.places.setdefault(job_id, set())
        places.add(queued_ms)
        truth.gone += len(places) > 1
        if new is None:
            truth.unmarked_ms[job_id] = self._world.now
            truth.gone += known is None  # its record never came
        elif rank == "0":
            truth.marked_as.setdefault(job_id, set()).add(f"{day} {device}")

    def _created(self, job_id: str, before: Known | None, record: dict[str, Any]) -> Known:
        if record["status"] != "queued" or record["job_id"] != job_id:
            self._world.fail(f"{job_id} was created as {record['status']} {record['job_id']}")
        if before is not None:
            self._world.counts["made again"] += 1
            visit = self._world.current.visit
            if visit is not None and visit.handler != "submit":
                self._world.fail(f"{job_id} was deleted, and {visit.handler} brings it back")
            self._oracle.past.append(before)
            if record["queued_at"] <= before.record["queued_at"] or record["attempt"] < before.record["attempt"]:
                self._world.fail(f"{job_id} is made again, and not to be told from the deleted one")
        known = self._oracle.jobs[job_id] = Known(job_id, record)
        if job_id in self._oracle.being_deleted:
            self._oracle.doom(known)
        return known

    def _deleted(self, known: Known, tombstone: dict[str, Any]) -> None:
        self._world.counts["deleted"] += 1
        self._oracle.gone += 1
        if not self._oracle.may_go(known):
            self._world.fail(f"{known.job_id} was deleted, and nobody asked for it")
        if set(tombstone) != {"version", "status", "job_id", "queued_at", "deleted_at", "attempt"}:
            self._world.fail(f"the tombstone of {known.job_id} says {sorted(tombstone)}")
        if any(tombstone[name] != known.record[name] for name in ("job_id", "queued_at", "attempt")):
            self._world.fail(f"the tombstone of {known.job_id} is another job's")

    def _forgotten(self, known: Known | None) -> None:
        if known is None or known.rank != GONE or self._world.now - ms_of(known.record["queued_at"]) < _MOURNING_MS:
            self._world.fail(f"the record of {known.job_id if known else 'nobody'} was deleted")
        del self._oracle.jobs[known.job_id]
        self._oracle.past.append(known)

    def _moved(self, known: Known, old: dict[str, Any], new: dict[str, Any]) -> None:
        fail, job_id = self._world.fail, known.job_id
        if any(old.get(name) != new.get(name) for name in _NEVER_CHANGES):
            fail(f"the task of {job_id} changed")
        if RANK[new["status"]] < known.rank:
            fail(f"{job_id} went back from {old['status']} to {new['status']}")
        if known.rank == 2 and any(old.get(name) != new.get(name) for name in _END):
            fail(f"the end of {job_id} changed from {old['status']} to {new['status']}")
        if known.rank < 2 <= RANK[new["status"]] and self._ended_by_another(known):
            fail(f"{job_id} was ended while an attempt held it")
        if new["attempt"] < old["attempt"]:
            fail(f"the attempts of {job_id} went back")
        if known.rank == 1 and new.get("owner") not in (None, old.get("owner")):
            self._world.counts["takeovers"] += 1
            ends = old.get("lease_expires_at")
            if ends is not None and self._world.now < ms_of(ends) + _LEASE_MARGIN_MS:
                fail(f"{job_id} was taken from an attempt whose lease had not ended")
            if new["attempt"] == old["attempt"]:
                fail(f"two attempts of {job_id} have one number")
            if known.writer and self._goes_on(known.writer):
                fail(f"{job_id} was taken from an attempt that went on all the time")

    def _ended_by_another(self, known: Known) -> bool:
        visit = self._world.current.visit
        return visit is not None and visit is not known.writer and holds(known.record, self._world.now)

    def _goes_on(self, holder: Visit) -> bool:
        """Whether an attempt lives, and has asked for something every few seconds without meeting a fault."""
        longest_ms = max(holder.gap_ms, self._world.now - holder.stepped_ms)
        return holder.pod.alive and not holder.hurt and longest_ms < _STALLED_MS

    def _ended(self, known: Known) -> None:
        record, fail = known.record, self._world.fail
        wanted = self._oracle.expected(record)
        if record["status"] == "failed":
            code = record.get("error_code")
            if code not in _CODES or record.get("result"):
                fail(f"{known.job_id} failed with {code}")
            if code == "TOO_MANY_ATTEMPTS" and all(record[name] < most for name, most in _EXHAUSTED.items()):
                fail(f"{known.job_id} was given up after {record['attempt']} attempts")
            if code == "NO_DATA" and wanted.numbers is not None:
                fail(f"{known.job_id} failed with NO_DATA though there is data")
        else:
            result = record["result"]
            there = self._csvs.objects.get(result["csv_path"])
            if wanted.numbers is None or any(result[name] != value for name, value in wanted.numbers.items()):
                fail(f"{known.job_id} was completed with wrong numbers")
            if there is None or there.body != wanted.csv or len(there.body) != result["csv_size_bytes"]:
                fail(f"{known.job_id} was completed without its whole CSV")
            elif sha256(there.body).hexdigest() != result["csv_sha256"]:
                fail(f"{known.job_id} was completed with a wrong digest of its CSV")
        if known.due_ms is not None and self._world.now > known.due_ms and self._world.weather.mere_deaths:
            fail(f"{known.job_id} ended later than three minutes after the sweep that followed a crash")

    def _csv_written(self, key: str, old: Object | None, new: bytes | None) -> None:
        known = self._oracle.jobs.get(key.split("/")[1])
        if known is None:
            self._world.fail(f"a CSV of no job: {key}")
        if new is None:
            if known.rank == 2 and key == (known.record.get("result") or {}).get("csv_path"):
                self._csv_gone(known, old)
            return
        lives = [known, *(other for other in self._oracle.past if other.job_id == known.job_id)]
        if all(new != self._oracle.expected(life.record).csv for life in lives):
            self._world.fail(f"a CSV of {known.job_id} is visible that is not whole")
        visit = self._world.current.visit
        if visit is not None and self._writers.setdefault(key, visit) is not visit:
            self._world.fail(f"two attempts of {known.job_id} wrote the same CSV")

    def _csv_gone(self, known: Known, old: Object | None) -> None:
        age = self._oracle.csv_age
        too_old = age is not None and old is not None and self._oracle.aged(old.modified_ms, age)
        if not too_old and not self._oracle.may_go(known):
            self._world.fail(f"the CSV of {known.job_id} was deleted")
