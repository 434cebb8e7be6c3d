"""A client of the HTTP API with retries."""

from typing import Any

import urllib3

from shared.auth.authenticator import API_KEY_HEADER
from shared.config.lists import api_keys
from shared.errors import SettingsError, Unavailable

RETRIES = urllib3.Retry(
    5, backoff_factor=0.5, status_forcelist=(408, 409, 429, 502, 503, 504), allowed_methods=None, raise_on_status=False
)


class ApiClient:
    """Retries failed requests, and sends the first key of `keys`, a value of the setting API_KEYS.

    `name` is the dependency that Unavailable names.
    """

    def __init__(self, keys: str = "", name: str = "API", http: urllib3.PoolManager | None = None) -> None:
        self._http = http or urllib3.PoolManager(timeout=urllib3.Timeout(connect=5, read=60), retries=RETRIES)
        self._name = name
        try:
            self._headers = {API_KEY_HEADER: api_keys(keys)[0]} if keys else {}
        except ValueError as exc:
            raise SettingsError(f"API_KEYS: {exc}") from None

    def request(
        self, method: str, url: str, json: dict[str, Any] | None = None, headers: dict[str, str] | None = None
    ) -> urllib3.BaseHTTPResponse:
        """Return the response of any status; Unavailable if there is none."""
        try:
            return self._http.request(method, url, json=json, headers=self._headers | (headers or {}), redirect=False)
        except urllib3.exceptions.HTTPError as exc:
            raise Unavailable(self._name, type(exc).__name__) from exc
