"""Pods that end in the middle of a job: killed, or told to stop."""

import time

from tests.cluster.checks.end_to_end import Figures
from tests.cluster.functions import Functions, expect
from tests.cluster.installation import Installation
from tests.cluster.kubectl import until

_LOCKED_SECONDS = 15  # less than calculate waits for a lock
_KILLED_SECONDS = 5  # the node kills a pod's processes after the API server has forgotten it


def killed_in_mid_job(installation: Installation) -> Figures:
    """A pod that is killed in the middle of a job takes nothing with it: another attempt completes the job."""
    functions = Functions(installation)
    database = installation.database
    if database is None:
        return {"skipped": "a job can be held up only in a PostgreSQL of this test's own"}
    functions.at_zero("calculate")
    with database.locked():
        [job_id] = functions.submitted()
        functions.followed([job_id], ["processing"], within=60)
        killed = time.monotonic()
        installation.kubectl.delete("pod", *functions.running("calculate"), now=True)
        time.sleep(_KILLED_SECONDS)
    [job] = functions.followed([job_id], within=300)
    seconds = time.monotonic() - killed
    expect(job["status"] == "completed", f"the job failed: {job.get('error_code')}")
    attempt = job["result"]["csv_path"].split("/")[2]
    expect(int(attempt.split("-")[0]) > 1, f"the job was completed by attempt {attempt}")
    until("the killed pod's session gone", lambda: database.sessions() == 0, 180)
    return {
        "completed by attempt": attempt.split("-")[0],
        "kill to completed seen": f"{seconds:.0f} s",
        "kill to its database session gone": f"{time.monotonic() - killed:.0f} s",
    }


def stopped_in_mid_job(installation: Installation) -> Figures:
    """A pod that is told to stop finishes its job first, and takes no other."""

    def there(pod: str) -> bool:
        return installation.kubectl.get("pod", pod) is not None

    functions = Functions(installation)
    database = installation.database
    if database is None:
        return {"skipped": "a job can be held up only in a PostgreSQL of this test's own"}
    functions.at_zero("calculate")
    with database.locked():
        [job_id] = functions.submitted()
        functions.followed([job_id], ["processing"], within=60)
        pods = functions.running("calculate")
        told = time.monotonic()
        installation.kubectl.delete("pod", *pods, wait=False)
        time.sleep(_LOCKED_SECONDS)
        expect(any(map(there, pods)), "the pod was gone before its job had ended")
    [job] = functions.followed([job_id])
    ended = time.monotonic() - told
    expect(job["status"] == "completed", f"the job failed: {job.get('error_code')}")
    attempt = job["result"]["csv_path"].split("/")[2]
    expect(attempt.split("-")[0] == "1", f"the job was completed by attempt {attempt}")
    until("the pod gone", lambda: not any(map(there, pods)), 120)
    gone = time.monotonic() - told
    return {
        "completed by attempt": "1",
        "told to stop to completed seen": f"{ended:.0f} s",
        "told to stop to pod gone": f"{gone:.0f} s",
    }
