"""What the door before the routes costs: a request by key or token, and a cold start, beside the same without."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import partial
from statistics import median

import urllib3

from benchmarks.report import Figure
from benchmarks.stage import Served, Stage, served
from local.options import TARGETS
from tests.integration import redis_server
from tests.issuing import issuing
from tests.signing import AUDIENCE, signer

_PATH = "/api/distance/devices"  # one S3 request
_ROUNDS = 400
_STARTS = 12
_KEY = "k" * 32
_PLENTY = {"RATE_LIMIT_STATUS": "100000"}
_HTTP = urllib3.PoolManager(retries=False)


def measured(stage: Stage) -> list[Figure]:
    """The same small request to four or five functions by turns, and their starts."""
    with ExitStack() as parts:
        site = parts.enter_context(issuing())
        token = {"Authorization": f"Bearer {signer('rsa').token(iss=site.url, exp=2**33)}"}
        asks = {"AUTH_ISSUER": site.url, "AUTH_AUDIENCE": AUDIENCE}
        ways: dict[str, tuple[dict[str, str], dict[str, str]]] = {
            "nothing asked for": ({}, {}),
            "a key": ({"API_KEYS": _KEY}, {"X-API-Key": _KEY}),
            "a token": (asks, token),
            "a token, counted in memory": ({**asks, **_PLENTY}, token),
        }
        if redis_server.PROGRAM:
            url, _ = parts.enter_context(redis_server.redis_server())
            ways["a token, counted in Redis"] = ({**asks, **_PLENTY, "RATE_LIMIT_STORE": url}, token)
        environment = stage.environment("list")
        cold = _by_turns(
            {way: partial(_start, environment | ways[way][0], ways[way][1]) for way in list(ways)[:4]}, _STARTS
        )
        calls: dict[str, Callable[[], float]] = {}
        for way, (settings, headers) in ways.items():
            calls[way] = partial(_asked, parts.enter_context(_served(environment | settings)), headers)
        _by_turns(calls, 20)
        warm = _by_turns(calls, _ROUNDS)
    return [*_figures("a request", warm), *_figures("cold start to its answer", cold)]


def _figures(what: str, took: dict[str, float]) -> Iterator[Figure]:
    first = next(iter(took))
    for way, seconds in took.items():
        yield Figure("access", f"{what}, {way}", seconds * 1000, "ms", first, seconds / took[first])


def _by_turns(calls: Mapping[str, Callable[[], float]], rounds: int) -> dict[str, float]:
    """The median of what each call took, in seconds, round after round."""
    took: dict[str, list[float]] = {name: [] for name in calls}
    names = list(calls)
    for _ in range(rounds):
        names = names[1:] + names[:1]  # each of them comes first at times
        for name in names:
            took[name].append(calls[name]())
    return {name: median(seconds) for name, seconds in took.items()}


@contextmanager
def _served(environment: dict[str, str]) -> Iterator[Served]:
    with served(environment, "list", TARGETS["list"]) as running:
        yield running


def _start(environment: dict[str, str], headers: dict[str, str]) -> float:
    """Seconds from the start of a process to its first answer."""
    began = time.perf_counter()
    with _served(environment) as running:
        _asked(running, headers)
        return time.perf_counter() - began


def _asked(running: Served, headers: dict[str, str]) -> float:
    """Seconds of a request."""
    began = time.perf_counter()
    answer = _HTTP.request("GET", f"{running.url}{_PATH}", headers=headers)
    if answer.status != 200:
        raise ValueError(f"{answer.status}: {answer.data[:200]!r}")
    return time.perf_counter() - began
