"""HTTP requests to the S3 server on kept connections: timeouts, certificates and proxies."""

import os
import ssl
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import cast
from urllib.parse import unquote, urlsplit

import urllib3
from urllib3 import exceptions

from shared.errors import SettingsError
from shared.storage.endpoint import Endpoint
from shared.storage.errors import S3Error
from shared.storage.signature import HttpRequest
from shared.version import VERSION

Body = bytes | bytearray | memoryview

_MAX_CONNECTIONS = 40  # the number of gunicorn's threads
_HEADERS = {
    "user-agent": f"otel-worker/{VERSION}",
    "accept-encoding": "identity",
}  # not signed, proxies may change them
_SENT_BYTES = 256 << 10  # the timeout applies to each piece of a body, not to the whole
_RECEIVED_BYTES = 1 << 20
# Names of causes, by the first class that matches.
_CAUSES = (
    (exceptions.ProxyError, "ProxyConnectionError"),
    (exceptions.NewConnectionError, "EndpointConnectionError"),
    (exceptions.ConnectTimeoutError, "ConnectTimeoutError"),
    (exceptions.TimeoutError, "ReadTimeoutError"),
    (exceptions.SSLError, "SSLError"),
    (exceptions.ProtocolError, "ConnectionClosedError"),
)


@dataclass(frozen=True)
class Timeouts:
    """Limits in seconds: `connect` of each address of the host, `read` of each wait, `call` of all attempts together.

    TCP keep-alive is not needed: `read` detects a silent peer long before the system's first probe.
    """

    connect: float = 2
    read: float = 10
    call: float = 30


@dataclass(frozen=True)
class HttpResponse:
    """Status, headers by their names in any case, and the whole body."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Connections:
    """The connections to one endpoint, shared by all threads."""

    def __init__(self, endpoint: Endpoint, timeouts: Timeouts) -> None:
        self.timeouts = timeouts
        self._endpoint = endpoint
        self._context = _ssl_context() if endpoint.scheme == "https" else None
        self._proxy = proxy_of(endpoint)
        self._proxy_headers: dict[str, str] = {}
        self._manager = self._create_manager()
        self._pools: dict[str, urllib3.HTTPConnectionPool] = {}

    def _create_manager(self) -> urllib3.PoolManager:
        if self._proxy is None:
            return urllib3.PoolManager(maxsize=_MAX_CONNECTIONS, ssl_context=self._context)
        error = SettingsError("HTTP_PROXY, HTTPS_PROXY: expected the URL of a proxy")
        try:
            parts = urlsplit(self._proxy)
            if parts.username is not None:
                user = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
                self._proxy_headers = urllib3.make_headers(proxy_basic_auth=user)
            manager = urllib3.ProxyManager(
                self._proxy, maxsize=_MAX_CONNECTIONS, proxy_headers=self._proxy_headers, ssl_context=self._context
            )
        except (exceptions.HTTPError, ValueError):
            raise error from None
        if not parts.hostname:
            raise error
        return manager

    def send(self, bucket: str, request: HttpRequest, body: Body, deadline: float) -> HttpResponse:
        """Send one request to the host of `bucket` and return its response.

        `deadline` is in seconds of time.monotonic. Raises S3Error without a status if no complete response arrives.
        """
        target, headers = request.target, {**request.headers, **_HEADERS}
        if request.method in {"PUT", "POST"}:
            headers["content-length"] = str(len(body))
        if self._proxy is not None and self._endpoint.scheme == "http":  # the proxy forwards the request
            target = self._endpoint.url(bucket, target)
            headers |= self._proxy_headers
        remaining = max(deadline - time.monotonic(), 0.1)
        timeouts = self.timeouts
        try:
            response = self._pool(bucket).urlopen(
                request.method,
                target,
                body=_pieces(body, deadline) if body else None,
                headers=headers,
                timeout=urllib3.Timeout(connect=min(timeouts.connect, remaining), read=min(timeouts.read, remaining)),
                retries=False,
                redirect=False,
                assert_same_host=False,
                preload_content=False,
                decode_content=False,
            )
            content = _read(response, deadline)
        except (exceptions.HTTPError, OSError) as exc:
            raise S3Error(0, _cause(exc)) from exc
        return HttpResponse(response.status, response.headers, content)

    def _pool(self, bucket: str) -> urllib3.HTTPConnectionPool:
        host = self._endpoint.host_of(bucket)
        if host not in self._pools:
            self._pools[host] = self._manager.connection_from_host(host, self._endpoint.port, self._endpoint.scheme)
        return self._pools[host]

    def close(self) -> None:
        """Close all connections."""
        self._manager.clear()


def _pieces(body: Body, deadline: float) -> Iterator[bytes]:
    """Iterate over slices of the body without a copy, until the deadline."""
    view = memoryview(body)
    for start in range(0, len(view), _SENT_BYTES):
        if time.monotonic() > deadline:
            raise exceptions.TimeoutError
        yield cast("bytes", view[start : start + _SENT_BYTES])  # http.client sends any buffer


def _read(response: urllib3.BaseHTTPResponse, deadline: float) -> bytes:
    """Read the body. A server that sends slowly but steadily has until the deadline."""
    pieces = []
    while piece := response.read1(_RECEIVED_BYTES):
        pieces.append(piece)
        if time.monotonic() > deadline:
            response.close()
            raise exceptions.TimeoutError
    response.release_conn()
    return b"".join(pieces)


def _cause(exc: Exception) -> str:
    return next((name for kind, name in _CAUSES if isinstance(exc, kind)), type(exc).__name__)


def _ssl_context() -> ssl.SSLContext:
    """Trust the certificates in AWS_CA_BUNDLE or REQUESTS_CA_BUNDLE, otherwise those of the system."""
    name = next((name for name in ("AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE") if os.environ.get(name)), "")
    path = os.environ.get(name)
    is_folder = path is not None and os.path.isdir(path)  # noqa: PTH112 - pathlib adds nothing here
    try:
        return ssl.create_default_context(cafile=None if is_folder else path, capath=path if is_folder else None)
    except OSError:
        raise SettingsError(f"{name}: expected a file or folder of certificates in PEM format") from None


def proxy_of(endpoint: Endpoint) -> str | None:
    """Return the proxy of the environment for this endpoint. Loopback addresses are always reached directly."""
    if not any(name.lower().endswith("_proxy") for name in os.environ):
        return None
    from urllib import request  # noqa: PLC0415 - rarely needed

    host = endpoint.host.strip("[]")
    if endpoint.is_loopback or request.proxy_bypass_environment(f"{host}:{endpoint.port}"):  # type: ignore[attr-defined] # not in typeshed
        return None
    proxy = request.getproxies_environment().get(endpoint.scheme)
    return proxy if proxy is None or "://" in proxy else f"http://{proxy.removeprefix('//')}"
