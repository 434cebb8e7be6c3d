"""Object storage: one bucket, whole objects, conditional writes.

Nothing here is beyond what every S3 server has: put, get, delete, list, multipart, If-None-Match, If-Match.
"""

import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING, Any

from shared import ids
from shared.errors import OtelWorkerError, Unavailable
from shared.storage.client import DEPENDENCY, Conflict, NotModified, ObjectChanged, ObjectMissing, asked, client
from shared.storage.listing import Listed, listed

if TYPE_CHECKING:
    from collections.abc import Callable

    from types_boto3_s3 import S3Client

__all__ = ["Bucket", "Listed", "ObjectChanged", "ObjectMissing", "Stored", "client"]

_CONFLICT_TRIES = 5
_CONFLICT_SECONDS = 0.05


@dataclass(frozen=True)
class Stored:
    """An object's bytes and the entity tag that the next compare-and-swap wants."""

    body: bytes
    etag: str


class Bucket:
    """One bucket of the object storage; every failure of the server or the way to it is Unavailable."""

    def __init__(self, s3: "S3Client", name: str, sleep: "Callable[[float], None]" = time.sleep) -> None:
        self._s3 = s3
        self._name = name
        self._sleep = sleep

    def get(self, key: str) -> Stored:
        """The object, or ObjectMissing."""

        def request() -> Stored:
            answer = self._s3.get_object(Bucket=self._name, Key=key)
            return Stored(answer["Body"].read(), answer["ETag"])

        return asked(request, ObjectMissing)

    def get_unless(self, key: str, etag: str) -> Stored | None:
        """The object, or None while it is the one with `etag`, or ObjectMissing."""

        def request() -> Stored:
            answer = self._s3.get_object(Bucket=self._name, Key=key, IfNoneMatch=etag)
            return Stored(answer["Body"].read(), answer["ETag"])

        try:
            return asked(request, ObjectMissing, NotModified)
        except NotModified:
            return None

    def put(self, key: str, body: bytes = b"", content_type: str = "application/octet-stream") -> None:
        """The object, whatever was there."""
        asked(lambda: self._s3.put_object(Bucket=self._name, Key=key, Body=body, ContentType=content_type))

    def create(self, key: str, body: bytes) -> str:
        """The object where there was none, and its entity tag; else ObjectChanged."""
        return self._conditional(key, body, {"IfNoneMatch": "*"})

    def replace(self, key: str, body: bytes, etag: str) -> str:
        """The object in place of the one with `etag`, and its new entity tag; else ObjectChanged."""
        return self._conditional(key, body, {"IfMatch": etag})

    def _conditional(self, key: str, body: bytes, condition: dict[str, str]) -> str:
        def request() -> str:
            answer = self._s3.put_object(
                Bucket=self._name,
                Key=key,
                Body=body,
                ContentType="application/json",
                **condition,  # type: ignore[arg-type] # one of two literal names
            )
            return answer["ETag"]

        for earlier in range(_CONFLICT_TRIES):
            if earlier:
                self._sleep(ids.chance.uniform(0, _CONFLICT_SECONDS * 2**earlier))
            try:
                return asked(request, Conflict, ObjectChanged, ObjectMissing)
            except Conflict:
                continue
            except (ObjectChanged, ObjectMissing) as exc:
                return self._unless_ours(key, body, exc)
        raise Unavailable(DEPENDENCY, "ConditionalRequestConflict")

    def _unless_ours(self, key: str, body: bytes, refused: OtelWorkerError) -> str:
        """A retried put whose first answer was lost is refused for its own sake: bodies differ by their tokens."""
        try:
            there = self.get(key)
        except ObjectMissing:
            raise ObjectChanged(key) from refused
        if there.body != body:
            raise ObjectChanged(key) from refused
        return there.etag

    def delete(self, key: str) -> None:
        """No object of that key, whether there was one or not."""
        asked(lambda: self._s3.delete_object(Bucket=self._name, Key=key))

    def delete_many(self, keys: Iterable[str]) -> None:
        """No object of any of these keys; requests 1,000 at a time, and Unavailable after the first that went wrong."""
        rest = iter(keys)
        while batch := list(islice(rest, 1000)):
            doomed: Any = {"Objects": [{"Key": key} for key in batch], "Quiet": True}
            answer = asked(lambda doomed=doomed: self._s3.delete_objects(Bucket=self._name, Delete=doomed))  # type: ignore[misc] # as below
            for refused in answer.get("Errors", ()):
                raise Unavailable(DEPENDENCY, refused.get("Code", "DeleteObjects"))

    def keys(self, prefix: str) -> Iterator[str]:
        """Every key that begins with `prefix`, in order; requests one page of 1,000 after another."""
        token: dict[str, Any] = {}
        while True:
            page = asked(
                lambda token=token: self._s3.list_objects_v2(Bucket=self._name, Prefix=prefix, **token)  # type: ignore[misc]
            )
            yield from (item["Key"] for item in page.get("Contents", ()))
            if not page.get("IsTruncated"):
                return
            token = {"ContinuationToken": page["NextContinuationToken"]}

    def page(self, prefix: str, after: str = "", limit: int = 1000) -> list[Listed]:
        """Up to `limit` (1 to 1,000) keys that begin with `prefix` and come behind `after`, in order; one request."""
        start: Any = {"StartAfter": after} if after else {}
        return listed(asked(lambda: self._s3.list_objects_v2(Bucket=self._name, Prefix=prefix, MaxKeys=limit, **start)))

    def ping(self) -> None:
        """Nothing, or Unavailable: the bucket answers to our keys."""
        asked(lambda: self._s3.list_objects_v2(Bucket=self._name, Prefix="t/", MaxKeys=1))

    def presigned(self, key: str, filename: str, ttl_seconds: int, method: str = "GET") -> tuple[str, datetime]:
        """A URL that downloads the CSV `key` as `filename`, and when it expires; needs no network.

        A signature holds for one method: GET or HEAD.
        """
        ends = datetime.now(UTC) + timedelta(seconds=ttl_seconds)
        url = self._s3.generate_presigned_url(
            "head_object" if method == "HEAD" else "get_object",
            Params={
                "Bucket": self._name,
                "Key": key,
                "ResponseContentType": "text/csv",
                "ResponseContentDisposition": f'attachment; filename="{filename}"',
            },
            ExpiresIn=ttl_seconds,
        )
        return url, ends

    def start_parts(self, key: str, content_type: str) -> str:
        """The id of a multipart upload: nothing is visible under `key` before it is complete."""
        answer = asked(lambda: self._s3.create_multipart_upload(Bucket=self._name, Key=key, ContentType=content_type))
        return answer["UploadId"]

    def put_part(self, key: str, upload: str, number: int, body: bytes | bytearray) -> str:
        """The entity tag of part `number` (from 1); Unavailable where somebody has aborted the upload."""
        answer = asked(
            lambda: self._s3.upload_part(
                Bucket=self._name,
                Key=key,
                UploadId=upload,
                PartNumber=number,
                Body=body,  # type: ignore[arg-type] # any buffer will do
            )
        )
        return answer["ETag"]

    def complete_parts(self, key: str, upload: str, etags: list[str]) -> None:
        """The object `key`, made of its parts, all at once."""
        parts: Any = [{"PartNumber": number, "ETag": etag} for number, etag in enumerate(etags, 1)]

        def request() -> None:
            self._s3.complete_multipart_upload(
                Bucket=self._name, Key=key, UploadId=upload, MultipartUpload={"Parts": parts}
            )

        try:
            asked(request, ObjectMissing)
        except ObjectMissing:
            # The first answer was lost and the retry found no upload: then the object is there.
            try:
                asked(lambda: self._s3.head_object(Bucket=self._name, Key=key))
            except Unavailable as exc:
                raise Unavailable(DEPENDENCY, "NoSuchUpload") from exc

    def abort_parts(self, key: str, upload: str) -> None:
        """No upload of that id, and no part of it, whether there was one or not."""
        with suppress(ObjectMissing):
            asked(
                lambda: self._s3.abort_multipart_upload(Bucket=self._name, Key=key, UploadId=upload),
                ObjectMissing,
            )

    def abort_uploads(self, key: str) -> None:
        """No unfinished upload of `key`."""
        at: dict[str, Any] = {}
        while True:
            answer = asked(
                lambda at=at: self._s3.list_multipart_uploads(Bucket=self._name, Prefix=key, **at)  # type: ignore[misc]
            )
            for upload in answer.get("Uploads", ()):
                if upload["Key"] == key:
                    self.abort_parts(key, upload["UploadId"])
            if not answer.get("IsTruncated"):
                return
            at = {"KeyMarker": answer["NextKeyMarker"], "UploadIdMarker": answer["NextUploadIdMarker"]}
