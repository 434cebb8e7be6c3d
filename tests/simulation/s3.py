"""An in-memory S3 server with the interface of S3Client, used by the real shared/storage/bucket.py.

It models whole objects, entity tags that hash the body, If-Match and If-None-Match, paginated listings and multipart
uploads, as well as the client's errors. Fault.TWICE models the client's own retry.
"""

from collections.abc import Sequence
from datetime import timedelta

from shared.storage.client import StoredObject
from shared.storage.connection import Body
from shared.storage.errors import S3Error
from shared.storage.xml_documents import ListPage
from tests.simulation.bucket_state import BucketState
from tests.simulation.fault_injector import FaultInjector
from tests.simulation.world import START, World


class S3:
    """The client that all pods share. `World.current` identifies the pod that sends a request.

    A listing has `page_size` keys. `missing_status` is the response to If-Match on a missing key, 404 or 412, because
    servers differ.
    """

    def __init__(self, world: World, buckets: dict[str, BucketState], page_size: int, missing_status: int) -> None:
        self._world = world
        self._execute = FaultInjector(world).execute
        self._buckets = buckets
        self._page_size = page_size
        self._missing_status = missing_status

    def put_object(
        self,
        bucket: str,
        key: str,
        body: Body,
        content_type: str,
        *,
        if_none_match: str = "",
        if_match: str = "",
        sha256: str = "",
    ) -> str:
        del content_type, sha256
        state, content = self._buckets[bucket], bytes(body)

        def effect() -> str:
            current = state.objects.get(key)
            if if_match and current is None:
                raise S3Error(
                    self._missing_status, "NoSuchKey" if self._missing_status == 404 else "PreconditionFailed"
                )
            if (if_none_match and current) or (if_match and current is not None and current.etag != if_match):
                raise S3Error(412, "PreconditionFailed")
            return state.store(key, content, self._world.now)

        name = "create" if if_none_match else "replace" if if_match else "put"
        return self._execute(name, key, effect, conditional=name != "put")

    def get_object(self, bucket: str, key: str, *, if_none_match: str = "") -> StoredObject:
        def effect() -> StoredObject:
            current = self._buckets[bucket].objects.get(key)
            if current is None:
                raise S3Error(404, "NoSuchKey")
            if if_none_match == current.etag:
                raise S3Error(304, "304")
            return StoredObject(current.body, current.etag)

        return self._execute("get", key, effect)

    def head_object(self, bucket: str, key: str) -> None:
        def effect() -> None:
            if key not in self._buckets[bucket].objects:
                raise S3Error(404, "404")

        self._execute("head", key, effect)

    def delete_object(self, bucket: str, key: str) -> None:
        self._execute("delete", key, lambda: self._buckets[bucket].remove(key))

    def delete_objects(self, bucket: str, keys: Sequence[str]) -> None:
        def effect() -> None:
            for key in keys:
                self._buckets[bucket].remove(key)

        self._execute("delete", " ".join(keys), effect)

    def list_objects(
        self, bucket: str, prefix: str, *, token: str = "", after: str = "", limit: int | None = None
    ) -> ListPage:
        state, count = self._buckets[bucket], limit or self._page_size

        def effect() -> ListPage:
            found = state.keys(prefix, token or after, count + 1)
            keys = found[:count]
            modified = [(START + timedelta(milliseconds=state.objects[key].modified_ms)).isoformat() for key in keys]
            return ListPage(keys, modified, keys[-1] if len(found) > count else None)

        return self._execute("list", prefix + (token or after)[len(prefix) :][:8], effect)

    def create_multipart_upload(self, bucket: str, key: str, content_type: str) -> str:
        del content_type
        state, invocation = self._buckets[bucket], self._world.current.invocation

        def effect() -> str:
            self._world.counts["uploads"] += 1
            upload_id = f"upload-{self._world.counts['uploads']}"
            state.uploads[upload_id] = (key, {})
            if invocation:
                invocation.uploads.append(upload_id)
            return upload_id

        return self._execute("start", key, effect)

    def upload_part(self, bucket: str, key: str, upload_id: str, number: int, body: Body) -> str:
        def effect() -> str:
            _, parts = self._upload(bucket, upload_id)
            parts[number] = bytes(body)
            return f"{upload_id}/{number}"

        return self._execute(f"part {number}", key, effect)

    def complete_multipart_upload(self, bucket: str, key: str, upload_id: str, etags: Sequence[str]) -> None:
        state = self._buckets[bucket]

        def effect() -> None:
            _, parts = self._upload(bucket, upload_id)
            body = b"".join(parts[number] for number in range(1, len(etags) + 1))
            del state.uploads[upload_id]
            state.store(key, body, self._world.now)

        self._execute("complete", key, effect)

    def abort_multipart_upload(self, bucket: str, key: str, upload_id: str) -> None:
        def effect() -> None:
            self._upload(bucket, upload_id)
            del self._buckets[bucket].uploads[upload_id]

        self._execute("abort", key, effect)

    def _upload(self, bucket: str, upload_id: str) -> tuple[str, dict[int, bytes]]:
        if upload_id not in self._buckets[bucket].uploads:
            raise S3Error(404, "NoSuchUpload")
        return self._buckets[bucket].uploads[upload_id]

    def list_multipart_uploads(self, bucket: str, prefix: str) -> list[tuple[str, str]]:
        def effect() -> list[tuple[str, str]]:
            uploads = [(key, upload_id) for upload_id, (key, _) in self._buckets[bucket].uploads.items()]
            return [upload for upload in uploads if upload[0].startswith(prefix)]

        return self._execute("uploads", prefix, effect)
