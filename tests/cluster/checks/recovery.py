"""Recovery of lost events, and dead letters."""

import time

from tests.cluster.checks import Figures
from tests.cluster.functions import SAMPLE, Functions, expect, expect_completed
from tests.cluster.installation import Installation
from tests.cluster.kubectl import Resource, wait_until

_RETRIES = 2  # the ten of the base take more than eight minutes


def recover_lost_event(installation: Installation) -> Figures:
    """Submit a job without a Trigger: the sweep, which the PingSource starts, dispatches it again."""
    functions = Functions(installation)
    trigger = _trigger(installation)
    installation.kubectl.delete("trigger", trigger["metadata"]["name"])
    try:
        time.sleep(2)  # the broker applies the change some time after the API server
        started = time.monotonic()
        [job_id] = functions.submit()
        time.sleep(5)  # a delivered event would have changed the status by now
        expect(functions.get_job(job_id)["status"] == "queued", "the event was delivered without a Trigger")
    finally:
        installation.kubectl.apply([trigger])
    installation.wait_until_ready()
    [job] = functions.wait_for_jobs([job_id], seconds=300)
    expect_completed(job)
    return {"submission to completed": f"{time.monotonic() - started:.0f} s"}


def handle_dead_letters(installation: Installation) -> Figures:
    """Publish an invalid event, and let all deliveries of a job fail: the job fails with UNDELIVERABLE."""
    functions = Functions(installation)
    database = installation.database
    before = _count_dead_letters(installation)
    functions.publish(SAMPLE | {"date": "yesterday"})
    figures = {"invalid event": "skipped: brokers other than Knative's default may drop rejected events"}
    if installation.has_default_broker_class:
        wait_until("invalid event in the dead-letter sink", lambda: _count_dead_letters(installation) > before, 60)
        figures = {"invalid event": "in the dead-letter sink"}
    if database is None:
        return figures | {"skipped": "only a PostgreSQL of this test can be stopped"}
    trigger = _trigger(installation)
    few_retries = {"spec": {"delivery": {"retry": _RETRIES}}}
    installation.kubectl.patch("trigger", trigger["metadata"]["name"], few_retries)
    database.stop()
    try:
        installation.wait_until_ready()
        time.sleep(2)  # the broker applies the change some time after the API server
        started = time.monotonic()
        [job_id] = functions.submit()
        [job] = functions.wait_for_jobs([job_id], seconds=240)
        seconds = time.monotonic() - started
    finally:
        database.start(installation.password)
        installation.kubectl.apply([trigger])
        installation.wait_until_ready()
    expect(job.get("error_code") == "UNDELIVERABLE", f"the job is {job['status']}, {job.get('error_code')}")
    return figures | {
        f"database unavailable, {_RETRIES} retries": f"failed with {job['error_code']}: {job['error_message']}",
        "submission to failed": f"{seconds:.0f} s",
    }


def _count_dead_letters(installation: Installation) -> int:
    pods = installation.pods("distance-calculate")
    logs = [installation.kubectl.logs(pod["metadata"]["name"], "user-container") for pod in pods]
    return sum(log.count("dead letter without a job") for log in logs)


def _trigger(installation: Installation) -> Resource:
    [trigger] = [resource for resource in installation.rendered if resource["kind"] == "Trigger"]
    return trigger
