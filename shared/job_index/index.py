"""The list: the tail's markers over the segments, merged, filtered, counted and cut into pages.

Reading goes tail first, then CURRENT: whatever was folded and taken out of the tail before the tail was listed is in
the segments that CURRENT names afterwards. So what has been acknowledged is always seen, while segments are being made.
"""

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from shared.errors import Unavailable
from shared.job_index import manifest
from shared.job_index.counts import Tally, tally
from shared.job_index.markers import Entry, Filter, MarkerLog, Position
from shared.job_index.segments import EMPTY, Flags, Rows, Segment, merged
from shared.models import Status
from shared.storage.bucket import Bucket, ObjectMissing

T = TypeVar("T")
_TRIES = 5


@dataclass(frozen=True)
class Page:
    """Some of the jobs that a filter admits, newest first, and how many it admits in all."""

    entries: list[Entry]
    total: int


class RowView:
    """Jobs in order, some of a segment's: those that `flags` admits, all where it is None."""

    def __init__(self, segment: Segment, flags: Flags | None = None) -> None:
        self._segment = segment
        self._rows: Rows | None = None if flags is None else np.flatnonzero(flags)

    def __len__(self) -> int:
        return len(self._segment) if self._rows is None else len(self._rows)

    def cut(self, start: int, stop: int) -> Segment:
        """Jobs number `start` to `stop`."""
        return self._segment.only(slice(start, stop) if self._rows is None else self._rows[start:stop])

    def newer_than(self, position: Position) -> int:
        """How many of them stand before `position`."""
        row = self._segment.newer_than(position)
        return row if self._rows is None else int(np.searchsorted(self._rows, row))


class SealedView:
    """The jobs of all sealed segments in order, as one run; a segment is fetched when it must be looked into."""

    def __init__(self, index: "Index", found: manifest.Manifest, wanted: Filter, gone: set[Position]) -> None:
        self._index = index
        self._wanted = wanted
        self._gone: dict[str, list[Position]] = {}
        for position in gone:
            covering = found.segment_for(position)
            if covering is not None:
                self._gone.setdefault(covering.key, []).append(position)
        self._sealed = found.sealed
        self._runs: dict[str, RowView] = {}
        self._counts = [self._count(sealed) for sealed in self._sealed]

    def __len__(self) -> int:
        return sum(self._counts)

    def cut(self, start: int, stop: int) -> list[Segment]:
        """Jobs number `start` to `stop`, in as many parts as they lie in."""
        parts = []
        for sealed, count in zip(self._sealed, self._counts, strict=True):
            if start < count and stop > 0:
                parts.append(self._run(sealed).cut(max(start, 0), min(stop, count)))
            start, stop = start - count, stop - count
        return parts

    def segments(self) -> Iterator[Segment]:
        """All of the jobs."""
        for sealed, count in zip(self._sealed, self._counts, strict=True):
            yield self._index.segment(sealed.key) if self._is_whole(sealed) else self._run(sealed).cut(0, count)

    def _count(self, sealed: manifest.Sealed) -> int:
        return sealed.rows if self._is_whole(sealed) else len(self._run(sealed))

    def _is_whole(self, sealed: manifest.Sealed) -> bool:
        return self._wanted.admits_all and sealed.key not in self._gone

    def _run(self, sealed: manifest.Sealed) -> RowView:
        if sealed.key not in self._runs:
            segment = self._index.segment(sealed.key)
            flags = None
            if not self._is_whole(sealed):
                flags = segment.admitted(self._wanted)
                for position in self._gone.get(sealed.key, ()):
                    row = segment.find(position)
                    if row is not None:
                        flags[row] = False
            self._runs[sealed.key] = RowView(segment, flags)
        return self._runs[sealed.key]


@dataclass(frozen=True)
class Snapshot:
    """What the jobs were when they were read: `latest` to show beyond the segments, without what they hide."""

    found: manifest.Manifest
    hot: Segment
    latest: list[Entry]
    hot_flags: Flags | None
    gone: set[Position]


class Index:
    """The list of a jobs bucket; segments stay in memory for as long as CURRENT names them."""

    def __init__(self, bucket: Bucket) -> None:
        self._bucket = bucket
        self._lock = threading.Lock()
        self._known: manifest.VersionedManifest | None = None
        self._segments: dict[str, Segment] = {}

    def page(self, wanted: Filter, offset: int = 0, limit: int = 1) -> Page:
        """Jobs number `offset` to `offset + limit` of those that `wanted` admits, as they are now."""
        return self._tried(lambda: self._page(wanted, offset, limit))

    def tally(self) -> Tally:
        """How many jobs there are in each state, as they are now; it costs what a filtered page does."""
        return self._tried(self._tally)

    def _tried(self, read: Callable[[], T]) -> T:
        for _ in range(_TRIES):
            try:
                return read()
            except ObjectMissing:  # a segment went while we read: CURRENT names others by now
                self._known = None
        raise Unavailable("storage", "NoSuchKey")

    def segment(self, key: str) -> Segment:
        """The segment of `key`, fetched once; ObjectMissing when it has been folded into another."""
        with self._lock:  # many requests at once shall not all fetch it
            found = self._segments.get(key)
            if found is None:
                found = self._segments[key] = Segment.load(self._bucket.get(key).body)
            return found

    def _page(self, wanted: Filter, offset: int, limit: int) -> Page:
        seen = self._seen()
        found, hot, hot_flags = seen.found, seen.hot, seen.hot_flags
        if not wanted.admits_all:
            admitted = hot.admitted(wanted)
            hot_flags = admitted if hot_flags is None else hot_flags & admitted
        loose = [RowView(Segment.of(entry for entry in seen.latest if wanted.admits(entry))), RowView(hot, hot_flags)]
        sealed = SealedView(self, found, wanted, seen.gone)
        total = sum(map(len, loose)) + len(sealed)
        parts = _window(loose, sealed, found.sealed[0].newest if found.sealed else None, offset, limit)
        entries = [part.entry(row) for part in parts for row in range(len(part))]
        return Page(entries, total)

    def _tally(self) -> Tally:
        seen = self._seen()
        hot = seen.hot if seen.hot_flags is None else seen.hot.only(seen.hot_flags)
        sealed = SealedView(self, seen.found, Filter(), seen.gone)
        return tally([Segment.of(seen.latest), hot, *sealed.segments()])

    def _seen(self) -> Snapshot:
        tail = MarkerLog(self._bucket)
        found = self._catalogue()
        hot = self.segment(found.hot) if found.hot else EMPTY
        return Snapshot(found, hot, *self.apply_log(tail, hot, found))

    def _catalogue(self) -> manifest.Manifest:
        known = manifest.read(self._bucket, self._known)
        if known is not self._known:
            self._known = known
            with self._lock:
                self._segments = {key: kept for key, kept in self._segments.items() if key in known.catalogue.keys}
        return known.catalogue

    def apply_log(
        self, tail: MarkerLog, hot: Segment, found: manifest.Manifest
    ) -> tuple[list[Entry], Flags | None, set[Position]]:
        """What the tail says beyond the segments: entries to show, hot rows still to show, positions to hide."""
        latest, gone = [], set()
        flags: Flags | None = None
        for entry in tail.shown():
            position = entry.position
            row = hot.find(position)
            if row is not None:
                if entry.status.rank <= _rank(hot, row):
                    continue  # said again
                flags = np.ones(len(hot), np.bool_) if flags is None else flags
                flags[row] = False
            elif self._is_sealed(position, found):
                if entry.status is Status.DELETED:
                    gone.add(position)
                continue
            if entry.status is not Status.DELETED:
                latest.append(entry)
        return latest, flags, gone

    def _is_sealed(self, position: Position, found: manifest.Manifest) -> bool:
        covering = found.segment_for(position)
        return covering is not None and self.segment(covering.key).find(position) is not None


def _rank(segment: Segment, row: int) -> int:
    return segment.entry(row).status.rank


def _window(
    loose: Sequence[RowView], sealed: SealedView, newest: Position | None, offset: int, limit: int
) -> list[Segment]:
    """The jobs number `offset` to `offset + limit` of the loose and the sealed ones together, in order.

    The loose ones before the `newest` sealed one come first. Behind it k loose ones are left: of the two together, the
    job number n is among the loose ones and the sealed ones number n - k to n, so no more is looked into.
    """
    stop = offset + limit
    if newest is None:
        return [merged([run.cut(0, stop) for run in loose]).only(slice(offset, stop))]
    before = [run.newer_than(newest) for run in loose]
    first = sum(before)
    parts = []
    if offset < first:
        ahead = merged([run.cut(0, min(stop, count)) for run, count in zip(loose, before, strict=True)])
        parts.append(ahead.only(slice(offset, stop)))
    if stop > first:
        start, stop = max(0, offset - first), stop - first
        behind = [run.cut(count, len(run)) for run, count in zip(loose, before, strict=True)]
        skipped = max(0, start - sum(map(len, behind)))
        mixed = merged([*behind, *sealed.cut(skipped, stop)])
        parts.append(mixed.only(slice(start - skipped, stop - skipped)))
    return parts
