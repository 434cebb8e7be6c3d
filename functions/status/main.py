"""Target `status` of functions-framework: wires, and nothing else."""

import flask

from functions.status.handler import service
from shared import settings
from shared.index import Index
from shared.jobs import Jobs
from shared.storage import Bucket, client

_SETTINGS = settings.load("status")
_BUCKET = Bucket(client(_SETTINGS), _SETTINGS.JOBS_BUCKET)
# The host is part of what is signed: URLs are signed for the one that browsers reach.
_CSVS = Bucket(client(_SETTINGS, _SETTINGS.S3_PUBLIC_ENDPOINT_URL), _SETTINGS.CSV_BUCKET)
_SERVICE = service(
    Jobs(_BUCKET),
    Index(_BUCKET),
    lambda key, filename: _CSVS.presigned(key, filename, _SETTINGS.PRESIGN_TTL_SECONDS),
    checks={"storage": _BUCKET.ping},
)


def status(request: flask.Request) -> flask.Response:
    """Answer one HTTP request."""
    return _SERVICE(request)
