"""Which segments there are: `x/CURRENT`, which is replaced with If-Match only.

    x/CURRENT                                    names all segments
    x/<generation>.<hot|sealed>.<token>.npz      one segment, never changed
    x/DEVICES                                    nothing of the list's (shared/job_index/devices.py)

The hot segment has the jobs that have not ended and those that ended lately; sealed ones have finished jobs only, each
its own stretch of positions, newest first.
"""

import re
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict

from shared import ids
from shared.job_index.markers import Position
from shared.storage.bucket import Bucket, ObjectMissing

FOLDER = "x/"
CURRENT = f"{FOLDER}CURRENT"


class Sealed(BaseModel):
    """A sealed segment: no job in it stands before `newest`, none of the next older segment behind its own."""

    model_config = ConfigDict(frozen=True)
    key: str
    rows: int
    newest: Position


class Manifest(BaseModel):
    """The segments that count; sealed ones newest first."""

    model_config = ConfigDict(frozen=True)
    generation: int = 0
    hot: str | None = None
    sealed: tuple[Sealed, ...] = ()

    def segment_for(self, position: Position) -> Sealed | None:
        """The sealed segment that has the job at `position`, if a sealed one has it."""
        return next((sealed for sealed in reversed(self.sealed) if position <= sealed.newest), None)

    @property
    def keys(self) -> set[str]:
        """The keys of its segments."""
        return {sealed.key for sealed in self.sealed} | ({self.hot} if self.hot else set())


@dataclass(frozen=True)
class VersionedManifest:
    """The catalogue as it was read, and the entity tag of CURRENT; None where there is none yet."""

    catalogue: Manifest
    etag: str | None


def read(bucket: Bucket, known: VersionedManifest | None = None) -> VersionedManifest:
    """The catalogue as it is now: `known` if it has not changed."""
    try:
        if known is not None and known.etag is not None:
            stored = bucket.get_if_modified(CURRENT, known.etag)
            if stored is None:
                return known
        else:
            stored = bucket.get(CURRENT)
    except ObjectMissing:
        return VersionedManifest(Manifest(), None)
    return VersionedManifest(Manifest.model_validate_json(stored.body), stored.etag)


def replace(bucket: Bucket, old: VersionedManifest, new: Manifest) -> None:
    """`new` in place of `old`, or ObjectChanged: somebody was faster."""
    body = new.model_dump_json().encode()
    if old.etag is None:
        bucket.create(CURRENT, body)
    else:
        bucket.replace(CURRENT, body, old.etag)


def new_key(generation: int, kind: str) -> str:
    """A key for a segment that `generation` will name."""
    return f"{FOLDER}{generation:010d}.{kind}.{ids.token()}.npz"


def is_garbage(key: str, catalogue: Manifest) -> bool:
    """Whether no catalogue will ever name the segment: it is of this generation or an earlier one, and not in it."""
    made = re.match(rf"{FOLDER}([0-9]+)\.", key)
    return made is not None and int(made[1]) <= catalogue.generation and key not in catalogue.keys
