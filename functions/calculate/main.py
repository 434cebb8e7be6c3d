"""Target `calculate` of functions-framework: wires, and nothing else."""

import flask

from functions.calculate.delivery import service
from functions.calculate.event_publisher import EventPublisher
from functions.calculate.fixes.source import FixSource
from functions.calculate.sweep.devices import Devices
from functions.calculate.sweep.reconcile import Sweep
from functions.calculate.sweep.retention import Retention
from shared import settings
from shared.events import Publisher
from shared.http.health_checks import around
from shared.jobs.store import JobStore
from shared.shutdown import Stop
from shared.storage.bucket import Bucket, client
from shared.telemetry import error_reporting, provider

JOBS_AT_ONCE = 8  # each takes tens of MB; in a cluster a pod gets one at a time

_SETTINGS = settings.load("calculate")
provider.start()
error_reporting.start(_SETTINGS)
_S3 = client(_SETTINGS)
_BUCKET, _CSVS = Bucket(_S3, _SETTINGS.JOBS_BUCKET), Bucket(_S3, _SETTINGS.CSV_BUCKET)
_STOP = Stop(_SETTINGS.GRACE_SECONDS)
_STOP.listen()
_FIXES = FixSource(_SETTINGS, check=_STOP.check)
_JOBS = JobStore(_BUCKET)
_ANNOUNCER = EventPublisher(Publisher(_SETTINGS.K_SINK) if _SETTINGS.K_SINK else None, _SETTINGS.ce_extensions)
_RETENTION = Retention(_BUCKET, _CSVS, _JOBS, _SETTINGS.job_age, _SETTINGS.csv_age)
_DEVICES = Devices(_BUCKET, _FIXES.latest)
_SERVICE = service(
    _SETTINGS,
    _JOBS,
    _FIXES,
    _CSVS,
    announcer=_ANNOUNCER,
    sweep=Sweep(_BUCKET, _CSVS, _JOBS, announcer=_ANNOUNCER, retention=_RETENTION, devices=_DEVICES),
    checks={"database": _FIXES.ping, "storage": _BUCKET.ping, **around(_SETTINGS.K_SINK)},
).limited(JOBS_AT_ONCE)
_SERVICE.detailed(shown=_SETTINGS.HEALTH_DETAILS)


def calculate(request: flask.Request) -> flask.Response:
    """Answer one HTTP request."""
    return _SERVICE(request)
