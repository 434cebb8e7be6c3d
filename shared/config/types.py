"""Types of settings. Each accepts only what the library that uses the value accepts.

Error texts never repeat the value, which may be a secret.
"""

import json
import re
from collections.abc import Callable
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationError

from shared.config import lists, urls

_REGION = re.compile(r"(?![0-9]+$)(?!-)[A-Za-z0-9-]{1,63}(?<!-)")  # as botocore validates it
_BUCKET = re.compile(r"(?!xn--|sthree-|amzn-s3-demo-)(?!.*[.-]\.|.*\.-)[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_RESERVED_SUFFIXES = ("-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3")
_STORE_AUTHORITY = re.compile(r"([^/?#]*@)?(\[[^]/?#]+\]|[^/?#@:\[]+)(:[0-9]+)?(/[0-9]*)?(\?[^#]*)?")
_EXTENSION = re.compile(r"[a-z0-9]{1,20}")
_RESERVED_ATTRIBUTES = re.compile(  # of CloudEvents, and those that shared/events.py sets
    "id|source|specversion|type|datacontenttype|dataschema|subject|time|data|traceparent|tracestate"
)

T = TypeVar("T")


# pydantic inspects the signature of each validator. That of a function takes a fourth of the time of a partial's.


def _checked(check: Callable[[str], object]) -> AfterValidator:
    def validate(text: str) -> str:
        check(text)
        return text

    return AfterValidator(validate)


def _secret(check: Callable[[str], object]) -> AfterValidator:
    def validate(value: SecretStr) -> SecretStr:
        check(value.get_secret_value())
        return value

    return AfterValidator(validate)


def _matched(pattern: str, expected: str) -> BeforeValidator:
    def validate(value: T) -> T:
        if isinstance(value, str) and not re.fullmatch(pattern, value):
            raise ValueError(f"expected {expected}")
        return value

    return BeforeValidator(validate)


def _url(suffix: urls.UrlSuffix) -> AfterValidator:
    return _checked(lambda text: urls.check_url(text, suffix))


def check_line(text: str) -> None:
    """Raise ValueError for control characters and for bytes that are not UTF-8."""
    if any(ord(character) < 32 or 127 <= ord(character) < 160 for character in text):
        raise ValueError("expected text without control characters")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError("expected text in UTF-8") from None


def check_visible(text: str) -> None:
    """Raise ValueError for anything but visible ASCII characters."""
    if not re.fullmatch(r"[!-~]+", text):
        raise ValueError("expected visible ASCII characters without spaces")


def _check_access_key_id(text: str) -> None:
    check_visible(text)
    if "," in text:  # separates the fields of the header Authorization
        raise ValueError("expected a key ID without commas")


def _check_bucket(text: str) -> None:
    if not _BUCKET.fullmatch(text) or urls.is_ipv4(text) or text.endswith(_RESERVED_SUFFIXES):
        raise ValueError(
            "expected a bucket name: 3 to 63 lower-case letters, digits, inner hyphens and single dots, no IP address"
        )


def _check_region(text: str) -> None:
    if not _REGION.fullmatch(text):
        raise ValueError("expected a region: letters, digits and inner hyphens, for example eu-central-1")


def _check_postgres_host(text: str) -> None:
    check_line(text)
    if "://" in text:
        raise ValueError("expected a host name; set a URL in DATABASE_URL")
    if "," in text:
        raise ValueError("expected one host name; set several in DATABASE_URL")
    if text.startswith("["):
        raise ValueError("expected an IPv6 address without brackets")
    if ":" in text and not urls.is_ipv6(text):
        raise ValueError("expected a host name; set the port in POSTGRES_PORT")
    if not (urls.is_host_name(text) or urls.is_ipv6(text) or text.startswith("/")):
        raise ValueError("expected a host name, an IP address or the directory of a socket")


def _check_database_url(text: str) -> None:
    """Check what needs no libpq. shared/config/database_url.py checks the rest, in the function that connects."""
    check_line(text)
    if text.startswith(("postgres://", "postgresql://")) and re.search(r"\s", text):  # libpq removes some white space
        raise ValueError("expected a postgresql:// URL with %20 instead of spaces")
    if not (text.startswith(("postgres://", "postgresql://")) or ("://" not in text.partition("=")[0] and "=" in text)):
        raise ValueError("expected a postgresql:// URL")


def _check_store_url(text: str) -> None:
    """Check what needs no client library. shared/auth/rate_limits.py checks the rest."""
    if not re.fullmatch(r"(redis|valkey)s?://[!-~]+", text):
        raise ValueError("expected a redis:// or valkey:// URL")
    if not _STORE_AUTHORITY.fullmatch(text.partition("://")[2]):
        raise ValueError("expected host, port and database number, and a percent-encoded password if any")


def _check_sentry_dsn(text: str) -> None:
    if not urls.is_sentry_dsn(text):
        raise ValueError("expected a DSN, for example https://KEY@sentry.example/1")


def _check_list(text: str) -> None:
    check_line(text)
    if not lists.comma_separated(text):
        raise ValueError("expected a comma-separated list")


def extensions(text: str) -> dict[str, str]:
    """Parse the extensions in K_CE_OVERRIDES. Raises ValueError if they are not valid as HTTP headers."""
    try:
        parsed = json.loads(text).get("extensions")
        parsed = {} if parsed is None else parsed
        valid = all(_EXTENSION.fullmatch(name) and not _RESERVED_ATTRIBUTES.fullmatch(name) for name in parsed)
        valid = valid and all(re.fullmatch(r"[ -~]*", value) for value in parsed.values())
    except (ValueError, AttributeError, TypeError, RecursionError):
        valid, parsed = False, {}
    if not valid:
        raise ValueError(
            "expected a JSON object with extensions: names of a-z and 0-9 that are not attributes of CloudEvents, "
            "values in ASCII"
        )
    return dict(parsed)


def error_text(exc: ValidationError) -> str:
    """Describe the expected value of the first invalid field: "expected a number". Never contains the value."""
    first = exc.errors(include_url=False, include_input=False, include_context=False)[0]
    message = first["msg"].removeprefix("Value error, ")
    message = re.sub("^(Input|String) should (be|have) (?=at |greater|less)", "expected a value ", message)
    return message.replace("Input should be ", "expected ").partition(", unable to ")[0]


def _upper(value: Any) -> Any:
    return value.upper() if isinstance(value, str) else value


Text = Annotated[str, Field(min_length=1), _checked(check_line)]
Visible = Annotated[str, _checked(check_visible)]
SecretText = Annotated[SecretStr, _secret(check_line)]
SecretVisible = Annotated[SecretStr, _secret(check_visible)]
Integer = Annotated[int, _matched(r"[+-]?[0-9]+", "a whole number")]
Number = Annotated[float, _matched(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?", "a number")]
UpperCase = BeforeValidator(_upper)
WebUrl = Annotated[str, _url(urls.PATH_AND_QUERY)]
BaseUrl = Annotated[str, _url(urls.PATH)]
S3Endpoint = Annotated[str, _url(urls.PLAIN_PATH)]
AccessKeyId = Annotated[str, _checked(_check_access_key_id)]
Region = Annotated[str, _checked(_check_region)]
BucketName = Annotated[str, _checked(_check_bucket)]
PostgresHost = Annotated[str, _checked(_check_postgres_host)]
DatabaseUrl = Annotated[SecretStr, _secret(_check_database_url)]
Overrides = Annotated[str, _checked(extensions)]
OriginList = Annotated[str, _checked(lists.cors_origins)]
KeyList = Annotated[SecretStr, _secret(lists.api_keys)]
TextList = Annotated[str, _checked(_check_list)]
NetworkList = Annotated[str, _checked(lists.ip_networks)]
StoreUrl = Annotated[SecretStr, _secret(_check_store_url)]
SentryDsn = Annotated[SecretStr, _secret(_check_sentry_dsn)]
