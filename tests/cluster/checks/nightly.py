"""What the schedule of the component nightly submits."""

import re

from tests.cluster.checks.end_to_end import Figures
from tests.cluster.functions import Functions, expect
from tests.cluster.installation import Installation

_CRONJOB = "distance-nightly"
_RUNS = ("nightly-once", "nightly-again")


def each_day_once(installation: Installation) -> Figures:
    """With the nightly component: its CronJob, run twice, makes a job for each day, and each one ends."""
    if not any(one["kind"] == "CronJob" for one in installation.rendered):
        return {"schedule": "none in this overlay"}
    submitted = []
    for run in _RUNS:
        installation.kubectl.run("create", "job", run, f"--from=cronjob/{_CRONJOB}")
        installation.wait_for_job(run)
        submitted.append(
            re.findall(r"^(\S+) all devices: job (\S+)$", installation.kubectl.logs(f"job/{run}"), re.MULTILINE)
        )
    expect(submitted[0] and submitted[0] == submitted[1], f"two nights submitted {submitted}")
    jobs = Functions(installation).followed([job_id for _, job_id in submitted[0]])
    ends = sorted({job.get("error_code", job["status"]) for job in jobs})
    return {"days": f"{submitted[0][0][0]} to {submitted[0][-1][0]}", "jobs": str(len(jobs)), "ends": ", ".join(ends)}
