"""An OpenID Connect issuer: discovery and download of its signing keys."""

import json
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

import jwt
import urllib3

from shared.auth.jwks_cache import ALGORITHMS, FETCH_TIMEOUT_SECONDS
from shared.errors import Unavailable

_DISCOVERY_PATH = "/.well-known/openid-configuration"
_MAX_BODY_BYTES = 256 << 10
_MIN_RSA_BITS = 2048


class Issuer:
    """The issuer of tokens. `jwks_url` overrides the URL in the issuer's configuration."""

    def __init__(self, url: str, jwks_url: str | None = None) -> None:
        self._url = url
        self._jwks_url = jwks_url
        self._http = urllib3.PoolManager(retries=False, timeout=urllib3.Timeout(connect=2, read=2))

    def fetch_keys(self) -> Sequence[jwt.PyJWK]:
        """Fetch the signing keys. Raises Unavailable if that fails or takes over FETCH_TIMEOUT_SECONDS."""
        deadline = time.monotonic() + FETCH_TIMEOUT_SECONDS
        return parse_jwks(self._get_json(self._jwks_url or self._discover(deadline), deadline))

    def _discover(self, deadline: float) -> str:
        configuration = self._get_json(self._url.rstrip("/") + _DISCOVERY_PATH, deadline)
        jwks_url = configuration.get("jwks_uri")
        if configuration.get("issuer") != self._url or not isinstance(jwks_url, str):
            raise Unavailable("issuer", "another issuer")
        if urlsplit(jwks_url).scheme not in {"https", urlsplit(self._url).scheme}:
            raise Unavailable("issuer", "keys without TLS")
        return jwks_url

    def _get_json(self, url: str, deadline: float) -> dict[str, Any]:
        try:
            response = self._http.request("GET", url, redirect=False, preload_content=False)
        except urllib3.exceptions.HTTPError as exc:
            raise Unavailable("issuer", type(exc).__name__) from None
        try:
            if response.status != 200:
                raise Unavailable("issuer", f"status {response.status}")
            document = json.loads(_read_body(response, deadline))
        except (urllib3.exceptions.HTTPError, ValueError) as exc:
            raise Unavailable("issuer", type(exc).__name__) from None
        finally:
            response.close()
        if not isinstance(document, dict):
            raise Unavailable("issuer", "no object")
        return document


def parse_jwks(document: dict[str, Any]) -> Sequence[jwt.PyJWK]:
    """Return the signing keys of a JWK Set (RFC 7517) for ALGORITHMS. Other and invalid keys are ignored."""
    entries = document.get("keys")
    if not isinstance(entries, list):
        raise Unavailable("issuer", "no key set")
    keys = []
    for entry in entries:
        if not isinstance(entry, dict) or entry.get("use", "sig") != "sig":
            continue
        with suppress(jwt.PyJWTError, ValueError, TypeError, KeyError, AttributeError):  # unsupported by the library
            key = jwt.PyJWK(entry)
            strong = key.key_type != "RSA" or key.key.key_size >= _MIN_RSA_BITS
            if key.algorithm_name in ALGORITHMS and strong:
                keys.append(key)
    return keys


def _read_body(response: urllib3.BaseHTTPResponse, deadline: float) -> bytes:
    """Read the body. Raises ValueError if it exceeds the size limit or the deadline."""
    body = b""
    while chunk := response.read1(_MAX_BODY_BYTES):
        body += chunk
        if len(body) > _MAX_BODY_BYTES or time.monotonic() > deadline:
            raise ValueError
    return body
