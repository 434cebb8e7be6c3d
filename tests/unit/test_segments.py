from datetime import date

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from shared.job_index.markers import Entry, Filter
from shared.job_index.segments import EMPTY, Segment, merged
from shared.models import SHOWN, Status

ENTRIES = st.lists(
    st.builds(
        Entry,
        job_id=st.uuids().map(str),
        status=st.sampled_from(SHOWN),
        queued_ms=st.one_of(st.integers(0, 5), st.integers(0, 4_000_000_000_000)),
        date=st.dates().map(date.isoformat),
        device_id=st.sampled_from(["", "garmin", "iphone_stuart", "a.b-c_d"]),
        completed_ms=st.none() | st.integers(0, 4_000_000_000_000),
    ),
    unique_by=lambda entry: entry.position,
    max_size=30,
)


def rows(segment: Segment) -> list[Entry]:
    return [segment.entry(row) for row in range(len(segment))]


def newest_first(entries: list[Entry]) -> list[Entry]:
    return sorted(entries, key=lambda entry: entry.position, reverse=True)


@given(ENTRIES)
def test_a_segment_has_its_entries_newest_first_and_keeps_them_when_stored(entries: list[Entry]) -> None:
    segment = Segment.of(entries)
    assert rows(segment) == newest_first(entries)
    assert rows(Segment.load(segment.dump())) == newest_first(entries)


@given(ENTRIES)
def test_each_job_is_found_at_its_position_and_no_other_is(entries: list[Entry]) -> None:
    segment = Segment.of(entries[1:])
    for entry in entries[1:]:
        row = segment.find(entry.position)
        assert row is not None
        assert segment.entry(row) == entry
        assert segment.newer_than(entry.position) == row
    for entry in entries[:1]:
        assert segment.find(entry.position) is None
        assert segment.newer_than(entry.position) == sum(other.position > entry.position for other in entries)


@given(ENTRIES, st.builds(Filter, st.none() | st.sampled_from(SHOWN), st.none(), st.sampled_from([None, "", "garmin"])))
def test_a_filter_admits_the_rows_whose_entries_it_admits(entries: list[Entry], wanted: Filter) -> None:
    segment = Segment.of(entries)
    admitted = segment.admitted(wanted).tolist()
    assert admitted == [wanted.admits(entry) for entry in rows(segment)]


@given(ENTRIES, st.integers(0, 30), st.integers(0, 30))
def test_a_change_takes_out_puts_in_and_replaces(entries: list[Entry], some: int, others: int) -> None:
    before, gone, come = entries[some:], entries[others:], entries[: others + 3]
    found = Segment.of(before).changed([entry.position for entry in gone], come)
    wanted = {entry.position: entry for entry in before}
    wanted = {position: entry for position, entry in wanted.items() if entry not in gone}
    wanted |= {entry.position: entry for entry in come}
    assert rows(found) == newest_first(list(wanted.values()))


@given(ENTRIES, st.integers(0, 30), st.integers(0, 30))
def test_parts_are_merged_in_order(entries: list[Entry], first: int, second: int) -> None:
    low, high = sorted((first, second))
    parts = [Segment.of(entries[:low]), Segment.of(entries[low:high]), EMPTY, Segment.of(entries[high:])]
    assert rows(merged(parts)) == newest_first(entries)


def test_a_device_that_no_row_has_any_more_is_not_kept() -> None:
    entries = [Entry(f"019bfa00-0000-7000-8000-{n:012x}", Status.FAILED, n, "2026-01-25", f"d{n}", n) for n in range(3)]
    left = Segment.of(entries).only(np.array([1]))
    assert left.devices == ("d1",)
    assert b"d2" not in left.dump()
    assert left.admitted(Filter(device_id="d2")).tolist() == [False]


def test_a_job_costs_little_space() -> None:
    count = 10_000
    entries = [
        Entry(f"019bfa00-{n % 65536:04x}-7000-8000-{n * 7919:012x}", Status.COMPLETED, n, "2026-01-25", "", n + 87)
        for n in range(count)
    ]
    segment = Segment.of(entries)
    assert sum(getattr(segment, name).nbytes for name in vars(segment) if name != "devices") <= 41 * count
    assert len(segment.dump()) < 25 * count
