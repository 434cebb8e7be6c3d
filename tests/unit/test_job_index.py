"""The list over tail, hot and sealed segments, held against a plain list of what was put."""

from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from functions.calculate.sweep.compaction import Compaction
from shared.errors import Unavailable
from shared.job_index import manifest
from shared.job_index.counts import Tally
from shared.job_index.index import Index
from shared.job_index.markers import Entry, Filter, Position, entry_of, put
from shared.models import SHOWN, Record, Status
from tests.builders import JOB_ID, record
from tests.fakes import NOW, MemoryBucket

SEALED_ROWS = 4
EVERYTHING = 10_000


def job(number: int, **changes: object) -> Record:
    return record(job_id=f"{JOB_ID[:-4]}{number:04x}", **changes)


def fold(bucket: MemoryBucket, latest: dict[Position, Entry] | None = None) -> None:
    """Put the jobs of the tail into segments, as the tail or `latest` says that they are."""
    folding = Compaction(bucket, SEALED_ROWS)
    known = folding.tail.entries if latest is None else latest
    said = {position: known[position] for position in folding.tail.entries}
    folding.commit({at: None if entry.status is Status.DELETED else entry for at, entry in said.items()})


def shown(index: Index, wanted: Filter | None = None) -> list[Entry]:
    return index.page(wanted or Filter(), 0, EVERYTHING).entries


def test_jobs_come_newest_first_and_by_id_where_times_are_equal() -> None:
    bucket = MemoryBucket()
    for one in (
        job(1, queued_at=NOW),
        job(3, queued_at=NOW),
        job(2, queued_at=NOW),
        job(0, queued_at=NOW + timedelta(seconds=1)),
    ):
        put(bucket, entry_of(one))
    assert [int(entry.job_id[-4:], 16) for entry in shown(Index(bucket))] == [0, 3, 2, 1]


@pytest.mark.parametrize("folded", [False, True])
def test_a_filter_admits_what_meets_all_of_it(folded: bool) -> None:
    bucket = MemoryBucket()
    for one in (
        job(1),
        job(2, device_id="garmin"),
        job(3, date="2026-01-24"),
        job(4, status=Status.FAILED, completed_at=NOW),
        job(5, device_id=""),
    ):
        put(bucket, entry_of(one))
    if folded:
        fold(bucket)
    index = Index(bucket)

    def numbers(wanted: Filter) -> list[int]:
        found = index.page(wanted, 0, EVERYTHING)
        assert found.total == len(found.entries)
        return [int(entry.job_id[-4:], 16) for entry in found.entries]

    assert numbers(Filter()) == [5, 4, 3, 2, 1]
    assert numbers(Filter(status=Status.FAILED)) == [4]
    assert numbers(Filter(day=date(2026, 1, 24))) == [3]
    assert numbers(Filter(device_id="garmin")) == [2]
    assert numbers(Filter(device_id="")) == [5]
    assert numbers(Filter(Status.QUEUED, date(2026, 1, 25), "iphone_stuart")) == [1]


MOVES = st.lists(
    st.one_of(
        st.tuples(st.just("put"), st.integers(0, 40), st.sampled_from(Status)),
        st.tuples(st.just("fold"), st.just(0), st.just(Status.QUEUED)),
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
@given(MOVES, FILTERS, st.integers(0, 20), st.integers(1, 20))
def test_the_list_is_what_was_put_however_often_it_was_folded(
    moves: list[tuple[str, int, Status]], wanted: Filter, offset: int, limit: int
) -> None:
    bucket = MemoryBucket()
    index = Index(bucket)
    latest: dict[Position, Entry] = {}

    def compare() -> None:
        alive = [entry for entry in latest.values() if entry.status is not Status.DELETED and wanted.admits(entry)]
        alive.sort(key=lambda entry: entry.position, reverse=True)
        found = index.page(wanted, offset, limit)
        assert found.entries == alive[offset : offset + limit]
        assert found.total == len(alive)
        assert index.tally() == added([entry for entry in latest.values() if entry.status is not Status.DELETED])

    for move, number, status in moves:
        if move == "fold":
            fold(bucket, latest)
        else:
            said = job(
                number,
                queued_at=NOW + timedelta(milliseconds=number * 7 % 41 // 2),  # some at the same time
                status=status,
                device_id=["", "garmin", "iphone_stuart"][number % 3],
                date=date(2026, 1, 24 + number % 2),
                completed_at=NOW if status.finished else None,
            )
            entry = entry_of(said)
            known = latest.get(entry.position)
            if known is None or (status.rank > known.status.rank and known.status is not Status.DELETED):
                latest[entry.position] = entry
                put(bucket, entry)
            elif known.status is not Status.DELETED:
                put(bucket, replace(known, status=min(known.status, status, key=lambda one: one.rank)))  # said again
        if number % 3 == 0:
            compare()
    compare()


def added(entries: list[Entry]) -> Tally:
    """The tally of `entries`, one after the other."""
    by_status = {status: [entry for entry in entries if entry.status is status] for status in SHOWN}
    return Tally(
        {status: len(found) for status, found in by_status.items()},
        {status: min(entry.queued_ms for entry in found) for status, found in by_status.items() if found},
        sum((entry.completed_ms or 0) - entry.queued_ms for entry in by_status[Status.COMPLETED]),
    )


def filled(bucket: MemoryBucket, count: int) -> None:
    for number in range(count):
        ended = NOW + timedelta(seconds=number)
        put(bucket, entry_of(job(number, queued_at=ended, status=Status.COMPLETED, completed_at=ended)))
        if number % 5 == 4:
            fold(bucket)


def requests(bucket: MemoryBucket, index: Index, wanted: Filter | None = None, offset: int = 0) -> list[str]:
    bucket.requests.clear()
    index.page(wanted or Filter(), offset, 3)
    return [name for name, _ in bucket.requests]


def test_a_warm_page_is_one_listing_and_one_conditional_get_at_any_size() -> None:
    for count in (5, 100):
        bucket = MemoryBucket()
        index = Index(bucket)
        filled(bucket, count)
        index.page(Filter(Status.FAILED), 0, 1)
        for wanted in (Filter(), Filter(Status.COMPLETED)):
            assert requests(bucket, index, wanted) == ["list", "get"]


def test_a_cold_first_page_needs_no_more_than_the_newest_segments() -> None:
    bucket = MemoryBucket()
    filled(bucket, 100)
    assert len(manifest.read(bucket).catalogue.sealed) == 20
    assert len(requests(bucket, Index(bucket))) <= 4
    assert len(requests(bucket, Index(bucket), Filter(Status.FAILED))) >= 20


def test_a_segment_that_goes_while_a_page_is_made_is_looked_for_again() -> None:
    bucket = MemoryBucket()
    filled(bucket, 20)
    index = Index(bucket)

    def folded(name: str, key: str) -> None:
        if key.endswith(".npz"):
            bucket.before = lambda name, key: None
            filled(bucket, 25)
            Compaction(bucket, SEALED_ROWS).drop_garbage()

    bucket.before = folded
    assert index.page(Filter(), 0, 3).total == 25


def test_segments_that_are_never_there_are_told() -> None:
    bucket = MemoryBucket()
    filled(bucket, 20)
    for key in [key for key in bucket.objects if key.endswith(".npz")]:
        bucket.delete(key)
    with pytest.raises(Unavailable):
        Index(bucket).page(Filter(), 0, 3)


def test_what_no_catalogue_names_any_more_leaves_the_memory() -> None:
    bucket = MemoryBucket()
    index = Index(bucket)
    filled(bucket, 40)
    shown(index)
    filled(bucket, 45)
    shown(index)
    assert set(index._segments) <= manifest.read(bucket).catalogue.keys
