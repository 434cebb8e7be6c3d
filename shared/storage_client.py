"""The way to object storage: a client of bounded patience, its failures in our words. The only importer of boto3."""

from base64 import b64encode
from hashlib import md5
from typing import TYPE_CHECKING, Any, TypeVar

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from shared.errors import OtelWorkerError, Unavailable
from shared.settings import Settings
from shared.storage_listing import parse

if TYPE_CHECKING:
    from collections.abc import Callable

    from types_boto3_s3 import S3Client

T = TypeVar("T")

DEPENDENCY = "storage"


class ObjectMissing(OtelWorkerError):
    """There is no object of that key."""


class ObjectChanged(OtelWorkerError):
    """The object exists already, or is no longer the one that was read."""


class NotModified(OtelWorkerError):
    """The object is still the one that was read."""


class Conflict(OtelWorkerError):
    """Another conditional write of the same key is under way."""


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
    made.meta.events.register("before-parse.s3.ListObjectsV2", parse)
    made.meta.events.register("before-call.s3.DeleteObjects", _content_md5)
    return made


def asked(request: "Callable[[], T]") -> T:
    """What `request` returns, with botocore's errors turned into ours; the text of none is kept."""
    try:
        return request()
    except ClientError as exc:
        code = exc.response["Error"].get("Code", "")
        status = exc.response["ResponseMetadata"].get("HTTPStatusCode", 0)
        if code == "NoSuchBucket":
            raise Unavailable(DEPENDENCY, code) from exc
        if status == 304:
            raise NotModified from exc
        if status == 404:
            raise ObjectMissing from exc
        if status == 412:
            raise ObjectChanged from exc
        if status == 409:
            raise Conflict from exc
        raise Unavailable(DEPENDENCY, code) from exc
    except BotoCoreError as exc:
        raise Unavailable(DEPENDENCY, type(exc).__name__) from exc


def _content_md5(params: dict[str, Any], **_: Any) -> None:
    """Deleting many asks for a checksum: the one that servers have known from the beginning, not botocore's CRC32."""
    digest = md5(params["body"], usedforsecurity=False).digest()
    params["headers"]["Content-MD5"] = b64encode(digest).decode()
    params["context"].pop("checksum", None)
