"""Events that nobody takes, and events that can't succeed."""

import time

from tests.cluster.checks.end_to_end import Figures
from tests.cluster.functions import SAMPLE, Functions, expect
from tests.cluster.installation import Installation
from tests.cluster.kubectl import Resource, until

_FEW_RETRIES = 2  # the base's ten take more than eight minutes


def swept(installation: Installation) -> Figures:
    """A job whose event reached nobody is asked for again by the sweep, which the PingSource starts."""
    functions = Functions(installation)
    trigger = _trigger(installation)
    installation.kubectl.delete("trigger", trigger["metadata"]["name"])
    try:
        time.sleep(2)  # the broker hears of it later than the API server
        began = time.monotonic()
        [job_id] = functions.submitted()
        time.sleep(5)  # an event that was delivered all the same would be taken by now
        expect(functions.job(job_id)["status"] == "queued", "the event was delivered without a Trigger")
    finally:
        installation.kubectl.apply([trigger])
    installation.wait_until_ready()
    [job] = functions.followed([job_id], within=300)
    expect(job["status"] == "completed", f"the job failed: {job.get('error_code')}")
    return {"submission to completed seen": f"{time.monotonic() - began:.0f} s"}


def dead_letters(installation: Installation) -> Figures:
    """An event that can't succeed is not tried again; a job whose deliveries all fail ends so, with the reason."""
    functions = Functions(installation)
    database = installation.database
    before = _letters(installation)
    functions.published(SAMPLE | {"date": "yesterday"})
    figures = {"poison event": "not looked for: other brokers than Knative's own may drop what is refused"}
    if installation.knatives_own_broker:
        until("the poison event in the dead-letter sink", lambda: _letters(installation) > before, 60)
        figures = {"poison event": "in the dead-letter sink"}
    if database is None:
        return figures | {"skipped": "only a PostgreSQL of this test's own can be taken away"}
    trigger = _trigger(installation)
    patience = {"spec": {"delivery": {"retry": _FEW_RETRIES}}}
    installation.kubectl.patch("trigger", trigger["metadata"]["name"], patience)
    database.stop()
    try:
        installation.wait_until_ready()
        time.sleep(2)  # the broker hears of it later than the API server
        began = time.monotonic()
        [job_id] = functions.submitted()
        [job] = functions.followed([job_id], within=240)
        seconds = time.monotonic() - began
    finally:
        database.start(installation.password)
        installation.kubectl.apply([trigger])
        installation.wait_until_ready()
    expect(job.get("error_code") == "UNDELIVERABLE", f"the job is {job['status']}, {job.get('error_code')}")
    return figures | {
        f"database away, {_FEW_RETRIES} retries": f"failed with {job['error_code']}: {job['error_message']}",
        "submission to failed seen": f"{seconds:.0f} s",
    }


def _letters(installation: Installation) -> int:
    pods = installation.pods("distance-calculate")
    logs = [installation.kubectl.logs(pod["metadata"]["name"], "user-container") for pod in pods]
    return sum(log.count("dead letter without a job") for log in logs)


def _trigger(installation: Installation) -> Resource:
    [found] = [one for one in installation.rendered if one["kind"] == "Trigger"]
    return found
