from datetime import date

import pytest
import urllib3

from admin.__main__ import main
from admin.forget import Forgotten
from admin.relisting import relist
from shared.job_index.markers import position_of
from shared.jobs.store import JobStore
from shared.models import Status
from tests.builders import JOB_ID, record, result
from tests.fakes import Clock, MemoryBucket
from tests.sweeping import listed

JOBS = [
    {"job_id": f"{device}/{day}", "device_id": device, "date": f"2026-01-{day}"}
    for device in ("", "garmin", "iphone_stuart")
    for day in (20, 21, 22)
]


def meant(wanted: Forgotten) -> set[str]:
    return {job["job_id"] for job in JOBS if wanted.means(job)}


def test_the_jobs_of_a_device_are_meant_and_no_others() -> None:
    assert meant(Forgotten("garmin")) == {"garmin/20", "garmin/21", "garmin/22"}


def test_dates_are_meant_from_the_first_to_the_last_both_included() -> None:
    assert meant(Forgotten(first=date(2026, 1, 22))) == {"/22", "garmin/22", "iphone_stuart/22"}
    assert meant(Forgotten("garmin", date(2026, 1, 20), date(2026, 1, 21))) == {"garmin/20", "garmin/21"}


def test_jobs_over_every_device_are_meant_when_that_is_said_and_told_of_when_not() -> None:
    last = date(2026, 1, 20)
    assert meant(Forgotten("garmin", last=last, every_device=True)) == {"garmin/20", "/20"}
    wanted = Forgotten("garmin", last=last)
    assert [job["job_id"] for job in JOBS if wanted.may_mean(job)] == ["/20"]


@pytest.mark.parametrize("arguments", [[], ["--count"], ["--from", "yesterday"], ["--every-device"]])
def test_what_says_nothing_of_which_jobs_is_refused(arguments: list[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["forget", *arguments], {})


def test_an_api_that_is_away_is_one_line(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(urllib3.Retry, "sleep", lambda *_: None)
    assert main(["forget", "--device", "garmin", "--url", "http://127.0.0.1:1"], {}) == 1
    assert capsys.readouterr().err == "--url: the API does not do it (MaxRetryError)\n"


def test_the_list_is_made_anew_from_the_records() -> None:
    bucket, clock = MemoryBucket(), Clock()
    jobs = JobStore(bucket, clock)
    for number in range(4):
        made = jobs.create(record(job_id=f"{JOB_ID[:-1]}{number}"))
        if number % 2:
            jobs.complete(jobs.claim(made.job_id), result())
    first = jobs.get(f"{JOB_ID[:-1]}0")
    jobs.replace_with_tombstone(first.job_id, position_of(first))
    bucket.put(f"jobs/{JOB_ID[:-1]}9.json", b"{}")
    bucket.delete_many([key for key in bucket.objects if not key.startswith("jobs/")])
    assert listed(bucket) == []
    assert relist(bucket) == 3
    assert [entry.status for entry in listed(bucket)] == [Status.COMPLETED, Status.QUEUED, Status.COMPLETED]
