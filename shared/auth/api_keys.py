"""Shared keys, for callers that have no tokens: several at a time, so that they can be changed one after another."""

import hmac

from shared.auth.pseudonym import pseudonym
from shared.errors import Unauthenticated

SHORTEST = 32  # characters: no try-out ends in our time


def split(text: str) -> list[str]:
    """The keys of a list with commas, or ValueError."""
    keys = [one.strip() for one in text.split(",") if one.strip()]
    if not keys or not all(len(key) >= SHORTEST and key.isascii() and key.isprintable() for key in keys):
        raise ValueError(f"keys of {SHORTEST} or more ASCII characters with commas between are expected")
    return keys


class ApiKeys:
    """Any key of the list `text` opens the door."""

    def __init__(self, text: str) -> None:
        self._keys = [key.encode() for key in split(text)]

    def caller(self, given: str) -> str:
        """Whoever has that key, or Unauthenticated; it takes as long for a wrong key as for a right one."""
        tried = given.encode()
        alike = [hmac.compare_digest(tried, key) for key in self._keys]  # all of them, whichever it is
        if not any(alike):
            raise Unauthenticated("Invalid API key")
        return pseudonym("key", given)
