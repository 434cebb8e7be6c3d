"""The manifest `x/CURRENT` names the segments of the index. It is replaced by compare-and-swap only.

    x/CURRENT                                    the manifest
    x/<generation>.<hot|sealed>.<token>.npz      a segment, immutable
    x/DEVICES                                    the device list (shared/job_index/devices.py)

The hot segment contains the unfinished jobs and the jobs that finished recently. Sealed segments contain finished jobs
only. Each covers a contiguous range of positions.
"""

import re
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict

from shared import ids
from shared.job_index.markers import Position
from shared.storage.bucket import Bucket, ObjectMissing

PREFIX = "x/"
CURRENT = f"{PREFIX}CURRENT"


class SealedSegment(BaseModel):
    """A sealed segment. It covers the positions up to `newest` and above `newest` of the next older segment."""

    model_config = ConfigDict(frozen=True, defer_build=True)
    key: str
    rows: int
    newest: Position


class Manifest(BaseModel):
    """The current segments. The sealed ones are ordered newest first."""

    model_config = ConfigDict(frozen=True, defer_build=True)
    generation: int = 0
    hot: str | None = None
    sealed: tuple[SealedSegment, ...] = ()

    def segment_for(self, position: Position) -> SealedSegment | None:
        """Return the sealed segment that covers `position`, or None if it is newer than all of them."""
        return next((segment for segment in reversed(self.sealed) if position <= segment.newest), None)

    @property
    def segment_keys(self) -> set[str]:
        """The keys of all segments."""
        return {segment.key for segment in self.sealed} | ({self.hot} if self.hot else set())


@dataclass(frozen=True)
class VersionedManifest:
    """The manifest and the entity tag of its object. `etag` is None if the object is missing."""

    manifest: Manifest
    etag: str | None


def read(bucket: Bucket, cached: VersionedManifest | None = None) -> VersionedManifest:
    """Read the manifest. Returns `cached` if it has not changed, and an empty manifest if there is none."""
    try:
        if cached is not None and cached.etag is not None:
            stored = bucket.get_if_modified(CURRENT, cached.etag)
            if stored is None:
                return cached
        else:
            stored = bucket.get(CURRENT)
    except ObjectMissing:
        return VersionedManifest(Manifest(), None)
    return VersionedManifest(Manifest.model_validate_json(stored.body), stored.etag)


def replace(bucket: Bucket, old: VersionedManifest, new: Manifest) -> None:
    """Replace `old` by `new`. Raises ObjectChanged if another writer was first."""
    body = new.model_dump_json().encode()
    if old.etag is None:
        bucket.create(CURRENT, body)
    else:
        bucket.replace(CURRENT, body, old.etag)


def new_segment_key(generation: int, kind: str) -> str:
    """Return a unique key for a segment (`kind`: "hot" or "sealed") of the manifest `generation`."""
    return f"{PREFIX}{generation:010d}.{kind}.{ids.token()}.npz"


def is_garbage(key: str, manifest: Manifest) -> bool:
    """Whether no later manifest can name the segment: it is not newer than `manifest`, which does not name it."""
    match = re.match(rf"{PREFIX}([0-9]+)\.", key)
    return match is not None and int(match[1]) <= manifest.generation and key not in manifest.segment_keys
