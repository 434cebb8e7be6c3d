"""Browsers' pages of other origins: those that a deployment names may ask (the Fetch standard's CORS protocol)."""

from collections.abc import Mapping
from dataclasses import dataclass

from shared.urls import NOTHING, check_url

_DEFAULT_PORTS = (("http://", ":80"), ("https://", ":443"))  # browsers leave them out
_SECONDS = "600"  # that a browser keeps the answer to its question
_METHODS = "GET, POST, DELETE"
_SENT = "Authorization, Content-Type, Idempotency-Key, X-API-Key, X-Trace-Id, traceparent, tracestate"
_SEEN = "X-Trace-Id, Retry-After, Location, RateLimit-Limit, RateLimit-Remaining, RateLimit-Reset, WWW-Authenticate"


def origins(text: str) -> frozenset[str]:
    """The origins of a list with commas, or ValueError: each is scheme, host and port, as browsers send them."""
    found = [one.strip() for one in text.split(",") if one.strip()]
    if not found or not all(map(_is_origin, found)):
        raise ValueError("origins with commas between are expected, each like https://maps.example:8443")
    return frozenset(found)


def _is_origin(text: str) -> bool:
    if text != text.lower() or any(text.startswith(scheme) and text.endswith(port) for scheme, port in _DEFAULT_PORTS):
        return False
    try:
        return bool(check_url(text, NOTHING))
    except ValueError:
        return False


@dataclass(frozen=True)
class Cors:
    """What pages of `allowed` origins may do; others get no word of it, so their browsers keep the answer from them."""

    allowed: frozenset[str]

    def preflight(self, method: str, headers: Mapping[str, str]) -> dict[str, str] | None:
        """The headers that answer a browser's question before its request; None for what is no such question.

        `headers` has names in lower case.
        """
        if method != "OPTIONS" or "access-control-request-method" not in headers:
            return None
        may = {"Access-Control-Allow-Methods": _METHODS, "Access-Control-Allow-Headers": _SENT}
        told = self.beside(headers)
        return told | may | {"Access-Control-Max-Age": _SECONDS} if len(told) > 1 else told

    def beside(self, headers: Mapping[str, str]) -> dict[str, str]:
        """The headers that go beside every answer; caches must not give one origin's to another."""
        told = {"Vary": "Origin"}
        if headers.get("origin") in self.allowed:
            told |= {"Access-Control-Allow-Origin": headers["origin"], "Access-Control-Expose-Headers": _SEEN}
        return told
