"""`relist`: the list made anew from the records, which are the only truth, after its own objects were lost."""

from shared.errors import CorruptRecord, JobDeleted, NotFound
from shared.jobs.store import RECORD_PREFIX, JobStore
from shared.storage.bucket import Bucket


def relist(bucket: Bucket) -> int:
    """Put a marker for every record, so that sweeps take them in; how many. Jobs may come and go meanwhile."""
    jobs = JobStore(bucket)
    count = 0
    for key in bucket.keys(RECORD_PREFIX):
        try:
            jobs.relist(jobs.get_for_update(key.removeprefix(RECORD_PREFIX).removesuffix(".json")).record)
        except (NotFound, JobDeleted, CorruptRecord):
            continue
        count += 1
    return count
