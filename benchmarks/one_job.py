"""One job in a fresh process, as calculate runs it: `python -m benchmarks.one_job YYYY-MM-DD discard|store`.

Prints the seconds from the claim to the commit, and the fixes. The settings are calculate's, from the environment.
"""

import sys
import time
from datetime import date

from functions.calculate import calculation
from functions.calculate.fixes import FixSource
from functions.calculate.submission import new_record, task_of
from shared import ids, settings
from shared.jobs import Jobs, utc_now
from shared.models import Submission
from shared.storage import Bucket, ObjectMissing, Stored, client
from shared.telemetry.context import trace_of


class Discarding(Bucket):
    """A bucket in memory that keeps records and drops every CSV."""

    def __init__(self) -> None:
        self._records: dict[str, bytes] = {}

    def get(self, key: str) -> Stored:
        if key not in self._records:
            raise ObjectMissing(key)
        return Stored(self._records[key], "")

    def put(self, key: str, body: bytes = b"", content_type: str = "") -> None: ...

    def create(self, key: str, body: bytes) -> str:
        self._records[key] = body
        return ""

    def replace(self, key: str, body: bytes, etag: str) -> str:
        return self.create(key, body + etag.encode())

    def delete(self, key: str) -> None: ...

    def start_parts(self, key: str, content_type: str) -> str:
        return key + content_type

    def put_part(self, *_: object, **__: object) -> str:
        return ""

    def complete_parts(self, key: str, upload: str, etags: list[str]) -> None: ...

    def abort_parts(self, key: str, upload: str) -> None: ...

    def abort_uploads(self, key: str) -> None: ...


def main(day: str, sink: str) -> None:
    given = settings.load("calculate")
    s3 = client(given)
    records, csvs = Bucket(s3, given.JOBS_BUCKET), Bucket(s3, given.CSV_BUCKET)
    if sink == "discard":
        records = csvs = Discarding()
    jobs, fixes, now = Jobs(records), FixSource(given), utc_now()
    submission = Submission(date=date.fromisoformat(day))
    job = jobs.create(new_record(ids.new_job_id(now), task_of(submission, given, now), submission, now, trace_of({})))
    started = time.perf_counter()
    ended = calculation.run(job.job_id, jobs, fixes, csvs)
    seconds = time.perf_counter() - started
    print(seconds, ended.result.total_locations if ended.result else 0)


if __name__ == "__main__":
    main(*sys.argv[1:])
