"""Types of settings: each accepts only what the library that uses the value accepts.

Texts of errors never repeat the value, which may be a secret.
"""

import json
import re
from collections.abc import Callable
from functools import partial
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationError

from shared.config import lists, urls

_REGION = re.compile(r"(?![0-9]+$)(?!-)[A-Za-z0-9-]{1,63}(?<!-)")  # botocore's own rule
_BUCKET = re.compile(r"(?!xn--|sthree-|amzn-s3-demo-)(?!.*[.-]\.|.*\.-)[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_RESERVED_SUFFIXES = ("-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3")
_STORE = re.compile(r"([^/?#]*@)?(\[[^]/?#]+\]|[^/?#@:\[]+)(:[0-9]+)?(/[0-9]*)?(\?[^#]*)?")  # behind its scheme
_EXTENSION = re.compile(r"[a-z0-9]{1,20}")
_ATTRIBUTES = re.compile(  # of CloudEvents, and those that shared/events.py sets
    "id|source|specversion|type|datacontenttype|dataschema|subject|time|data|traceparent|tracestate"
)

T = TypeVar("T")


def _secret(check: Callable[[str], object], value: SecretStr) -> SecretStr:
    check(value.get_secret_value())
    return value


def _checked(check: Callable[[str], object], text: str) -> str:
    check(text)
    return text


def _matched(pattern: str, expected: str, value: T) -> T:
    if isinstance(value, str) and not re.fullmatch(pattern, value):
        raise ValueError(f"{expected} is expected")
    return value


def check_line(text: str) -> None:
    """ValueError for control characters, and for bytes of the environment that are no UTF-8."""
    if any(ord(character) < 32 or 127 <= ord(character) < 160 for character in text):
        raise ValueError("a text without control characters is expected")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError("a text in UTF-8 is expected") from None


def check_visible(text: str) -> None:
    if not re.fullmatch(r"[!-~]+", text):
        raise ValueError("visible ASCII characters without spaces are expected")


def _check_access_key_id(text: str) -> None:
    check_visible(text)
    if "," in text:  # separates the fields of the header Authorization
        raise ValueError("a key id without commas is expected")


def _check_bucket(text: str) -> None:
    if not _BUCKET.fullmatch(text) or urls.is_ipv4(text) or text.endswith(_RESERVED_SUFFIXES):
        raise ValueError(
            "a bucket name is expected: 3 to 63 lower-case letters, digits, inner hyphens and single dots, no address"
        )


def _check_region(text: str) -> None:
    if not _REGION.fullmatch(text):
        raise ValueError("a region is expected: letters, digits and inner hyphens, as eu-central-1")


def _check_postgres_host(text: str) -> None:
    check_line(text)
    if "://" in text:
        raise ValueError("a host name is expected; a URL belongs into DATABASE_URL")
    if "," in text:
        raise ValueError("one host name is expected; several belong into DATABASE_URL")
    if text.startswith("["):
        raise ValueError("an IPv6 address is expected without brackets")
    if ":" in text and not urls.is_ipv6(text):
        raise ValueError("a host name is expected; a port belongs into POSTGRES_PORT")
    if not (urls.is_host_name(text) or urls.is_ipv6(text) or text.startswith("/")):
        raise ValueError("a host name, an address or the folder of a socket is expected")


def _check_database_url(text: str) -> None:
    """As far as that is known without libpq: shared/config/database_url.py asks it, for the function that connects."""
    check_line(text)
    if text.startswith(("postgres://", "postgresql://")) and re.search(r"\s", text):  # libpq drops some of them
        raise ValueError("a postgresql:// URL is expected, with %20 for a space")
    if not (text.startswith(("postgres://", "postgresql://")) or ("://" not in text.partition("=")[0] and "=" in text)):
        raise ValueError("a postgresql:// URL is expected")


def _check_store_url(text: str) -> None:
    """As far as that is known without its client: shared/auth/rate_limits.py asks it."""
    if not re.fullmatch(r"(redis|valkey)s?://[!-~]+", text):
        raise ValueError("a redis:// or valkey:// URL is expected")
    if not _STORE.fullmatch(text.partition("://")[2]):
        raise ValueError("host, port and number of a database are expected, and a percent-encoded password or none")


def _check_sentry_dsn(text: str) -> None:
    if not urls.is_sentry_dsn(text):
        raise ValueError("a DSN is expected, as https://KEY@sentry.example/1")


def _check_words(text: str) -> None:
    check_line(text)
    if not lists.comma_separated(text):
        raise ValueError("expected a comma-separated list")


def extensions(text: str) -> dict[str, str]:
    """The extensions in the JSON of K_CE_OVERRIDES, or ValueError where HTTP cannot carry them as headers."""
    try:
        found = json.loads(text).get("extensions")
        found = {} if found is None else found
        valid = all(_EXTENSION.fullmatch(name) and not _ATTRIBUTES.fullmatch(name) for name in found)
        valid = valid and all(re.fullmatch(r"[ -~]*", value) for value in found.values())
    except (ValueError, AttributeError, TypeError, RecursionError):
        valid, found = False, {}
    if not valid:
        raise ValueError(
            "a JSON object with string extensions is expected, "
            "their names of a-z and 0-9 and not those of attributes, their texts in ASCII"
        )
    return dict(found)


def error_text(exc: ValidationError) -> str:
    """What is expected in place of the first bad value, without the value."""
    first = exc.errors(include_url=False, include_input=False, include_context=False)[0]
    return first["msg"].removeprefix("Value error, ")


def _upper(value: Any) -> Any:
    return value.upper() if isinstance(value, str) else value


Text = Annotated[str, Field(min_length=1), AfterValidator(partial(_checked, check_line))]
Visible = Annotated[str, AfterValidator(partial(_checked, check_visible))]
SecretText = Annotated[SecretStr, AfterValidator(partial(_secret, check_line))]
SecretVisible = Annotated[SecretStr, AfterValidator(partial(_secret, check_visible))]
Integer = Annotated[int, BeforeValidator(partial(_matched, r"[+-]?[0-9]+", "a whole number"))]
Number = Annotated[
    float, BeforeValidator(partial(_matched, r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?", "a number"))
]
UpperCase = BeforeValidator(_upper)
WebUrl = Annotated[str, AfterValidator(partial(urls.check_url, rest=urls.PATH_AND_QUERY))]
BaseUrl = Annotated[str, AfterValidator(partial(urls.check_url, rest=urls.PATH))]
S3Endpoint = Annotated[str, AfterValidator(partial(urls.check_url, rest=urls.PLAIN_PATH))]
AccessKeyId = Annotated[str, AfterValidator(partial(_checked, _check_access_key_id))]
Region = Annotated[str, AfterValidator(partial(_checked, _check_region))]
BucketName = Annotated[str, AfterValidator(partial(_checked, _check_bucket))]
PostgresHost = Annotated[str, AfterValidator(partial(_checked, _check_postgres_host))]
DatabaseUrl = Annotated[SecretStr, AfterValidator(partial(_secret, _check_database_url))]
Overrides = Annotated[str, AfterValidator(partial(_checked, extensions))]
OriginList = Annotated[str, AfterValidator(partial(_checked, lists.cors_origins))]
KeyList = Annotated[SecretStr, AfterValidator(partial(_secret, lists.api_keys))]
WordList = Annotated[str, AfterValidator(partial(_checked, _check_words))]
NetworkList = Annotated[str, AfterValidator(partial(_checked, lists.ip_networks))]
StoreUrl = Annotated[SecretStr, AfterValidator(partial(_secret, _check_store_url))]
SentryDsn = Annotated[SecretStr, AfterValidator(partial(_secret, _check_sentry_dsn))]
