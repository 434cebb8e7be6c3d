"""One request to the service, tried again for as long as there is time: what comes back is an answer or an error."""

import time
from collections.abc import Callable, Mapping
from typing import Any

import requests
import tenacity
from requests.adapters import HTTPAdapter

from otel_worker_client import tracing
from otel_worker_client.errors import (
    NotAllowedError,
    NotFoundError,
    OtelWorkerError,
    ServiceUnavailableError,
    ValidationError,
)

Token = str | Callable[[], str]
CONNECT_SECONDS = 5.0
_CONNECTIONS = 32
_LATER = frozenset({429, 502, 503, 504})
BACKOFF = tenacity.wait_exponential(multiplier=0.25, max=8) + tenacity.wait_random(0, 0.25)
_ERRORS: Mapping[int, type[OtelWorkerError]] = {
    **dict.fromkeys((400, 413, 422), ValidationError),
    **dict.fromkeys((401, 403), NotAllowedError),
    404: NotFoundError,
    **dict.fromkeys(_LATER, ServiceUnavailableError),
}


class NoAnswer(Exception):
    """Nobody answered; the text is a class of error, never an address."""


class _Later(Exception):
    """An answer that says to come again."""

    def __init__(self, answer: requests.Response) -> None:
        super().__init__()
        self.answer = answer


class Transport:
    """Connections that are kept, for any number of threads; `timeout` seconds for a call with all of its tries.

    `token` (asked anew for each try where it is a function) and `api_key` go to the service, never to object storage.
    """

    def __init__(self, timeout: float, token: Token | None = None, api_key: str | None = None) -> None:
        self.timeout = timeout
        self._token = token
        self._api_key = api_key
        self._session = requests.Session()
        for scheme in ("http://", "https://"):
            self._session.mount(scheme, HTTPAdapter(pool_maxsize=_CONNECTIONS))

    def close(self) -> None:
        """Give the connections up."""
        self._session.close()

    def call(
        self,
        method: str,
        url: str,
        *,
        json: Mapping[str, Any] | None = None,
        query: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> requests.Response:
        """An answer below 400, else the error that it means; every request must do no harm when it comes twice."""
        ends = time.monotonic() + self.timeout

        def tried() -> requests.Response:
            left = max(ends - time.monotonic(), 0.001)
            answer = self.once(
                method,
                url,
                left,
                json=json,
                params=query,
                headers={**tracing.headers(), **(headers or {})},
                auth=self._identified,
            )
            if answer.status_code in _LATER:
                raise _Later(answer)
            return answer

        try:
            answer: requests.Response = tenacity.Retrying(
                retry=tenacity.retry_if_exception_type((NoAnswer, _Later)),
                wait=_pause,
                stop=tenacity.stop_before_delay(self.timeout),
                reraise=True,
            )(tried)
        except NoAnswer as nobody:
            raise ServiceUnavailableError(f"Distance service unreachable: {nobody}") from None
        except _Later as later:
            answer = later.answer
        if answer.status_code >= 400:
            raise _error(answer)
        return answer

    def _identified(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """The request of who we are."""
        if self._token is not None:
            token = self._token if isinstance(self._token, str) else self._token()
            request.headers["Authorization"] = f"Bearer {token}"
        if self._api_key is not None:
            request.headers["X-API-Key"] = self._api_key
        return request

    def once(self, method: str, url: str, seconds: float, **rest: Any) -> requests.Response:
        """One try, as nobody in particular; NoAnswer where there is none. Redirects are answers."""
        rest.setdefault("auth", _anonymous)
        timeout = min(CONNECT_SECONDS, seconds), seconds
        try:
            return self._session.request(method, url, timeout=timeout, allow_redirects=False, **rest)
        except requests.RequestException as exc:
            raise NoAnswer(type(exc).__name__) from exc


def _anonymous(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """As it is: without this, ~/.netrc would be asked."""
    return request


def _pause(state: tenacity.RetryCallState) -> float:
    """Longer each time, never the same for two callers, and no shorter than the service asks for."""
    exc = state.outcome.exception() if state.outcome else None
    return max(_wanted(exc.answer) if isinstance(exc, _Later) else 0.0, BACKOFF(state))


def _wanted(answer: requests.Response) -> float:
    """How many seconds the service asks to wait."""
    text = answer.headers.get("Retry-After", "")
    return float(text) if text.isdecimal() else 0.0


def _error(answer: requests.Response) -> OtelWorkerError:
    try:
        body = answer.json()
        told, trace_id = body["error"], body.get("trace_id", "")
        message, code, details = told["message"], told["code"], told.get("details")
    except (ValueError, KeyError, TypeError):  # not the service's own: a gateway's, a proxy's
        message, code, details, trace_id = f"HTTP {answer.status_code}", "", None, answer.headers.get("X-Trace-Id", "")
    kind = _ERRORS.get(answer.status_code, OtelWorkerError)
    return kind(
        message,
        code=code,
        details=details,
        trace_id=trace_id,
        status=answer.status_code,
        retry_after=_wanted(answer),
    )
