"""Entry point of the functions-framework target `status`: wiring only."""

from functools import cache
from typing import TYPE_CHECKING

import flask

from functions.status.handler import service
from shared.config import settings
from shared.http.health_checks import default_checks
from shared.http.service import Options
from shared.job_index.markers import Entry, Filter
from shared.jobs.store import JobStore
from shared.storage.bucket import Bucket, client
from shared.telemetry import error_reporting, provider

if TYPE_CHECKING:
    from shared.job_index.index import Index

_SETTINGS = settings.load("status")
provider.start()
error_reporting.start(_SETTINGS)
_S3 = client(_SETTINGS)
_BUCKET, _CSVS = Bucket(_S3, _SETTINGS.JOBS_BUCKET), Bucket(_S3, _SETTINGS.CSV_BUCKET)


@cache
def _index() -> "Index":
    from shared.job_index.index import Index  # noqa: PLC0415 - imports numpy, which job status does not need

    return Index(_BUCKET)


def _find_newest(job_filter: Filter) -> Entry | None:
    return next(iter(_index().page(job_filter).entries), None)


_SERVICE = service(
    JobStore(_BUCKET),
    _CSVS,
    _find_newest,
    lambda key, filename, method: _CSVS.presign(key, filename, _SETTINGS.PRESIGN_TTL_SECONDS, method),
    checks={"storage": _BUCKET.ping, **default_checks()},
    csv_age=_SETTINGS.csv_age,
    options=Options.from_settings(_SETTINGS),
)


def status(request: flask.Request) -> flask.Response:
    """Handle one HTTP request."""
    return _SERVICE(request)
