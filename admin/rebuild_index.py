"""`relist`: rebuild the index from the job records, after the index's objects were lost."""

from shared.errors import CorruptRecord, JobDeleted, NotFound
from shared.jobs.store import RECORD_PREFIX, JobStore
from shared.storage.bucket import Bucket


def rebuild_index(bucket: Bucket) -> int:
    """Write a marker for every record and return their number; the following sweeps compact them into the index.

    Jobs may be submitted and deleted meanwhile.
    """
    jobs = JobStore(bucket)
    count = 0
    for key in bucket.list_keys(RECORD_PREFIX):
        try:
            jobs.write_marker(jobs.get_for_update(key.removeprefix(RECORD_PREFIX).removesuffix(".json")).record)
        except (NotFound, JobDeleted, CorruptRecord):
            continue
        count += 1
    return count
