"""Target `submit` of functions-framework: wires, and nothing else."""

import flask

from functions.calculate.submission import service
from shared import settings
from shared.events import Publisher
from shared.http.health_checks import around
from shared.http.wiring import expose
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
    checks={"storage": _BUCKET.ping, **around(_SETTINGS.K_SINK)},
)
expose(_SERVICE, _SETTINGS)


def submit(request: flask.Request) -> flask.Response:
    """Answer one HTTP request."""
    return _SERVICE(request)
