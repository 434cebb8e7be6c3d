"""Target `list` of functions-framework: wires, and nothing else."""

import flask

from functions.list.handler import service
from shared import error_tracking, settings
from shared.access.exposure import expose
from shared.health_checks import around
from shared.storage import Bucket, client
from shared.telemetry import provider

_SETTINGS = settings.load("list")
provider.start()
error_tracking.start(_SETTINGS)
_BUCKET = Bucket(client(_SETTINGS), _SETTINGS.JOBS_BUCKET)
_SERVICE = service(_BUCKET, checks={"storage": _BUCKET.ping, **around()})
expose(_SERVICE, _SETTINGS)


def list_jobs(request: flask.Request) -> flask.Response:
    """Answer one HTTP request."""
    return _SERVICE(request)


list = list_jobs  # noqa: A001 - the framework finds its target by this name
