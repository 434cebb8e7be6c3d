"""What a bucket holds, and who is told of each change."""

from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import md5

Watch = Callable[[str, "Object | None", bytes | None], None]


@dataclass
class Object:
    """What lies under a key."""

    body: bytes
    etag: str
    modified_ms: int


@dataclass
class Disk:
    """The objects of one bucket; `watch` is told of each change as it happens: key, object before, body after."""

    name: str
    watch: Watch | None = None
    objects: dict[str, Object] = field(default_factory=dict)
    uploads: dict[str, tuple[str, dict[int, bytes]]] = field(default_factory=dict)
    _keys: list[str] | None = None

    def store(self, key: str, body: bytes, now: int) -> str:
        old = self.objects.get(key)
        if old is None:
            self._keys = None
        etag = f'"{md5(body, usedforsecurity=False).hexdigest()}"'
        self.objects[key] = Object(body, etag, now)
        if self.watch:
            self.watch(key, old, body)
        return etag

    def remove(self, key: str) -> None:
        old = self.objects.pop(key, None)
        if old is not None:
            self._keys = None
            if self.watch:
                self.watch(key, old, None)

    def keys(self, prefix: str, after: str, most: int) -> list[str]:
        if self._keys is None:
            self._keys = sorted(self.objects)
        found = [key for key in self._keys if key > after and key.startswith(prefix)]
        return found[:most]
