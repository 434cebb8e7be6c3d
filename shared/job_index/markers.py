"""The marker log: an empty object for each state that a job reaches. Its key contains everything that a list shows.

`t/<job_id>.<rank>.<status>~<queued ms>~<date>~<device>~<completed ms>~<nonce>`

The markers of a job sort next to each other, a later state after an earlier one. The nonce makes each key unique, so a
compaction deletes exactly the markers that it has read, and none that were written meanwhile.
"""

import logging
import re
from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, date, datetime

from shared import ids
from shared.models import Record, Status, Tombstone
from shared.storage.bucket import Bucket

_LOG = logging.getLogger(__name__)
_PREFIX = "t/"
_JOB_ID = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
_STATUSES = {status.value: status for status in Status}
_MILLISECONDS = "[0-9]{1,14}"  # up to the year 5138
_KEY = re.compile(
    rf"{_PREFIX}({_JOB_ID})\.[0-9]\.({'|'.join(_STATUSES)})~({_MILLISECONDS})~([0-9-]{{10}}|)~([A-Za-z0-9._-]{{0,100}})"
    rf"~({_MILLISECONDS}|)~[^~]*"
)

# `queued_at` in Unix milliseconds, then the job id: the sort key of the list. It also tells apart the jobs that reuse
# the id of a deleted job.
Position = tuple[int, str]


@dataclass(frozen=True, slots=True)
class Entry:
    """A job as the list shows it. Times are Unix milliseconds."""

    job_id: str
    status: Status
    queued_ms: int
    date: str
    device_id: str
    completed_ms: int | None

    @property
    def position(self) -> Position:
        return self.queued_ms, self.job_id

    @property
    def queued_at(self) -> datetime:
        return from_milliseconds(self.queued_ms)

    @property
    def completed_at(self) -> datetime | None:
        return None if self.completed_ms is None else from_milliseconds(self.completed_ms)


@dataclass(frozen=True)
class Filter:
    """The criteria of a list. None matches everything."""

    status: Status | None = None
    day: date | None = None
    device_id: str | None = None
    job_id: str | None = None

    @property
    def is_empty(self) -> bool:
        return self.status is None and self.day is None and self.device_id is None and self.job_id is None

    def matches(self, entry: Entry) -> bool:
        return (
            (self.status is None or entry.status is self.status)
            and (self.day is None or entry.date == self.day.isoformat())
            and (self.device_id is None or entry.device_id == self.device_id)
            and (self.job_id is None or entry.job_id == self.job_id)
        )


def entry_of(record: Record) -> Entry:
    """Return the list entry of a record."""
    completed = None if record.completed_at is None else milliseconds(record.completed_at)
    queued, day = milliseconds(record.queued_at), record.date.isoformat()
    return Entry(record.job_id, record.status, queued, day, record.device_id, completed)


def deletion_entry(position: Position) -> Entry:
    """Return the entry whose marker removes the job at `position` from the list. The sweep completes the deletion."""
    queued_ms, job_id = position
    return Entry(job_id, Status.DELETED, queued_ms, "", "", None)


def milliseconds(instant: datetime) -> int:
    """Return Unix milliseconds."""
    return round(instant.timestamp() * 1000)


def from_milliseconds(unix_ms: int) -> datetime:
    """Return the time of Unix milliseconds."""
    return datetime.fromtimestamp(unix_ms / 1000, UTC)


def position_of(job: Record | Tombstone) -> Position:
    """Return the position of a job, deleted or not."""
    return milliseconds(job.queued_at), job.job_id


def new_marker_key(entry: Entry) -> str:
    """Return a unique key for a marker of `entry`."""
    completed = "" if entry.completed_ms is None else entry.completed_ms
    fields = (entry.status, entry.queued_ms, entry.date, entry.device_id, completed, ids.token())
    return f"{_PREFIX}{entry.job_id}.{entry.status.rank}.{'~'.join(map(str, fields))}"


def parse_marker_key(key: str) -> Entry | None:
    """Return the entry of a marker, or None if `key` is not the key of a marker."""
    match = _KEY.fullmatch(key)
    if match is None:
        return None
    job_id, name, queued_ms, day, device_id, completed_ms = match.groups()
    status = _STATUSES[name]
    try:
        if day or status is not Status.DELETED:
            date.fromisoformat(day)
    except ValueError:
        return None
    return Entry(job_id, status, int(queued_ms), day, device_id, int(completed_ms) if completed_ms else None)


def write_marker(bucket: Bucket, entry: Entry) -> str:
    """Write a marker of `entry` and return its key. It has no effect on the list if a later state has a marker."""
    key = new_marker_key(entry)
    bucket.put(key)
    return key


class MarkerLog:
    """The markers of a bucket at the time of one listing. `entries` has the latest state of each job."""

    def __init__(self, bucket: Bucket) -> None:
        self.entries: dict[Position, Entry] = {}
        self.keys: dict[Position, list[str]] = defaultdict(list)
        for key in bucket.list_keys(_PREFIX):
            entry = parse_marker_key(key)
            if entry is None:
                _LOG.warning("invalid marker key", extra={"key": key[:100]})
                continue
            self.keys[entry.position].append(key)
            previous = self.entries.get(entry.position)
            if previous is None or entry.status.rank > previous.status.rank:
                self.entries[entry.position] = entry

    def visible_entries(self) -> list[Entry]:
        """Return the entries without those of lost creations.

        If several requests create a job of the same id, one record wins. The winner has a second marker before its
        creation is acknowledged. A loser has one, until its request or a sweep deletes it.
        """
        alive = [entry for entry in self.entries.values() if entry.status is not Status.DELETED]
        confirmed = {entry.job_id for entry in alive if not self._is_tentative(entry)}
        return [e for e in self.entries.values() if not (self._is_tentative(e) and e.job_id in confirmed)]

    def _is_tentative(self, entry: Entry) -> bool:
        return entry.status is Status.QUEUED and len(self.keys[entry.position]) == 1
