"""An in-memory S3 server with the interface of boto3's client, used by the real shared/storage/bucket.py.

It models whole objects, entity tags that hash the body, If-Match and If-None-Match, paginated listings and multipart
uploads, as well as boto3's errors. Fault.TWICE models boto3's own retry.
"""

# ruff: noqa: N803 - boto3 defines the argument names

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from tests.simulation.bucket_state import BucketState
from tests.simulation.fault_injector import FaultInjector, client_error
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
        self, *, Bucket: str, Key: str, Body: Any, IfNoneMatch: str | None = None, IfMatch: str | None = None, **_: Any
    ) -> dict[str, Any]:
        bucket, body = self._buckets[Bucket], bytes(Body)

        def effect() -> dict[str, Any]:
            current = bucket.objects.get(Key)
            if IfMatch is not None and current is None:
                raise client_error(
                    self._missing_status, "NoSuchKey" if self._missing_status == 404 else "PreconditionFailed"
                )
            if (IfNoneMatch and current) or (IfMatch is not None and current is not None and current.etag != IfMatch):
                raise client_error(412, "PreconditionFailed")
            return {"ETag": bucket.store(Key, body, self._world.now)}

        name = "create" if IfNoneMatch else "replace" if IfMatch else "put"
        return dict(self._execute(name, Key, effect, conditional=name != "put"))

    def get_object(self, *, Bucket: str, Key: str, IfNoneMatch: str | None = None) -> dict[str, Any]:
        def effect() -> dict[str, Any]:
            current = self._buckets[Bucket].objects.get(Key)
            if current is None:
                raise client_error(404, "NoSuchKey")
            if IfNoneMatch == current.etag:
                raise client_error(304, "304")
            return {"Body": _Body(current.body), "ETag": current.etag}

        return dict(self._execute("get", Key, effect))

    def head_object(self, *, Bucket: str, Key: str) -> dict[str, Any]:
        def effect() -> dict[str, Any]:
            if Key not in self._buckets[Bucket].objects:
                raise client_error(404, "404")
            return {}

        return dict(self._execute("head", Key, effect))

    def delete_object(self, *, Bucket: str, Key: str) -> dict[str, Any]:
        self._execute("delete", Key, lambda: self._buckets[Bucket].remove(Key))
        return {}

    def delete_objects(self, *, Bucket: str, Delete: dict[str, Any]) -> dict[str, Any]:
        keys = [item["Key"] for item in Delete["Objects"]]

        def effect() -> None:
            for key in keys:
                self._buckets[Bucket].remove(key)

        self._execute("delete", " ".join(keys), effect)
        return {}

    def list_objects_v2(
        self, *, Bucket: str, Prefix: str, MaxKeys: int | None = None, ContinuationToken: str = "", StartAfter: str = ""
    ) -> dict[str, Any]:
        bucket, limit = self._buckets[Bucket], MaxKeys or self._page_size

        def effect() -> dict[str, Any]:
            keys = bucket.keys(Prefix, ContinuationToken or StartAfter, limit + 1)
            contents = [{"Key": key} for key in keys[:limit]]
            times = (_LastModified(bucket.objects[key].modified_ms) for key in keys[:limit])
            next_page = {"IsTruncated": True, "NextContinuationToken": keys[limit - 1]} if len(keys) > limit else {}
            return {"Contents": contents, "Modified": times, **next_page}

        return dict(self._execute("list", Prefix + (ContinuationToken or StartAfter)[len(Prefix) :][:8], effect))

    def create_multipart_upload(self, *, Bucket: str, Key: str, **_: Any) -> dict[str, Any]:
        bucket, invocation = self._buckets[Bucket], self._world.current.invocation

        def effect() -> dict[str, Any]:
            self._world.counts["uploads"] += 1
            upload = f"upload-{self._world.counts['uploads']}"
            bucket.uploads[upload] = (Key, {})
            if invocation:
                invocation.uploads.append(upload)
            return {"UploadId": upload}

        return dict(self._execute("start", Key, effect))

    def upload_part(self, *, Bucket: str, Key: str, UploadId: str, PartNumber: int, Body: Any) -> dict[str, Any]:
        def effect() -> dict[str, Any]:
            _, parts = self._upload(Bucket, UploadId)
            parts[PartNumber] = bytes(Body)
            return {"ETag": f"{UploadId}/{PartNumber}"}

        return dict(self._execute(f"part {PartNumber}", Key, effect))

    def complete_multipart_upload(
        self, *, Bucket: str, Key: str, UploadId: str, MultipartUpload: dict[str, Any]
    ) -> dict[str, Any]:
        bucket = self._buckets[Bucket]

        def effect() -> dict[str, Any]:
            _, parts = self._upload(Bucket, UploadId)
            body = b"".join(parts[part["PartNumber"]] for part in MultipartUpload["Parts"])
            del bucket.uploads[UploadId]
            return {"ETag": bucket.store(Key, body, self._world.now)}

        return dict(self._execute("complete", Key, effect))

    def abort_multipart_upload(self, *, Bucket: str, Key: str, UploadId: str) -> dict[str, Any]:
        def effect() -> None:
            self._upload(Bucket, UploadId)
            del self._buckets[Bucket].uploads[UploadId]

        self._execute("abort", Key, effect)
        return {}

    def _upload(self, bucket: str, upload_id: str) -> tuple[str, dict[int, bytes]]:
        if upload_id not in self._buckets[bucket].uploads:
            raise client_error(404, "NoSuchUpload")
        return self._buckets[bucket].uploads[upload_id]

    def list_multipart_uploads(self, *, Bucket: str, Prefix: str, **_: Any) -> dict[str, Any]:
        def effect() -> dict[str, Any]:
            uploads = [{"Key": key, "UploadId": upload} for upload, (key, _) in self._buckets[Bucket].uploads.items()]
            return {"Uploads": [item for item in uploads if item["Key"].startswith(Prefix)], "IsTruncated": False}

        return dict(self._execute("uploads", Prefix, effect))


@dataclass(frozen=True)
class _Body:
    """The body of a get_object response."""

    content: bytes

    def read(self) -> bytes:
        return self.content


@dataclass(frozen=True)
class _LastModified:
    """The LastModified element of a listing's XML."""

    ms: int

    @property
    def text(self) -> str:
        return (START + timedelta(milliseconds=self.ms)).isoformat()
