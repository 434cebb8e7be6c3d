"""The device list: one object, `x/DEVICES`. The sweep refreshes it from the database, the list function reads it."""

from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from shared.job_index.manifest import PREFIX
from shared.models import DeviceId, Instant
from shared.storage.bucket import Bucket, ObjectMissing

KEY = f"{PREFIX}DEVICES"


class DeviceList(BaseModel):
    """The devices with the time of their latest fix, and the state of the database queries.

    A full scan reads all rows. Other queries read the latest rows only.
    """

    model_config = ConfigDict(frozen=True, defer_build=True)
    version: Literal[1] = 1
    devices: dict[DeviceId, Instant] = {}
    as_of: Instant | None = None  # start of the last successful query
    full_scan_at: Instant | None = None  # start of the last successful full scan
    queried_at: Instant  # start of the last query, successful or not
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
        return VersionedDevices(DeviceList.model_validate_json(stored.body), stored.etag)
    except ValidationError:
        return VersionedDevices(None, stored.etag)


def write(bucket: Bucket, device_list: DeviceList, etag: str | None) -> str:
    """Replace the object with entity tag `etag`, or create it if `etag` is None, and return the new entity tag.

    Raises ObjectChanged if another writer was first.
    """
    body = device_list.model_dump_json(exclude_none=True).encode()
    return bucket.create(KEY, body) if etag is None else bucket.replace(KEY, body, etag)
