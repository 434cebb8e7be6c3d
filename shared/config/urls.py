"""Validation of hosts, ports and URLs in settings. Accepts what urllib3, botocore and the resolver all accept.

Error texts never repeat the value, which may be a secret.
"""

import re
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address

_LABEL = r"(?!-)[A-Za-z0-9_-]{1,63}(?<!-)"  # Docker service names contain underscores
_HOST_NAME = re.compile(rf"(?:{_LABEL}\.)*{_LABEL}\.?")
_MAX_HOST_LENGTH = 253
_URL = re.compile(
    r"(?i:https?)://(?P<user>[^/?#]*@)?(?P<host>\[[^]]*\]|[^/?#:@\[]*)(?::(?P<port>[^/?#]*))?(?P<suffix>.*)"
)


@dataclass(frozen=True)
class UrlSuffix:
    """The part of a URL after host and port: a pattern, and its description for error texts."""

    pattern: "re.Pattern[str]"
    description: str


NO_SUFFIX = UrlSuffix(re.compile(""), "without path and query")
PATH_AND_QUERY = UrlSuffix(
    re.compile(r"(?:[/?][!\"$-\[\]-~]*)?"), "with percent-encoded path and query, without fragment"
)
PATH = UrlSuffix(re.compile(r"(?:/[!\"$->@-\[\]-~]*)?"), "with a percent-encoded path, without query")
# The signer of S3 requests encodes the path itself and removes empty and dot segments.
PLAIN_PATH = UrlSuffix(
    re.compile(r"(?:/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)*/?"), "with a path of unreserved characters, without query"
)


def is_host_name(text: str) -> bool:
    """Whether `text` is a DNS name, underscores allowed, or an IPv4 address."""
    return len(text) <= _MAX_HOST_LENGTH and _HOST_NAME.fullmatch(text) is not None


def is_ipv4(text: str) -> bool:
    try:
        return bool(IPv4Address(text))
    except ValueError:
        return False


def is_ipv6(text: str) -> bool:
    """Whether `text` is an IPv6 address without brackets and zone."""
    try:
        return "%" not in text and IPv6Address(text) is not None
    except ValueError:
        return False


def is_port(text: str) -> bool:
    return re.fullmatch(r"[0-9]{1,5}", text) is not None and 1 <= int(text) <= 65535


def check_url(text: str, suffix: UrlSuffix) -> str:
    """Return `text` if it is an http or https URL that ends in `suffix` after host and port. Raises ValueError."""
    parts = _URL.fullmatch(text)
    if parts is None:
        raise ValueError("expected an http or https URL")
    host, port = parts["host"], parts["port"]
    if parts["user"]:
        raise ValueError("expected an http or https URL without user name and password")
    if not host.isascii():
        raise ValueError("expected an http or https URL with the host name in ASCII (xn--)")
    if not (is_ipv6(host[1:-1]) if host.startswith("[") else is_host_name(host)):
        raise ValueError("expected an http or https URL with a valid host name")
    if suffix is PLAIN_PATH and host.endswith("."):  # signed with the dot, but urllib3 sends it without
        raise ValueError("expected an http or https URL without a dot at the end of the host name")
    if port is not None and not is_port(port):
        raise ValueError("expected an http or https URL with a port from 1 to 65535 or none")
    if not suffix.pattern.fullmatch(parts["suffix"]):
        raise ValueError(f"expected an http or https URL {suffix.description}")
    return text


def check_tiles_url(text: str) -> None:
    """Raise ValueError unless `text` is the URL template of map tiles: {z}, {x} and {y} after the host, no others."""
    check_url(text, PATH_AND_QUERY)
    rest, placeholders = re.sub(r"\{[zxy]\}", "", text), ("{z}", "{x}", "{y}")
    if "{" in rest or "}" in rest or not all(placeholder in text for placeholder in placeholders):
        raise ValueError("expected an http or https URL with {z}, {x} and {y} in its path or query")


def is_sentry_dsn(text: str) -> bool:
    """Whether `text` is a DSN as Sentry's client parses it: a URL with a key and a project number."""
    parts = _URL.fullmatch(text)
    return (
        parts is not None
        and re.fullmatch(r"[!-~]+", (parts["user"] or "@")[:-1].partition(":")[0]) is not None
        and is_host_name(parts["host"])
        and (parts["port"] is None or is_port(parts["port"]))
        and re.fullmatch(r"/(?:[!\"$->@-\[\]-~]+/)?[0-9]+", parts["suffix"]) is not None
    )
