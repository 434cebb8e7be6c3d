"""Compaction of the job index: write reconciled entries to segments and delete their markers.

The order of steps makes it safe against crashes and concurrent sweeps: list the marker log, read CURRENT, read the
records, put new segments, replace CURRENT if it has not changed, and only then delete the listed markers. A record that
is read after its marker was listed has at least the marker's state.
"""

import logging
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace
from itertools import chain, islice

import numpy as np

from shared.errors import Unavailable
from shared.job_index import manifest
from shared.job_index.markers import Entry, Filter, MarkerLog, Position
from shared.job_index.segments import EMPTY, Segment, merge
from shared.storage.bucket import Bucket, ObjectChanged, ObjectMissing

_LOG = logging.getLogger(__name__)
SEALED_ROWS = 65_536

# The entry of each reconciled job, or None for a job without a record.
ReconciledEntries = Mapping[Position, Entry | None]


class Compaction:
    """One read of the index and one commit to it."""

    def __init__(self, bucket: Bucket, sealed_rows: int = SEALED_ROWS) -> None:
        """Read the marker log, CURRENT and the hot segment. Raises ObjectMissing if a concurrent sweep deletes it.

        Every method that reads a segment raises it as well, or Unavailable if the segment is lost.
        """
        self._bucket = bucket
        self._sealed_rows = sealed_rows
        self.log = MarkerLog(bucket)
        self._versioned = manifest.read(bucket)
        self._manifest = self._versioned.manifest
        self._segments: dict[str, Segment] = {}
        self._hot = self._load(self._manifest.hot) if self._manifest.hot else EMPTY

    def pending(self) -> list[Entry]:
        """Return the jobs to reconcile: those with markers, and those that have not finished."""
        unfinished = np.flatnonzero(~self._hot.finished_mask()).tolist()
        entries = {entry.position: entry for entry in map(self._hot.entry, unfinished)}
        return list((entries | self.log.entries).values())

    def oldest_finished(self, queued_before_ms: int, limit: int) -> list[Entry]:
        """Return up to `limit` finished jobs queued before a time (Unix milliseconds), the oldest first.

        Jobs with markers are left out, because they are changing.
        """
        sealed = self._manifest.sealed
        segment = self._load(sealed[-1].key) if sealed else self._hot
        rows = np.flatnonzero(segment.finished_mask() & (segment.neg_queued_ms > -queued_before_ms))[::-1]
        entries = map(segment.entry, rows.tolist())
        return list(islice((entry for entry in entries if entry.position not in self.log.entries), limit))

    def job_at(self, offset: int) -> str | None:
        """Return the id of the job at an offset, which wraps around; None for an empty index."""
        sealed = self._manifest.sealed
        count = len(self._hot) + sum(segment.rows for segment in sealed)
        if not count:
            return None
        row = offset % count
        for segment in sealed:
            if row < segment.rows:
                return self._load(segment.key).entry(row).job_id
            row -= segment.rows
        return self._hot.entry(row).job_id

    def is_reused(self, position: Position) -> bool:
        """Whether a later job has the id of the job at `position`. Reads all segments."""
        queued_ms, job_id = position
        job_filter = Filter(job_id=job_id)
        segments = [self._hot, *(self._load(sealed.key) for sealed in self._manifest.sealed)]
        listed = [segment.select(segment.matching_mask(job_filter)).entries() for segment in segments]
        entries = chain(filter(job_filter.matches, self.log.entries.values()), *listed)
        return any(entry.queued_ms > queued_ms for entry in entries)

    def delete_garbage(self) -> None:
        """Delete the segments that no current or future manifest contains."""
        garbage = [key for key in self._bucket.list_keys(manifest.PREFIX) if manifest.is_garbage(key, self._manifest)]
        self._bucket.delete_many(garbage)

    def commit(self, reconciled: ReconciledEntries) -> None:
        """Write the entries to the index and delete their markers. Does nothing if CURRENT has changed."""
        hot, changed = self._apply(reconciled)
        # A removed job changes CURRENT even if no segment contains it, so that a slower sweep that has read its record
        # before the removal cannot commit.
        removed = any(entry is None and position in self.log.keys for position, entry in reconciled.items())
        if hot is not self._hot or changed or removed:
            try:
                self._write(hot, changed)
            except ObjectChanged:
                _LOG.info("index commit conflict, skipping compaction")  # the next sweep deletes the new segments
                return
        self._bucket.delete_many(key for position in reconciled for key in self.log.keys.get(position, ()))

    def _apply(self, reconciled: ReconciledEntries) -> tuple[Segment, dict[str, Segment]]:
        """Return the new hot segment, and the sealed segments that change, by key."""
        removed: list[Position] = []
        added: list[Entry] = []
        removed_from_sealed: dict[str, list[Position]] = defaultdict(list)
        for position, entry in reconciled.items():
            row = self._hot.find(position)
            sealed = None if row is not None else self._sealed_key(position)
            if entry is None and row is not None:
                removed.append(position)
            elif entry is None and sealed is not None:
                removed_from_sealed[sealed].append(position)
            elif entry is not None and sealed is None and (row is None or self._hot.entry(row) != entry):
                added.append(entry)
        hot = self._hot.with_changes(removed, added) if removed or added else self._hot
        return hot, {key: self._load(key).with_changes(positions, ()) for key, positions in removed_from_sealed.items()}

    def _sealed_key(self, position: Position) -> str | None:
        """Return the key of the sealed segment that contains the job, or None."""
        sealed = self._manifest.segment_for(position)
        return sealed.key if sealed and self._load(sealed.key).find(position) is not None else None

    def _write(self, hot: Segment, changed: dict[str, Segment]) -> None:
        """Put the new segments and replace CURRENT. Raises ObjectChanged if CURRENT has changed."""
        hot, new, changed = self._seal(hot, changed)
        generation = self._manifest.generation + 1

        def put(segment: Segment, kind: str) -> str:
            key = manifest.new_segment_key(generation, kind)
            self._bucket.put(key, segment.dump())
            return key

        sealed = (
            [manifest.SealedSegment(key=put(new, "sealed"), rows=len(new), newest=new.entry(0).position)] if new else []
        )
        for old in self._manifest.sealed:
            segment = changed.get(old.key)
            if segment is None:
                sealed.append(old)
            elif segment:
                sealed.append(replace(old, key=put(segment, "sealed"), rows=len(segment)))
        successor = manifest.Manifest(generation=generation, hot=put(hot, "hot") if hot else None, sealed=tuple(sealed))
        manifest.replace(self._bucket, self._versioned, successor)

    def _seal(self, hot: Segment, changed: dict[str, Segment]) -> tuple[Segment, Segment, dict[str, Segment]]:
        """Seal the oldest finished jobs of the hot segment once there are enough of them.

        Finished jobs that are older than the newest sealed job join the sealed segment of their range.
        Returns the hot segment, the new sealed segment (or EMPTY), and the changed sealed segments by key.
        """
        rows = np.flatnonzero(hot.finished_mask())
        sealed = self._manifest.sealed
        first_late = hot.count_newer(sealed[0].newest) if sealed else len(hot)
        early, late = rows[rows < first_late], rows[rows >= first_late]
        if len(early) < self._sealed_rows + self._sealed_rows // 64:  # the newest stay hot for the first pages
            return hot, EMPTY, changed
        old = early[-self._sealed_rows :]
        joining: dict[str, list[int]] = defaultdict(list)
        for row in late.tolist():
            segment = self._manifest.segment_for(hot.entry(row).position)
            if segment:
                joining[segment.key].append(row)
        changed = dict(changed)
        for key, late_rows in joining.items():
            changed[key] = merge([changed[key] if key in changed else self._load(key), hot.select(np.array(late_rows))])
        stays_hot = np.ones(len(hot), np.bool_)
        stays_hot[old] = stays_hot[late] = False
        return hot.select(stays_hot), hot.select(old), changed

    def _load(self, key: str) -> Segment:
        """Return a segment, cached. Raises ObjectMissing if a concurrent sweep has deleted it."""
        if key not in self._segments:
            self._segments[key] = Segment.load(self._get(key))
        return self._segments[key]

    def _get(self, key: str) -> bytes:
        try:
            return self._bucket.get(key).body
        except ObjectMissing:
            if manifest.read(self._bucket).etag == self._versioned.etag:  # a sweep replaces CURRENT first
                raise Unavailable("storage", "NoSuchKey") from None
            raise
