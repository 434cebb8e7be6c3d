"""API keys. Several can be valid at the same time, for rotation."""

import hmac

from shared.auth.pseudonym import pseudonym
from shared.config.lists import api_keys
from shared.errors import Unauthenticated


class ApiKeys:
    """Authenticates requests that carry one of the keys of a comma-separated list."""

    def __init__(self, text: str) -> None:
        self._keys = [key.encode() for key in api_keys(text)]

    def authenticate(self, key: str) -> str:
        """Return the pseudonym of the key's holder. Raises Unauthenticated. The comparison takes constant time."""
        matches = [hmac.compare_digest(key.encode(), valid) for valid in self._keys]  # no early exit
        if not any(matches):
            raise Unauthenticated("Invalid API key")
        return pseudonym("key", key)
