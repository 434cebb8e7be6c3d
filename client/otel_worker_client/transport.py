"""Requests with retries within one timeout."""

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
_RETRYABLE_STATUSES = frozenset({409, 429, _BAD_GATEWAY, 503, 504})  # 409: others change the job at the same time

Outcome = requests.Response | RequestFailed


class Clock:
    """The clock; tests replace it."""

    def now(self) -> float:
        """Return the seconds of a monotonic clock."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Sleep for `seconds`."""
        time.sleep(seconds)


class Transport:
    """A connection pool, safe for use by several threads; `timeout` is in seconds, for a call with all its attempts.

    Credentials are sent to the services only, never to object storage.
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
        """Return a response with a status below 300, or below 400 if `redirects`; the request must be idempotent.

        409, 429, 503, 504 and timeouts are retried within the timeout. Connection failures and 502 are retried for
        UNREACHABLE_SECONDS. All other errors are raised at once.
        """
        budget = RetryBudget(self.clock, self.timeout)

        def attempt() -> Outcome:
            started = self.clock.now()
            outcome = self.send(
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
            retry=tenacity.retry_if_result(_is_retryable),
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

    def send(
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
        """Send one request, with credentials if `authenticated`, without following redirects; return the outcome.

        Errors are returned, because tracebacks of raised ones refer to this frame and its secrets. A RequestFailed may
        be retried.
        """
        secrets = self._credentials.headers() if authenticated else {}
        if isinstance(secrets, OtelWorkerError):
            return secrets
        options |= {"headers": {**(headers or {}), **secrets}, "timeout": (min(connect_seconds, seconds), seconds)}
        try:
            return self._session.request(method, url, allow_redirects=False, auth=_without_netrc, **options)
        except REQUEST_ERRORS as exc:
            return classify(exc)


class RetryBudget:
    """The time for a call with its retries; it is shortened while the service is unreachable."""

    def __init__(self, clock: Clock, timeout: float) -> None:
        self._clock = clock
        self._deadline = clock.now() + timeout
        self._unreachable_since: float | None = None

    def record(self, outcome: Outcome, started: float) -> None:
        """Record the outcome of an attempt that started at `started`."""
        if _is_reached(outcome):
            self._unreachable_since = None
        elif self._unreachable_since is None:
            self._unreachable_since = started if isinstance(outcome, Unreachable) else self._clock.now()

    def seconds(self) -> float:
        """Return the remaining time for a response."""
        return max(self._deadline - self._clock.now(), 0.001)

    def connect_seconds(self) -> float:
        """Return the remaining time for a connection."""
        return max(min(self._deadline_now() - self._clock.now(), UNREACHABLE_SECONDS), 0.001)

    def is_spent(self, state: tenacity.RetryCallState) -> bool:
        """Return whether the next attempt would start after the deadline."""
        return self._clock.now() + state.upcoming_sleep >= self._deadline_now()

    def _deadline_now(self) -> float:
        since = self._unreachable_since
        return self._deadline if since is None else min(self._deadline, since + UNREACHABLE_SECONDS)


def _without_netrc(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Return the request unchanged; without an `auth` argument, requests reads ~/.netrc."""
    return request


def _is_retryable(outcome: Outcome) -> bool:
    return not isinstance(outcome, requests.Response) or outcome.status_code in _RETRYABLE_STATUSES


def _last_outcome(state: tenacity.RetryCallState) -> Outcome:
    assert state.outcome  # noqa: S101 - tenacity calls this after an attempt
    outcome: Outcome = state.outcome.result()
    return outcome


def _pause(state: tenacity.RetryCallState) -> float:
    """Return the delay before the next attempt: exponential backoff with jitter, at least Retry-After."""
    outcome = _last_outcome(state)
    retry_after = responses.retry_after(outcome) if isinstance(outcome, requests.Response) else 0.0
    backoff = BACKOFF(state)
    return max(retry_after, backoff if _is_reached(outcome) else min(backoff, UNREACHABLE_SECONDS / 4))


def _is_reached(outcome: Outcome) -> bool:
    """Return whether the request reached the service, which may be slow or overloaded."""
    if isinstance(outcome, requests.Response):
        return outcome.status_code != _BAD_GATEWAY
    return isinstance(outcome, NoResponse)
