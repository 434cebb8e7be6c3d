"""The list's index: a zero-byte marker for each state of a job, whose key says all that a list shows.

`t/<job_id>.<rank>.<status>~<queued ms>~<date>~<device>~<completed ms>~<nonce>`

A job's markers lie side by side, the later state behind the earlier one: a listing that goes on while a job moves
meets at least one of them. The nonce makes each marker a key of its own, so that whoever folds markers into something
denser can delete exactly those that it read.
"""

import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime

from shared.models import Record, Status
from shared.storage import Bucket

_PREFIX = "t/"


@dataclass(frozen=True)
class Entry:
    """A job as the list shows it; times are Unix milliseconds."""

    job_id: str
    status: Status
    queued_ms: int
    date: str
    device_id: str
    completed_ms: int | None
    marker: str

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

    def admits(self, entry: Entry) -> bool:
        return (
            (self.status is None or entry.status is self.status)
            and (self.day is None or entry.date == self.day.isoformat())
            and (self.device_id is None or entry.device_id == self.device_id)
        )


def new_marker(record: Record) -> str:
    """The key of a marker for the state that `record` is in; another one each time."""
    completed = "" if record.completed_at is None else _milliseconds(record.completed_at)
    said = (record.status, _milliseconds(record.queued_at), record.date.isoformat(), record.device_id, completed)
    return f"{_PREFIX}{record.job_id}.{record.status.rank}.{'~'.join(map(str, said))}~{secrets.token_hex(4)}"


def entry_of(marker: str) -> Entry:
    """What a marker's key says."""
    job_id, _, said = marker.removeprefix(_PREFIX).split(".", 2)
    status, queued_ms, day, device_id, completed_ms, _ = said.split("~")
    ended = int(completed_ms) if completed_ms else None
    return Entry(job_id, Status(status), int(queued_ms), day, device_id, ended, marker)


class Index:
    """The markers of a jobs bucket."""

    def __init__(self, bucket: Bucket) -> None:
        self._bucket = bucket

    def put(self, marker: str) -> None:
        """Show a job in the state that `marker` says, unless a later one is shown already."""
        self._bucket.put(marker)

    def drop(self, markers: Iterable[str]) -> None:
        """Take away markers that a later one, already put, has made useless."""
        for marker in markers:
            self._bucket.delete(marker)

    def entries(self) -> list[Entry]:
        """Every job once, in its latest state, newest first: by `queued_at`, then job id."""
        latest: dict[str, Entry] = {}
        for marker in self._bucket.keys(_PREFIX):
            entry = entry_of(marker)
            known = latest.get(entry.job_id)
            if known is None or entry.status.rank > known.status.rank:
                latest[entry.job_id] = entry
        return sorted(latest.values(), key=lambda entry: (entry.queued_ms, entry.job_id), reverse=True)

    def select(self, wanted: Filter) -> list[Entry]:
        """The jobs that `wanted` admits, newest first."""
        return [entry for entry in self.entries() if wanted.admits(entry)]


def _milliseconds(instant: datetime) -> int:
    return round(instant.timestamp() * 1000)
