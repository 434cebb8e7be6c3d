"""Base URLs and credentials, validated by the libraries that use them."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import requests

from otel_worker_client.errors import ConfigurationError
from otel_worker_client.failures import REQUEST_ERRORS

Token = str | Callable[[], str]


@dataclass(frozen=True)
class Endpoint:
    """The base URL of one service; `setting` names the parameter and variable that configure it."""

    service: str
    setting: str
    url: str


def endpoint(service: str, setting: str, url: str) -> Endpoint:
    """Return the endpoint at `url`; ConfigurationError, without the URL in its text, if it is invalid."""
    base = url.strip().rstrip("/")
    if error := _url_error(base):
        raise ConfigurationError(f"{setting}: {error}")
    return Endpoint(service, setting, base)


def _url_error(base: str) -> str:
    """Return why a base URL is invalid, or ""."""
    try:
        parts = urlsplit(str(requests.Request("GET", base).prepare().url))
        has_host = bool((parts.hostname or "").encode("idna") and parts.port != 0)
    except REQUEST_ERRORS:
        parts, has_host = urlsplit(""), False
    if not has_host or parts.scheme not in ("http", "https"):
        return "a URL that starts with http:// or https:// is expected"
    if parts.username is not None or parts.password is not None:
        return "a user name or password in the URL is not supported, use a token or an API key"
    if parts.query or parts.fragment:
        return "a URL without query and fragment is expected"
    return ""


@dataclass(frozen=True, repr=False)
class Credentials:
    """A bearer token, or a function that returns a valid one for each attempt, and an API key."""

    token: Token | None = None
    api_key: str | None = None

    def headers(self) -> dict[str, str] | ConfigurationError:
        """Return the authentication headers, or an error, without the values, if one is not a valid header.

        The error is returned, because the traceback of a raised one refers to this frame and its secrets. Exceptions of
        the token function propagate.
        """
        token = self.token() if callable(self.token) else self.token
        values = {"token": token, "api_key": self.api_key}
        present = {name: _header_value(value) for name, value in values.items() if value is not None}
        for name, value in present.items():
            if not value:
                return ConfigurationError(f"{name}: visible ASCII characters are expected")
        headers = {"token": ("Authorization", "Bearer "), "api_key": ("X-API-Key", "")}
        return {headers[name][0]: headers[name][1] + value for name, value in present.items()}


def _header_value(value: Any) -> str:
    """Return `value` without surrounding white space, or "" if it is not a valid header value."""
    text = value.strip() if isinstance(value, str) else ""
    return text if text.isascii() and text.isprintable() else ""
