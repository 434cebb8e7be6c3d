"""The job list over marker log, hot and sealed segments, compared with a plain list."""

from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from functions.calculate.sweep.compaction import Compaction
from shared.errors import Unavailable
from shared.job_index import manifest
from shared.job_index.counts import StatusCounts
from shared.job_index.index import Index
from shared.job_index.markers import Entry, Filter, Position, entry_of, write_marker
from shared.models import PUBLIC_STATUSES, Record, Status
from tests.builders import JOB_ID, record
from tests.fakes import NOW, MemoryBucket

SEALED_ROWS = 4
RANGE = date(2026, 1, 25), date(2026, 1, 27)
EVERYTHING = 10_000


def job(number: int, **changes: object) -> Record:
    return record(job_id=f"{JOB_ID[:-4]}{number:04x}", **changes)


def compact(bucket: MemoryBucket, latest: dict[Position, Entry] | None = None) -> None:
    """Compact the marker log into segments. The state of the jobs is that of `latest` (default: of the log)."""
    compaction = Compaction(bucket, SEALED_ROWS)
    states = compaction.log.entries if latest is None else latest
    compaction.commit(
        {
            position: None if states[position].status is Status.DELETED else states[position]
            for position in compaction.log.entries
        }
    )


def all_entries(index: Index, job_filter: Filter | None = None) -> list[Entry]:
    return index.page(job_filter or Filter(), 0, EVERYTHING).entries


def test_list_is_ordered_newest_first_then_by_id() -> None:
    bucket = MemoryBucket()
    for created in (
        job(1, queued_at=NOW),
        job(3, queued_at=NOW),
        job(2, queued_at=NOW),
        job(0, queued_at=NOW + timedelta(seconds=1)),
    ):
        write_marker(bucket, entry_of(created))
    assert [int(entry.job_id[-4:], 16) for entry in all_entries(Index(bucket))] == [0, 3, 2, 1]


@pytest.mark.parametrize("compacted", [False, True])
def test_filter_matches_jobs_that_meet_all_criteria(compacted: bool) -> None:
    bucket = MemoryBucket()
    for created in (
        job(1),
        job(2, device_id="garmin"),
        job(3, date="2026-01-24"),
        job(4, status=Status.FAILED, completed_at=NOW),
        job(5, device_id=""),
    ):
        write_marker(bucket, entry_of(created))
    if compacted:
        compact(bucket)
    index = Index(bucket)

    def numbers(job_filter: Filter) -> list[int]:
        page = index.page(job_filter, 0, EVERYTHING)
        assert page.total == len(page.entries)
        return [int(entry.job_id[-4:], 16) for entry in page.entries]

    assert numbers(Filter()) == [5, 4, 3, 2, 1]
    assert numbers(Filter(status=Status.FAILED)) == [4]
    assert numbers(Filter(day=date(2026, 1, 24))) == [3]
    assert numbers(Filter(device_id="garmin")) == [2]
    assert numbers(Filter(device_id="")) == [5]
    assert numbers(Filter(Status.QUEUED, date(2026, 1, 25), "iphone_stuart")) == [1]


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("write"), st.integers(0, 40), st.sampled_from(Status)),
        st.tuples(st.just("compact"), st.just(0), st.just(Status.QUEUED)),
    ),
    max_size=60,
)
FILTERS = st.builds(
    Filter,
    st.none() | st.sampled_from([Status.QUEUED, Status.COMPLETED]),
    st.none() | st.just(date(2026, 1, 25)),
    st.none() | st.sampled_from(["", "garmin"]),
)


@settings(max_examples=400)
@given(STEPS, FILTERS, st.integers(0, 20), st.integers(1, 20))
def test_compaction_at_any_time_does_not_change_the_list(
    steps: list[tuple[str, int, Status]], job_filter: Filter, offset: int, limit: int
) -> None:
    bucket = MemoryBucket()
    index = Index(bucket)
    latest: dict[Position, Entry] = {}

    def compare() -> None:
        alive = [entry for entry in latest.values() if entry.status is not Status.DELETED]
        expected = [entry for entry in alive if job_filter.matches(entry)]
        expected.sort(key=lambda entry: entry.position, reverse=True)
        page = index.page(job_filter, offset, limit)
        assert page.entries == expected[offset : offset + limit]
        assert page.total == len(expected)
        assert index.newest_of_days(job_filter, *RANGE) == newest_of_days(expected)
        assert index.job_counts() == expected_counts(alive)

    for step, number, status in steps:
        if step == "compact":
            compact(bucket, latest)
        else:
            changed = job(
                number,
                queued_at=NOW + timedelta(milliseconds=number * 7 % 41 // 2),  # some are equal
                status=status,
                device_id=["", "garmin", "iphone_stuart"][number % 3],
                date=date(2026, 1, 24 + number % 5),
                completed_at=NOW if status.is_finished else None,
            )
            entry = entry_of(changed)
            known = latest.get(entry.position)
            if known is None or (status.rank > known.status.rank and known.status is not Status.DELETED):
                latest[entry.position] = entry
                write_marker(bucket, entry)
            elif known.status is not Status.DELETED:
                earlier = min(known.status, status, key=lambda candidate: candidate.rank)
                write_marker(bucket, replace(known, status=earlier))  # a late or repeated marker
        if number % 3 == 0:
            compare()
    compare()


def newest_of_days(entries: list[Entry]) -> list[Entry]:
    """Return the newest of `entries`, which are newest first, of each day of RANGE, one by one."""
    newest: dict[str, Entry] = {}
    for entry in entries:
        if RANGE[0].isoformat() <= entry.date <= RANGE[1].isoformat():
            newest.setdefault(entry.date, entry)
    return [newest[day] for day in sorted(newest)]


def expected_counts(entries: list[Entry]) -> StatusCounts:
    """Count `entries` one by one."""
    by_status = {status: [entry for entry in entries if entry.status is status] for status in PUBLIC_STATUSES}
    return StatusCounts(
        {status: len(jobs) for status, jobs in by_status.items()},
        {status: min(job.queued_ms for job in jobs) for status, jobs in by_status.items() if jobs},
        sum((entry.completed_ms or 0) - entry.queued_ms for entry in by_status[Status.COMPLETED]),
    )


def add_finished_jobs(bucket: MemoryBucket, count: int) -> None:
    for number in range(count):
        completed_at = NOW + timedelta(seconds=number)
        write_marker(
            bucket, entry_of(job(number, queued_at=completed_at, status=Status.COMPLETED, completed_at=completed_at))
        )
        if number % 5 == 4:
            compact(bucket)


def requests(bucket: MemoryBucket, index: Index, job_filter: Filter | None = None, offset: int = 0) -> list[str]:
    bucket.requests.clear()
    index.page(job_filter or Filter(), offset, 3)
    return [name for name, _ in bucket.requests]


def test_warm_page_takes_one_listing_and_one_conditional_get_at_any_size() -> None:
    for count in (5, 100):
        bucket = MemoryBucket()
        index = Index(bucket)
        add_finished_jobs(bucket, count)
        index.page(Filter(Status.FAILED), 0, 1)
        for job_filter in (Filter(), Filter(Status.COMPLETED)):
            assert requests(bucket, index, job_filter) == ["list", "get"]
        bucket.requests.clear()
        index.newest_of_days(Filter(Status.COMPLETED), *RANGE)
        assert [name for name, _ in bucket.requests] == ["list", "get"]


def test_cold_first_page_loads_only_the_newest_segments() -> None:
    bucket = MemoryBucket()
    add_finished_jobs(bucket, 100)
    assert len(manifest.read(bucket).manifest.sealed) == 20
    assert len(requests(bucket, Index(bucket))) <= 4
    assert len(requests(bucket, Index(bucket), Filter(Status.FAILED))) >= 20


def test_segment_deleted_during_a_read_is_retried_with_the_new_manifest() -> None:
    bucket = MemoryBucket()
    add_finished_jobs(bucket, 20)
    index = Index(bucket)

    def compact_meanwhile(name: str, key: str) -> None:
        if key.endswith(".npz"):
            bucket.before = lambda name, key: None
            add_finished_jobs(bucket, 25)
            Compaction(bucket, SEALED_ROWS).delete_garbage()

    bucket.before = compact_meanwhile
    assert index.page(Filter(), 0, 3).total == 25


def test_missing_segments_raise_unavailable() -> None:
    bucket = MemoryBucket()
    add_finished_jobs(bucket, 20)
    for key in [key for key in bucket.objects if key.endswith(".npz")]:
        bucket.delete(key)
    with pytest.raises(Unavailable):
        Index(bucket).page(Filter(), 0, 3)


def test_cache_drops_segments_that_the_manifest_no_longer_names() -> None:
    bucket = MemoryBucket()
    index = Index(bucket)
    add_finished_jobs(bucket, 40)
    all_entries(index)
    add_finished_jobs(bucket, 45)
    all_entries(index)
    assert set(index._segments) <= manifest.read(bucket).manifest.segment_keys
