"""One request to a service, with retries within one timeout: the result is a response or an error."""

import time
from collections.abc import Mapping
from typing import Any

import requests
import tenacity
from requests.adapters import HTTPAdapter

from otel_worker_client import responses, tracing
from otel_worker_client.endpoints import Credentials, Endpoint
from otel_worker_client.errors import OtelWorkerError, ServiceUnavailableError
from otel_worker_client.failures import (
    REQUEST_ERRORS,
    NoResponse,
    RequestFailed,
    Unreachable,
    classify,
)

UNREACHABLE_SECONDS = 2.0
BACKOFF = tenacity.wait_exponential(multiplier=0.25, max=8) + tenacity.wait_random(0, 0.25)
_CONNECTIONS = 32
_BAD_GATEWAY = 502
_RETRIED = frozenset({429, _BAD_GATEWAY, 503, 504})

Outcome = requests.Response | RequestFailed


class Clock:
    """The time; tests pass a clock that they move."""

    def now(self) -> float:
        """Seconds of a monotonic clock."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Return after `seconds`."""
        time.sleep(seconds)


class Transport:
    """A pool of connections, for any number of threads; `timeout` is in seconds, for a call with all of its attempts.

    The credentials go to the services, never to object storage.
    """

    def __init__(self, timeout: float, credentials: Credentials | None = None, clock: Clock | None = None) -> None:
        self.timeout = timeout
        self.clock = clock or Clock()
        self._credentials = credentials or Credentials()
        self._session = requests.Session()
        for scheme in ("http://", "https://"):
            self._session.mount(scheme, HTTPAdapter(pool_maxsize=_CONNECTIONS))

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

    def call(
        self,
        endpoint: Endpoint,
        method: str,
        path: str,
        *,
        json: Mapping[str, Any] | None = None,
        query: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        redirects: bool = False,
    ) -> requests.Response:
        """A response below 300, or below 400 where `redirects` are expected; every request must be safe to repeat.

        429, 503, 504 and slow responses are retried within the timeout. A service that is unreachable, or behind a
        gateway that says so, is retried for UNREACHABLE_SECONDS. Everything else is raised at once.
        """
        budget = Budget(self.clock, self.timeout)

        def attempt() -> Outcome:
            started = self.clock.now()
            outcome = self.once(
                method,
                endpoint.url + path,
                budget.seconds(),
                connect_seconds=budget.connect_seconds(),
                authenticated=True,
                json=json,
                params=query,
                headers={**tracing.headers(), **(headers or {})},
            )
            if isinstance(outcome, OtelWorkerError):
                raise outcome
            budget.record(outcome, started)
            return outcome

        outcome: Outcome = tenacity.Retrying(
            retry=tenacity.retry_if_result(_is_retried),
            wait=_pause,
            stop=budget.is_spent,
            sleep=self.clock.sleep,
            retry_error_callback=_last_outcome,
        )(attempt)
        if isinstance(outcome, RequestFailed):
            raise ServiceUnavailableError(f"Distance service unreachable: {outcome}")
        if outcome.status_code >= 400:
            raise responses.error(endpoint, outcome)
        if outcome.status_code >= 300 and not redirects:
            raise responses.route_not_found(endpoint, outcome)
        return outcome

    def once(
        self,
        method: str,
        url: str,
        seconds: float,
        *,
        connect_seconds: float = UNREACHABLE_SECONDS,
        authenticated: bool = False,
        headers: Mapping[str, str] | None = None,
        **options: Any,
    ) -> Outcome | OtelWorkerError:
        """The outcome of one attempt, with the credentials only if it is `authenticated`. Redirects are responses.

        Errors are returned, so that no traceback has the variables of this frame; a RequestFailed may be repeated.
        """
        secrets = self._credentials.headers() if authenticated else {}
        if isinstance(secrets, OtelWorkerError):
            return secrets
        options |= {"headers": {**(headers or {}), **secrets}, "timeout": (min(connect_seconds, seconds), seconds)}
        try:
            return self._session.request(method, url, allow_redirects=False, auth=_without_netrc, **options)
        except REQUEST_ERRORS as exc:
            return classify(exc)


class Budget:
    """The time that a call may take: all of it, or less from when the service became unreachable."""

    def __init__(self, clock: Clock, timeout: float) -> None:
        self._clock = clock
        self._deadline = clock.now() + timeout
        self._unreachable_since: float | None = None

    def record(self, outcome: Outcome, started: float) -> None:
        """Note the outcome of an attempt that started at that time."""
        if _is_reached(outcome):
            self._unreachable_since = None
        elif self._unreachable_since is None:
            self._unreachable_since = started if isinstance(outcome, Unreachable) else self._clock.now()

    def seconds(self) -> float:
        """What is left for a response."""
        return max(self._deadline - self._clock.now(), 0.001)

    def connect_seconds(self) -> float:
        """What is left for a connection."""
        return max(min(self._ends() - self._clock.now(), UNREACHABLE_SECONDS), 0.001)

    def is_spent(self, state: tenacity.RetryCallState) -> bool:
        """Whether the next attempt would start too late."""
        return self._clock.now() + state.upcoming_sleep >= self._ends()

    def _ends(self) -> float:
        since = self._unreachable_since
        return self._deadline if since is None else min(self._deadline, since + UNREACHABLE_SECONDS)


def _without_netrc(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """The request as it is: without an `auth`, requests reads ~/.netrc."""
    return request


def _is_retried(outcome: Outcome) -> bool:
    return not isinstance(outcome, requests.Response) or outcome.status_code in _RETRIED


def _last_outcome(state: tenacity.RetryCallState) -> Outcome:
    assert state.outcome  # noqa: S101 - tenacity calls this after an attempt
    outcome: Outcome = state.outcome.result()
    return outcome


def _pause(state: tenacity.RetryCallState) -> float:
    """Longer each time, different for each caller, and no shorter than the service asks for."""
    outcome = _last_outcome(state)
    asked = responses.retry_after(outcome) if isinstance(outcome, requests.Response) else 0.0
    backoff = BACKOFF(state)
    return max(asked, backoff if _is_reached(outcome) else min(backoff, UNREACHABLE_SECONDS / 4))


def _is_reached(outcome: Outcome) -> bool:
    """Whether the service got the request, and is slow or busy at worst."""
    if isinstance(outcome, requests.Response):
        return outcome.status_code != _BAD_GATEWAY
    return isinstance(outcome, NoResponse)
