"""The job that the argument JOB|DATE of a subcommand selects."""

from datetime import date

from otel_worker_client.client import Client
from otel_worker_client.errors import NotFoundError
from otel_worker_client.models import Job


def find_job(client: Client, job_or_date: str, device_id: str) -> Job:
    """Return the job of that id, or the newest completed job of that date and device, "" for a job of all devices.

    Raises NotFoundError if there is none.
    """
    try:
        when = date.fromisoformat(job_or_date).isoformat()
    except ValueError:
        return client.job(job_or_date)
    job_id = _newest_of_device(client, when, device_id) if device_id else _newest_of_all_devices(client, when)
    return client.job(job_id)


def _newest_of_device(client: Client, when: str, device_id: str) -> str:
    jobs = client.page(limit=1, status="completed", date=when, device_id=device_id, results=False).jobs
    if not jobs:
        raise NotFoundError(f"no completed job of {when} for {device_id}: submit one first")
    return jobs[0].job_id


def _newest_of_all_devices(client: Client, when: str) -> str:
    days = client.days("", when, when).days  # in a page of jobs, the device "" matches jobs of any device
    if not days:
        raise NotFoundError(f"no completed job of {when} for all devices: give --device, or submit one first")
    return days[0].job_id
