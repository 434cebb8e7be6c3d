"""Run one job: `python -m benchmarks.run_job DATE discard|store [without-digest|without-analysis]`.

Prints the seconds from claim to commit, those of the analysis in it, the processor seconds, the peak memory of the
process in MB, and the number of fixes. The settings are those of calculate, from the environment. With
`without-digest` the CSV is not hashed, with `without-analysis` the day is not analysed.
"""

import os
import sys
import time
from datetime import date
from typing import Any

from benchmarks.process_usage import peak_mb
from functions.calculate import calculation
from functions.calculate.analysis.analyzer import DayAnalyzer
from functions.calculate.fixes.blocks import Block, MeasuredBlock
from functions.calculate.fixes.source import FixSource
from functions.calculate.submission import new_record, resolve_task
from shared import ids
from shared.config import settings
from shared.jobs.store import JobStore, utc_now
from shared.storage.bucket import Bucket, ObjectMissing, StoredObject, client
from shared.storage.connection import Body
from shared.storage.multipart import Upload
from shared.submissions import Submission
from shared.telemetry.context import trace_of


class DiscardingBucket(Bucket):
    """A bucket in memory that stores records and discards every CSV."""

    def __init__(self) -> None:
        self._records: dict[str, bytes] = {}

    def get(self, key: str) -> StoredObject:
        if key not in self._records:
            raise ObjectMissing(key)
        return StoredObject(self._records[key], "")

    def put(self, key: str, body: Body = b"", content_type: str = "", *, sha256: str = "") -> None: ...

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

    def complete_upload(self, key: str, upload_id: str, etags: list[str]) -> None: ...

    def abort_upload(self, key: str, upload_id: str) -> None: ...

    def abort_uploads(self, key: str) -> None: ...


class UploadWithoutDigest(Upload):
    """An upload without SHA-256."""

    sha256 = "0" * 64

    def _upload_part(self, upload_id: str, number: int, part: bytearray | memoryview) -> str:
        return self._bucket.upload_part(self._key, upload_id, number, part)


class TimedAnalyzer(DayAnalyzer):
    """An analyzer that adds up the time that it takes."""

    seconds = 0.0

    def add(self, block: Block, measured: MeasuredBlock) -> None:
        started = time.perf_counter()
        super().add(block, measured)
        TimedAnalyzer.seconds += time.perf_counter() - started

    def result(self) -> dict[str, Any]:
        started = time.perf_counter()
        document = super().result()
        TimedAnalyzer.seconds += time.perf_counter() - started
        return document


class NoAnalyzer:
    """An analyzer that analyses nothing."""

    def __init__(self, **_: object) -> None: ...

    def add(self, *_: object) -> None: ...

    def result(self) -> dict[str, Any]:
        return {"device_count": 0, "devices": []}


def main(day: str, sink: str, variant: str = "") -> None:
    loaded = settings.load("calculate")
    s3 = client(loaded)
    records, csvs = Bucket(s3, loaded.JOBS_BUCKET), Bucket(s3, loaded.CSV_BUCKET)
    if sink == "discard":
        records = csvs = DiscardingBucket()
    if variant == "without-digest":
        vars(calculation)["Upload"] = UploadWithoutDigest
    vars(calculation)["DayAnalyzer"] = NoAnalyzer if variant == "without-analysis" else TimedAnalyzer
    jobs, fixes, now = JobStore(records), FixSource(loaded), utc_now()
    submission = Submission(date=date.fromisoformat(day))
    job = jobs.create(
        new_record(ids.new_job_id(now), resolve_task(submission, loaded, now), submission, now, trace_of({}))
    )
    started, busy = time.perf_counter(), time.process_time()
    record = calculation.run_job(job.job_id, jobs, fixes, csvs)
    seconds, processor_seconds = time.perf_counter() - started, time.process_time() - busy
    count = record.result.total_locations if record.result else 0
    print(seconds, TimedAnalyzer.seconds, processor_seconds, peak_mb(os.getpid()), count)


if __name__ == "__main__":
    main(*sys.argv[1:])
