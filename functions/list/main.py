"""Entry point of the functions-framework target `list`: wiring only."""

import flask

from functions.list.handler import service
from shared.config import settings
from shared.http.health_checks import default_checks
from shared.http.service import Options
from shared.storage.bucket import Bucket, client
from shared.telemetry import error_reporting, provider

_SETTINGS = settings.load("list")
provider.start()
error_reporting.start(_SETTINGS)
_BUCKET = Bucket(client(_SETTINGS), _SETTINGS.JOBS_BUCKET)
_SERVICE = service(
    _BUCKET, checks={"storage": _BUCKET.ping, **default_checks()}, options=Options.from_settings(_SETTINGS)
)


def list_jobs(request: flask.Request) -> flask.Response:
    """Handle one HTTP request."""
    return _SERVICE(request)


list = list_jobs  # noqa: A001 - the name of the target
