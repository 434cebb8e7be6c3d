"""A sweep over buckets in memory, and what else the functions get of the index."""

from datetime import timedelta

from functions.calculate.event_publisher import EventPublisher
from functions.calculate.sweep.devices import Devices
from functions.calculate.sweep.reconcile import Sweep
from functions.calculate.sweep.retention import Retention
from functions.status.handler import Newest
from shared.events import Publisher
from shared.job_index.index import Index
from shared.job_index.markers import Entry, Filter
from shared.jobs.store import Clock, JobStore
from shared.storage.bucket import Bucket
from tests.fakes import MemoryBucket

EVERYTHING = 100_000


def sweeping(
    jobs: JobStore,
    bucket: Bucket,
    csvs: Bucket,
    broker: Publisher | None,
    clock: Clock,
    *,
    job_age: timedelta | None = None,
    csv_age: timedelta | None = None,
    devices: Devices | None = None,
) -> tuple[Sweep, EventPublisher]:
    """The sweep of `jobs`, and what it publishes with."""
    event_publisher = EventPublisher(broker, {"team": "home"})
    retention = Retention(bucket, csvs, jobs, job_age, csv_age)
    devices = devices or Devices(MemoryBucket(), lambda since, most: {})
    sweep = Sweep(
        bucket, csvs, jobs, event_publisher=event_publisher, retention=retention, devices=devices, clock=clock
    )
    return sweep, event_publisher


def newest(index: Index) -> Newest:
    """The newest job that a filter admits."""
    return lambda wanted: next(iter(index.page(wanted).entries), None)


def listed(bucket: Bucket) -> list[Entry]:
    """All that a list shows, read afresh."""
    return Index(bucket).page(Filter(), 0, EVERYTHING).entries
