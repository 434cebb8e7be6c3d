"""The job list: the marker log applied to the segments, then filtered, counted and cut into pages.

A reader lists the markers first and reads the manifest second. Markers that a compaction deleted before the listing are
in the segments of the manifest that is read afterwards. So a reader sees every acknowledged state during a compaction.
"""

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TypeVar

import numpy as np

from shared.errors import Unavailable
from shared.job_index.counts import StatusCounts, count_by_status
from shared.job_index.manifest import Manifest, SealedSegment, VersionedManifest
from shared.job_index.manifest import read as read_manifest
from shared.job_index.markers import Entry, Filter, MarkerLog, Position
from shared.job_index.segments import EMPTY, Mask, Rows, Segment, merge
from shared.models import Status
from shared.storage.bucket import Bucket, ObjectMissing

T = TypeVar("T")
_MAX_ATTEMPTS = 5


@dataclass(frozen=True)
class IndexPage:
    """A page of the jobs that match a filter, newest first, and the total number of matches."""

    entries: list[Entry]
    total: int


class RowView:
    """The rows of a segment that `mask` selects, or all if it is None."""

    def __init__(self, segment: Segment, mask: Mask | None = None) -> None:
        self._segment = segment
        self._rows: Rows | None = None if mask is None else np.flatnonzero(mask)

    def __len__(self) -> int:
        return len(self._segment) if self._rows is None else len(self._rows)

    def slice(self, start: int, stop: int) -> Segment:
        """Return the jobs number `start` to `stop`."""
        return self._segment.select(slice(start, stop) if self._rows is None else self._rows[start:stop])

    def newest_of_days(self, first: date, last: date) -> Segment:
        """Return the newest job of each day from `first` to `last`."""
        rows = np.arange(len(self._segment)) if self._rows is None else self._rows
        return self._segment.newest_of_days(rows, first, last)

    def count_newer(self, position: Position) -> int:
        """Return the number of jobs that are newer than `position`."""
        row = self._segment.count_newer(position)
        return row if self._rows is None else int(np.searchsorted(self._rows, row))


class SealedView:
    """The matching jobs of all sealed segments, without `deleted`. Segments are loaded when their rows are needed."""

    def __init__(self, index: "Index", manifest: Manifest, job_filter: Filter, deleted: set[Position]) -> None:
        self._index = index
        self._filter = job_filter
        self._deleted: dict[str, list[Position]] = {}
        for position in deleted:
            segment = manifest.segment_for(position)
            if segment is not None:
                self._deleted.setdefault(segment.key, []).append(position)
        self._sealed = manifest.sealed
        self._views: dict[str, RowView] = {}
        self._counts = [self._count(segment) for segment in self._sealed]

    def __len__(self) -> int:
        return sum(self._counts)

    def slice(self, start: int, stop: int) -> list[Segment]:
        """Return the jobs number `start` to `stop`, one part per segment."""
        parts = []
        for segment, count in zip(self._sealed, self._counts, strict=True):
            if start < count and stop > 0:
                parts.append(self._view(segment).slice(max(start, 0), min(stop, count)))
            start, stop = start - count, stop - count
        return parts

    def views(self) -> Iterator[RowView]:
        """Iterate over the matching jobs, one segment at a time."""
        return map(self._view, self._sealed)

    def segments(self) -> Iterator[Segment]:
        """Iterate over all jobs, one segment at a time."""
        for segment, count in zip(self._sealed, self._counts, strict=True):
            yield (
                self._index.segment(segment.key) if self._is_complete(segment) else self._view(segment).slice(0, count)
            )

    def _count(self, segment: SealedSegment) -> int:
        return segment.rows if self._is_complete(segment) else len(self._view(segment))

    def _is_complete(self, segment: SealedSegment) -> bool:
        return self._filter.is_empty and segment.key not in self._deleted

    def _view(self, sealed: SealedSegment) -> RowView:
        if sealed.key not in self._views:
            segment = self._index.segment(sealed.key)
            mask = None
            if not self._is_complete(sealed):
                mask = segment.matching_mask(self._filter)
                for position in self._deleted.get(sealed.key, ()):
                    row = segment.find(position)
                    if row is not None:
                        mask[row] = False
            self._views[sealed.key] = RowView(segment, mask)
        return self._views[sealed.key]


@dataclass(frozen=True)
class Snapshot:
    """The state of the index at the time of one read.

    `log_entries` are the entries of the marker log that replace or add to the segments. `hot_mask` excludes the rows of
    the hot segment that the log replaces or deletes, `deleted` the jobs of sealed segments that it deletes.
    """

    manifest: Manifest
    hot: Segment
    log_entries: list[Entry]
    hot_mask: Mask | None
    deleted: set[Position]


class Index:
    """The job list of a bucket. It caches the segments that the current manifest names."""

    def __init__(self, bucket: Bucket) -> None:
        self._bucket = bucket
        self._lock = threading.Lock()
        self._cached_manifest: VersionedManifest | None = None
        self._segments: dict[str, Segment] = {}

    def page(self, job_filter: Filter, offset: int = 0, limit: int = 1) -> IndexPage:
        """Return the jobs number `offset` to `offset + limit` of those that match the filter."""
        return self._retry(lambda: self._page(job_filter, offset, limit))

    def newest_of_days(self, job_filter: Filter, first: date, last: date) -> list[Entry]:
        """Return the newest matching job of each day from `first` to `last` that has one, in order of days.

        Costs as much as a page with a filter.
        """
        return self._retry(lambda: self._newest_of_days(job_filter, first, last))

    def job_counts(self) -> StatusCounts:
        """Return the number of jobs per status. Costs as much as a page with a filter."""
        return self._retry(self._job_counts)

    def _retry(self, read: Callable[[], T]) -> T:
        for _ in range(_MAX_ATTEMPTS):
            try:
                return read()
            except ObjectMissing:  # a compaction has deleted a segment: read the new manifest
                self._cached_manifest = None
        raise Unavailable("storage", "NoSuchKey")

    def segment(self, key: str) -> Segment:
        """Return a segment, from the cache if possible. Raises ObjectMissing if a compaction has replaced it."""
        with self._lock:  # concurrent requests load a segment once
            segment = self._segments.get(key)
            if segment is None:
                segment = self._segments[key] = Segment.load(self._bucket.get(key).body)
            return segment

    def _page(self, job_filter: Filter, offset: int, limit: int) -> IndexPage:
        snapshot = self._snapshot()
        unsealed, sealed = self._views(snapshot, job_filter)
        total = sum(map(len, unsealed)) + len(sealed)
        newest_sealed = snapshot.manifest.sealed[0].newest if snapshot.manifest.sealed else None
        parts = _merge_page(unsealed, sealed, newest_sealed, offset, limit)
        return IndexPage([entry for part in parts for entry in part.entries()], total)

    def _newest_of_days(self, job_filter: Filter, first: date, last: date) -> list[Entry]:
        unsealed, sealed = self._views(self._snapshot(), job_filter)
        candidates = merge([view.newest_of_days(first, last) for view in (*unsealed, *sealed.views())])
        newest = RowView(candidates).newest_of_days(first, last)
        return sorted(newest.entries(), key=lambda entry: entry.date)

    def _views(self, snapshot: Snapshot, job_filter: Filter) -> tuple[list[RowView], SealedView]:
        """Return the matching jobs of the log and the hot segment, and those of the sealed segments."""
        hot, hot_mask = snapshot.hot, snapshot.hot_mask
        if not job_filter.is_empty:
            matches = hot.matching_mask(job_filter)
            hot_mask = matches if hot_mask is None else hot_mask & matches
        log_entries = (entry for entry in snapshot.log_entries if job_filter.matches(entry))
        unsealed = [RowView(Segment.from_entries(log_entries)), RowView(hot, hot_mask)]
        return unsealed, SealedView(self, snapshot.manifest, job_filter, snapshot.deleted)

    def _job_counts(self) -> StatusCounts:
        snapshot = self._snapshot()
        hot = snapshot.hot if snapshot.hot_mask is None else snapshot.hot.select(snapshot.hot_mask)
        sealed = SealedView(self, snapshot.manifest, Filter(), snapshot.deleted)
        return count_by_status([Segment.from_entries(snapshot.log_entries), hot, *sealed.segments()])

    def _snapshot(self) -> Snapshot:
        log = MarkerLog(self._bucket)
        manifest = self._manifest()
        hot = self.segment(manifest.hot) if manifest.hot else EMPTY
        return self._apply_log(log, hot, manifest)

    def _manifest(self) -> Manifest:
        versioned = read_manifest(self._bucket, self._cached_manifest)
        if versioned is not self._cached_manifest:
            self._cached_manifest = versioned
            current = versioned.manifest.segment_keys
            with self._lock:
                self._segments = {key: segment for key, segment in self._segments.items() if key in current}
        return versioned.manifest

    def _apply_log(self, log: MarkerLog, hot: Segment, manifest: Manifest) -> Snapshot:
        """Return the snapshot. A log entry takes effect if its rank is higher than that of the job in its segment."""
        entries, deleted = [], set()
        mask: Mask | None = None
        for entry in log.visible_entries():
            row = hot.find(entry.position)
            if row is not None:
                if entry.status.rank <= hot.entry(row).status.rank:
                    continue
                mask = np.ones(len(hot), np.bool_) if mask is None else mask
                mask[row] = False
            elif self._is_sealed(entry.position, manifest):
                if entry.status is Status.DELETED:
                    deleted.add(entry.position)
                continue
            if entry.status is not Status.DELETED:
                entries.append(entry)
        return Snapshot(manifest, hot, entries, mask, deleted)

    def _is_sealed(self, position: Position, manifest: Manifest) -> bool:
        sealed = manifest.segment_for(position)
        return sealed is not None and self.segment(sealed.key).find(position) is not None


def _merge_page(
    unsealed: Sequence[RowView], sealed: SealedView, newest_sealed: Position | None, offset: int, limit: int
) -> list[Segment]:
    """Return the jobs number `offset` to `offset + limit` of the unsealed and sealed jobs together, in order.

    The unsealed jobs that are newer than `newest_sealed` come first. The rest merges k older unsealed jobs with the
    sealed ones. Its job number n is one of the k jobs or one of the sealed jobs number n - k to n, so no other sealed
    rows are loaded.
    """
    stop = offset + limit
    if newest_sealed is None:
        return [merge([view.slice(0, stop) for view in unsealed]).select(slice(offset, stop))]
    newer_counts = [view.count_newer(newest_sealed) for view in unsealed]
    newer_total = sum(newer_counts)
    parts = []
    if offset < newer_total:
        newer = [view.slice(0, min(stop, count)) for view, count in zip(unsealed, newer_counts, strict=True)]
        parts.append(merge(newer).select(slice(offset, stop)))
    if stop > newer_total:
        start, stop = max(0, offset - newer_total), stop - newer_total
        older = [view.slice(count, len(view)) for view, count in zip(unsealed, newer_counts, strict=True)]
        skipped = max(0, start - sum(map(len, older)))
        rest = merge([*older, *sealed.slice(skipped, stop)])
        parts.append(rest.select(slice(start - skipped, stop - skipped)))
    return parts
