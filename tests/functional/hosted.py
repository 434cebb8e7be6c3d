"""A source file for functions-framework that serves what a test has built (see harness.py)."""

import flask

from tests.functional.harness import making

_SERVICE = making.get()()


def hosted(request: flask.Request) -> flask.Response:
    """Answer one HTTP request."""
    return _SERVICE(request)
