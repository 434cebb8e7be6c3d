"""The way to object storage: a client of bounded patience, its failures in our words. The only importer of boto3."""

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
from shared.storage.listing import parse

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


# By its code, for 404 is also what a bucket or a whole storage that isn't there answers.
_MISSING: dict[str, type[OtelWorkerError]] = {"NoSuchKey": ObjectMissing, "NoSuchUpload": ObjectMissing}
_REFUSALS: dict[int, type[OtelWorkerError]] = {304: NotModified, 409: Conflict, 412: ObjectChanged}

# Each try: 2 s for each address of the host to connect, 10 s of silence at most. A silent peer is met by the latter, so
# TCP's keep-alive, which the system sends after hours, would add nothing.
CONFIG = Config(
    signature_version="s3v4",
    s3={"addressing_style": "path"},
    connect_timeout=2,
    read_timeout=10,
    retries={"mode": "standard", "total_max_attempts": 3},
    max_pool_connections=40,  # as many requests at once as gunicorn has threads
    # Servers older than 2025 don't know the checksums that boto3 would add by itself.
    request_checksum_calculation="when_required",
    response_checksum_validation="when_required",
)
LONGEST_SECONDS = 49
# AWS_PROFILE and ~/.aws belong to whoever works at the machine; environment variables are still read.
_WITHOUT_FILES: dict[str, Any] = {
    "profile": (None, None, None, None),
    "config_file": (None, None, os.devnull, None),
    "credentials_file": (None, None, os.devnull, None),
}
# botocore refuses host names with an underscore, as Docker's service names have, only when it makes a client.
_STAND_IN = "stand-in.invalid"


def client(
    settings: Settings, endpoint: str | None = None, config: Config = CONFIG, keys: tuple[str, str] | None = None
) -> "S3Client":
    """A client that signs for `endpoint` with `keys` (default: the settings', else the credentials that boto3 finds).

    With keys, no profile and no file of boto3 is read. SettingsError where boto3 refuses one of its variables or files.

    A request ends within LONGEST_SECONDS = 3 * (2 + 10) + (1 + 5) + (2 + 5): three tries, and before the second and the
    third a random wait of up to 1 and 2 s after SlowDown (0.05 and 0.1 s after anything else), to which the server may
    add 5 s. Not counted are name resolution and an answer that trickles: it is read for as long as bytes come.
    """
    url = endpoint or settings.AWS_ENDPOINT_URL_S3
    access, secret, token = (*keys, None) if keys else _credentials(settings)
    underscore = "_" in urlsplit(url or "").netloc
    if underscore:
        config = config.merge(Config(proxies=get_environ_proxies(url or "")))
    variables = _WITHOUT_FILES if access else None
    try:
        session = boto3.session.Session(access, secret, token, botocore_session=botocore.session.Session(variables))
        made: S3Client = session.client(
            "s3",
            region_name=settings.AWS_REGION,
            endpoint_url=urlsplit(url or "")._replace(netloc=_STAND_IN).geturl() if underscore else url,
            config=_for_endpoint(config, url),
        )
    except (BotoCoreError, ValueError) as exc:
        variable = "AWS_PROFILE" if isinstance(exc, ProfileNotFound) else "AWS_…"
        raise SettingsError(
            f"{variable}: boto3 does not accept its variables or files ({type(exc).__name__})"
        ) from None
    if underscore:
        made.meta.events.register("before-endpoint-resolution.s3", partial(_resolve_to, url))
    made.meta.events.register("before-parse.s3.ListObjectsV2", parse)
    made.meta.events.register("before-call.s3.DeleteObjects", _content_md5)
    instrumentation.watch(made.meta.events)
    return made


def _for_endpoint(config: Config, url: str | None) -> Config:
    """The configuration for an endpoint of the settings, which is used as it is; this machine needs no proxy."""
    if url is None:
        return config
    exact = config.merge(Config(use_fips_endpoint=False, use_dualstack_endpoint=False))
    host = urlsplit(url).hostname or ""
    local = host == "localhost" or host.startswith("127.") or host == "::1"
    return exact.merge(Config(proxies={})) if local else exact


def _credentials(settings: Settings) -> tuple[str | None, str | None, str | None]:
    """Key id, secret key, and the token of temporary credentials; without keys, boto3 finds credentials itself."""
    if settings.AWS_ACCESS_KEY_ID is None or settings.AWS_SECRET_ACCESS_KEY is None:
        return None, None, None
    token = settings.AWS_SESSION_TOKEN
    secret = settings.AWS_SECRET_ACCESS_KEY.get_secret_value()
    return settings.AWS_ACCESS_KEY_ID, secret, None if token is None else token.get_secret_value()


def _resolve_to(url: str | None, builtins: dict[str, Any], **_: Any) -> None:
    """The endpoint of a request or a presigned URL is `url`, which botocore refuses when it makes a client."""
    builtins["SDK::Endpoint"] = url


def asked(request: "Callable[[], T]", *outcomes: type[OtelWorkerError]) -> T:
    """What `request` returns; a refusal that is one of `outcomes` is raised as that, any other failure as Unavailable.

    The texts of storage and driver are not kept, only their codes and names.
    """
    try:
        return request()
    except ClientError as exc:
        status = exc.response["ResponseMetadata"].get("HTTPStatusCode", 0)
        code = exc.response["Error"].get("Code") or str(status)
        outcome = _MISSING.get(code) or _REFUSALS.get(status)
        if outcome in outcomes:
            raise outcome from exc
        raise Unavailable(DEPENDENCY, code) from exc
    except (BotoCoreError, ResponseParserError, ParseError) as exc:
        raise Unavailable(DEPENDENCY, type(exc).__name__) from exc


def _content_md5(params: dict[str, Any], **_: Any) -> None:
    """Deleting many asks for a checksum: the one that servers have known from the beginning, not botocore's CRC32."""
    digest = md5(params["body"], usedforsecurity=False).digest()
    params["headers"]["Content-MD5"] = b64encode(digest).decode()
    params["context"].pop("checksum", None)
