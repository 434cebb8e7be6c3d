"""Target `list` of functions-framework: wires, and nothing else."""

import flask

from functions.list.handler import service
from shared import settings
from shared.http.health_checks import around
from shared.http.wiring import expose
from shared.storage.bucket import Bucket, client
from shared.telemetry import error_reporting, provider

_SETTINGS = settings.load("list")
provider.start()
error_reporting.start(_SETTINGS)
_BUCKET = Bucket(client(_SETTINGS), _SETTINGS.JOBS_BUCKET)
_SERVICE = service(_BUCKET, checks={"storage": _BUCKET.ping, **around()})
expose(_SERVICE, _SETTINGS)


def list_jobs(request: flask.Request) -> flask.Response:
    """Answer one HTTP request."""
    return _SERVICE(request)


list = list_jobs  # noqa: A001 - the framework finds its target by this name
