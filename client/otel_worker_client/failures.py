"""Classification of failed requests: whether and how long to retry, with texts that contain no secret.

Exceptions of requests and urllib3 carry the request with its headers, and URLs with passwords or signatures. None of
them leaves this package: callers raise what `classify` returns after their `except` block has ended, so that neither
`__cause__` nor `__context__` refers to the original.
"""

import http.client
import ssl
from collections.abc import Iterator

import requests
import urllib3

from otel_worker_client.errors import ConfigurationError, OtelWorkerError, ValidationError

REQUEST_ERRORS = (
    requests.RequestException,
    urllib3.exceptions.HTTPError,
    http.client.HTTPException,
    OSError,  # a CA bundle that cannot be read
    ValueError,  # a URL or header that http.client refuses
)
_HINTS: tuple[tuple[type[Exception], str], ...] = (
    (requests.exceptions.SSLError, "the certificate of the server is not trusted"),
    (requests.exceptions.ContentDecodingError, "the response's encoding does not match its headers"),
    (requests.RequestException, "check the URL and the proxy settings"),
    (OSError, "check REQUESTS_CA_BUNDLE and CURL_CA_BUNDLE"),
)


class RequestFailed(Exception):
    """There is no usable response; the text is the name of an exception class."""


class Unreachable(RequestFailed):
    """The connection failed: refused, timed out, or unknown host."""


class ConnectionLost(RequestFailed):
    """The connection was closed before the response was complete."""


class NoResponse(RequestFailed):
    """The server did not respond in time."""


def classify(exc: BaseException) -> RequestFailed | OtelWorkerError:
    """Return a RequestFailed, which may be retried, or an OtelWorkerError, which is permanent."""
    name = type(exc).__name__
    if isinstance(exc, requests.exceptions.InvalidJSONError):
        return ValidationError("The request is not valid JSON: numbers must be finite")
    if isinstance(exc, requests.ReadTimeout):
        return NoResponse(name)
    if isinstance(exc, requests.exceptions.ChunkedEncodingError):
        return ConnectionLost(name)
    if isinstance(exc, requests.ConnectionError) and not _is_untrusted(exc):
        return Unreachable(name) if _is_unconnected(exc) else ConnectionLost(name)
    hint = next((text for kind, text in _HINTS if isinstance(exc, kind)), "check the URL and the proxy settings")
    return ConfigurationError(f"The request cannot succeed ({name}): {hint}")


def _is_unconnected(exc: requests.ConnectionError) -> bool:
    if isinstance(exc, requests.ConnectTimeout | requests.exceptions.ProxyError | requests.exceptions.SSLError):
        return True
    return any(isinstance(cause, urllib3.exceptions.NewConnectionError) for cause in _causes(exc))


def _is_untrusted(exc: BaseException) -> bool:
    return any(isinstance(cause, ssl.SSLCertVerificationError) for cause in _causes(exc))


def _causes(exc: BaseException) -> Iterator[BaseException]:
    """Yield `exc` and the exceptions that it wraps, which requests and urllib3 keep in several attributes."""
    pending, visited = [exc], set[int]()
    while pending:
        cause = pending.pop()
        if id(cause) in visited:
            continue
        visited.add(id(cause))
        yield cause
        wrapped = (*cause.args, getattr(cause, "reason", None), cause.__cause__, cause.__context__)
        pending += [item for item in wrapped if isinstance(item, BaseException)]
