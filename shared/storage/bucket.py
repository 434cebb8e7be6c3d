"""A bucket of the object storage: whole objects, conditional writes, listings, presigned URLs and multipart uploads.

Uses only operations that every S3-compatible server supports: get, put, delete, list and multipart upload, with
If-None-Match and If-Match.
"""

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import islice
from typing import TypeVar

from shared import ids
from shared.errors import OtelWorkerError, Unavailable
from shared.storage.client import S3Client, StoredObject, client
from shared.storage.connection import Body
from shared.storage.errors import DEPENDENCY, NotModified, ObjectChanged, ObjectMissing, S3Error, WriteConflict
from shared.storage.xml_documents import ObjectSummary

__all__ = ["Bucket", "ObjectChanged", "ObjectMissing", "ObjectSummary", "StoredObject", "client"]

T = TypeVar("T")

_MAX_CONFLICT_ATTEMPTS = 5
_CONFLICT_BACKOFF_SECONDS = 0.05
# Matched by code: a missing bucket or a wrong endpoint returns 404 as well.
_ERRORS_BY_CODE: dict[str, type[OtelWorkerError]] = {"NoSuchKey": ObjectMissing, "NoSuchUpload": ObjectMissing}
_ERRORS_BY_STATUS: dict[int, type[OtelWorkerError]] = {304: NotModified, 409: WriteConflict, 412: ObjectChanged}


class Bucket:
    """A bucket of the object storage. Every method raises Unavailable if the storage fails or is unreachable."""

    def __init__(self, s3: S3Client, name: str, sleep: Callable[[float], None] = time.sleep) -> None:
        self._s3 = s3
        self._name = name
        self._sleep = sleep

    def get(self, key: str) -> StoredObject:
        """Return the object. Raises ObjectMissing if it does not exist."""
        return translate_errors(lambda: self._s3.get_object(self._name, key), ObjectMissing)

    def get_if_modified(self, key: str, etag: str) -> StoredObject | None:
        """Return the object, or None if its entity tag is still `etag`. Raises ObjectMissing if it does not exist."""
        try:
            return translate_errors(
                lambda: self._s3.get_object(self._name, key, if_none_match=etag), ObjectMissing, NotModified
            )
        except NotModified:
            return None

    def put(
        self, key: str, body: Body = b"", content_type: str = "application/octet-stream", *, sha256: str = ""
    ) -> None:
        """Write the object unconditionally. `sha256` is the hex digest of the body, if it is known."""
        translate_errors(lambda: self._s3.put_object(self._name, key, body, content_type, sha256=sha256))

    def create(self, key: str, body: bytes) -> str:
        """Create the object and return its entity tag. Raises ObjectChanged if the key exists.

        The body must be unique to this write, here and in `replace`: it contains a random token.
        """
        return self._put_conditionally(key, body, if_none_match="*")

    def replace(self, key: str, body: bytes, etag: str) -> str:
        """Replace the object with entity tag `etag` and return the new one. Raises ObjectChanged if it has another."""
        return self._put_conditionally(key, body, if_match=etag)

    def _put_conditionally(self, key: str, body: bytes, *, if_none_match: str = "", if_match: str = "") -> str:
        def request() -> str:
            return self._s3.put_object(
                self._name, key, body, "application/json", if_none_match=if_none_match, if_match=if_match
            )

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

        The server rejects the retry of a write whose response was lost. No other write has an equal body, so this one
        has succeeded, and nothing has replaced it since.
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
        translate_errors(lambda: self._s3.delete_object(self._name, key))

    def delete_many(self, keys: Iterable[str]) -> None:
        """Delete the objects that exist, 1,000 per request. Raises Unavailable after the first request that fails."""
        remaining = iter(keys)
        while batch := list(islice(remaining, 1000)):
            translate_errors(partial(self._s3.delete_objects, self._name, batch))

    def list_keys(self, prefix: str) -> Iterator[str]:
        """Iterate over all keys that start with `prefix`, in order. Sends one request per page of 1,000 keys."""
        token: str | None = ""
        while token is not None:
            page = translate_errors(partial(self._s3.list_objects, self._name, prefix, token=token))
            yield from page.keys
            token = page.next_token

    def list_page(self, prefix: str, after: str = "", limit: int = 1000) -> list[ObjectSummary]:
        """Return up to `limit` (1 to 1,000) objects whose keys start with `prefix` and follow `after`, in order."""
        page = translate_errors(lambda: self._s3.list_objects(self._name, prefix, after=after, limit=limit))
        return page.summaries()

    def ping(self) -> None:
        """Check that the bucket exists and accepts the credentials. Raises Unavailable if not."""
        translate_errors(lambda: self._s3.list_objects(self._name, "t/", limit=1))

    def presign(self, key: str, filename: str, ttl_seconds: int, method: str = "GET") -> tuple[str, datetime]:
        """Return a URL that downloads the CSV `key` as `filename`, and its expiry. Sends no request.

        The signature is valid for one `method`: GET or HEAD.
        """
        expires_at = datetime.now(UTC) + timedelta(seconds=ttl_seconds)
        response_headers = {
            "response-content-type": "text/csv",
            "response-content-disposition": f'attachment; filename="{filename}"',
        }
        url = translate_errors(lambda: self._s3.presign(method, self._name, key, response_headers, ttl_seconds))
        return url, expires_at

    def start_upload(self, key: str, content_type: str) -> str:
        """Start a multipart upload and return its id. The object appears when the upload is completed."""
        return translate_errors(lambda: self._s3.create_multipart_upload(self._name, key, content_type))

    def upload_part(self, key: str, upload_id: str, number: int, body: Body) -> str:
        """Upload part `number` (from 1) and return its entity tag. Raises Unavailable if the upload was aborted."""
        return translate_errors(lambda: self._s3.upload_part(self._name, key, upload_id, number, body))

    def complete_upload(self, key: str, upload_id: str, etags: list[str]) -> None:
        """Create the object `key` from its parts, atomically. `etags` are those of the parts, in order."""
        try:
            translate_errors(
                lambda: self._s3.complete_multipart_upload(self._name, key, upload_id, etags), ObjectMissing
            )
        except ObjectMissing:
            # The upload is gone. If the response to the first attempt was lost, the object exists.
            try:
                translate_errors(lambda: self._s3.head_object(self._name, key))
            except Unavailable as exc:
                raise Unavailable(DEPENDENCY, "NoSuchUpload") from exc

    def abort_upload(self, key: str, upload_id: str) -> None:
        """Abort the multipart upload and delete its parts, if it exists."""
        with suppress(ObjectMissing):
            translate_errors(lambda: self._s3.abort_multipart_upload(self._name, key, upload_id), ObjectMissing)

    def abort_uploads(self, key: str) -> None:
        """Abort all unfinished multipart uploads of `key`."""
        for name, upload_id in translate_errors(lambda: self._s3.list_multipart_uploads(self._name, key)):
            if name == key:
                self.abort_upload(key, upload_id)


def translate_errors(request: Callable[[], T], *expected: type[OtelWorkerError]) -> T:
    """Call `request` and return its result.

    An error response that maps to one of `expected` raises that error. Every other S3Error raises Unavailable with its
    code, and with the region of the bucket if the request was sent to another one.
    """
    try:
        return request()
    except S3Error as exc:
        error = _ERRORS_BY_CODE.get(exc.code) or _ERRORS_BY_STATUS.get(exc.status)
        if error in expected:
            raise error from exc
        raise Unavailable(DEPENDENCY, f"WrongRegion:{exc.region}" if exc.region else exc.code) from exc
