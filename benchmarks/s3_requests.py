"""The number of S3 requests, counted by a proxy in front of the server: independent of the client that sends them."""

import contextlib
from collections import Counter
from collections.abc import Iterator
from urllib.parse import unquote

from tests.integration.fault_proxy import FaultProxy, Request, proxy_to


class RequestCounter:
    """The requests through a proxy. A client sends them to `url` instead of to the server."""

    def __init__(self, proxy: FaultProxy) -> None:
        self._proxy = proxy
        self.url = proxy.url

    def take(self) -> Counter[str]:
        """Return the number of requests by kind since the last call, such as `PUT jobs/` or `LIST t/`."""
        requests, self._proxy.requests = self._proxy.requests, []
        return Counter(map(_kind, requests))


@contextlib.contextmanager
def count_requests(server: str) -> Iterator[RequestCounter]:
    """Run a proxy in front of the S3 server at the URL `server`."""
    with proxy_to(server) as proxy:
        yield RequestCounter(proxy)


def _kind(request: Request) -> str:
    """Return the operation, and the first folder of its key or prefix."""
    key = unquote(request.path).lstrip("/").partition("/")[2]
    if not key and "list-type" in request.query:
        return f"LIST {request.query.get('prefix', [''])[0]}"
    details = [name for name in ("uploads", "uploadId", "delete") if name in request.query]
    folder, slash, _ = key.partition("/")
    return " ".join([request.method, folder + slash, *details]).strip()
