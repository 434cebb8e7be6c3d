"""Object storage: one bucket, whole objects, conditional writes. The only importer of boto3.

Nothing here is beyond what every S3 server has: put, get, delete, list, multipart, If-None-Match, If-Match.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeVar
from xml.etree.ElementTree import fromstring

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from shared.errors import OtelWorkerError, Unavailable
from shared.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable

    from types_boto3_s3 import S3Client

T = TypeVar("T")

_DEPENDENCY = "storage"
_CONFLICT_TRIES = 4


class ObjectMissing(OtelWorkerError):
    """There is no object of that key."""


class ObjectChanged(OtelWorkerError):
    """The object exists already, or is no longer the one that was read."""


@dataclass(frozen=True)
class Stored:
    """An object's bytes and the entity tag that the next compare-and-swap wants."""

    body: bytes
    etag: str


def client(settings: Settings, endpoint: str | None = None) -> "S3Client":
    """A client that signs for `endpoint` (default: the settings'), with bounded retries and timeouts."""
    made: S3Client = boto3.session.Session().client(
        "s3",
        region_name=settings.AWS_REGION,
        endpoint_url=endpoint or settings.AWS_ENDPOINT_URL_S3,
        config=Config(
            signature_version="s3v4",
            s3={"addressing_style": "path"},
            connect_timeout=2,
            read_timeout=10,
            retries={"mode": "standard", "total_max_attempts": 3},
            max_pool_connections=32,
            # Servers older than 2025 don't know the checksums that boto3 would add by itself.
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
        ),
    )
    made.meta.events.register("before-parse.s3.ListObjectsV2", _parse_listing)
    return made


class Bucket:
    """One bucket of the object storage; every failure of the server or the way to it is Unavailable."""

    def __init__(self, s3: "S3Client", name: str) -> None:
        self._s3 = s3
        self._name = name

    def get(self, key: str) -> Stored:
        """The object, or ObjectMissing."""

        def request() -> Stored:
            answer = self._s3.get_object(Bucket=self._name, Key=key)
            return Stored(answer["Body"].read(), answer["ETag"])

        return _asked(request)

    def put(self, key: str, body: bytes = b"", content_type: str = "application/octet-stream") -> None:
        """The object, whatever was there."""
        _asked(lambda: self._s3.put_object(Bucket=self._name, Key=key, Body=body, ContentType=content_type))

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

        for _ in range(_CONFLICT_TRIES):
            try:
                return _asked(request)
            except _Conflict:
                continue
            except (ObjectChanged, ObjectMissing) as exc:
                return self._unless_ours(key, body, exc)
        raise Unavailable(_DEPENDENCY, "ConditionalRequestConflict")

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
        _asked(lambda: self._s3.delete_object(Bucket=self._name, Key=key))

    def keys(self, prefix: str) -> Iterator[str]:
        """Every key that begins with `prefix`, in order; requests one page of 1,000 after another."""
        token: dict[str, Any] = {}
        while True:
            page = _asked(
                lambda token=token: self._s3.list_objects_v2(Bucket=self._name, Prefix=prefix, **token)  # type: ignore[misc]
            )
            yield from (item["Key"] for item in page.get("Contents", ()))
            if not page.get("IsTruncated"):
                return
            token = {"ContinuationToken": page["NextContinuationToken"]}

    def ping(self) -> None:
        """Nothing, or Unavailable: the bucket answers to our keys."""
        _asked(lambda: self._s3.list_objects_v2(Bucket=self._name, Prefix="t/", MaxKeys=1))

    def presigned(self, key: str, filename: str, ttl_seconds: int) -> tuple[str, datetime]:
        """A URL that downloads the CSV `key` as `filename`, and when it ends; needs no network."""
        ends = datetime.now(UTC) + timedelta(seconds=ttl_seconds)
        url = self._s3.generate_presigned_url(
            "get_object",
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
        answer = _asked(lambda: self._s3.create_multipart_upload(Bucket=self._name, Key=key, ContentType=content_type))
        return answer["UploadId"]

    def put_part(self, key: str, upload: str, number: int, body: bytes | bytearray) -> str:
        """The entity tag of part `number` (from 1)."""
        answer = _asked(
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
            _asked(request)
        except ObjectMissing:
            # The first answer was lost and the retry found no upload: then the object is there.
            try:
                _asked(lambda: self._s3.head_object(Bucket=self._name, Key=key))
            except ObjectMissing as exc:
                raise Unavailable(_DEPENDENCY, "NoSuchUpload") from exc

    def abort_parts(self, key: str, upload: str) -> None:
        """No upload of that id, and no part of it."""
        _asked(lambda: self._s3.abort_multipart_upload(Bucket=self._name, Key=key, UploadId=upload))


class _Conflict(OtelWorkerError):
    """Another conditional write of the same key is under way."""


def _asked(request: "Callable[[], T]") -> T:
    """What `request` returns, with botocore's errors turned into ours; the text of none is kept."""
    try:
        return request()
    except ClientError as exc:
        code = exc.response["Error"].get("Code", "")
        status = exc.response["ResponseMetadata"].get("HTTPStatusCode", 0)
        if code == "NoSuchBucket":
            raise Unavailable(_DEPENDENCY, code) from exc
        if status == 404:
            raise ObjectMissing from exc
        if status == 412:
            raise ObjectChanged from exc
        if status == 409:
            raise _Conflict from exc
        raise Unavailable(_DEPENDENCY, code) from exc
    except BotoCoreError as exc:
        raise Unavailable(_DEPENDENCY, type(exc).__name__) from exc


def _parse_listing(response_dict: dict[str, Any], customized_response_dict: dict[str, Any], **_: Any) -> None:
    """Take the keys out of a listing before botocore does, which needs 85 % of the time of a page for it."""
    if response_dict["status_code"] != 200:
        return
    page = fromstring(response_dict["body"])  # noqa: S314 - from our own storage; expat refuses entity bombs
    space = page.tag.removesuffix("ListBucketResult")
    customized_response_dict["Contents"] = [{"Key": item.text} for item in page.iterfind(f"{space}Contents/{space}Key")]
    customized_response_dict["IsTruncated"] = page.findtext(f"{space}IsTruncated") == "true"
    for name in ("NextContinuationToken", "EncodingType"):
        if text := page.findtext(f"{space}{name}"):
            customized_response_dict[name] = text
    response_dict["body"] = b"<ListBucketResult/>"
