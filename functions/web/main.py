"""Entry point of the functions-framework target `web`: wiring only."""

import flask

from functions.web.files import load_page
from functions.web.handler import service
from shared.config import settings
from shared.http.health_checks import default_checks
from shared.telemetry import error_reporting, provider

_SETTINGS = settings.load("web")
provider.start()
error_reporting.start(_SETTINGS)
_SERVICE = service(load_page(), _SETTINGS, checks=default_checks())


def web(request: flask.Request) -> flask.Response:
    """Handle one HTTP request."""
    return _SERVICE(request)
