"""Pods that are killed or terminated during a job."""

import time
from typing import Any

from tests.cluster.checks import Figures
from tests.cluster.functions import Functions, expect, expect_completed
from tests.cluster.installation import Installation
from tests.cluster.kubectl import wait_until

_LOCK_SECONDS = 15  # shorter than the lock timeout of calculate
_KILL_SECONDS = 5  # the node kills the processes after the API server has deleted the pod
_SKIPPED = {"skipped": "only a PostgreSQL of this test can be locked"}


def kill_during_job(installation: Installation) -> Figures:
    """Kill a pod during a job: another attempt completes the job."""
    functions = Functions(installation)
    database = installation.database
    if database is None:
        return _SKIPPED
    functions.wait_for_zero("calculate")
    with database.lock_table():
        [job_id] = functions.submit()
        functions.wait_for_jobs([job_id], ["processing"], seconds=60)
        killed = time.monotonic()
        installation.kubectl.delete("pod", *functions.running_pods("calculate"), now=True)
        time.sleep(_KILL_SECONDS)
    [job] = functions.wait_for_jobs([job_id], seconds=300)
    seconds = time.monotonic() - killed
    expect_completed(job)
    attempt = _attempt_number(job)
    expect(attempt > 1, f"the job was completed by attempt {attempt}")
    wait_until("database session closed", lambda: database.count_sessions() == 0, 180)
    return {
        "completed by attempt": str(attempt),
        "kill to completed": f"{seconds:.0f} s",
        "kill to database session closed": f"{time.monotonic() - killed:.0f} s",
    }


def stop_during_job(installation: Installation) -> Figures:
    """Terminate a pod during a job: it completes the job before it exits."""

    def exists(pod: str) -> bool:
        return installation.kubectl.get("pod", pod) is not None

    functions = Functions(installation)
    database = installation.database
    if database is None:
        return _SKIPPED
    functions.wait_for_zero("calculate")
    with database.lock_table():
        [job_id] = functions.submit()
        functions.wait_for_jobs([job_id], ["processing"], seconds=60)
        pods = functions.running_pods("calculate")
        terminated = time.monotonic()
        installation.kubectl.delete("pod", *pods, wait=False)
        time.sleep(_LOCK_SECONDS)
        expect(any(map(exists, pods)), "the pod exited before its job ended")
    [job] = functions.wait_for_jobs([job_id])
    job_seconds = time.monotonic() - terminated
    expect_completed(job)
    attempt = _attempt_number(job)
    expect(attempt == 1, f"the job was completed by attempt {attempt}")
    wait_until("the pod deleted", lambda: not any(map(exists, pods)), 120)
    pod_seconds = time.monotonic() - terminated
    return {
        "completed by attempt": "1",
        "SIGTERM to completed": f"{job_seconds:.0f} s",
        "SIGTERM to pod deleted": f"{pod_seconds:.0f} s",
    }


def _attempt_number(job: dict[str, Any]) -> int:
    """Return the attempt that completed the job, from its CSV's key."""
    return int(job["result"]["csv_path"].split("/")[2])
