"""Content of the simulated buckets."""

from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import md5

ChangeListener = Callable[[str, "SimulatedObject | None", bytes | None], None]


@dataclass
class SimulatedObject:
    """Content and metadata of one object."""

    body: bytes
    etag: str
    modified_ms: int


@dataclass
class BucketState:
    """Objects and unfinished uploads of one bucket.

    `on_change` is called at each change with the key, the object before it and the body after it.
    """

    name: str
    on_change: ChangeListener | None = None
    objects: dict[str, SimulatedObject] = field(default_factory=dict)
    uploads: dict[str, tuple[str, dict[int, bytes]]] = field(default_factory=dict)
    _keys: list[str] | None = None

    def store(self, key: str, body: bytes, now_ms: int) -> str:
        """Write an object and return its entity tag."""
        old = self.objects.get(key)
        if old is None:
            self._keys = None
        etag = f'"{md5(body, usedforsecurity=False).hexdigest()}"'
        self.objects[key] = SimulatedObject(body, etag, now_ms)
        if self.on_change:
            self.on_change(key, old, body)
        return etag

    def remove(self, key: str) -> None:
        """Delete an object if it exists."""
        old = self.objects.pop(key, None)
        if old is not None:
            self._keys = None
            if self.on_change:
                self.on_change(key, old, None)

    def keys(self, prefix: str, after: str, limit: int) -> list[str]:
        """Return up to `limit` keys with a prefix that sort behind `after`."""
        if self._keys is None:
            self._keys = sorted(self.objects)
        return [key for key in self._keys if key > after and key.startswith(prefix)][:limit]
