"""Callers as logs, spans and counters know them."""

import hashlib


def pseudonym(*words: str) -> str:
    """The same for the same caller, and nothing that says who that is: 16 hexadecimal digits."""
    return hashlib.sha256("\0".join(words).encode()).hexdigest()[:16]
