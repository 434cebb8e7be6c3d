"""Target `calculate` of functions-framework: wires, and nothing else."""

import flask

from functions.calculate.delivery import service
from functions.calculate.fixes import FixSource
from functions.calculate.sweep import Sweep
from shared import settings
from shared.events import Publisher
from shared.index import Index
from shared.jobs import Jobs
from shared.stopping import Stop
from shared.storage import Bucket, client

JOBS_AT_ONCE = 8  # each takes tens of MB; in a cluster a pod gets one at a time

_SETTINGS = settings.load("calculate")
_S3 = client(_SETTINGS)
_BUCKET = Bucket(_S3, _SETTINGS.JOBS_BUCKET)
_STOP = Stop(_SETTINGS.GRACE_SECONDS)
_STOP.listen()
_FIXES = FixSource(_SETTINGS, check=_STOP.check)
_JOBS = Jobs(_BUCKET)
_PUBLISHER = Publisher(_SETTINGS.K_SINK) if _SETTINGS.K_SINK else None
_SERVICE = service(
    _SETTINGS,
    _JOBS,
    _FIXES,
    Bucket(_S3, _SETTINGS.CSV_BUCKET),
    sweep=Sweep(_SETTINGS, _JOBS, Index(_BUCKET), _PUBLISHER),
    checks={"database": _FIXES.ping, "storage": _BUCKET.ping},
).limited(JOBS_AT_ONCE)


def calculate(request: flask.Request) -> flask.Response:
    """Answer one HTTP request."""
    return _SERVICE(request)
