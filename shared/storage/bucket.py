"""A bucket of the object storage: whole objects, conditional writes, listings, presigned URLs and multipart uploads.

Uses only operations that every S3-compatible server supports: get, put, delete, list and multipart upload, with
If-None-Match and If-Match.
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
from shared.storage.client import (
    DEPENDENCY,
    NotModified,
    ObjectChanged,
    ObjectMissing,
    WriteConflict,
    client,
    translate_errors,
)
from shared.storage.listing import ObjectSummary, object_summaries

if TYPE_CHECKING:
    from collections.abc import Callable

    from types_boto3_s3 import S3Client

__all__ = ["Bucket", "ObjectChanged", "ObjectMissing", "ObjectSummary", "StoredObject", "client"]

_MAX_CONFLICT_ATTEMPTS = 5
_CONFLICT_BACKOFF_SECONDS = 0.05


@dataclass(frozen=True)
class StoredObject:
    """The body of an object and its entity tag, which a compare-and-swap requires."""

    body: bytes
    etag: str


class Bucket:
    """A bucket of the object storage. Every method raises Unavailable if the storage fails or is unreachable."""

    def __init__(self, s3: "S3Client", name: str, sleep: "Callable[[float], None]" = time.sleep) -> None:
        self._s3 = s3
        self._name = name
        self._sleep = sleep

    def get(self, key: str) -> StoredObject:
        """Return the object. Raises ObjectMissing if it does not exist."""

        def request() -> StoredObject:
            response = self._s3.get_object(Bucket=self._name, Key=key)
            return StoredObject(response["Body"].read(), response["ETag"])

        return translate_errors(request, ObjectMissing)

    def get_if_modified(self, key: str, etag: str) -> StoredObject | None:
        """Return the object, or None if its entity tag is still `etag`. Raises ObjectMissing if it does not exist."""

        def request() -> StoredObject:
            response = self._s3.get_object(Bucket=self._name, Key=key, IfNoneMatch=etag)
            return StoredObject(response["Body"].read(), response["ETag"])

        try:
            return translate_errors(request, ObjectMissing, NotModified)
        except NotModified:
            return None

    def put(self, key: str, body: bytes = b"", content_type: str = "application/octet-stream") -> None:
        """Write the object unconditionally."""
        translate_errors(lambda: self._s3.put_object(Bucket=self._name, Key=key, Body=body, ContentType=content_type))

    def create(self, key: str, body: bytes) -> str:
        """Create the object and return its entity tag. Raises ObjectChanged if the key exists."""
        return self._put_conditionally(key, body, {"IfNoneMatch": "*"})

    def replace(self, key: str, body: bytes, etag: str) -> str:
        """Replace the object with entity tag `etag` and return the new one. Raises ObjectChanged if it has another."""
        return self._put_conditionally(key, body, {"IfMatch": etag})

    def _put_conditionally(self, key: str, body: bytes, condition: dict[str, str]) -> str:
        def request() -> str:
            response = self._s3.put_object(
                Bucket=self._name,
                Key=key,
                Body=body,
                ContentType="application/json",
                **condition,  # type: ignore[arg-type] # one of two literal names
            )
            return response["ETag"]

        for attempt in range(_MAX_CONFLICT_ATTEMPTS):
            if attempt:
                self._sleep(ids.rng.uniform(0, _CONFLICT_BACKOFF_SECONDS * 2**attempt))
            try:
                return translate_errors(request, WriteConflict, ObjectChanged, ObjectMissing)
            except WriteConflict:
                continue
            except (ObjectChanged, ObjectMissing) as exc:
                return self._resolve_lost_response(key, body, exc)
        raise Unavailable(DEPENDENCY, "ConditionalRequestConflict")

    def _resolve_lost_response(self, key: str, body: bytes, error: OtelWorkerError) -> str:
        """Return the entity tag if `body` is stored already, else raise ObjectChanged.

        The server rejects the retry of a write whose response was lost. Each body contains a random token, so an equal
        body is this write.
        """
        try:
            current = self.get(key)
        except ObjectMissing:
            raise ObjectChanged(key) from error
        if current.body != body:
            raise ObjectChanged(key) from error
        return current.etag

    def delete(self, key: str) -> None:
        """Delete the object if it exists."""
        translate_errors(lambda: self._s3.delete_object(Bucket=self._name, Key=key))

    def delete_many(self, keys: Iterable[str]) -> None:
        """Delete the objects that exist, 1,000 per request. Raises Unavailable after the first request that fails."""
        remaining = iter(keys)
        while batch := list(islice(remaining, 1000)):
            delete: Any = {"Objects": [{"Key": key} for key in batch], "Quiet": True}
            response = translate_errors(
                lambda delete=delete: self._s3.delete_objects(Bucket=self._name, Delete=delete)  # type: ignore[misc]
            )
            for error in response.get("Errors", ()):
                raise Unavailable(DEPENDENCY, error.get("Code", "DeleteObjects"))

    def list_keys(self, prefix: str) -> Iterator[str]:
        """Iterate over all keys that start with `prefix`, in order. Sends one request per page of 1,000 keys."""
        token: dict[str, Any] = {}
        while True:
            page = translate_errors(
                lambda token=token: self._s3.list_objects_v2(Bucket=self._name, Prefix=prefix, **token)  # type: ignore[misc]
            )
            yield from (item["Key"] for item in page.get("Contents", ()))
            if not page.get("IsTruncated"):
                return
            token = {"ContinuationToken": page["NextContinuationToken"]}

    def list_page(self, prefix: str, after: str = "", limit: int = 1000) -> list[ObjectSummary]:
        """Return up to `limit` (1 to 1,000) objects whose keys start with `prefix` and follow `after`, in order."""
        start: Any = {"StartAfter": after} if after else {}
        return object_summaries(
            translate_errors(lambda: self._s3.list_objects_v2(Bucket=self._name, Prefix=prefix, MaxKeys=limit, **start))
        )

    def ping(self) -> None:
        """Check that the bucket exists and accepts the credentials. Raises Unavailable if not."""
        translate_errors(lambda: self._s3.list_objects_v2(Bucket=self._name, Prefix="t/", MaxKeys=1))

    def presign(self, key: str, filename: str, ttl_seconds: int, method: str = "GET") -> tuple[str, datetime]:
        """Return a URL that downloads the CSV `key` as `filename`, and its expiry. Sends no request.

        The signature is valid for one `method`: GET or HEAD.
        """
        expires_at = datetime.now(UTC) + timedelta(seconds=ttl_seconds)
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
        return url, expires_at

    def start_upload(self, key: str, content_type: str) -> str:
        """Start a multipart upload and return its id. The object appears when the upload is completed."""
        response = translate_errors(
            lambda: self._s3.create_multipart_upload(Bucket=self._name, Key=key, ContentType=content_type)
        )
        return response["UploadId"]

    def upload_part(self, key: str, upload_id: str, number: int, body: bytes | bytearray) -> str:
        """Upload part `number` (from 1) and return its entity tag. Raises Unavailable if the upload was aborted."""
        response = translate_errors(
            lambda: self._s3.upload_part(
                Bucket=self._name,
                Key=key,
                UploadId=upload_id,
                PartNumber=number,
                Body=body,  # type: ignore[arg-type] # boto3 accepts any buffer
            )
        )
        return response["ETag"]

    def complete_upload(self, key: str, upload_id: str, etags: list[str]) -> None:
        """Create the object `key` from its parts, atomically. `etags` are those of the parts, in order."""
        parts: Any = [{"PartNumber": number, "ETag": etag} for number, etag in enumerate(etags, 1)]

        def request() -> None:
            self._s3.complete_multipart_upload(
                Bucket=self._name, Key=key, UploadId=upload_id, MultipartUpload={"Parts": parts}
            )

        try:
            translate_errors(request, ObjectMissing)
        except ObjectMissing:
            # The upload is gone. If the response to the first attempt was lost, the object exists.
            try:
                translate_errors(lambda: self._s3.head_object(Bucket=self._name, Key=key))
            except Unavailable as exc:
                raise Unavailable(DEPENDENCY, "NoSuchUpload") from exc

    def abort_upload(self, key: str, upload_id: str) -> None:
        """Abort the multipart upload and delete its parts, if it exists."""
        with suppress(ObjectMissing):
            translate_errors(
                lambda: self._s3.abort_multipart_upload(Bucket=self._name, Key=key, UploadId=upload_id),
                ObjectMissing,
            )

    def abort_uploads(self, key: str) -> None:
        """Abort all unfinished multipart uploads of `key`."""
        marker: dict[str, Any] = {}
        while True:
            response = translate_errors(
                lambda marker=marker: self._s3.list_multipart_uploads(Bucket=self._name, Prefix=key, **marker)  # type: ignore[misc]
            )
            for upload in response.get("Uploads", ()):
                if upload["Key"] == key:
                    self.abort_upload(key, upload["UploadId"])
            if not response.get("IsTruncated"):
                return
            marker = {"KeyMarker": response["NextKeyMarker"], "UploadIdMarker": response["NextUploadIdMarker"]}
