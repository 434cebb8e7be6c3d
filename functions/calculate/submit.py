"""Target `submit` of functions-framework: wires, and nothing else."""

import flask

from functions.calculate.submission import service
from shared import error_tracking, settings
from shared.access.exposure import expose
from shared.events import Publisher
from shared.health_checks import around
from shared.jobs import Jobs
from shared.storage import Bucket, client
from shared.telemetry import provider

_SETTINGS = settings.load("submit")
provider.start()
error_tracking.start(_SETTINGS)
_BUCKET = Bucket(client(_SETTINGS), _SETTINGS.JOBS_BUCKET)
_SERVICE = service(
    _SETTINGS,
    Jobs(_BUCKET),
    Publisher(_SETTINGS.K_SINK or ""),
    checks={"storage": _BUCKET.ping, **around(_SETTINGS.K_SINK)},
)
expose(_SERVICE, _SETTINGS)


def submit(request: flask.Request) -> flask.Response:
    """Answer one HTTP request."""
    return _SERVICE(request)
