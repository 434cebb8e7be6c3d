"""boto3's S3 client for what only an administrator does: creating buckets and their lifecycle rules."""

import os
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

import boto3
import botocore.session
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from shared.config.settings import Settings
from shared.errors import SettingsError, Unavailable
from shared.storage.connection import proxy_of
from shared.storage.credentials import CredentialSource
from shared.storage.endpoint import Endpoint
from shared.storage.errors import DEPENDENCY

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

T = TypeVar("T")

# botocore rejects host names with an underscore, such as those of Docker services, but only when it creates a client.
_PLACEHOLDER_HOST = "placeholder.invalid"
_IGNORED_FILES: dict[str, Any] = {
    "profile": (None, None, None, None),
    "config_file": (None, None, os.devnull, None),
    "credentials_file": (None, None, os.devnull, None),
}


def admin_client(settings: Settings, credentials: CredentialSource, *, max_attempts: int = 3) -> "S3Client":
    """Create a client for the endpoint of the settings. `credentials` are the administrator's.

    Raises SettingsError if boto3 rejects one of its environment variables.
    """
    keys = credentials()
    url = settings.AWS_ENDPOINT_URL_S3
    proxy = None if url is None else proxy_of(Endpoint.parse(url))
    config = Config(
        signature_version="s3v4",
        s3={"addressing_style": settings.S3_ADDRESSING_STYLE},
        connect_timeout=2,
        read_timeout=10,
        retries={"mode": "standard", "total_max_attempts": max_attempts},
        # Servers older than 2025 do not support the checksums that boto3 adds by default.
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
        proxies=None if url is None else dict.fromkeys(("http", "https"), proxy) if proxy else {},
    )
    has_underscore = "_" in urlsplit(url or "").netloc
    try:
        session = boto3.session.Session(
            keys.access_key,
            keys.secret_key,
            keys.session_token,
            botocore_session=botocore.session.Session(_IGNORED_FILES),
        )
        s3: S3Client = session.client(
            "s3",
            region_name=settings.AWS_REGION,
            endpoint_url=urlsplit(url or "")._replace(netloc=_PLACEHOLDER_HOST).geturl() if has_underscore else url,
            config=config,
        )
    except (BotoCoreError, ValueError) as exc:
        raise SettingsError(f"AWS_…: boto3 does not accept its variables ({type(exc).__name__})") from None
    if has_underscore:
        s3.meta.events.register("before-endpoint-resolution.s3", partial(_override_endpoint, url))
    return s3


def _override_endpoint(url: str | None, builtins: dict[str, Any], **_: Any) -> None:
    """Replace the placeholder by `url`, a handler of `before-endpoint-resolution`."""
    builtins["SDK::Endpoint"] = url


def translate_errors(request: Callable[[], T]) -> T:
    """Call `request` and return its result. A failure raises Unavailable with the error code or the exception's name.

    Messages of server and driver are dropped.
    """
    try:
        return request()
    except ClientError as exc:
        status = exc.response["ResponseMetadata"].get("HTTPStatusCode", 0)
        raise Unavailable(DEPENDENCY, exc.response["Error"].get("Code") or str(status)) from exc
    except (BotoCoreError, ResponseParserError) as exc:
        raise Unavailable(DEPENDENCY, type(exc).__name__) from exc
