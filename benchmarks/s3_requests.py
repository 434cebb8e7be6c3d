"""The number of S3 requests, counted by a proxy in front of the server: independent of the client that sends them."""

import contextlib
import json
from collections import Counter
from collections.abc import Iterator
from urllib.parse import unquote

from benchmarks import load
from benchmarks.bench_stack import BenchStack, FunctionServer, serve_function, serve_hello
from benchmarks.report import Figure
from benchmarks.start import request_event
from local.options import TARGETS
from tests.integration.fault_proxy import FaultProxy, Request, proxy_to

_BUCKET = "bench-requests"
_JOBS = 10


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
    return " ".join(filter(None, [request.method, folder + slash, *details]))


def measure(stack: BenchStack, day: str) -> list[Figure]:
    """Count the requests of jobs for `day` that are submitted, calculated, read, swept and listed."""
    stack.bucket(_BUCKET)
    with count_requests(stack.s3_url) as counter, serve_hello(stack.folder) as sink:
        redirected = {"AWS_ENDPOINT_URL_S3": counter.url, "K_SINK": sink.url}

        def serve(target: str) -> contextlib.AbstractContextManager[FunctionServer]:
            return serve_function(stack.environment(target, _BUCKET) | redirected, target, TARGETS[target])

        figures = []

        def count(what: str, function: FunctionServer, messages: list[bytes]) -> list[bytes]:
            bodies = []
            for message in messages:
                response = load.send(function.port, message)
                if response.status >= 300:
                    raise ValueError(f"{what}: {response.status}")
                bodies.append(response.body)
            kinds = counter.take()
            listed = ", ".join(f"{number / len(messages):g} {kind}" for kind, number in sorted(kinds.items()))
            figures.append(Figure("backlog", f"S3 requests, {what}: {listed}", kinds.total() / len(messages), ""))
            return bodies

        with serve("submit") as submit, serve("calculate") as calculate, serve("status") as status:
            counter.take()
            submission = load.request("POST", "/api/distance/calculate", json.dumps({"date": day}).encode())
            jobs = [json.loads(body)["job_id"] for body in count("submission of a job", submit, [submission] * _JOBS)]
            count("calculation of a job", calculate, [request_event(day, job) for job in jobs])
            count("status of a job", status, [load.request("GET", f"/api/distance/jobs/{job}") for job in jobs])
            count(f"a sweep after {_JOBS} jobs", calculate, [load.request("POST", "/sweep")])
            count("a sweep after no job", calculate, [load.request("POST", "/sweep")])
    return figures
