"""Folds that race, die or meet what others left; tests/unit/test_job_index.py has what the list shows after them."""

from datetime import timedelta

import pytest

from functions.calculate.sweep.compaction import Compaction
from shared.errors import Unavailable
from shared.job_index import manifest
from shared.job_index.markers import Entry, deletion_entry, entry_of, milliseconds, write_marker
from shared.models import Status
from tests.builders import JOB_ID, record
from tests.fakes import NOW, MemoryBucket, away
from tests.sweeping import listed

ROWS = 4


def entry(number: int, status: Status = Status.COMPLETED) -> Entry:
    at = NOW + timedelta(seconds=number)
    ended = at if status.finished else None
    return entry_of(record(job_id=f"{JOB_ID[:-4]}{number:04x}", queued_at=at, status=status, completed_at=ended))


def numbers(bucket: MemoryBucket) -> list[int]:
    return [int(found.job_id[-4:], 16) for found in listed(bucket)]


def keys(bucket: MemoryBucket, prefix: str) -> list[str]:
    return [key for key in sorted(bucket.objects) if key.startswith(prefix)]


def as_said(folding: Compaction) -> dict[tuple[int, str], Entry | None]:
    return dict(folding.tail.entries)


def fold(bucket: MemoryBucket, *entries: Entry) -> None:
    for one in entries:
        write_marker(bucket, one)
    folding = Compaction(bucket, ROWS)
    folding.commit(as_said(folding))


def current(bucket: MemoryBucket) -> manifest.Manifest:
    return manifest.read(bucket).manifest


def test_a_fold_takes_away_exactly_the_markers_that_it_listed() -> None:
    bucket = MemoryBucket()
    write_marker(bucket, entry(1, Status.QUEUED))
    folding = Compaction(bucket, ROWS)
    late = write_marker(bucket, entry(1, Status.PROCESSING))
    folding.commit(as_said(folding))
    assert keys(bucket, "t/") == [late]
    assert [found.status for found in listed(bucket)] == [Status.PROCESSING]


def test_a_job_that_the_fold_says_nothing_of_keeps_its_markers() -> None:
    bucket = MemoryBucket()
    kept = write_marker(bucket, entry(1, Status.QUEUED))
    write_marker(bucket, entry(2))
    folding = Compaction(bucket, ROWS)
    folding.commit({entry(2).position: entry(2)})
    assert keys(bucket, "t/") == [kept]
    assert numbers(bucket) == [2, 1]


def test_of_two_folds_at_once_one_counts_and_the_other_takes_nothing_away() -> None:
    bucket = MemoryBucket()
    write_marker(bucket, entry(1))
    first = Compaction(bucket, ROWS)
    write_marker(bucket, entry(2))
    second = Compaction(bucket, ROWS)
    first.commit(as_said(first))
    second.commit(as_said(second))
    assert numbers(bucket) == [2, 1]
    assert len(keys(bucket, "t/")) == 1
    assert current(bucket).generation == 1


def test_a_slower_fold_does_not_bring_back_a_job_that_is_deleted_meanwhile() -> None:
    bucket = MemoryBucket()
    write_marker(bucket, entry(1))
    slower = Compaction(bucket, ROWS)
    write_marker(bucket, deletion_entry(record(job_id=entry(1).job_id, queued_at=entry(1).queued_at)))
    faster = Compaction(bucket, ROWS)
    faster.commit({entry(1).position: None})
    slower.commit(as_said(slower))
    assert numbers(bucket) == []
    assert not keys(bucket, "t/")


def test_what_a_lost_fold_has_put_is_garbage_to_the_next_and_what_counts_never_is() -> None:
    bucket = MemoryBucket()
    write_marker(bucket, entry(1))
    first, second = Compaction(bucket, ROWS), Compaction(bucket, ROWS)
    first.commit(as_said(first))
    second.commit(as_said(second))
    assert len(keys(bucket, "x/")) == 3
    running = Compaction(bucket, ROWS)
    running.commit({entry(2).position: entry(2)})
    Compaction(bucket, ROWS).drop_garbage()
    assert set(keys(bucket, "x/")) == {manifest.CURRENT} | current(bucket).segment_keys


def test_segments_of_a_fold_that_may_still_win_are_no_garbage() -> None:
    bucket = MemoryBucket()
    fold(bucket, entry(1))
    write_marker(bucket, entry(2))
    running = Compaction(bucket, ROWS)

    def others(name: str, key: str) -> None:
        if name == "replace":
            bucket.before = lambda name, key: None
            Compaction(bucket, ROWS).drop_garbage()

    bucket.before = others
    running.commit(as_said(running))
    assert numbers(bucket) == [2, 1]


@pytest.mark.parametrize("dies_at", range(1, 9))
def test_wherever_a_fold_dies_the_list_is_the_same_and_the_next_one_completes_it(dies_at: int) -> None:
    bucket = MemoryBucket()
    fold(bucket, *(entry(number) for number in range(6)))
    for number in (6, 7):
        write_marker(bucket, entry(number))
    write_marker(bucket, Entry(entry(0).job_id, Status.DELETED, entry(0).queued_ms, "", "", None))
    begun = len(bucket.requests)

    def die(name: str, key: str) -> None:
        if len(bucket.requests) - begun == dies_at:
            raise KeyboardInterrupt

    def truth(folding: Compaction) -> dict[tuple[int, str], Entry | None]:
        return as_said(folding) | {entry(0).position: None}

    def dying() -> None:
        folding = Compaction(bucket, ROWS)
        folding.commit(truth(folding))

    bucket.before = die
    with pytest.raises(KeyboardInterrupt):
        dying()
    bucket.before = lambda name, key: None
    assert numbers(bucket) == [7, 6, 5, 4, 3, 2, 1]
    again = Compaction(bucket, ROWS)
    again.commit(truth(again))
    Compaction(bucket, ROWS).drop_garbage()
    assert numbers(bucket) == [7, 6, 5, 4, 3, 2, 1]
    assert keys(bucket, "t/") == []
    assert set(keys(bucket, "x/")) == {manifest.CURRENT} | current(bucket).segment_keys


def test_storage_that_is_away_is_told_and_changes_nothing() -> None:
    bucket = MemoryBucket()
    write_marker(bucket, entry(1))
    folding = Compaction(bucket, ROWS)
    with away(bucket), pytest.raises(Unavailable):
        folding.commit(as_said(folding))
    assert numbers(bucket) == [1]


def test_a_job_that_ends_late_joins_the_sealed_ones_between_which_it_stands() -> None:
    bucket = MemoryBucket()
    fold(bucket, entry(0, Status.QUEUED), *(entry(number) for number in range(1, 5)))
    assert [sealed.rows for sealed in current(bucket).sealed] == [4]
    fold(bucket, entry(0))
    assert [sealed.rows for sealed in current(bucket).sealed] == [4]
    fold(bucket, *(entry(number) for number in range(5, 9)))
    assert [sealed.rows for sealed in current(bucket).sealed] == [4, 5]
    assert numbers(bucket) == [8, 7, 6, 5, 4, 3, 2, 1, 0]


def test_a_deleted_job_leaves_its_sealed_segment_and_an_empty_segment_goes() -> None:
    bucket = MemoryBucket()
    fold(bucket, *(entry(number) for number in range(4)))
    for number in range(4):
        folding = Compaction(bucket, ROWS)
        folding.commit({entry(number).position: None})
        assert numbers(bucket) == list(range(3, number, -1))
    assert (current(bucket).sealed, current(bucket).hot) == ((), None)
    Compaction(bucket, ROWS).drop_garbage()
    assert keys(bucket, "x/") == [manifest.CURRENT]


def test_a_fold_that_finds_nothing_new_writes_nothing() -> None:
    bucket = MemoryBucket()
    fold(bucket, entry(1))
    bucket.requests.clear()
    fold(bucket)
    folding = Compaction(bucket, ROWS)
    folding.commit({entry(1).position: entry(1), entry(2).position: None})
    assert {name for name, _ in bucket.requests} == {"list", "get"}


def test_what_is_unfinished_or_in_the_tail_is_unsettled_and_nothing_else() -> None:
    bucket = MemoryBucket()
    fold(bucket, entry(1), entry(2, Status.PROCESSING))
    write_marker(bucket, entry(3, Status.FAILED))
    assert sorted(found.job_id[-1] for found in Compaction(bucket, ROWS).pending()) == ["2", "3"]


def test_the_oldest_finished_jobs_come_first_wherever_they_lie() -> None:
    bucket = MemoryBucket()
    fold(bucket, *(entry(number) for number in range(3)), entry(3, Status.QUEUED))

    def oldest(before: int, most: int) -> list[int]:
        found = Compaction(bucket, ROWS).oldest(milliseconds(NOW + timedelta(seconds=before)), most)
        return [int(one.job_id[-4:], 16) for one in found]

    assert oldest(9, 2) == [0, 1]
    assert oldest(2, 9) == [0, 1]
    assert oldest(0, 9) == []
    fold(bucket, entry(4), entry(5))
    assert len(current(bucket).sealed) == 1
    assert oldest(9, 2) == [0, 1]
    write_marker(bucket, entry(0))
    assert oldest(9, 2) == [1, 2]


def test_any_number_means_some_job() -> None:
    bucket = MemoryBucket()
    assert Compaction(bucket, ROWS).some_job(7) is None
    fold(bucket, *(entry(number) for number in range(6)))
    folding = Compaction(bucket, ROWS)
    assert {folding.some_job(number) for number in range(6)} == {entry(number).job_id for number in range(6)}
