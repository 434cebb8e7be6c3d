"""Which devices there are: one object, `x/DEVICES`, which calculate refreshes from the database and list hands out."""

from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from shared.job_index.manifest import FOLDER
from shared.models import DeviceId, Instant
from shared.storage.bucket import Bucket, ObjectMissing

KEY = f"{FOLDER}DEVICES"


class DeviceList(BaseModel):
    """The devices, each with the time of its latest fix, and how the database was asked for them."""

    model_config = ConfigDict(frozen=True)
    version: Literal[1] = 1
    devices: dict[DeviceId, Instant] = {}
    as_of: Instant | None = None  # when the database was asked that has answered last
    whole_at: Instant | None = None  # ... about all of its rows
    tried_at: Instant  # when it was asked last
    trying_whole: bool = False  # ... about all of its rows, and has not answered yet
    token: str  # makes of two that say the same two: a storage tells by the body whose write came first


@dataclass(frozen=True)
class VersionedDevices:
    """What was read, None where there is nothing of ours, and its entity tag, None where there is nothing at all."""

    seen: DeviceList | None
    etag: str | None


def read(bucket: Bucket, known: VersionedDevices | None = None) -> VersionedDevices:
    """What is there now: `known` if it has not changed."""
    try:
        if known is not None and known.etag is not None:
            stored = bucket.get_if_modified(KEY, known.etag)
            if stored is None:
                return known
        else:
            stored = bucket.get(KEY)
    except ObjectMissing:
        return VersionedDevices(None, None)
    try:
        return VersionedDevices(DeviceList.model_validate_json(stored.body), stored.etag)
    except ValidationError:
        return VersionedDevices(None, stored.etag)


def write(bucket: Bucket, seen: DeviceList, etag: str | None) -> str:
    """`seen` in place of what has `etag`, or where nothing is; its entity tag. ObjectChanged: somebody was faster."""
    body = seen.model_dump_json(exclude_none=True).encode()
    return bucket.create(KEY, body) if etag is None else bucket.replace(KEY, body, etag)
