"""Entry point of the functions-framework target `submit`: wiring only."""

import flask

from functions.calculate.submission import service
from shared.config import settings
from shared.events import Publisher
from shared.http.health_checks import default_checks
from shared.http.service import Options
from shared.jobs.store import JobStore
from shared.storage.bucket import Bucket, client
from shared.telemetry import error_reporting, provider

_SETTINGS = settings.load("submit")
provider.start()
error_reporting.start(_SETTINGS)
_BUCKET = Bucket(client(_SETTINGS), _SETTINGS.JOBS_BUCKET)
_SERVICE = service(
    _SETTINGS,
    JobStore(_BUCKET),
    Publisher(_SETTINGS.K_SINK or ""),
    checks={"storage": _BUCKET.ping, **default_checks(_SETTINGS.K_SINK)},
    options=Options.from_settings(_SETTINGS),
)


def submit(request: flask.Request) -> flask.Response:
    """Handle one HTTP request."""
    return _SERVICE(request)
