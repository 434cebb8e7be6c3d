from datetime import date

import pytest
import urllib3

from admin.__main__ import main
from admin.api import RETRIES
from admin.delete_jobs import JobFilter
from admin.rebuild_index import rebuild_index
from shared.job_index.markers import position_of
from shared.jobs.store import JobStore
from shared.models import Status
from tests.builders import JOB_ID, record, result
from tests.fakes import Clock, MemoryBucket
from tests.sweeps import listed

JOBS = [
    {"job_id": f"{device}/{day}", "device_id": device, "date": f"2026-01-{day}"}
    for device in ("", "garmin", "iphone_stuart")
    for day in (20, 21, 22)
]


def matching(job_filter: JobFilter) -> set[str]:
    return {job["job_id"] for job in JOBS if job_filter.matches(job)}


def test_a_device_matches_only_its_jobs() -> None:
    assert matching(JobFilter("garmin")) == {"garmin/20", "garmin/21", "garmin/22"}


def test_the_first_and_last_dates_are_included() -> None:
    assert matching(JobFilter(first=date(2026, 1, 22))) == {"/22", "garmin/22", "iphone_stuart/22"}
    assert matching(JobFilter("garmin", date(2026, 1, 20), date(2026, 1, 21))) == {"garmin/20", "garmin/21"}


def test_jobs_over_all_devices_match_only_with_every_device() -> None:
    last = date(2026, 1, 20)
    assert matching(JobFilter("garmin", last=last, every_device=True)) == {"garmin/20", "/20"}
    job_filter = JobFilter("garmin", last=last)
    assert [job["job_id"] for job in JOBS if job_filter.may_contain_device(job)] == ["/20"]


@pytest.mark.parametrize("arguments", [[], ["--count"], ["--from", "yesterday"], ["--every-device"]])
def test_arguments_without_a_device_or_date_are_rejected(arguments: list[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["forget", *arguments], {})


def test_an_unavailable_api_is_reported_in_one_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(urllib3.Retry, "sleep", lambda *_: None)
    assert main(["forget", "--device", "garmin", "--url", "http://127.0.0.1:1"], {}) == 1
    assert capsys.readouterr().err == "--url: the API request failed (MaxRetryError)\n"


@pytest.mark.parametrize(("status", "is_retried"), [(409, True), (503, True), (404, False), (422, False)])
def test_temporary_errors_of_the_api_are_retried(status: int, is_retried: bool) -> None:
    assert RETRIES.is_retry("DELETE", status) is is_retried


def test_the_index_is_rebuilt_from_the_records() -> None:
    bucket, clock = MemoryBucket(), Clock()
    jobs = JobStore(bucket, clock)
    for number in range(4):
        job = jobs.create(record(job_id=f"{JOB_ID[:-1]}{number}"))
        if number % 2:
            jobs.complete(jobs.claim(job.job_id), result())
    first = jobs.get(f"{JOB_ID[:-1]}0")
    jobs.replace_with_tombstone(position_of(first))
    bucket.put(f"jobs/{JOB_ID[:-1]}9.json", b"{}")
    bucket.delete_many([key for key in bucket.objects if not key.startswith("jobs/")])
    assert listed(bucket) == []
    assert rebuild_index(bucket) == 3
    assert [entry.status for entry in listed(bucket)] == [Status.COMPLETED, Status.QUEUED, Status.COMPLETED]
