"""An S3 server in memory, as boto3's client shows it: the real shared/storage/bucket.py talks to it.

Kept of S3: whole objects, entity tags that are a hash of the body, If-Match and If-None-Match, listings in pages,
multipart uploads. Of boto3: its errors, and its own retry as Fate.TWICE.
"""

# ruff: noqa: N803 - the arguments are boto3's

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from tests.simulation.disk import Disk
from tests.simulation.requests import Requests, refused
from tests.simulation.world import START, World


class S3:
    """The client: one for all pods, since the world knows whose turn it is."""

    def __init__(self, world: World, disks: dict[str, Disk], page: int, missing_status: int) -> None:
        self._world = world
        self._ask = Requests(world).ask
        self._disks = disks
        self._page = page  # keys that a listing shows at a time
        self._missing = missing_status  # what If-Match on a missing key is: servers differ

    def put_object(
        self, *, Bucket: str, Key: str, Body: Any, IfNoneMatch: str | None = None, IfMatch: str | None = None, **_: Any
    ) -> dict[str, Any]:
        disk, body = self._disks[Bucket], bytes(Body)

        def effect() -> dict[str, Any]:
            there = disk.objects.get(Key)
            if IfMatch is not None and there is None:
                raise refused(self._missing, "NoSuchKey" if self._missing == 404 else "PreconditionFailed")
            if (IfNoneMatch and there) or (IfMatch is not None and there is not None and there.etag != IfMatch):
                raise refused(412, "PreconditionFailed")
            return {"ETag": disk.store(Key, body, self._world.now)}

        name = "create" if IfNoneMatch else "replace" if IfMatch else "put"
        return dict(self._ask(name, Key, effect, conditional=name != "put"))

    def get_object(self, *, Bucket: str, Key: str, IfNoneMatch: str | None = None) -> dict[str, Any]:
        def effect() -> dict[str, Any]:
            there = self._disks[Bucket].objects.get(Key)
            if there is None:
                raise refused(404, "NoSuchKey")
            if IfNoneMatch == there.etag:
                raise refused(304, "304")
            return {"Body": _Body(there.body), "ETag": there.etag}

        return dict(self._ask("get", Key, effect))

    def head_object(self, *, Bucket: str, Key: str) -> dict[str, Any]:
        def effect() -> dict[str, Any]:
            if Key not in self._disks[Bucket].objects:
                raise refused(404, "404")
            return {}

        return dict(self._ask("head", Key, effect))

    def delete_object(self, *, Bucket: str, Key: str) -> dict[str, Any]:
        self._ask("delete", Key, lambda: self._disks[Bucket].remove(Key))
        return {}

    def delete_objects(self, *, Bucket: str, Delete: dict[str, Any]) -> dict[str, Any]:
        keys = [item["Key"] for item in Delete["Objects"]]

        def effect() -> None:
            for key in keys:
                self._disks[Bucket].remove(key)

        self._ask("delete", " ".join(keys), effect)
        return {}

    def list_objects_v2(
        self, *, Bucket: str, Prefix: str, MaxKeys: int | None = None, ContinuationToken: str = "", StartAfter: str = ""
    ) -> dict[str, Any]:
        disk, most = self._disks[Bucket], MaxKeys or self._page

        def effect() -> dict[str, Any]:
            keys = disk.keys(Prefix, ContinuationToken or StartAfter, most + 1)
            page = [{"Key": key} for key in keys[:most]]
            times = (_Time(disk.objects[key].modified_ms) for key in keys[:most])
            more = {"IsTruncated": True, "NextContinuationToken": keys[most - 1]} if len(keys) > most else {}
            return {"Contents": page, "Modified": times, **more}

        return dict(self._ask("list", Prefix + (ContinuationToken or StartAfter)[len(Prefix) :][:8], effect))

    def create_multipart_upload(self, *, Bucket: str, Key: str, **_: Any) -> dict[str, Any]:
        disk, visit = self._disks[Bucket], self._world.current.visit

        def effect() -> dict[str, Any]:
            self._world.counts["uploads"] += 1
            upload = f"upload-{self._world.counts['uploads']}"
            disk.uploads[upload] = (Key, {})
            if visit:
                visit.uploads.append(upload)
            return {"UploadId": upload}

        return dict(self._ask("start", Key, effect))

    def upload_part(self, *, Bucket: str, Key: str, UploadId: str, PartNumber: int, Body: Any) -> dict[str, Any]:
        def effect() -> dict[str, Any]:
            _, parts = self._upload(Bucket, UploadId)
            parts[PartNumber] = bytes(Body)
            return {"ETag": f"{UploadId}/{PartNumber}"}

        return dict(self._ask(f"part {PartNumber}", Key, effect))

    def complete_multipart_upload(
        self, *, Bucket: str, Key: str, UploadId: str, MultipartUpload: dict[str, Any]
    ) -> dict[str, Any]:
        disk = self._disks[Bucket]

        def effect() -> dict[str, Any]:
            _, parts = self._upload(Bucket, UploadId)
            body = b"".join(parts[part["PartNumber"]] for part in MultipartUpload["Parts"])
            del disk.uploads[UploadId]
            return {"ETag": disk.store(Key, body, self._world.now)}

        return dict(self._ask("complete", Key, effect))

    def abort_multipart_upload(self, *, Bucket: str, Key: str, UploadId: str) -> dict[str, Any]:
        def effect() -> None:
            self._upload(Bucket, UploadId)
            del self._disks[Bucket].uploads[UploadId]

        self._ask("abort", Key, effect)
        return {}

    def _upload(self, bucket: str, upload: str) -> tuple[str, dict[int, bytes]]:
        if upload not in self._disks[bucket].uploads:
            raise refused(404, "NoSuchUpload")
        return self._disks[bucket].uploads[upload]

    def list_multipart_uploads(self, *, Bucket: str, Prefix: str, **_: Any) -> dict[str, Any]:
        def effect() -> dict[str, Any]:
            found = [{"Key": key, "UploadId": upload} for upload, (key, _) in self._disks[Bucket].uploads.items()]
            return {"Uploads": [item for item in found if item["Key"].startswith(Prefix)], "IsTruncated": False}

        return dict(self._ask("uploads", Prefix, effect))


@dataclass(frozen=True)
class _Body:
    """What get_object answers for a body: to be read once."""

    text: bytes

    def read(self) -> bytes:
        return self.text


@dataclass(frozen=True)
class _Time:
    """When an object was written, as an element of the listing's XML."""

    ms: int

    @property
    def text(self) -> str:
        return (START + timedelta(milliseconds=self.ms)).isoformat()
