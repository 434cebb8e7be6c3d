"""Folding: what the sweep found out about jobs goes into segments, and the markers that led to it go away.

The order makes it safe against deaths and against a second sweep: list the tail, read CURRENT, read the records, put
new segments, replace CURRENT if it is still the one that was read, and only then delete the markers, exactly those
that were listed. A record read after its marker was listed has at least the state that the marker says.
"""

import logging
from collections import defaultdict
from collections.abc import Mapping
from itertools import islice

import numpy as np

from shared.job_index import manifest
from shared.job_index.markers import Entry, MarkerLog, Position
from shared.job_index.segments import EMPTY, Segment, merge
from shared.storage.bucket import Bucket, ObjectChanged

_LOG = logging.getLogger(__name__)
SEALED_ROWS = 65_536

# What the records say: a job as it is, or None where there is none.
Truth = Mapping[Position, Entry | None]


class Compaction:
    """One look at the index, and one change of it."""

    def __init__(self, bucket: Bucket, sealed_rows: int = SEALED_ROWS) -> None:
        """Read tail, CURRENT and the hot segment; ObjectMissing when somebody folds at the same time."""
        self._bucket = bucket
        self._sealed_rows = sealed_rows
        self.tail = MarkerLog(bucket)
        self._read = manifest.read(bucket)
        self._old = self._read.manifest
        self._segments: dict[str, Segment] = {}
        self._hot = self._load(self._old.hot) if self._old.hot else EMPTY

    def pending(self) -> list[Entry]:
        """The jobs to look at: those of the tail, and those that have not ended."""
        unfinished = np.flatnonzero(~self._hot.finished()).tolist()
        found = {entry.position: entry for entry in map(self._hot.entry, unfinished)}
        return list((found | self.tail.entries).values())

    def oldest(self, queued_before_ms: int, most: int) -> list[Entry]:
        """Up to `most` finished jobs that were queued before a time (Unix milliseconds), the oldest first.

        Those that the tail speaks of are moving already.
        """
        sealed = self._old.sealed
        segment = self._load(sealed[-1].key) if sealed else self._hot
        rows = np.flatnonzero(segment.finished() & (segment.neg_queued_ms > -queued_before_ms))[::-1]
        found = map(segment.entry, rows.tolist())
        return list(islice((entry for entry in found if entry.position not in self.tail.entries), most))

    def some_job(self, number: int) -> str | None:
        """The id of a job, by a number that may be any; None where there is none."""
        sealed = self._old.sealed
        count = len(self._hot) + sum(one.rows for one in sealed)
        if not count:
            return None
        row = number % count
        for segment in sealed:
            if row < segment.rows:
                return self._load(segment.key).entry(row).job_id
            row -= segment.rows
        return self._hot.entry(row).job_id

    def drop_garbage(self) -> None:
        """Delete the segments that no manifest names any more, or ever will."""
        garbage = [key for key in self._bucket.list_keys(manifest.PREFIX) if manifest.is_garbage(key, self._old)]
        self._bucket.delete_many(garbage)

    def commit(self, truth: Truth) -> None:
        """The index as the records are; the markers of every job in `truth` go. Nothing, if somebody was faster."""
        hot, changed = self._applied(truth)
        # A job that is gone changes CURRENT though no segment has it: a slower sweep may have read its record before.
        gone = any(entry is None and position in self.tail.keys for position, entry in truth.items())
        if hot is not self._hot or changed or gone:
            try:
                self._replace(hot, changed)
            except ObjectChanged:
                _LOG.info("another sweep was faster")  # what was put for this one is garbage to the next
                return
        self._bucket.delete_many(key for position in truth for key in self.tail.keys.get(position, ()))

    def _applied(self, truth: Truth) -> tuple[Segment, dict[str, Segment]]:
        """The hot segment, and by their keys those sealed ones that change, as the records want them."""
        gone: list[Position] = []
        come: list[Entry] = []
        unsealed: dict[str, list[Position]] = defaultdict(list)
        for position, entry in truth.items():
            row = self._hot.find(position)
            sealed = None if row is not None else self._sealed_in(position)
            if entry is None and row is not None:
                gone.append(position)
            elif entry is None and sealed is not None:
                unsealed[sealed].append(position)
            elif entry is not None and sealed is None and (row is None or self._hot.entry(row) != entry):
                come.append(entry)
        hot = self._hot.updated(gone, come) if gone or come else self._hot
        return hot, {key: self._load(key).updated(positions, ()) for key, positions in unsealed.items()}

    def _sealed_in(self, position: Position) -> str | None:
        """The key of the sealed segment that has the job at `position`."""
        covering = self._old.segment_for(position)
        return covering.key if covering and self._load(covering.key).find(position) is not None else None

    def _replace(self, hot: Segment, changed: dict[str, Segment]) -> None:
        """Put what is new and make it count, or ObjectChanged."""
        hot, new, changed = self._seal(hot, changed)
        generation = self._old.generation + 1

        def put(segment: Segment, kind: str) -> str:
            key = manifest.new_segment_key(generation, kind)
            self._bucket.put(key, segment.dump())
            return key

        sealed = (
            [manifest.SealedSegment(key=put(new, "sealed"), rows=len(new), newest=new.entry(0).position)] if new else []
        )
        for one in self._old.sealed:
            segment = changed.get(one.key)
            if segment is None:
                sealed.append(one)
            elif segment:
                sealed.append(one.model_copy(update={"key": put(segment, "sealed"), "rows": len(segment)}))
        following = manifest.Manifest(generation=generation, hot=put(hot, "hot") if hot else None, sealed=tuple(sealed))
        manifest.replace(self._bucket, self._read, following)

    def _seal(self, hot: Segment, changed: dict[str, Segment]) -> tuple[Segment, Segment, dict[str, Segment]]:
        """Once enough finished jobs are hot, the oldest of them become a segment of their own, for good.

        Those that stand between jobs that are sealed already, because they ended late, join these in the same go.
        """
        rows = np.flatnonzero(hot.finished())
        sealed = self._old.sealed
        first_late = hot.count_newer(sealed[0].newest) if sealed else len(hot)
        early, late = rows[rows < first_late], rows[rows >= first_late]
        if len(early) < self._sealed_rows + self._sealed_rows // 64:  # the newest stay: first pages need no more
            return hot, EMPTY, changed
        old = early[-self._sealed_rows :]
        joining: dict[str, list[int]] = defaultdict(list)
        for row in late.tolist():
            covering = self._old.segment_for(hot.entry(row).position)
            if covering:
                joining[covering.key].append(row)
        changed = dict(changed)
        for key, some in joining.items():
            changed[key] = merge([changed[key] if key in changed else self._load(key), hot.select(np.array(some))])
        left = np.ones(len(hot), np.bool_)
        left[old] = left[late] = False
        return hot.select(left), hot.select(old), changed

    def _load(self, key: str) -> Segment:
        """A segment, fetched once; ObjectMissing when somebody has folded it into another."""
        if key not in self._segments:
            self._segments[key] = Segment.load(self._bucket.get(key).body)
        return self._segments[key]
