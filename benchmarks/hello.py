"""A function that does nothing, to measure others beside; it says when it last ran for a POST (monotonic seconds)."""

import time

import flask

_LAST = [0.0]


def hello(request: flask.Request) -> tuple[str, int]:
    """204 for a POST, else 200."""
    if request.method == "POST":
        _LAST[0] = time.monotonic()
        return "", 204
    return str(_LAST[0]), 200
