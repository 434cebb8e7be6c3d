"""Cost of authentication and rate limits: requests and cold starts with keys, tokens and limits, and without."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import partial
from statistics import median

import urllib3

from benchmarks.bench_stack import BenchStack, FunctionServer, serve_function
from benchmarks.report import Figure
from local.options import TARGETS
from tests.integration import redis_server
from tests.oidc_server import oidc_server
from tests.signing import AUDIENCE, signer

_PATH = "/api/distance/devices"  # one S3 request
_ROUNDS = 400
_STARTS = 12
_KEY = "k" * 32
_HIGH_LIMIT = {"RATE_LIMIT_STATUS": "100000"}
_HTTP = urllib3.PoolManager(retries=False)


def measure(stack: BenchStack) -> list[Figure]:
    """Alternate the same request, and cold starts, between functions that differ in authentication."""
    with ExitStack() as resources:
        issuer = resources.enter_context(oidc_server())
        token = {"Authorization": f"Bearer {signer('rsa').token(iss=issuer.url, exp=2**33)}"}
        token_settings = {"AUTH_ISSUER": issuer.url, "AUTH_AUDIENCE": AUDIENCE}
        variants: dict[str, tuple[dict[str, str], dict[str, str]]] = {
            "no authentication": ({}, {}),
            "a key": ({"API_KEYS": _KEY}, {"X-API-Key": _KEY}),
            "a token": (token_settings, token),
            "a token, counted in memory": ({**token_settings, **_HIGH_LIMIT}, token),
        }
        if redis_server.PROGRAM:
            url, _ = resources.enter_context(redis_server.redis_server())
            variants["a token, counted in Redis"] = ({**token_settings, **_HIGH_LIMIT, "RATE_LIMIT_STORE": url}, token)
        environment = stack.environment("list")
        cold = _interleave(
            {
                name: partial(_time_start, environment | added, headers)
                for name, (added, headers) in list(variants.items())[:4]
            },
            _STARTS,
        )
        calls: dict[str, Callable[[], float]] = {}
        for name, (added, headers) in variants.items():
            server = resources.enter_context(_serve(environment | added))
            calls[name] = partial(_time_request, server, headers)
        _interleave(calls, 20)
        warm = _interleave(calls, _ROUNDS)
    return [*_figures("a request", warm), *_figures("cold start to first response", cold)]


def _figures(what: str, medians: dict[str, float]) -> Iterator[Figure]:
    baseline = next(iter(medians))
    for name, seconds in medians.items():
        yield Figure("access", f"{what}, {name}", seconds * 1000, "ms", baseline, seconds / medians[baseline])


def _interleave(calls: Mapping[str, Callable[[], float]], rounds: int) -> dict[str, float]:
    """Run the calls in rounds and return the median seconds of each."""
    times: dict[str, list[float]] = {name: [] for name in calls}
    names = list(calls)
    for _ in range(rounds):
        names = names[1:] + names[:1]  # the order rotates
        for name in names:
            times[name].append(calls[name]())
    return {name: median(seconds) for name, seconds in times.items()}


@contextmanager
def _serve(environment: dict[str, str]) -> Iterator[FunctionServer]:
    with serve_function(environment, "list", TARGETS["list"]) as server:
        yield server


def _time_start(environment: dict[str, str], headers: dict[str, str]) -> float:
    """Return the seconds from the start of a process to its first response."""
    started = time.perf_counter()
    with _serve(environment) as server:
        _time_request(server, headers)
        return time.perf_counter() - started


def _time_request(server: FunctionServer, headers: dict[str, str]) -> float:
    """Return the seconds of one request."""
    started = time.perf_counter()
    response = _HTTP.request("GET", f"{server.url}{_PATH}", headers=headers)
    if response.status != 200:
        raise ValueError(f"{response.status}: {response.data[:200]!r}")
    return time.perf_counter() - started
