"""A look, once an hour, at which devices the database has, for whoever chooses one in a list.

A sweep claims the look by compare-and-swap before it asks: so no two sweeps ask, and a database that is away or slow
is left alone until the next hour. Once a day it is asked about all rows, so that devices whose rows were deleted go;
else about the latest ones, for which an index on the day column serves.
"""

import logging
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta

from shared import ids
from shared.errors import Unavailable, UnsupportedColumn
from shared.job_index import devices
from shared.job_index.devices import DeviceList
from shared.models import DEVICE_ID
from shared.storage.bucket import Bucket, ObjectChanged

_LOG = logging.getLogger(__name__)
_AGAIN = timedelta(hours=1)
_WHOLE_AGAIN = timedelta(days=1)
_OVERLAP = timedelta(days=1)  # fixes arrive late
_EVER = datetime(1970, 1, 1, tzinfo=UTC)
_DEVICE_ID = re.compile(DEVICE_ID.strip("^$"))
MOST = 1_000

# since when, and how many at most, to the time of each device's latest fix; Unavailable or UnsupportedColumn
Latest = Callable[[datetime, int], Mapping[str, datetime]]


class Devices:
    """The object of one bucket, kept by what `latest` says of the database."""

    def __init__(self, bucket: Bucket, latest: Latest) -> None:
        self._bucket = bucket
        self._latest = latest

    def refresh(self, now: datetime) -> None:
        """Look, if it is time to; where that fails, what was known stays, and the log has a line."""
        try:
            self._refresh(now)
        except ObjectChanged:
            _LOG.info("another sweep looks for devices")
        except Unavailable as exc:
            _LOG.warning("devices not refreshed", extra={"dependency": exc.dependency, "cause": exc.cause})
        except UnsupportedColumn as exc:
            _LOG.warning("devices not refreshed", extra={"dependency": "database", "cause": exc.message})

    def _refresh(self, now: datetime) -> None:
        found = devices.read(self._bucket)
        known = found.device_list or DeviceList(queried_at=_EVER, token="")
        if not _is_over(_AGAIN, known.queried_at, now):
            return
        # After a look at all rows that got no answer comes one at the latest: a table may be too large for the former.
        whole = _is_over(_WHOLE_AGAIN, known.full_scan_at or _EVER, now) and not known.full_scan_pending
        claim = known.model_copy(update={"queried_at": now, "full_scan_pending": whole, "token": ids.token()})
        etag = devices.write(self._bucket, claim, found.etag)
        since = _EVER if whole else min(known.as_of or now, now) - _OVERLAP
        latest = {name: at for name, at in self._latest(since, MOST).items() if name and _DEVICE_ID.fullmatch(name)}
        every = latest if whole else {**known.devices, **latest}
        seen = DeviceList(
            devices=dict(sorted(every.items(), key=lambda one: one[1], reverse=True)[:MOST]),
            as_of=now,
            full_scan_at=now if whole else known.full_scan_at,
            queried_at=now,
            token=ids.token(),
        )
        devices.write(self._bucket, seen, etag)


def _is_over(age: timedelta, since: datetime, now: datetime) -> bool:
    """Whether `since` is so long ago; or so far ahead, by the wrong clock of some pod."""
    return abs(now - since) >= age
