"""A source file for functions-framework that serves the service of a test (see harness.py)."""

import flask

from tests.functional.harness import service_factory

_SERVICE = service_factory.get()()


def hosted(request: flask.Request) -> flask.Response:
    """Handle one HTTP request."""
    return _SERVICE(request)
