"""The way of a job from submission to CSV, and what the installation's own Jobs do."""

import csv
import hashlib
import io
import time
from urllib.parse import urlsplit

from local import sample_fixes
from tests.cluster.functions import SAMPLE, Functions, expect
from tests.cluster.installation import Installation

Figures = dict[str, str]


def day_to_csv(installation: Installation) -> Figures:
    """A submission becomes a CSV with every fix of the day, by presigned URL."""
    functions = Functions(installation)
    began = time.monotonic()
    [job_id] = functions.submitted()
    [job] = functions.followed([job_id])
    seconds = time.monotonic() - began
    expect(job["status"] == "completed", f"the job failed: {job.get('error_code')}")
    result = job["result"]
    answer = installation.caller.asks("GET", result["csv_download_url"])
    expect(answer.status == 200, f"the presigned URL was answered with {answer.status}")
    digest = hashlib.sha256(answer.body.encode()).hexdigest()
    expect(digest == result["csv_sha256"], "the SHA-256 of the CSV is not csv_sha256")
    rows = list(csv.DictReader(io.StringIO(answer.body)))
    expect(len(rows) == result["total_locations"], f"the CSV has {len(rows)} rows, the job {result['total_locations']}")
    if installation.database:
        arrivals = [str(row[-1]) for row in sample_fixes.rows() if row[0] == SAMPLE["device_id"]]
        fixes = sum(arrival.startswith(SAMPLE["date"]) for arrival in arrivals)
        expect(len(rows) == fixes, f"the CSV has {len(rows)} rows, the table {fixes} fixes of that day")
    listed = installation.caller.asks("GET", f"{functions.urls['list']}/api/distance/jobs?limit=500").json()
    (row,) = [one for one in listed["jobs"] if one["job_id"] == job_id] or [{}]
    expect(row, "the job is not in the list")
    numbers = {name: value for name, value in result.items() if name in row.get("result", ())}
    expect(numbers and row["result"] == numbers, "the list has not the numbers of the status")
    return {
        "fixes": f"{len(rows):,}",
        "CSV bytes": f"{len(answer.body.encode()):,}",
        "path km": str(result["path_length_km"]),
        "attempts": urlsplit(result["csv_path"]).path.split("/")[2],
        "submission to completed seen": f"{seconds:.1f} s",
    }


def own_jobs(installation: Installation) -> Figures:
    """The Jobs of the base end well; the buckets' one changes nothing when it runs again."""
    kubectl = installation.kubectl
    installation.wait_for_job("distance-smoke-test")
    smoke = "; ".join(kubectl.logs("job/distance-smoke-test").splitlines()[1:])
    first = kubectl.logs("job/distance-buckets").splitlines()
    kubectl.delete("job", "distance-buckets")
    kubectl.apply([one for one in installation.rendered if one["metadata"]["name"] == "distance-buckets"])
    installation.wait_for_job("distance-buckets")
    second = kubectl.logs("job/distance-buckets").splitlines()
    changed = [line for line in second if line.endswith((": created", ": updated"))]
    expect(not changed, f"the second run of the buckets' Job changed: {'; '.join(changed)}")
    expect(len(second) == len(first), f"the second run said {len(second)} lines, the first {len(first)}")
    made = sum(line.endswith((": created", ": updated")) for line in first)
    return {
        "smoke test": smoke,
        "buckets, first run": f"{made} things made",
        "buckets, second run": "nothing changed",
    }


def applied_again(installation: Installation) -> Figures:
    """The same manifests once more make no new revision, and keep what SinkBinding has put in."""
    before = _revisions(installation)
    again = [one for one in installation.rendered if one["kind"] != "Job"]
    installation.kubectl.apply(again)
    time.sleep(5)  # a new revision would be there within one
    installation.wait_until_ready()
    after = _revisions(installation)
    expect(before == after, f"revisions before {before}, after {after}")
    return {"revisions": ", ".join(sorted(after.values()))}


def _revisions(installation: Installation) -> dict[str, str]:
    return {
        one["metadata"]["name"]: one["status"]["latestCreatedRevisionName"]
        for one in installation.kubectl.items("ksvc")
    }
