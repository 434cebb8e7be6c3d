"""Parsers of settings, from text. Each accepts only what the library that uses the value accepts.

A parser raises ValueError with the expected value: "expected a number". The text never repeats the value, which may be
a secret.
"""

import json
import math
import re
from collections.abc import Callable
from dataclasses import field
from typing import Any, TypeVar

from shared.config import lists, urls

_REGION = re.compile(r"(?![0-9]+$)(?!-)[A-Za-z0-9-]{1,63}(?<!-)")  # as botocore validates it
_BUCKET = re.compile(r"(?!xn--|sthree-|amzn-s3-demo-)(?!.*[.-]\.|.*\.-)[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_RESERVED_SUFFIXES = ("-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3")
_STORE_AUTHORITY = re.compile(r"([^/?#]*@)?(\[[^]/?#]+\]|[^/?#@:\[]+)(:[0-9]+)?(/[0-9]*)?(\?[^#]*)?")
_EXTENSION = re.compile(r"[a-z0-9]{1,20}")
_RESERVED_ATTRIBUTES = re.compile(  # of CloudEvents, and those that shared/events.py sets
    "id|source|specversion|type|datacontenttype|dataschema|subject|time|data|traceparent|tracestate"
)
_WHOLE_NUMBER = re.compile(r"[+-]?[0-9]{1,4300}")  # int() accepts no more digits
_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
_TRUE, _FALSE = {"1", "on", "t", "true", "y", "yes"}, {"0", "off", "f", "false", "n", "no"}

T = TypeVar("T")
C = TypeVar("C", bound=str)


class Secret:
    """A text that is not shown by repr, str and dataclasses.asdict."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def get_secret_value(self) -> str:
        return self._text

    def __repr__(self) -> str:
        return "**********"

    def __eq__(self, other: object) -> bool:
        return self._text == other._text if isinstance(other, Secret) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._text)


def setting(
    parse: Callable[[str], T],
    default: T,
    description: str,
    *,
    ge: float | None = None,
    gt: float | None = None,
    le: float | None = None,
) -> T:
    """Declare a setting that `parse` reads from text. A number is at least `ge`, greater than `gt` and at most `le`."""
    if (ge, gt, le) != (None, None, None):
        parse = bounded(parse, ge=ge, gt=gt, le=le)
    metadata = {"parse": parse, "description": description, "ge": ge, "gt": gt, "le": le}
    return field(default=default, metadata=metadata)


def whole_number(text: str) -> int:
    if not _WHOLE_NUMBER.fullmatch(text):
        raise ValueError("expected a whole number")
    return int(text)


def number(text: str) -> float:
    """Parse a decimal number. It is infinite if it exceeds the range of float."""
    if not _NUMBER.fullmatch(text):
        raise ValueError("expected a number")
    return float(text)


def finite_number(text: str) -> float:
    value = number(text)
    if math.isinf(value):
        raise ValueError("expected a finite number")
    return value


def bounded(
    parse: Callable[[str], T], *, gt: float | None = None, ge: float | None = None, le: float | None = None
) -> Callable[[str], T]:
    """Return a parser of numbers greater than `gt`, at least `ge` and at most `le`."""

    def parse_bounded(text: str) -> T:
        value: Any = parse(text)
        if le is not None and value > le:
            raise ValueError(f"expected a value less than or equal to {le}")
        if ge is not None and value < ge:
            raise ValueError(f"expected a value greater than or equal to {ge}")
        if gt is not None and value <= gt:
            raise ValueError(f"expected a value greater than {gt}")
        return value  # type: ignore[no-any-return] # of type T

    return parse_bounded


def boolean(text: str) -> bool:
    if text.lower() not in _TRUE | _FALSE:
        raise ValueError("expected a valid boolean")
    return text.lower() in _TRUE


def choice(*values: C, normalize: Callable[[str], str] = str) -> Callable[[str], C]:
    """Return a parser that accepts `values` only, after it has normalized the text."""

    def parse(text: str) -> C:
        for value in values:
            if value == normalize(text):
                return value
        *others, last = map(repr, values)
        raise ValueError(f"expected {', '.join(others)} or {last}" if others else f"expected {last}")

    return parse


def time_zone(text: str) -> str:
    from shared.days import time_zones  # noqa: PLC0415 - only where DAY_TIMEZONE is set

    if text not in time_zones():
        raise ValueError("expected an IANA time zone")
    return text


def _checked(check: Callable[[str], object]) -> Callable[[str], str]:
    def parse(text: str) -> str:
        check(text)
        return text

    return parse


def _secret(check: Callable[[str], object]) -> Callable[[str], Secret]:
    def parse(text: str) -> Secret:
        check(text)
        return Secret(text)

    return parse


def _url(suffix: urls.UrlSuffix) -> Callable[[str], str]:
    return lambda text: urls.check_url(text, suffix)


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


def _check_text(text: str) -> None:
    if not text:
        raise ValueError("expected a value at least 1 character")
    check_line(text)


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


text = _checked(_check_text)
visible = _checked(check_visible)
secret_text = _secret(check_line)
secret_visible = _secret(check_visible)
web_url = _url(urls.PATH_AND_QUERY)
base_url = _url(urls.PATH)
tiles_url = _checked(urls.check_tiles_url)
s3_endpoint = _url(urls.PLAIN_PATH)
access_key_id = _checked(_check_access_key_id)
region = _checked(_check_region)
bucket_name = _checked(_check_bucket)
postgres_host = _checked(_check_postgres_host)
database_url = _secret(_check_database_url)
overrides = _checked(extensions)
origin_list = _checked(lists.cors_origins)
key_list = _secret(lists.api_keys)
text_list = _checked(_check_list)
network_list = _checked(lists.ip_networks)
store_url = _secret(_check_store_url)
sentry_dsn = _secret(_check_sentry_dsn)
