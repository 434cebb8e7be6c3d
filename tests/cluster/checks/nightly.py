"""Jobs that the CronJob of the component nightly submits."""

import re

from tests.cluster.checks import Figures
from tests.cluster.functions import Functions, expect
from tests.cluster.installation import Installation

_CRONJOB = "distance-nightly"
_RUNS = ("nightly-once", "nightly-again")


def submit_each_day_once(installation: Installation) -> Figures:
    """With the component nightly: run its CronJob twice, the second of which adds no jobs."""
    if not any(resource["kind"] == "CronJob" for resource in installation.rendered):
        return {"skipped": "this overlay has no CronJob"}
    submitted = []
    for run in _RUNS:
        installation.kubectl.run("create", "job", run, f"--from=cronjob/{_CRONJOB}")
        installation.wait_for_job(run)
        log = installation.kubectl.logs(f"job/{run}")
        submitted.append(re.findall(r"^(\S+) all devices: job (\S+)(?: failed)?$", log, re.MULTILINE))
    expect(submitted[0] and submitted[0] == submitted[1], f"two runs submitted {submitted}")
    jobs = Functions(installation).wait_for_jobs([job_id for _, job_id in submitted[0]])
    outcomes = sorted({job.get("error_code", job["status"]) for job in jobs})
    return {
        "days": f"{submitted[0][0][0]} to {submitted[0][-1][0]}",
        "jobs": str(len(jobs)),
        "outcomes": ", ".join(outcomes),
    }
