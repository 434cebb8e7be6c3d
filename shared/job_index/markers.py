"""The tail of the index: an empty object for each state that a job reaches, whose key says all that a list shows.

`t/<job_id>.<rank>.<status>~<queued ms>~<date>~<device>~<completed ms>~<nonce>`

A job's markers lie side by side, the later state behind the earlier one. The nonce makes each marker a key of its own:
whoever folds markers into segments deletes exactly those that it has read, and never one that was put meanwhile.
"""

import logging
from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, date, datetime

from shared import ids
from shared.models import Record, Status, Tombstone
from shared.storage.bucket import Bucket

_LOG = logging.getLogger(__name__)
_PREFIX = "t/"

# Where a job stands in the list, and which life of its id it is: `queued_at` in Unix milliseconds, then the job id.
Position = tuple[int, str]


@dataclass(frozen=True, slots=True)
class Entry:
    """A job as the list shows it; times are Unix milliseconds."""

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
        return datetime.fromtimestamp(self.queued_ms / 1000, UTC)

    @property
    def completed_at(self) -> datetime | None:
        return None if self.completed_ms is None else datetime.fromtimestamp(self.completed_ms / 1000, UTC)


@dataclass(frozen=True)
class Filter:
    """Which jobs a list shows; None is any."""

    status: Status | None = None
    day: date | None = None
    device_id: str | None = None

    @property
    def admits_all(self) -> bool:
        return self.status is None and self.day is None and self.device_id is None

    def admits(self, entry: Entry) -> bool:
        return (
            (self.status is None or entry.status is self.status)
            and (self.day is None or entry.date == self.day.isoformat())
            and (self.device_id is None or entry.device_id == self.device_id)
        )


def entry_of(record: Record) -> Entry:
    """What the list shows of a record."""
    completed = None if record.completed_at is None else milliseconds(record.completed_at)
    queued, day = milliseconds(record.queued_at), record.date.isoformat()
    return Entry(record.job_id, record.status, queued, day, record.device_id, completed)


def milliseconds(instant: datetime) -> int:
    """Unix milliseconds."""
    return round(instant.timestamp() * 1000)


def position_of(job: Record | Tombstone) -> Position:
    """Where the job stands, or stood."""
    return milliseconds(job.queued_at), job.job_id


def key_of(entry: Entry) -> str:
    """The key of a marker that says `entry`; another one each time."""
    completed = "" if entry.completed_ms is None else entry.completed_ms
    said = (entry.status, entry.queued_ms, entry.date, entry.device_id, completed, ids.token())
    return f"{_PREFIX}{entry.job_id}.{entry.status.rank}.{'~'.join(map(str, said))}"


def read(key: str) -> Entry | None:
    """What a marker's key says; None where it is no marker's."""
    try:
        job_id, _, said = key.removeprefix(_PREFIX).split(".", 2)
        status, queued_ms, day, device_id, ended, _ = said.split("~")
        return Entry(job_id, Status(status), int(queued_ms), day, device_id, int(ended) if ended else None)
    except ValueError:
        return None


class MarkerLog:
    """What the markers of a bucket said when they were listed: each job once, in the latest state that it had."""

    def __init__(self, bucket: Bucket) -> None:
        self.entries: dict[Position, Entry] = {}
        self.keys: dict[Position, list[str]] = defaultdict(list)
        for key in bucket.list_keys(_PREFIX):
            entry = read(key)
            if entry is None:
                _LOG.warning("not a marker", extra={"key": key[:100]})
                continue
            self.keys[entry.position].append(key)
            known = self.entries.get(entry.position)
            if known is None or entry.status.rank > known.status.rank:
                self.entries[entry.position] = entry

    def shown(self) -> list[Entry]:
        """The entries without those that were put in vain: when several make a job of one id, one record wins.

        What wins has a second marker before it is acknowledged; what lost has one, until it or a sweep drops that.
        """
        alive = [entry for entry in self.entries.values() if entry.status is not Status.DELETED]
        certain = {entry.job_id for entry in alive if not self._is_tentative(entry)}
        return [e for e in self.entries.values() if not (self._is_tentative(e) and e.job_id in certain)]

    def _is_tentative(self, entry: Entry) -> bool:
        return entry.status is Status.QUEUED and len(self.keys[entry.position]) == 1


def put(bucket: Bucket, entry: Entry) -> str:
    """Show a job as `entry` says, unless a later state is shown already; the marker's key."""
    key = key_of(entry)
    bucket.put(key)
    return key


def put_deleted(bucket: Bucket, job: Record | Tombstone) -> None:
    """Show a job no more: from now on its deletion is completed, whoever began it."""
    put(bucket, Entry(job.job_id, Status.DELETED, milliseconds(job.queued_at), "", "", None))
