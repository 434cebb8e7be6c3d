"""In-memory fakes of the dependencies, with the semantics of the real ones. They record requests."""

import hashlib
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from cloudevents.http import CloudEvent

from functions.calculate.fixes.blocks import Block, DayFixes, DayQuery
from shared.errors import Unavailable
from shared.events import Publisher
from shared.storage.bucket import Bucket, ObjectChanged, ObjectMissing, ObjectSummary, StoredObject
from shared.storage.connection import Body
from tests.reference import EPOCH, Fix, block, context

NOW = datetime(2026, 1, 26, 12, 0, 0, 345_000, tzinfo=UTC)


class Clock:
    """A clock that advances only by `advance`."""

    def __init__(self, now: datetime = NOW) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **duration: float) -> None:
        self.now += timedelta(**duration)


class MemoryBucket(Bucket):
    """A bucket in memory. Each request calls `before` first, with its name and key. `before` may raise."""

    def __init__(self, before: Callable[[str, str], None] = lambda name, key: None) -> None:
        self.objects: dict[str, StoredObject] = {}
        self.last_modified: dict[str, datetime] = {}
        self.clock: Callable[[], datetime] = lambda: NOW
        self.parts: dict[str, dict[int, bytes]] = {}
        self.uploads: dict[str, str] = {}
        self.completed: dict[str, list[bytes]] = {}
        self.before = before
        self.requests: list[tuple[str, str]] = []
        self._lock = threading.Lock()
        self._versions = 0

    def _request(self, name: str, key: str) -> None:
        self.requests.append((name, key))
        self.before(name, key)

    def _store(self, key: str, body: bytes) -> str:
        self._versions += 1
        etag = f'"{hashlib.sha256(body).hexdigest()[:16]}-{self._versions}"'
        self.objects[key] = StoredObject(body, etag)
        self.last_modified[key] = self.clock()
        return etag

    def get(self, key: str) -> StoredObject:
        self._request("get", key)
        if key not in self.objects:
            raise ObjectMissing(key)
        return self.objects[key]

    def get_if_modified(self, key: str, etag: str) -> StoredObject | None:
        stored = self.get(key)
        return None if stored.etag == etag else stored

    def put(
        self, key: str, body: Body = b"", content_type: str = "application/octet-stream", *, sha256: str = ""
    ) -> None:
        self._request("put", key)
        if sha256 not in ("", hashlib.sha256(body).hexdigest()):
            raise Unavailable("storage", "XAmzContentSHA256Mismatch")
        with self._lock:
            self._store(key, bytes(body))

    def create(self, key: str, body: bytes) -> str:
        self._request("create", key)
        with self._lock:
            if key in self.objects:
                raise ObjectChanged(key)
            return self._store(key, body)

    def replace(self, key: str, body: bytes, etag: str) -> str:
        self._request("replace", key)
        with self._lock:
            if key not in self.objects or self.objects[key].etag != etag:
                raise ObjectChanged(key)
            return self._store(key, body)

    def delete(self, key: str) -> None:
        self._request("delete", key)
        self.objects.pop(key, None)

    def delete_many(self, keys: Iterable[str]) -> None:
        for key in keys:
            self.delete(key)

    def list_keys(self, prefix: str) -> Iterator[str]:
        self._request("list", prefix)
        yield from sorted(key for key in self.objects if key.startswith(prefix))

    def list_page(self, prefix: str, after: str = "", limit: int = 1000) -> list[ObjectSummary]:
        self._request("list", prefix)
        keys = sorted(key for key in self.objects if key.startswith(prefix) and key > after)
        return [ObjectSummary(key, self.last_modified[key]) for key in keys[:limit]]

    def ping(self) -> None:
        self._request("ping", "")

    def presign(self, key: str, filename: str, ttl_seconds: int, method: str = "GET") -> tuple[str, datetime]:
        signed_for = "" if method == "GET" else f"&method={method}"
        return f"http://csv.example/{key}?as={filename}{signed_for}", NOW + timedelta(seconds=ttl_seconds)

    def signed(self, key: str, filename: str, method: str) -> tuple[str, datetime]:
        return self.presign(key, filename, 900, method)

    def start_upload(self, key: str, content_type: str) -> str:
        self._request("start", key)
        upload_id = f"upload-{len(self.requests)}"
        self.parts[upload_id] = {}
        self.uploads[upload_id] = key
        return upload_id

    def upload_part(self, key: str, upload_id: str, number: int, body: Body) -> str:
        self._request("part", key)
        self.parts[upload_id][number] = bytes(body)
        return f"{upload_id}/{number}"

    def complete_upload(self, key: str, upload_id: str, etags: list[str]) -> None:
        self._request("complete", key)
        assert etags == [f"{upload_id}/{number}" for number in range(1, len(etags) + 1)]
        parts = self.parts.pop(upload_id)
        self.completed[key] = [parts[number] for number in sorted(parts)]
        self._store(key, b"".join(self.completed[key]))

    def abort_upload(self, key: str, upload_id: str) -> None:
        self._request("abort", key)
        self.parts.pop(upload_id, None)

    def abort_uploads(self, key: str) -> None:
        self._request("abort", key)
        for upload_id in [upload_id for upload_id in self.parts if self.uploads[upload_id] == key]:
            self.parts.pop(upload_id)


class MemoryFixes:
    """A table of fixes in memory. `during` is called after each block and may raise, as when a server fails."""

    def __init__(self, fixes: list[Fix] | None = None, rows: int = 100) -> None:
        self.fixes = fixes or []
        self.rows = rows
        self.during: Callable[[], None] = lambda: None
        self.queries: list[DayQuery] = []

    @contextmanager
    def read_day(self, query: DayQuery, heartbeat: Callable[[], None] = lambda: None) -> Iterator[DayFixes]:
        self.queries.append(query)

        def blocks() -> Iterator[Block]:
            devices: list[str] = []
            for at in range(0, len(matching), self.rows):
                yield block(matching[at : at + self.rows], devices)
                self.during()
                heartbeat()

        first, last = ((instant - EPOCH) // timedelta(microseconds=1) for instant in (query.start, query.end))
        matching = [fix for fix in self.fixes if first <= fix.time_us < last and query.device_id in ("", fix.device)]
        yield DayFixes("created_at", *context(self.fixes, query), blocks())

    def latest_fix_times(self, since: datetime, limit: int) -> dict[str, datetime]:
        self.during()
        times = {fix.device: EPOCH + timedelta(microseconds=fix.time_us) for fix in self.fixes}
        return {device: at for device, at in list(times.items())[:limit] if at >= since}

    def ping(self) -> None:
        self.during()


class Broker(Publisher):
    """A broker that records events, or is unavailable."""

    def __init__(self) -> None:
        self.events: list[CloudEvent] = []
        self.is_unavailable = False

    def _send(self, event: CloudEvent) -> None:
        if self.is_unavailable:
            raise Unavailable("broker", "NewConnectionError")
        self.events.append(event)


@contextmanager
def outage(bucket: MemoryBucket) -> Iterator[None]:
    """Make every request to `bucket` raise Unavailable for the duration of the block."""

    def refuse(name: str, key: str) -> None:
        raise Unavailable("storage", "EndpointConnectionError")

    before, bucket.before = bucket.before, refuse
    try:
        yield
    finally:
        bucket.before = before
