"""What must hold when the faults are over and nothing moves any more."""

import json

from shared.models import PUBLIC_STATUSES
from tests.simulation.disk import Disk
from tests.simulation.fixes import DATES, DEVICES
from tests.simulation.oracle import GONE, Oracle
from tests.simulation.readers import Readers
from tests.simulation.world import World

_LISTED = ("job_id", "status", "date", "device_id", "queued_at", "completed_at")
_FILTERS: tuple[dict[str, str], ...] = (
    *({"status": status.value} for status in PUBLIC_STATUSES),
    *({"date": day} for day in DATES),
    *({"device_id": device} for device in DEVICES),
)
_FILTERS_A_RUN = 2


class Rest:
    """Looks at both buckets and at the list."""

    def __init__(self, world: World, truth: Oracle, readers: Readers, records: Disk, csvs: Disk) -> None:
        self._world = world
        self._oracle = truth
        self._readers = readers
        self._records = records
        self._csvs = csvs

    def pending(self) -> list[str]:
        """What is still under way, or still to be cleared away."""
        jobs = [f"{job.job_id} is {job.record['status']}" for job in self._oracle.jobs.values() if job.rank < 2]
        tail = [key for key in self._records.objects if key.startswith("t/")]
        return jobs + self._world.busy + tail + self._garbage() + self._orphans() + self._uploads()

    def _garbage(self) -> list[str]:
        """Segments that CURRENT does not name; those of a generation that never was go with that generation."""
        current = self._records.objects.get("x/CURRENT")
        catalogue = json.loads(current.body) if current else {"generation": 0, "hot": None, "sealed": []}
        named = {"x/CURRENT", catalogue["hot"], *(sealed["key"] for sealed in catalogue["sealed"])}
        coming = f"x/{catalogue['generation'] + 1:010d}"
        return [key for key in self._records.objects if key.startswith("x/") and key not in named and key < coming]

    def _orphans(self) -> list[str]:
        """CSVs that no record names."""
        records = [job.record for job in self._oracle.jobs.values() if job.rank == 2]
        named = {record["result"]["csv_path"] for record in records if "result" in record}
        return [f"orphan {key}" for key in self._csvs.objects if key not in named]

    def _uploads(self) -> list[str]:
        """Unfinished uploads, where storage never failed: else some are left to the bucket's lifecycle.

        So are those of deleted jobs: of one that began after the deletion nobody knows the whole key.
        """
        if not self._world.weather.mere_deaths:
            return []
        again = {job.job_id for job in self._oracle.past}
        kept = {
            f"csv/{job.job_id}" for job in self._oracle.jobs.values() if job.rank < GONE and job.job_id not in again
        }
        return [f"unfinished upload of {key}" for key, _ in self._csvs.uploads.values() if key[:40] in kept]

    def check(self) -> None:
        """The list equals the records, whole and by filters."""
        records = sorted(
            (job.record for job in self._oracle.jobs.values() if job.rank < GONE),
            key=lambda record: (record["queued_at"], record["job_id"]),
            reverse=True,
        )
        wanted = [{name: record[name] for name in _LISTED} for record in records]
        for query in [{}, *self._world.rng.sample(_FILTERS, _FILTERS_A_RUN)]:
            said = self._readers.page(query)
            if said is None:
                self._world.fail("the list has no answer at rest")
            admitted = [job for job in wanted if all(not text or job[name] == text for name, text in query.items())]
            if [{name: shown.get(name) for name in _LISTED} for shown in said["jobs"]] != admitted:
                self._world.fail(f"the list of {query} differs from the records")
        self._readers.walk(total=len(wanted))
        self._world.counts["rests"] += 1
        for job in self._oracle.jobs.values():
            told = f"failed {job.record['error_code']}" if "error_code" in job.record else job.record["status"]
            self._world.counts[f"job {'deleted' if job.rank == GONE else told}"] += 1
