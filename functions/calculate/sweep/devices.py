"""Refresh the list of devices from the database once an hour.

A sweep claims the refresh by compare-and-swap before it queries the database. So only one sweep queries it, and a
database that is unavailable or slow gets no further query until the next hour. Once a day the query covers all rows, so
that devices without rows are removed. The other queries cover the latest rows, for which an index on the day column
applies.
"""

import logging
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from shared import ids
from shared.errors import Unavailable, UnsupportedColumn
from shared.job_index import devices
from shared.job_index.devices import DeviceList
from shared.models import DEVICE_ID
from shared.storage.bucket import Bucket, ObjectChanged

_LOG = logging.getLogger(__name__)
_INTERVAL = timedelta(hours=1)
_FULL_INTERVAL = timedelta(days=1)
_OVERLAP = timedelta(days=1)  # fixes can arrive late
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DEVICE_ID = re.compile(DEVICE_ID.strip("^$"))
MAX_DEVICES = 1_000

# Maps (since, limit) to the time of each device's latest fix. Raises Unavailable or UnsupportedColumn.
LatestFixTimes = Callable[[datetime, int], Mapping[str, datetime]]


class DeviceRefresher:
    """Refresh the device list of one bucket with `latest_fix_times`."""

    def __init__(self, bucket: Bucket, latest_fix_times: LatestFixTimes) -> None:
        self._bucket = bucket
        self._latest_fix_times = latest_fix_times

    def refresh(self, now: datetime) -> None:
        """Refresh the list if it is due. A failure is logged, and the list stays unchanged."""
        try:
            self._refresh(now)
        except ObjectChanged:
            _LOG.info("devices refreshed by a concurrent sweep")
        except Unavailable as exc:
            _LOG.warning("devices not refreshed", extra={"dependency": exc.dependency, "cause": exc.cause})
        except UnsupportedColumn as exc:
            _LOG.warning("devices not refreshed", extra={"dependency": "database", "cause": exc.message})

    def _refresh(self, now: datetime) -> None:
        stored = devices.read(self._bucket)
        known = stored.device_list or DeviceList(queried_at=_EPOCH, token="")
        if not _is_due(_INTERVAL, known.queried_at, now):
            return
        # After a failed full refresh the next one is partial, because the table can be too large for a full one.
        full = _is_due(_FULL_INTERVAL, known.full_scan_at or _EPOCH, now) and not known.full_scan_pending
        claim = replace(known, queried_at=now, full_scan_pending=full, token=ids.token())
        etag = devices.write(self._bucket, claim, stored.etag)
        since = _EPOCH if full else min(known.as_of or now, now) - _OVERLAP
        times = self._latest_fix_times(since, MAX_DEVICES)
        latest = {name: time for name, time in times.items() if name and _DEVICE_ID.fullmatch(name)}
        merged = latest if full else {**known.devices, **latest}
        refreshed = DeviceList(
            devices=dict(sorted(merged.items(), key=lambda item: item[1], reverse=True)[:MAX_DEVICES]),
            as_of=now,
            full_scan_at=now if full else known.full_scan_at,
            queried_at=now,
            token=ids.token(),
        )
        devices.write(self._bucket, refreshed, etag)


def _is_due(interval: timedelta, since: datetime, now: datetime) -> bool:
    """Whether `interval` has passed since `since`. A time that far in the future, of a wrong clock, counts as well."""
    return abs(now - since) >= interval
