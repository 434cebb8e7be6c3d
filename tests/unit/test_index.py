from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from shared.index import Filter, Index, entry_of, new_marker
from shared.models import Record, Status
from tests.builders import JOB_ID, record
from tests.fakes import NOW, MemoryBucket

DEVICES = st.one_of(
    st.just(""), st.from_regex(r"\A[A-Za-z0-9_-][A-Za-z0-9_.-]{0,99}\Z").filter(lambda d: ".." not in d)
)


def job(number: int, **changes: object) -> Record:
    return record(job_id=f"{JOB_ID[:-4]}{number:04x}", **changes)


@given(DEVICES, st.sampled_from(Status), st.dates(), st.integers(0, 4_000_000_000_000))
def test_a_marker_says_all_that_a_list_shows(device: str, status: Status, day: date, queued_ms: int) -> None:
    queued_at = NOW.replace(year=1970, month=1, day=1, hour=0, minute=0, second=0, microsecond=0)
    queued_at += timedelta(milliseconds=queued_ms)
    ended = queued_at + timedelta(milliseconds=1234) if status.finished else None
    said = record(device_id=device, status=status, date=day, queued_at=queued_at, completed_at=ended)
    marker = new_marker(said)
    entry = entry_of(marker)
    assert len(marker) < 1024
    assert (entry.job_id, entry.status, entry.device_id, entry.date) == (JOB_ID, status, device, day.isoformat())
    assert (entry.queued_at, entry.completed_at) == (queued_at, ended)


def test_no_two_markers_are_the_same_key() -> None:
    assert new_marker(record()) != new_marker(record())


def test_a_later_state_sorts_behind_an_earlier_one() -> None:
    markers = [new_marker(record(status=status)) for status in (Status.QUEUED, Status.PROCESSING, Status.FAILED)]
    assert markers == sorted(markers)


def test_the_latest_state_shows_whatever_was_put_again() -> None:
    bucket = MemoryBucket()
    index = Index(bucket)
    for status in (Status.COMPLETED, Status.QUEUED, Status.PROCESSING, Status.QUEUED):
        index.put(new_marker(record(status=status, completed_at=NOW)))
    assert [entry.status for entry in index.entries()] == [Status.COMPLETED]


def test_jobs_come_newest_first_and_by_id_where_times_are_equal() -> None:
    index = Index(MemoryBucket())
    made = [
        job(1, queued_at=NOW),
        job(3, queued_at=NOW),
        job(2, queued_at=NOW),
        job(0, queued_at=NOW + timedelta(seconds=1)),
    ]
    for one in made:
        index.put(new_marker(one))
    assert [int(entry.job_id[-4:], 16) for entry in index.entries()] == [0, 3, 2, 1]


def test_a_filter_admits_what_meets_all_of_it() -> None:
    index = Index(MemoryBucket())
    for one in (
        job(1),
        job(2, device_id="garmin"),
        job(3, date="2026-01-24"),
        job(4, status=Status.FAILED, completed_at=NOW),
        job(5, device_id=""),
    ):
        index.put(new_marker(one))

    def numbers(wanted: Filter) -> list[int]:
        return [int(entry.job_id[-4:], 16) for entry in index.select(wanted)]

    assert numbers(Filter()) == [5, 4, 3, 2, 1]
    assert numbers(Filter(status=Status.FAILED)) == [4]
    assert numbers(Filter(day=date(2026, 1, 24))) == [3]
    assert numbers(Filter(device_id="garmin")) == [2]
    assert numbers(Filter(device_id="")) == [5]
    assert numbers(Filter(Status.QUEUED, date(2026, 1, 25), "iphone_stuart")) == [1]
