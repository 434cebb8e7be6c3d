"""The device list: one object, `x/DEVICES`. The sweep refreshes it from the database, the list function reads it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from shared import stored_json
from shared.job_index.manifest import PREFIX
from shared.models import parse_device_id
from shared.storage.bucket import Bucket, ObjectMissing
from shared.stored_json import Decoders, boolean, instant, optional, text, version

KEY = f"{PREFIX}DEVICES"


@dataclass(frozen=True, kw_only=True)
class DeviceList:
    """The devices with the time of their latest fix, and the state of the database queries.

    A full scan reads all rows. Other queries read the latest rows only.
    """

    version: Literal[1] = 1
    devices: Mapping[str, datetime] = field(default_factory=dict)
    as_of: datetime | None = None  # start of the last successful query
    full_scan_at: datetime | None = None  # start of the last successful full scan
    queried_at: datetime  # start of the last query, successful or not
    full_scan_pending: bool = False  # the last query is a full scan without a result so far
    token: str  # random: makes each write's body unique, so that a retry recognizes its own write


@dataclass(frozen=True)
class VersionedDevices:
    """The device list and the entity tag of its object.

    `device_list` is None if the object is missing or invalid, `etag` is None if it is missing.
    """

    device_list: DeviceList | None
    etag: str | None


def read(bucket: Bucket, cached: VersionedDevices | None = None) -> VersionedDevices:
    """Read the device list. Returns `cached` if it has not changed."""
    try:
        if cached is not None and cached.etag is not None:
            stored = bucket.get_if_modified(KEY, cached.etag)
            if stored is None:
                return cached
        else:
            stored = bucket.get(KEY)
    except ObjectMissing:
        return VersionedDevices(None, None)
    try:
        return VersionedDevices(_decode(stored.body), stored.etag)
    except ValueError:
        return VersionedDevices(None, stored.etag)


def write(bucket: Bucket, device_list: DeviceList, etag: str | None) -> str:
    """Replace the object with entity tag `etag`, or create it if `etag` is None, and return the new entity tag.

    Raises ObjectChanged if another writer was first.
    """
    body = stored_json.encode(device_list)
    return bucket.create(KEY, body) if etag is None else bucket.replace(KEY, body, etag)


def _decode(body: bytes) -> DeviceList:
    return stored_json.build(DeviceList, _DEVICE_LIST, stored_json.decode(body))


def _devices(value: object) -> dict[str, datetime]:
    if not isinstance(value, dict):
        raise ValueError("expected an object")  # noqa: TRY004 - decoders raise ValueError
    return {parse_device_id(device_id): instant(time) for device_id, time in value.items()}


_DEVICE_LIST: Decoders = {
    "version": version,
    "devices": _devices,
    "as_of": optional(instant),
    "full_scan_at": optional(instant),
    "queried_at": instant,
    "full_scan_pending": boolean,
    "token": text,
}
