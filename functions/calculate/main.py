"""Entry point of the functions-framework target `calculate`: wiring only."""

import flask

from functions.calculate.delivery import service
from functions.calculate.event_publisher import EventPublisher
from functions.calculate.fixes.source import FixSource
from functions.calculate.sweep.devices import DeviceRefresher
from functions.calculate.sweep.reconcile import Sweep
from functions.calculate.sweep.retention import Retention
from shared.config import settings
from shared.events import Publisher
from shared.http.health_checks import default_checks
from shared.http.service import Options
from shared.jobs.store import JobStore
from shared.shutdown import GracefulShutdown
from shared.storage.bucket import Bucket, client
from shared.telemetry import error_reporting, provider

_SETTINGS = settings.load("calculate")
provider.start()
error_reporting.start(_SETTINGS)
_S3 = client(_SETTINGS)
_BUCKET, _CSVS = Bucket(_S3, _SETTINGS.JOBS_BUCKET), Bucket(_S3, _SETTINGS.CSV_BUCKET)
_SHUTDOWN = GracefulShutdown(_SETTINGS.GRACE_SECONDS)
_SHUTDOWN.install_handler()
_FIXES = FixSource(_SETTINGS, check=_SHUTDOWN.check)
_FIXES.connect()
_JOBS = JobStore(_BUCKET)
_EVENT_PUBLISHER = EventPublisher(Publisher(_SETTINGS.K_SINK) if _SETTINGS.K_SINK else None, _SETTINGS.ce_extensions)
_RETENTION = Retention(_BUCKET, _CSVS, _JOBS, _SETTINGS.job_age, _SETTINGS.csv_age)
_DEVICE_REFRESHER = DeviceRefresher(_BUCKET, _FIXES.latest_fix_times)
_SERVICE = service(
    _SETTINGS,
    _JOBS,
    _FIXES,
    _CSVS,
    event_publisher=_EVENT_PUBLISHER,
    sweep=Sweep(
        _BUCKET,
        _CSVS,
        _JOBS,
        event_publisher=_EVENT_PUBLISHER,
        retention=_RETENTION,
        device_refresher=_DEVICE_REFRESHER,
    ),
    checks={"database": _FIXES.ping, "storage": _BUCKET.ping, **default_checks(_SETTINGS.K_SINK)},
    options=Options(health_details=_SETTINGS.HEALTH_DETAILS),
)


def calculate(request: flask.Request) -> flask.Response:
    """Handle one HTTP request."""
    return _SERVICE(request)
