"""A client that reads the days of a device, and compares them with the oracle."""

from typing import Any

from tests.simulation.fixes import DATES, DEVICES
from tests.simulation.oracle import DELETED, Oracle, TrackedJob
from tests.simulation.pods import Services
from tests.simulation.world import World


class DayReader:
    """Reads random ranges of days."""

    def __init__(self, world: World, services: Services, oracle: Oracle) -> None:
        self._world = world
        self._services = services
        self._oracle = oracle

    def read(self) -> None:
        """Read a range. Its rows are of completed jobs, none older than those that were listed before."""
        rng = self._world.rng
        device, (first, last) = rng.choice(DEVICES), sorted(rng.choices(DATES, k=2))
        expected = [
            job
            for job in self._oracle.jobs.values()
            if job.listed_rank == 2
            and _is_completed(job, device)
            and not self._is_hidden(job, device)
            and first <= job.record["date"] <= last
        ]
        response = self._services.send("list", "days", query={"device_id": device, "from": first, "to": last})
        if response is None or response.status == 503:
            return
        body: Any = response.body
        dates = [row["date"] for row in body["days"]]
        if dates != sorted(set(dates)) or not all(first <= date <= last for date in dates):
            self._world.report_violation(f"the days from {first} to {last} are {dates}")
        newest = {row["date"]: self._check_row(row, device).position for row in body["days"]}
        for job in expected:
            may_be_omitted = self._oracle.may_be_deleted(job) or self._is_hidden(job, device)  # since the request began
            if newest.get(job.record["date"], ("", "")) < job.position and not may_be_omitted:
                self._world.report_violation(f"the days have {newest}, without {job.job_id} or a newer job")
        self._world.counts["days"] += 1

    def _is_hidden(self, job: TrackedJob, device: str) -> bool:
        """Return whether the days of the device may omit a job, which is of the device or of all devices.

        Of the jobs of all devices, they show the newest one of a date, and only with an analysis of the device.
        """
        if job.record["device_id"] == device:
            return False
        jobs = (
            other
            for other in (*self._oracle.jobs.values(), *self._oracle.previous_jobs)
            if other.record["date"] == job.record["date"]
            and (other.record["status"], other.record["device_id"]) == ("completed", "")
            and other.position >= job.position
        )
        return any(_outcome(other, device) is None or self._oracle.may_be_deleted(other) for other in jobs)

    def _check_row(self, row: dict[str, Any], device: str) -> TrackedJob:
        """Check that a row equals a completed job, and return the job."""
        jobs = [*self._oracle.jobs.values(), *self._oracle.previous_jobs]
        job = next((job for job in jobs if job.job_id == row["job_id"] and _has_completed(job, row, device)), None)
        if job is None:
            self._world.report_violation(f"the days of {device!r} have {row}, which is no completed job")
        if row["result"] is None and row["analysis"] is None:
            if job.rank < DELETED and not self._oracle.may_be_deleted(job):
                self._world.report_violation(f"the days have {row} without numbers")
        elif (row["result"], row["analysis"]) != _outcome(job, device):
            self._world.report_violation(f"the days have {row}, which differs from the record")
        return job


def _is_completed(job: TrackedJob, device: str) -> bool:
    """Return whether the job is completed, and of the device or of all devices."""
    return job.record["status"] == "completed" and job.record["device_id"] in (device, "")


def _has_completed(job: TrackedJob, row: dict[str, Any], device: str) -> bool:
    return _is_completed(job, device) and all(job.record[name] == row[name] for name in ("date", "completed_at"))


def _outcome(job: TrackedJob, device_id: str) -> tuple[dict[str, float] | None, dict[str, Any] | None] | None:
    """Return the numbers and the analysis that the days of a device show of a completed job.

    A job of all devices has no numbers for one of them. Returns None if it has no analysis of the device either.
    """
    result = job.record["result"]
    devices = [device for device in result["analysis"]["devices"] if device["device_id"] == device_id != ""]
    summaries = [{name: device[name] for name in device if name not in ("trips", "gaps")} for device in devices]
    if job.record["device_id"] != device_id:
        return (None, summaries[0]) if summaries else None
    numbers = {name: value for name, value in result.items() if isinstance(value, (int, float))}
    return numbers, next(iter(summaries), None)
