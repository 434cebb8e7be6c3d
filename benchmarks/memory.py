"""Peak memory of calculate's gunicorn worker after one job."""

import http.client
import json
import secrets
from datetime import date

from benchmarks.bench_stack import BenchStack, FunctionServer, serve_function
from benchmarks.report import Figure
from local.options import TARGETS
from shared import events

_BUCKET = "bench-memory"
_LONGEST_JOB_SECONDS = 300


def measure(stack: BenchStack) -> list[Figure]:
    """Measure the peak after one job, in a new process for each size."""
    stack.settings("calculate", _BUCKET)  # creates the bucket
    figures = []
    baseline = None
    for count in (10_000, 1_000_000, 5_000_000):
        day = stack.day(count)
        with serve_function(stack.environment("calculate", _BUCKET), "calculate", TARGETS["calculate"]) as function:
            idle = function.peak_mb()
            _calculate(function, day, count)
            peak = function.peak_mb()
        baseline = baseline or peak
        label = f"peak after {count:,} fixes ({idle:.0f} MB before)"
        bounds = {"at_most": 1.1, "below": 90.0} if count == 5_000_000 else {}
        figures.append(Figure("memory", label, peak, "MB", "10,000 fixes", peak / baseline, **bounds))
    return figures


def _calculate(function: FunctionServer, day: date, count: int) -> None:
    """Deliver a request event for `day`, and check that its outcome has `count` fixes."""
    headers = {
        "ce-specversion": "1.0",
        "ce-type": events.REQUESTED,
        "ce-source": "/benchmarks",
        "ce-id": secrets.token_hex(8),
        "content-type": "application/json",
    }
    connection = http.client.HTTPConnection("127.0.0.1", function.port, timeout=_LONGEST_JOB_SECONDS)
    connection.request("POST", "/", json.dumps({"date": day.isoformat(), "device_id": ""}), headers)
    response = connection.getresponse()
    outcome = json.loads(response.read())
    connection.close()
    if response.status != 200 or outcome.get("total_locations") != count:
        raise ValueError(f"calculate returned {response.status}: {outcome}")
