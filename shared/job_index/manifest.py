"""The manifest `x/CURRENT` names the segments of the index. It is replaced by compare-and-swap only.

    x/CURRENT                                    the manifest
    x/<generation>.<hot|sealed>.<token>.npz      a segment, immutable
    x/DEVICES                                    the device list (shared/job_index/devices.py)

The hot segment contains the unfinished jobs and the jobs that finished recently. Sealed segments contain finished jobs
only. Each covers a contiguous range of positions.
"""

import re
from dataclasses import dataclass

from shared import ids, stored_json
from shared.job_index.markers import Position
from shared.storage.bucket import Bucket, ObjectMissing
from shared.stored_json import Decoders, array, integer, optional, text

PREFIX = "x/"
CURRENT = f"{PREFIX}CURRENT"


@dataclass(frozen=True, kw_only=True)
class SealedSegment:
    """A sealed segment. It covers the positions up to `newest` and above `newest` of the next older segment."""

    key: str
    rows: int
    newest: Position


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """The current segments. The sealed ones are ordered newest first."""

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
    """Read the manifest. Returns `cached` if it has not changed, and an empty manifest if there is none.

    Raises ValueError if it is invalid.
    """
    try:
        if cached is not None and cached.etag is not None:
            stored = bucket.get_if_modified(CURRENT, cached.etag)
            if stored is None:
                return cached
        else:
            stored = bucket.get(CURRENT)
    except ObjectMissing:
        return VersionedManifest(Manifest(), None)
    return VersionedManifest(_decode(stored.body), stored.etag)


def replace(bucket: Bucket, old: VersionedManifest, new: Manifest) -> None:
    """Replace `old` by `new`. Raises ObjectChanged if another writer was first."""
    body = stored_json.encode_unique(vars(new))  # with the null of an empty hot segment
    if old.etag is None:
        bucket.create(CURRENT, body)
    else:
        bucket.replace(CURRENT, body, old.etag)


def _decode(body: bytes) -> Manifest:
    return stored_json.build(Manifest, _MANIFEST, stored_json.decode(body))


def _sealed_segment(value: object) -> SealedSegment:
    return stored_json.build(SealedSegment, _SEALED_SEGMENT, value)


def _position(value: object) -> Position:
    if not isinstance(value, list) or len(value) != 2:
        raise ValueError("expected a position")
    return integer(value[0]), text(value[1])


_SEALED_SEGMENT: Decoders = {"key": text, "rows": integer, "newest": _position}
_MANIFEST: Decoders = {"generation": integer, "hot": optional(text), "sealed": array(_sealed_segment)}


def new_segment_key(generation: int, kind: str) -> str:
    """Return a unique key for a segment (`kind`: "hot" or "sealed") of the manifest `generation`."""
    return f"{PREFIX}{generation:010d}.{kind}.{ids.token()}.npz"


def is_garbage(key: str, manifest: Manifest) -> bool:
    """Whether no later manifest can name the segment: it is not newer than `manifest`, which does not name it."""
    match = re.match(rf"{PREFIX}([0-9]+)\.", key)
    return match is not None and int(match[1]) <= manifest.generation and key not in manifest.segment_keys
