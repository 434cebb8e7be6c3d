from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from shared.job_index.markers import Entry, MarkerLog, entry_of, new_marker_key, parse_marker_key, write_marker
from shared.models import Status
from tests.builders import JOB_ID, record
from tests.fakes import NOW, MemoryBucket

DEVICES = st.one_of(
    st.just(""), st.from_regex(r"\A[A-Za-z0-9_-][A-Za-z0-9_.-]{0,99}\Z").filter(lambda d: ".." not in d)
)


@given(DEVICES, st.sampled_from(Status), st.dates(), st.integers(0, 4_000_000_000_000))
def test_marker_key_contains_every_field_of_the_entry(device: str, status: Status, day: date, queued_ms: int) -> None:
    queued_at = NOW.replace(year=1970, month=1, day=1, hour=0, minute=0, second=0, microsecond=0)
    queued_at += timedelta(milliseconds=queued_ms)
    completed_at = queued_at + timedelta(milliseconds=1234) if status.is_finished else None
    job = record(device_id=device, status=status, date=day, queued_at=queued_at, completed_at=completed_at)
    key = new_marker_key(entry_of(job))
    entry = parse_marker_key(key)
    assert entry is not None
    assert len(key) < 1024
    assert (entry.job_id, entry.status, entry.device_id, entry.date) == (JOB_ID, status, device, day.isoformat())
    assert (entry.queued_at, entry.completed_at) == (queued_at, completed_at)


def test_marker_keys_are_unique() -> None:
    assert new_marker_key(entry_of(record())) != new_marker_key(entry_of(record()))


def test_marker_of_a_later_state_sorts_after_an_earlier_one() -> None:
    states = (Status.QUEUED, Status.PROCESSING, Status.FAILED, Status.DELETED)
    keys = [new_marker_key(entry_of(record(status=status))) for status in states]
    assert keys == sorted(keys)


def test_log_has_the_latest_state_in_any_order_of_writes() -> None:
    bucket = MemoryBucket()
    for status in (Status.COMPLETED, Status.QUEUED, Status.PROCESSING, Status.QUEUED):
        write_marker(bucket, entry_of(record(status=status, completed_at=NOW)))
    log = MarkerLog(bucket)
    ((position, entry),) = log.entries.items()
    assert entry.status is Status.COMPLETED
    assert len(log.keys[position]) == 4


def test_reused_id_has_an_entry_per_job() -> None:
    bucket = MemoryBucket()
    write_marker(bucket, entry_of(record()))
    write_marker(bucket, Entry(JOB_ID, Status.DELETED, 1_000, "", "", None))
    assert sorted(entry.status for entry in MarkerLog(bucket).entries.values()) == ["deleted", "queued"]


def test_invalid_marker_key_is_ignored() -> None:
    bucket = MemoryBucket()
    keys = (
        "t/",
        "t/readme",
        "t/a.b.c",
        "t/readme.0.queued~1~2026-01-25~~~0",
        f"t/{JOB_ID.upper()}.0.queued~1~2026-01-25~~~0",
        f"t/{JOB_ID}.0.queued~x~~~~",
        f"t/{JOB_ID}.0.queued~1~~~~0",
        f"t/{JOB_ID}.0.queued~1~2026-02-30~~~0",
        f"t/{JOB_ID}.0.queued~1~2026-01-25~ü~~0",
        f"t/{JOB_ID}.0.queued~{10**14}~2026-01-25~~~0",
        f"t/{JOB_ID}.2.completed~1~2026-01-25~~-1~0",
        f"t/{JOB_ID}.0.lost~1~2026-01-25~~~0",
    )
    for key in keys:
        bucket.put(key)
    assert not MarkerLog(bucket).entries
