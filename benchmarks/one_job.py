"""One job in a fresh process, as calculate runs it: `python -m benchmarks.one_job DATE discard|store [undigested]`.

Prints the seconds from the claim to the commit, the fixes, and the seconds of processor time. The settings are
calculate's, from the environment. With `undigested` the CSV is not hashed.
"""

import sys
import time
from datetime import date
from unittest import mock

from functions.calculate import calculation
from functions.calculate.fixes.source import FixSource
from functions.calculate.submission import new_record, task_of
from shared import ids
from shared.config import settings
from shared.jobs.store import JobStore, utc_now
from shared.models import Submission
from shared.storage.bucket import Bucket, ObjectMissing, StoredObject, client
from shared.storage.multipart import Upload
from shared.telemetry.context import trace_of


class Discarding(Bucket):
    """A bucket in memory that keeps records and drops every CSV."""

    def __init__(self) -> None:
        self._records: dict[str, bytes] = {}

    def get(self, key: str) -> StoredObject:
        if key not in self._records:
            raise ObjectMissing(key)
        return StoredObject(self._records[key], "")

    def put(self, key: str, body: bytes = b"", content_type: str = "") -> None: ...

    def create(self, key: str, body: bytes) -> str:
        self._records[key] = body
        return ""

    def replace(self, key: str, body: bytes, etag: str) -> str:
        return self.create(key, body + etag.encode())

    def delete(self, key: str) -> None: ...

    def start_upload(self, key: str, content_type: str) -> str:
        return key + content_type

    def upload_part(self, *_: object, **__: object) -> str:
        return ""

    def complete_upload(self, key: str, upload: str, etags: list[str]) -> None: ...

    def abort_upload(self, key: str, upload: str) -> None: ...

    def abort_uploads(self, key: str) -> None: ...


class Undigested(Upload):
    """An upload without SHA-256: what the digest costs is the difference."""

    sha256 = "0" * 64

    def _upload_part(self, upload: str, number: int, part: bytes | bytearray) -> str:
        return self._bucket.upload_part(self._key, upload, number, part)


def main(day: str, sink: str, variant: str = "") -> None:
    given = settings.load("calculate")
    s3 = client(given)
    records, csvs = Bucket(s3, given.JOBS_BUCKET), Bucket(s3, given.CSV_BUCKET)
    if sink == "discard":
        records = csvs = Discarding()
    jobs, fixes, now = JobStore(records), FixSource(given), utc_now()
    submission = Submission(date=date.fromisoformat(day))
    job = jobs.create(new_record(ids.new_job_id(now), task_of(submission, given, now), submission, now, trace_of({})))
    started, busy = time.perf_counter(), time.process_time()
    with mock.patch.object(calculation, "Upload", Undigested if variant else Upload):
        ended = calculation.run(job.job_id, jobs, fixes, csvs)
    seconds, processor_seconds = time.perf_counter() - started, time.process_time() - busy
    print(seconds, ended.result.total_locations if ended.result else 0, processor_seconds)


if __name__ == "__main__":
    main(*sys.argv[1:])
