"""Compactions that race, crash or find the remains of others. test_job_index.py tests the resulting list."""

from datetime import timedelta

import pytest

from functions.calculate.sweep.compaction import Compaction
from shared.errors import Unavailable
from shared.job_index import manifest
from shared.job_index.markers import Entry, deletion_entry, entry_of, milliseconds, write_marker
from shared.models import Status
from tests.builders import JOB_ID, record
from tests.fakes import NOW, MemoryBucket, outage
from tests.sweeps import listed

SEALED_ROWS = 4


def entry(number: int, status: Status = Status.COMPLETED) -> Entry:
    at = NOW + timedelta(seconds=number)
    ended = at if status.is_finished else None
    return entry_of(record(job_id=f"{JOB_ID[:-4]}{number:04x}", queued_at=at, status=status, completed_at=ended))


def numbers(bucket: MemoryBucket) -> list[int]:
    return [int(job.job_id[-4:], 16) for job in listed(bucket)]


def keys(bucket: MemoryBucket, prefix: str) -> list[str]:
    return [key for key in sorted(bucket.objects) if key.startswith(prefix)]


def entries_of(compaction: Compaction) -> dict[tuple[int, str], Entry | None]:
    return dict(compaction.log.entries)


def compact(bucket: MemoryBucket, *entries: Entry) -> None:
    for each in entries:
        write_marker(bucket, each)
    compaction = Compaction(bucket, SEALED_ROWS)
    compaction.commit(entries_of(compaction))


def current(bucket: MemoryBucket) -> manifest.Manifest:
    return manifest.read(bucket).manifest


def test_commit_deletes_only_the_listed_markers() -> None:
    bucket = MemoryBucket()
    write_marker(bucket, entry(1, Status.QUEUED))
    compaction = Compaction(bucket, SEALED_ROWS)
    late = write_marker(bucket, entry(1, Status.PROCESSING))
    compaction.commit(entries_of(compaction))
    assert keys(bucket, "t/") == [late]
    assert [job.status for job in listed(bucket)] == [Status.PROCESSING]


def test_markers_of_jobs_that_were_not_reconciled_stay() -> None:
    bucket = MemoryBucket()
    marker = write_marker(bucket, entry(1, Status.QUEUED))
    write_marker(bucket, entry(2))
    compaction = Compaction(bucket, SEALED_ROWS)
    compaction.commit({entry(2).position: entry(2)})
    assert keys(bucket, "t/") == [marker]
    assert numbers(bucket) == [2, 1]


def test_second_of_two_concurrent_commits_changes_nothing() -> None:
    bucket = MemoryBucket()
    write_marker(bucket, entry(1))
    first = Compaction(bucket, SEALED_ROWS)
    write_marker(bucket, entry(2))
    second = Compaction(bucket, SEALED_ROWS)
    first.commit(entries_of(first))
    second.commit(entries_of(second))
    assert numbers(bucket) == [2, 1]
    assert len(keys(bucket, "t/")) == 1
    assert current(bucket).generation == 1


def test_slower_compaction_does_not_restore_a_deleted_job() -> None:
    bucket = MemoryBucket()
    write_marker(bucket, entry(1))
    slower = Compaction(bucket, SEALED_ROWS)
    write_marker(bucket, deletion_entry(entry(1).position))
    faster = Compaction(bucket, SEALED_ROWS)
    faster.commit({entry(1).position: None})
    slower.commit(entries_of(slower))
    assert numbers(bucket) == []
    assert not keys(bucket, "t/")


def test_garbage_is_the_segments_of_failed_commits() -> None:
    bucket = MemoryBucket()
    write_marker(bucket, entry(1))
    first, second = Compaction(bucket, SEALED_ROWS), Compaction(bucket, SEALED_ROWS)
    first.commit(entries_of(first))
    second.commit(entries_of(second))
    assert len(keys(bucket, "x/")) == 3
    running = Compaction(bucket, SEALED_ROWS)
    running.commit({entry(2).position: entry(2)})
    Compaction(bucket, SEALED_ROWS).delete_garbage()
    assert set(keys(bucket, "x/")) == {manifest.CURRENT} | current(bucket).segment_keys


def test_segments_of_a_running_commit_are_not_garbage() -> None:
    bucket = MemoryBucket()
    compact(bucket, entry(1))
    write_marker(bucket, entry(2))
    running = Compaction(bucket, SEALED_ROWS)

    def delete_garbage(name: str, key: str) -> None:
        if name == "replace":
            bucket.before = lambda name, key: None
            Compaction(bucket, SEALED_ROWS).delete_garbage()

    bucket.before = delete_garbage
    running.commit(entries_of(running))
    assert numbers(bucket) == [2, 1]


@pytest.mark.parametrize("crash_at", range(1, 9))
def test_next_compaction_completes_one_that_crashed_at_any_request(crash_at: int) -> None:
    bucket = MemoryBucket()
    compact(bucket, *(entry(number) for number in range(6)))
    for number in (6, 7):
        write_marker(bucket, entry(number))
    write_marker(bucket, Entry(entry(0).job_id, Status.DELETED, entry(0).queued_ms, "", "", None))
    started = len(bucket.requests)

    def crash(name: str, key: str) -> None:
        if len(bucket.requests) - started == crash_at:
            raise KeyboardInterrupt

    def reconciled(compaction: Compaction) -> dict[tuple[int, str], Entry | None]:
        return entries_of(compaction) | {entry(0).position: None}

    def run_and_crash() -> None:
        compaction = Compaction(bucket, SEALED_ROWS)
        compaction.commit(reconciled(compaction))

    bucket.before = crash
    with pytest.raises(KeyboardInterrupt):
        run_and_crash()
    bucket.before = lambda name, key: None
    assert numbers(bucket) == [7, 6, 5, 4, 3, 2, 1]
    again = Compaction(bucket, SEALED_ROWS)
    again.commit(reconciled(again))
    Compaction(bucket, SEALED_ROWS).delete_garbage()
    assert numbers(bucket) == [7, 6, 5, 4, 3, 2, 1]
    assert keys(bucket, "t/") == []
    assert set(keys(bucket, "x/")) == {manifest.CURRENT} | current(bucket).segment_keys


def test_unavailable_storage_raises_and_changes_nothing() -> None:
    bucket = MemoryBucket()
    write_marker(bucket, entry(1))
    compaction = Compaction(bucket, SEALED_ROWS)
    with outage(bucket), pytest.raises(Unavailable):
        compaction.commit(entries_of(compaction))
    assert numbers(bucket) == [1]


def test_late_finished_job_joins_the_sealed_segment_of_its_range() -> None:
    bucket = MemoryBucket()
    compact(bucket, entry(0, Status.QUEUED), *(entry(number) for number in range(1, 5)))
    assert [sealed.rows for sealed in current(bucket).sealed] == [4]
    compact(bucket, entry(0))
    assert [sealed.rows for sealed in current(bucket).sealed] == [4]
    compact(bucket, *(entry(number) for number in range(5, 9)))
    assert [sealed.rows for sealed in current(bucket).sealed] == [4, 5]
    assert numbers(bucket) == [8, 7, 6, 5, 4, 3, 2, 1, 0]


def test_deleted_jobs_leave_sealed_segments_and_empty_segments_are_deleted() -> None:
    bucket = MemoryBucket()
    compact(bucket, *(entry(number) for number in range(4)))
    for number in range(4):
        compaction = Compaction(bucket, SEALED_ROWS)
        compaction.commit({entry(number).position: None})
        assert numbers(bucket) == list(range(3, number, -1))
    assert (current(bucket).sealed, current(bucket).hot) == ((), None)
    Compaction(bucket, SEALED_ROWS).delete_garbage()
    assert keys(bucket, "x/") == [manifest.CURRENT]


def test_commit_without_changes_writes_nothing() -> None:
    bucket = MemoryBucket()
    compact(bucket, entry(1))
    bucket.requests.clear()
    compact(bucket)
    compaction = Compaction(bucket, SEALED_ROWS)
    compaction.commit({entry(1).position: entry(1), entry(2).position: None})
    assert {name for name, _ in bucket.requests} == {"list", "get"}


def test_pending_jobs_are_unfinished_or_have_markers() -> None:
    bucket = MemoryBucket()
    compact(bucket, entry(1), entry(2, Status.PROCESSING))
    write_marker(bucket, entry(3, Status.FAILED))
    assert sorted(entry.job_id[-1] for entry in Compaction(bucket, SEALED_ROWS).pending()) == ["2", "3"]


def test_oldest_finished_jobs_come_from_sealed_and_hot_segments() -> None:
    bucket = MemoryBucket()
    compact(bucket, *(entry(number) for number in range(3)), entry(3, Status.QUEUED))

    def oldest(before: int, limit: int) -> list[int]:
        oldest = Compaction(bucket, SEALED_ROWS).oldest_finished(milliseconds(NOW + timedelta(seconds=before)), limit)
        return [int(finished.job_id[-4:], 16) for finished in oldest]

    assert oldest(9, 2) == [0, 1]
    assert oldest(2, 9) == [0, 1]
    assert oldest(0, 9) == []
    compact(bucket, entry(4), entry(5))
    assert len(current(bucket).sealed) == 1
    assert oldest(9, 2) == [0, 1]
    write_marker(bucket, entry(0))
    assert oldest(9, 2) == [1, 2]


def test_job_offset_wraps_around() -> None:
    bucket = MemoryBucket()
    assert Compaction(bucket, SEALED_ROWS).job_at(7) is None
    compact(bucket, *(entry(number) for number in range(6)))
    compaction = Compaction(bucket, SEALED_ROWS)
    job_ids = {entry(number).job_id for number in range(6)}
    assert {compaction.job_at(offset) for offset in range(6)} == job_ids
    assert compaction.job_at(9) == compaction.job_at(3)
