"""Cross-origin resource sharing, as the Fetch standard defines it."""

from collections.abc import Mapping
from dataclasses import dataclass

_MAX_AGE_SECONDS = "600"
_METHODS = "GET, POST, DELETE"
_REQUEST_HEADERS = "Authorization, Content-Type, Idempotency-Key, X-API-Key, X-Trace-Id, traceparent, tracestate"
EXPOSED_HEADERS = (
    "X-Trace-Id, Retry-After, Location, RateLimit-Limit, RateLimit-Remaining, RateLimit-Reset, WWW-Authenticate"
)


@dataclass(frozen=True)
class Cors:
    """The CORS policy of a service. Responses to other origins carry no CORS headers, so browsers block them."""

    allowed: frozenset[str]

    def preflight(self, method: str, headers: Mapping[str, str]) -> dict[str, str] | None:
        """The response headers of a preflight request; None for any other request.

        `headers` has names in lower case.
        """
        if method != "OPTIONS" or "access-control-request-method" not in headers:
            return None
        common = self.response_headers(headers)
        if headers.get("origin") not in self.allowed:
            return common
        return common | {
            "Access-Control-Allow-Methods": _METHODS,
            "Access-Control-Allow-Headers": _REQUEST_HEADERS,
            "Access-Control-Max-Age": _MAX_AGE_SECONDS,
        }

    def response_headers(self, headers: Mapping[str, str]) -> dict[str, str]:
        """The headers of every response. Vary keeps caches from sharing it between origins."""
        if headers.get("origin") not in self.allowed:
            return {"Vary": "Origin"}
        return {
            "Vary": "Origin",
            "Access-Control-Allow-Origin": headers["origin"],
            "Access-Control-Expose-Headers": EXPOSED_HEADERS,
        }
