"""An OpenID Connect issuer: where its keys are, and what they are."""

import json
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

import jwt
import urllib3

from shared.auth.jwks_cache import ALGORITHMS, LOOK_SECONDS
from shared.errors import Unavailable

_DISCOVERY = "/.well-known/openid-configuration"
_LARGEST = 256 << 10
_SHORTEST_RSA_BITS = 2048


class Issuer:
    """Who signs the tokens; `key_url` is where the keys are, if not where its own configuration says."""

    def __init__(self, url: str, key_url: str | None = None) -> None:
        self._url = url
        self._key_url = key_url
        self._http = urllib3.PoolManager(retries=False, timeout=urllib3.Timeout(connect=2, read=2))

    def signing_keys(self) -> Sequence[jwt.PyJWK]:
        """The keys that may sign tokens, within LOOK_SECONDS; or Unavailable."""
        ends = time.monotonic() + LOOK_SECONDS
        return usable(self._json(self._key_url or self._discovered(ends), ends))

    def _discovered(self, ends: float) -> str:
        about = self._json(self._url.rstrip("/") + _DISCOVERY, ends)
        found = about.get("jwks_uri")
        if about.get("issuer") != self._url or not isinstance(found, str):
            raise Unavailable("issuer", "another issuer")
        if urlsplit(found).scheme not in {"https", urlsplit(self._url).scheme}:
            raise Unavailable("issuer", "keys without TLS")
        return found

    def _json(self, url: str, ends: float) -> dict[str, Any]:
        try:
            answer = self._http.request("GET", url, redirect=False, preload_content=False)
        except urllib3.exceptions.HTTPError as exc:
            raise Unavailable("issuer", type(exc).__name__) from None
        try:
            if answer.status != 200:
                raise Unavailable("issuer", f"status {answer.status}")
            found = json.loads(_body(answer, ends))
        except (urllib3.exceptions.HTTPError, ValueError) as exc:
            raise Unavailable("issuer", type(exc).__name__) from None
        finally:
            answer.close()
        if not isinstance(found, dict):
            raise Unavailable("issuer", "no object")
        return found


def usable(document: dict[str, Any]) -> Sequence[jwt.PyJWK]:
    """The keys of a JWK Set (RFC 7517) that may sign by our algorithms; others in it are nobody's harm."""
    listed = document.get("keys")
    if not isinstance(listed, list):
        raise Unavailable("issuer", "no key set")
    keys = []
    for one in listed:
        if not isinstance(one, dict) or one.get("use", "sig") != "sig":
            continue
        with suppress(jwt.PyJWTError, ValueError, TypeError, KeyError, AttributeError):  # not for this library
            key = jwt.PyJWK(one)
            strong = key.key_type != "RSA" or key.key.key_size >= _SHORTEST_RSA_BITS
            if key.algorithm_name in ALGORITHMS and strong:
                keys.append(key)
    return keys


def _body(answer: urllib3.BaseHTTPResponse, ends: float) -> bytes:
    """All of it, unless it is too large, or comes too slowly."""
    body = b""
    while piece := answer.read1(_LARGEST):
        body += piece
        if len(body) > _LARGEST or time.monotonic() > ends:
            raise ValueError
    return body
