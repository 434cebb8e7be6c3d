from datetime import date

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from shared.job_index.markers import Entry, Filter
from shared.job_index.segments import EMPTY, Segment, merge
from shared.models import PUBLIC_STATUSES, Status

ENTRIES = st.lists(
    st.builds(
        Entry,
        job_id=st.uuids().map(str),
        status=st.sampled_from(PUBLIC_STATUSES),
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
def test_segment_is_ordered_newest_first_and_survives_dump_and_load(entries: list[Entry]) -> None:
    segment = Segment.from_entries(entries)
    assert rows(segment) == newest_first(entries)
    assert rows(Segment.load(segment.dump())) == newest_first(entries)


@given(ENTRIES)
def test_find_and_count_newer_return_the_row_of_a_position(entries: list[Entry]) -> None:
    segment = Segment.from_entries(entries[1:])
    for entry in entries[1:]:
        row = segment.find(entry.position)
        assert row is not None
        assert segment.entry(row) == entry
        assert segment.count_newer(entry.position) == row
    for entry in entries[:1]:
        assert segment.find(entry.position) is None
        assert segment.count_newer(entry.position) == sum(other.position > entry.position for other in entries)


@given(
    ENTRIES,
    st.builds(Filter, st.none() | st.sampled_from(PUBLIC_STATUSES), st.none(), st.sampled_from([None, "", "garmin"])),
)
def test_matching_mask_selects_the_rows_of_matching_entries(entries: list[Entry], job_filter: Filter) -> None:
    segment = Segment.from_entries(entries)
    matching = segment.matching_mask(job_filter).tolist()
    assert matching == [job_filter.matches(entry) for entry in rows(segment)]


@given(ENTRIES, st.integers(0, 30), st.integers(0, 30))
def test_with_changes_removes_adds_and_replaces_jobs(entries: list[Entry], first: int, second: int) -> None:
    before, removed, upserted = entries[first:], entries[second:], entries[: second + 3]
    updated = Segment.from_entries(before).with_changes([entry.position for entry in removed], upserted)
    expected = {entry.position: entry for entry in before if entry not in removed}
    expected |= {entry.position: entry for entry in upserted}
    assert rows(updated) == newest_first(list(expected.values()))


@given(ENTRIES, st.integers(0, 30), st.integers(0, 30))
def test_merge_returns_all_jobs_in_order(entries: list[Entry], first: int, second: int) -> None:
    low, high = sorted((first, second))
    parts = [
        Segment.from_entries(entries[:low]),
        Segment.from_entries(entries[low:high]),
        EMPTY,
        Segment.from_entries(entries[high:]),
    ]
    assert rows(merge(parts)) == newest_first(entries)


def test_select_drops_unused_devices() -> None:
    entries = [Entry(f"019bfa00-0000-7000-8000-{n:012x}", Status.FAILED, n, "2026-01-25", f"d{n}", n) for n in range(3)]
    selected = Segment.from_entries(entries).select(np.array([1]))
    assert selected.devices == ("d1",)
    assert b"d2" not in selected.dump()
    assert selected.matching_mask(Filter(device_id="d2")).tolist() == [False]


def test_segment_size_per_job_is_bounded() -> None:
    count = 10_000
    entries = [
        Entry(f"019bfa00-{n % 65536:04x}-7000-8000-{n * 7919:012x}", Status.COMPLETED, n, "2026-01-25", "", n + 87)
        for n in range(count)
    ]
    segment = Segment.from_entries(entries)
    assert sum(getattr(segment, name).nbytes for name in vars(segment) if name != "devices") <= 41 * count
    assert len(segment.dump()) < 25 * count
