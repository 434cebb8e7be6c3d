"""The S3 client, with bounded timeouts and retries, and the translation of its errors into domain errors."""

import os
from base64 import b64encode
from functools import partial
from hashlib import md5
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit
from xml.etree.ElementTree import ParseError

import boto3
import botocore.session
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, ProfileNotFound
from botocore.parsers import ResponseParserError
from botocore.utils import get_environ_proxies

from shared.config.settings import Settings
from shared.errors import OtelWorkerError, SettingsError, Unavailable
from shared.storage import instrumentation
from shared.storage.listing import parse_list_response

if TYPE_CHECKING:
    from collections.abc import Callable

    from types_boto3_s3 import S3Client

T = TypeVar("T")

DEPENDENCY = "storage"


class ObjectMissing(OtelWorkerError):
    """The object or upload does not exist."""


class ObjectChanged(OtelWorkerError):
    """The object exists already, or its entity tag has changed."""


class NotModified(OtelWorkerError):
    """The object still has the entity tag of the request."""


class WriteConflict(OtelWorkerError):
    """Another conditional write of the same key is in progress."""


# Matched by code: a missing bucket or a wrong endpoint returns 404 as well.
_ERRORS_BY_CODE: dict[str, type[OtelWorkerError]] = {"NoSuchKey": ObjectMissing, "NoSuchUpload": ObjectMissing}
_ERRORS_BY_STATUS: dict[int, type[OtelWorkerError]] = {304: NotModified, 409: WriteConflict, 412: ObjectChanged}

# connect_timeout applies to each address of the host, read_timeout to each read. TCP keep-alive is not needed: the read
# timeout detects a silent peer long before the system's first probe.
CONFIG = Config(
    signature_version="s3v4",
    s3={"addressing_style": "path"},
    connect_timeout=2,
    read_timeout=10,
    retries={"mode": "standard", "total_max_attempts": 3},
    max_pool_connections=40,  # the number of gunicorn's threads
    # Servers older than 2025 do not support the checksums that boto3 adds by default.
    request_checksum_calculation="when_required",
    response_checksum_validation="when_required",
)
MAX_REQUEST_SECONDS = 49
# With credentials from the settings, AWS_PROFILE and ~/.aws are ignored. Other environment variables still apply.
_IGNORED_FILES: dict[str, Any] = {
    "profile": (None, None, None, None),
    "config_file": (None, None, os.devnull, None),
    "credentials_file": (None, None, os.devnull, None),
}
# botocore rejects host names with an underscore, such as those of Docker services, but only when it creates a client.
_PLACEHOLDER_HOST = "placeholder.invalid"


def client(
    settings: Settings, endpoint: str | None = None, config: Config = CONFIG, keys: tuple[str, str] | None = None
) -> "S3Client":
    """Create an S3 client for `endpoint` (default: that of the settings).

    `keys` are the access key id and the secret key. They default to those of the settings, then to boto3's own
    credential chain. With keys, no profile and no file of boto3 is read. Raises SettingsError if boto3 rejects one of
    its environment variables or files.

    A request takes at most MAX_REQUEST_SECONDS = 3 * (2 + 10) + (1 + 5) + (2 + 5): three attempts with a random backoff
    of up to 1 s and 2 s after SlowDown (0.05 s and 0.1 s after other errors), to which the server may add 5 s each.
    Name resolution and a response that arrives slowly but steadily are not bounded.
    """
    url = endpoint or settings.AWS_ENDPOINT_URL_S3
    access_key, secret_key, token = (*keys, None) if keys else _credentials(settings)
    has_underscore = "_" in urlsplit(url or "").netloc
    if has_underscore:
        config = config.merge(Config(proxies=get_environ_proxies(url or "")))
    variables = _IGNORED_FILES if access_key else None
    try:
        session = boto3.session.Session(
            access_key, secret_key, token, botocore_session=botocore.session.Session(variables)
        )
        s3: S3Client = session.client(
            "s3",
            region_name=settings.AWS_REGION,
            endpoint_url=urlsplit(url or "")._replace(netloc=_PLACEHOLDER_HOST).geturl() if has_underscore else url,
            config=_config_for_endpoint(config, url),
        )
    except (BotoCoreError, ValueError) as exc:
        variable = "AWS_PROFILE" if isinstance(exc, ProfileNotFound) else "AWS_…"
        raise SettingsError(
            f"{variable}: boto3 does not accept its variables or files ({type(exc).__name__})"
        ) from None
    if has_underscore:
        s3.meta.events.register("before-endpoint-resolution.s3", partial(_override_endpoint, url))
    s3.meta.events.register("before-parse.s3.ListObjectsV2", parse_list_response)
    s3.meta.events.register("before-call.s3.DeleteObjects", _use_content_md5)
    instrumentation.register(s3.meta.events)
    return s3


def _config_for_endpoint(config: Config, url: str | None) -> Config:
    """Disable FIPS and dual-stack endpoints for a configured endpoint, and proxies for a loopback address."""
    if url is None:
        return config
    exact = config.merge(Config(use_fips_endpoint=False, use_dualstack_endpoint=False))
    host = urlsplit(url).hostname or ""
    is_loopback = host == "localhost" or host.startswith("127.") or host == "::1"
    return exact.merge(Config(proxies={})) if is_loopback else exact


def _credentials(settings: Settings) -> tuple[str | None, str | None, str | None]:
    """Return access key id, secret key and session token of the settings. Without keys, all three are None."""
    if settings.AWS_ACCESS_KEY_ID is None or settings.AWS_SECRET_ACCESS_KEY is None:
        return None, None, None
    token = settings.AWS_SESSION_TOKEN
    secret = settings.AWS_SECRET_ACCESS_KEY.get_secret_value()
    return settings.AWS_ACCESS_KEY_ID, secret, None if token is None else token.get_secret_value()


def _override_endpoint(url: str | None, builtins: dict[str, Any], **_: Any) -> None:
    """Replace the placeholder by `url` in requests and presigned URLs, a handler of `before-endpoint-resolution`."""
    builtins["SDK::Endpoint"] = url


def translate_errors(request: "Callable[[], T]", *expected: type[OtelWorkerError]) -> T:
    """Call `request` and return its result.

    An error response that maps to one of `expected` raises that error. Every other failure raises Unavailable with the
    error code or the name of the exception: messages of server and driver are dropped.
    """
    try:
        return request()
    except ClientError as exc:
        status = exc.response["ResponseMetadata"].get("HTTPStatusCode", 0)
        code = exc.response["Error"].get("Code") or str(status)
        error = _ERRORS_BY_CODE.get(code) or _ERRORS_BY_STATUS.get(status)
        if error in expected:
            raise error from exc
        raise Unavailable(DEPENDENCY, code) from exc
    except (BotoCoreError, ResponseParserError, ParseError) as exc:
        raise Unavailable(DEPENDENCY, type(exc).__name__) from exc


def _use_content_md5(params: dict[str, Any], **_: Any) -> None:
    """Send Content-MD5, which every server supports, instead of botocore's CRC32. DeleteObjects requires a checksum."""
    digest = md5(params["body"], usedforsecurity=False).digest()
    params["headers"]["Content-MD5"] = b64encode(digest).decode()
    params["context"].pop("checksum", None)
