"""A sweep of buckets in memory, and helpers that read the index."""

from datetime import timedelta

from functions.calculate.event_publisher import EventPublisher
from functions.calculate.sweep.devices import DeviceRefresher
from functions.calculate.sweep.reconcile import Sweep
from functions.calculate.sweep.retention import Retention
from functions.status.handler import FindNewest
from shared.events import Publisher
from shared.job_index.index import Index
from shared.job_index.markers import Entry, Filter
from shared.jobs.store import Clock, JobStore
from shared.storage.bucket import Bucket
from tests.fakes import MemoryBucket

EVERYTHING = 100_000


def create_sweep(
    jobs: JobStore,
    bucket: Bucket,
    csvs: Bucket,
    broker: Publisher | None,
    clock: Clock,
    *,
    job_age: timedelta | None = None,
    csv_age: timedelta | None = None,
    device_refresher: DeviceRefresher | None = None,
) -> tuple[Sweep, EventPublisher]:
    """Return a sweep of `jobs` and its event publisher."""
    event_publisher = EventPublisher(broker, {"team": "home"})
    retention = Retention(bucket, csvs, jobs, job_age, csv_age)
    device_refresher = device_refresher or DeviceRefresher(MemoryBucket(), lambda since, limit: {})
    sweep = Sweep(
        bucket,
        csvs,
        jobs,
        event_publisher=event_publisher,
        retention=retention,
        device_refresher=device_refresher,
        clock=clock,
    )
    return sweep, event_publisher


def newest(index: Index) -> FindNewest:
    """Return a function that finds the newest job of a filter."""
    return lambda job_filter: next(iter(index.page(job_filter).entries), None)


def listed(bucket: Bucket) -> list[Entry]:
    """Return all listed jobs, read from a new index."""
    return Index(bucket).page(Filter(), 0, EVERYTHING).entries
