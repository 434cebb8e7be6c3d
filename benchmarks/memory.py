"""Peak memory of the process that calculates: calculate's own gunicorn worker, everything imported, one job."""

import http.client
import json
import secrets
from datetime import date

from benchmarks.report import Figure
from benchmarks.stage import Served, Stage, served
from local.options import TARGETS
from shared import events

_BUCKET = "bench-memory"
_LONGEST_JOB_SECONDS = 300


def measured(stage: Stage) -> list[Figure]:
    """The peak after one job, in a fresh process each time."""
    stage.settings("calculate", _BUCKET)  # makes the bucket
    figures = []
    small = None
    for count in (10_000, 1_000_000, 5_000_000):
        day = stage.day(count)
        with served(stage.environment("calculate", _BUCKET), "calculate", TARGETS["calculate"]) as function:
            idle = function.peak_mb()
            _calculate(function, day, count)
            peak = function.peak_mb()
        small = small or peak
        words = f"peak after {count:,} fixes ({idle:.0f} MB before)"
        wanted = {"at_most": 1.1, "below": 100.0} if count == 5_000_000 else {}
        figures.append(Figure("memory", words, peak, "MB", "10,000 fixes", peak / small, **wanted))
    return figures


def _calculate(function: Served, day: date, count: int) -> None:
    """Deliver another producer's event for `day`, and see that its outcome has the day's fixes."""
    headers = {
        "ce-specversion": "1.0",
        "ce-type": events.REQUESTED,
        "ce-source": "/benchmarks",
        "ce-id": secrets.token_hex(8),
        "content-type": "application/json",
    }
    connection = http.client.HTTPConnection("127.0.0.1", function.port, timeout=_LONGEST_JOB_SECONDS)
    connection.request("POST", "/", json.dumps({"date": day.isoformat(), "device_id": ""}), headers)
    answer = connection.getresponse()
    found = json.loads(answer.read())
    connection.close()
    if answer.status != 200 or found.get("total_locations") != count:
        raise ValueError(f"calculate answered {answer.status}: {found}")
