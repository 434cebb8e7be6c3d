"""Invariants that hold after the faults have ended and all work is done."""

import json

from shared.models import PUBLIC_STATUSES
from tests.simulation.bucket_state import BucketState
from tests.simulation.fixes import DATES, DEVICES
from tests.simulation.oracle import DELETED, Oracle
from tests.simulation.readers import Readers
from tests.simulation.world import World

_LISTED_FIELDS = ("job_id", "status", "date", "device_id", "queued_at", "completed_at")
_FILTERS: tuple[dict[str, str], ...] = (
    *({"status": status.value} for status in PUBLIC_STATUSES),
    *({"date": day} for day in DATES),
    *({"device_id": device} for device in DEVICES),
)
_FILTERS_PER_RUN = 2


class QuiescenceCheck:
    """Checks both buckets and the list."""

    def __init__(self, world: World, oracle: Oracle, readers: Readers, records: BucketState, csvs: BucketState) -> None:
        self._world = world
        self._oracle = oracle
        self._readers = readers
        self._records = records
        self._csvs = csvs

    def pending(self) -> list[str]:
        """Describe the jobs, processes and objects that sweeps still have to handle."""
        jobs = [f"{job.job_id} is {job.record['status']}" for job in self._oracle.jobs.values() if job.rank < 2]
        markers = [key for key in self._records.objects if key.startswith("t/")]
        return jobs + self._world.running + markers + self._garbage() + self._orphans() + self._uploads()

    def _garbage(self) -> list[str]:
        """Return the segments that CURRENT does not name, without those of uncommitted generations."""
        current = self._records.objects.get("x/CURRENT")
        manifest = json.loads(current.body) if current else {"generation": 0, "hot": None, "sealed": []}
        named = {"x/CURRENT", manifest["hot"], *(sealed["key"] for sealed in manifest["sealed"])}
        uncommitted = f"x/{manifest['generation'] + 1:010d}"
        return [key for key in self._records.objects if key.startswith("x/") and key not in named and key < uncommitted]

    def _orphans(self) -> list[str]:
        """Return the CSVs that no record names."""
        records = [job.record for job in self._oracle.jobs.values() if job.rank == 2]
        named = {record["result"]["csv_path"] for record in records if "result" in record}
        return [f"orphan {key}" for key in self._csvs.objects if key not in named]

    def _uploads(self) -> list[str]:
        """Return the unfinished uploads that must not exist.

        After storage errors the bucket's lifecycle rule removes uploads. The same applies to deleted jobs, because
        nothing records the key of an upload that starts after the deletion.
        """
        if not self._world.faults.only_deaths:
            return []
        recreated = {job.job_id for job in self._oracle.previous_jobs}
        existing = [job for job in self._oracle.jobs.values() if job.rank < DELETED and job.job_id not in recreated]
        prefixes = {f"csv/{job.job_id}" for job in existing}
        return [f"unfinished upload of {key}" for key, _ in self._csvs.uploads.values() if key[:40] in prefixes]

    def check(self) -> None:
        """Check that the list equals the records, without and with filters, and that days do."""
        records = sorted(
            (job.record for job in self._oracle.jobs.values() if job.rank < DELETED),
            key=lambda record: (record["queued_at"], record["job_id"]),
            reverse=True,
        )
        expected = [{name: record[name] for name in _LISTED_FIELDS} for record in records]
        for query in [{}, *self._world.rng.sample(_FILTERS, _FILTERS_PER_RUN)]:
            page = self._readers.page(query)
            if page is None:
                self._world.report_violation("the list fails although the faults have ended")
            matching = [job for job in expected if all(not text or job[name] == text for name, text in query.items())]
            if [{name: listed.get(name) for name in _LISTED_FIELDS} for listed in page["jobs"]] != matching:
                self._world.report_violation(f"the list of {query} differs from the records")
        self._readers.walk(total=len(expected))
        self._readers.days.read()
        self._world.counts["quiescent"] += 1
        for job in self._oracle.jobs.values():
            state = f"failed {job.record['error_code']}" if "error_code" in job.record else job.record["status"]
            self._world.counts[f"job {'deleted' if job.rank == DELETED else state}"] += 1
