"""A calculation from submission to CSV, and the Jobs of the installation."""

import csv
import hashlib
import io
import time
from urllib.parse import urlsplit

from local import sample_fixes
from tests.cluster.checks import Figures
from tests.cluster.functions import SAMPLE, Functions, expect, expect_completed
from tests.cluster.installation import Installation


def calculate_day(installation: Installation) -> Figures:
    """Submit a day: the CSV at its presigned URL has all fixes of the day, and the list has the numbers."""
    functions = Functions(installation)
    started = time.monotonic()
    [job_id] = functions.submit()
    [job] = functions.wait_for_jobs([job_id])
    seconds = time.monotonic() - started
    expect_completed(job)
    result = job["result"]
    response = installation.caller.send("GET", result["csv_download_url"])
    expect(response.status == 200, f"{response.status} for the presigned URL")
    digest = hashlib.sha256(response.body.encode()).hexdigest()
    expect(digest == result["csv_sha256"], "the SHA-256 of the CSV differs from csv_sha256")
    rows = list(csv.DictReader(io.StringIO(response.body)))
    expect(len(rows) == result["total_locations"], f"the CSV has {len(rows)} rows, the job {result['total_locations']}")
    if installation.database:
        arrivals = [str(row[-1]) for row in sample_fixes.rows() if row[0] == SAMPLE["device_id"]]
        fixes = sum(arrival.startswith(SAMPLE["date"]) for arrival in arrivals)
        expect(len(rows) == fixes, f"the CSV has {len(rows)} rows, the table has {fixes} fixes of the day")
    page = installation.caller.send("GET", f"{functions.urls['list']}/api/distance/jobs?limit=500").json()
    (listed,) = [job for job in page["jobs"] if job["job_id"] == job_id] or [{}]
    expect(listed, "the job is missing in the list")
    numbers = {name: value for name, value in result.items() if name in listed.get("result", ())}
    expect(numbers and listed["result"] == numbers, "list and status have different numbers")
    return {
        "fixes": f"{len(rows):,}",
        "CSV bytes": f"{len(response.body.encode()):,}",
        "path km": str(result["path_length_km"]),
        "attempts": urlsplit(result["csv_path"]).path.split("/")[2],
        "submission to completed": f"{seconds:.1f} s",
    }


def run_base_jobs(installation: Installation) -> Figures:
    """Wait for the Jobs of the base, and run the bucket Job again: it changes nothing."""
    kubectl = installation.kubectl
    installation.wait_for_job("distance-smoke-test")
    smoke = "; ".join(kubectl.logs("job/distance-smoke-test").splitlines()[1:])
    first = kubectl.logs("job/distance-buckets").splitlines()
    kubectl.delete("job", "distance-buckets")
    kubectl.apply([job for job in installation.rendered if job["metadata"]["name"] == "distance-buckets"])
    installation.wait_for_job("distance-buckets")
    second = kubectl.logs("job/distance-buckets").splitlines()
    changed = [line for line in second if line.endswith((": created", ": updated"))]
    expect(not changed, f"the second run of the bucket Job changed: {'; '.join(changed)}")
    expect(len(second) == len(first), f"the second run printed {len(second)} lines, the first {len(first)}")
    changes = sum(line.endswith((": created", ": updated")) for line in first)
    return {
        "smoke test": smoke,
        "bucket Job, first run": f"{changes} changes",
        "bucket Job, second run": "no changes",
    }


def apply_again(installation: Installation) -> Figures:
    """Apply the same manifests again: no new revision is created, and SinkBinding's injection stays."""
    before = _revisions(installation)
    installation.kubectl.apply([resource for resource in installation.rendered if resource["kind"] != "Job"])
    time.sleep(5)  # a new revision would exist within a second
    installation.wait_until_ready()
    after = _revisions(installation)
    expect(before == after, f"revisions before {before}, after {after}")
    return {"revisions": ", ".join(sorted(after.values()))}


def _revisions(installation: Installation) -> dict[str, str]:
    return {
        service["metadata"]["name"]: service["status"]["latestCreatedRevisionName"]
        for service in installation.kubectl.list_resources("ksvc")
    }
