"""What counts as a host, a port and a URL in a setting: what urllib3, botocore and the resolver all accept.

Texts of errors never repeat the value, which may be a secret.
"""

import re
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address

_LABEL = r"(?!-)[A-Za-z0-9_-]{1,63}(?<!-)"  # with the underscore of Docker's service names
_HOST_NAME = re.compile(rf"(?:{_LABEL}\.)*{_LABEL}\.?")
_LONGEST_HOST = 253
_URL = re.compile(
    r"(?i:https?)://(?P<user>[^/?#]*@)?(?P<host>\[[^]]*\]|[^/?#:@\[]*)(?::(?P<port>[^/?#]*))?(?P<rest>.*)"
)


@dataclass(frozen=True)
class Rest:
    """What may follow host and port in a URL: a pattern, and its description for an error."""

    pattern: "re.Pattern[str]"
    description: str


NOTHING = Rest(re.compile(""), "neither path nor query")
PATH_AND_QUERY = Rest(
    re.compile(r"(?:[/?][!\"$-\[\]-~]*)?"), "a percent-encoded path and query or none, and no fragment"
)
PATH = Rest(re.compile(r"(?:/[!\"$->@-\[\]-~]*)?"), "a percent-encoded path or none, and no query")
# The signer of S3 requests encodes a path itself, and drops empty and dotted segments.
PLAIN_PATH = Rest(
    re.compile(r"(?:/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)*/?"), "a path of plain characters or none, and no query"
)


def is_host_name(text: str) -> bool:
    """Whether `text` is a DNS name, underscores allowed, or an IPv4 address."""
    return len(text) <= _LONGEST_HOST and _HOST_NAME.fullmatch(text) is not None


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


def check_url(text: str, rest: Rest) -> str:
    """`text` if it is an http or https URL whose path and query are `rest`, else ValueError."""
    parts = _URL.fullmatch(text)
    if parts is None:
        raise ValueError("an http or https URL is expected")
    host, port = parts["host"], parts["port"]
    if parts["user"]:
        raise ValueError("an http or https URL is expected, without user name and password")
    if not host.isascii():
        raise ValueError("an http or https URL is expected, with the host name in ASCII (xn--)")
    if not (is_ipv6(host[1:-1]) if host.startswith("[") else is_host_name(host)):
        raise ValueError("an http or https URL is expected, with a valid host name")
    if port is not None and not is_port(port):
        raise ValueError("an http or https URL is expected, with a port from 1 to 65535 or none")
    if not rest.pattern.fullmatch(parts["rest"]):
        raise ValueError(f"an http or https URL is expected, with {rest.description}")
    return text


def is_sentry_dsn(text: str) -> bool:
    """Whether `text` is a DSN as Sentry's client parses it: a URL with a key and the number of a project."""
    parts = _URL.fullmatch(text)
    return (
        parts is not None
        and re.fullmatch(r"[!-~]+", (parts["user"] or "@")[:-1].partition(":")[0]) is not None
        and is_host_name(parts["host"])
        and (parts["port"] is None or is_port(parts["port"]))
        and re.fullmatch(r"/(?:[!\"$->@-\[\]-~]+/)?[0-9]+", parts["rest"]) is not None
    )
