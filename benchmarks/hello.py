"""A no-op function as a baseline. GET returns the time of the last POST in monotonic seconds."""

import time

import flask

_LAST_POST = [0.0]


def hello(request: flask.Request) -> tuple[str, int]:
    """Return 204 for a POST, else 200."""
    if request.method == "POST":
        _LAST_POST[0] = time.monotonic()
        return "", 204
    return str(_LAST_POST[0]), 200
