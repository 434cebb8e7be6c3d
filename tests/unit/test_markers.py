from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from shared.job_index.markers import Entry, MarkerLog, entry_of, key_of, put, read
from shared.models import Status
from tests.builders import JOB_ID, record
from tests.fakes import NOW, MemoryBucket

DEVICES = st.one_of(
    st.just(""), st.from_regex(r"\A[A-Za-z0-9_-][A-Za-z0-9_.-]{0,99}\Z").filter(lambda d: ".." not in d)
)


@given(DEVICES, st.sampled_from(Status), st.dates(), st.integers(0, 4_000_000_000_000))
def test_a_marker_says_all_that_a_list_shows(device: str, status: Status, day: date, queued_ms: int) -> None:
    queued_at = NOW.replace(year=1970, month=1, day=1, hour=0, minute=0, second=0, microsecond=0)
    queued_at += timedelta(milliseconds=queued_ms)
    ended = queued_at + timedelta(milliseconds=1234) if status.finished else None
    said = record(device_id=device, status=status, date=day, queued_at=queued_at, completed_at=ended)
    key = key_of(entry_of(said))
    entry = read(key)
    assert entry is not None
    assert len(key) < 1024
    assert (entry.job_id, entry.status, entry.device_id, entry.date) == (JOB_ID, status, device, day.isoformat())
    assert (entry.queued_at, entry.completed_at) == (queued_at, ended)


def test_no_two_markers_are_the_same_key() -> None:
    assert key_of(entry_of(record())) != key_of(entry_of(record()))


def test_a_later_state_sorts_behind_an_earlier_one() -> None:
    states = (Status.QUEUED, Status.PROCESSING, Status.FAILED, Status.DELETED)
    keys = [key_of(entry_of(record(status=status))) for status in states]
    assert keys == sorted(keys)


def test_the_latest_state_shows_whatever_was_put_again() -> None:
    bucket = MemoryBucket()
    for status in (Status.COMPLETED, Status.QUEUED, Status.PROCESSING, Status.QUEUED):
        put(bucket, entry_of(record(status=status, completed_at=NOW)))
    tail = MarkerLog(bucket)
    ((position, entry),) = tail.entries.items()
    assert entry.status is Status.COMPLETED
    assert len(tail.keys[position]) == 4


def test_two_lives_of_an_id_are_two_entries() -> None:
    bucket = MemoryBucket()
    put(bucket, entry_of(record()))
    put(bucket, Entry(JOB_ID, Status.DELETED, 1_000, "", "", None))
    assert sorted(entry.status for entry in MarkerLog(bucket).entries.values()) == ["deleted", "queued"]


def test_a_key_that_is_no_marker_is_passed_over() -> None:
    bucket = MemoryBucket()
    for key in ("t/", "t/readme", "t/a.b.c", f"t/{JOB_ID}.0.queued~x~~~~", f"t/{JOB_ID}.0.lost~1~~~~0"):
        bucket.put(key)
    assert not MarkerLog(bucket).entries
