"""`make demo`: one day's job from end to end, on the real parts, for a person to watch."""

import csv
import hashlib
import http.client
import io
import json
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from local import options, ports
from local.stack import running
from local.up import REFUSALS, Stopped, stop_on_signals

_REQUEST = {"date": "2026-01-21", "device_id": "iphone_stuart"}
_JOB_WITHIN_SECONDS = 60
_LOOK_SECONDS = 0.2
_ROWS_SHOWN = 5
_NARROWEST = 80
_HEADER = [
    *("timestamp", "device_id", "latitude", "longitude", "distance_from_home_km", "is_away"),
    *("accuracy", "battery", "velocity", "cumulative_away_time_minutes"),
]
_NUMBERS = {
    "total_locations": ("fixes", ""),
    "rejected_locations": ("fixes left out", ""),
    "total_distance_km": ("distances from home, summed", "km"),
    "max_distance_km": ("farthest from home", "km"),
    "min_distance_km": ("nearest to home", "km"),
    "avg_distance_km": ("from home on average", "km"),
    "path_length_km": ("length of the path", "km"),
    "away_minutes": ("away from home", "min"),
    "processing_time_ms": ("time to calculate", "ms"),
}


class NotAsItShould(Exception):
    """The system's answer is not what the contract says."""


@dataclass(frozen=True)
class Answer:
    """What a server said; header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def main(environ: Mapping[str, str]) -> int:
    """Run the demo; the exit code."""
    stop_on_signals()
    console = terminal()
    began = time.monotonic()
    try:
        given = options.read({**options.open_door(environ), "PORT": str(ports.unused())})
        mine = replace(given, data_dir=given.data_dir / "demo")
        with console.status("starting") as status:

            def say(what: str) -> None:
                console.print(f"[dim]{time.monotonic() - began:5.1f} s[/dim]  {what}")
                status.update(what)

            with running(mine, say) as stack:
                day_to_csv(stack.url, mine.data_dir, console, say)
                say("stopping everything")
            say("done")
    except Stopped:
        return 130
    except (*REFUSALS, NotAsItShould) as exc:
        print(f"the demo failed: {exc}", file=sys.stderr)
        return 1
    return 0


def terminal() -> Console:
    """Standard output; tables keep their columns where COLUMNS is small."""
    console = Console(highlight=False, soft_wrap=True)
    console.width = max(console.width, _NARROWEST)
    return console


def day_to_csv(url: str, folder: Path, console: Console, say: Callable[[str], None]) -> Path:
    """Submit a day to the system at `url`, print its numbers, download its CSV into `folder`, and check it all."""
    say(f"submitting {_REQUEST['date']} of {_REQUEST['device_id']}")
    done = ended(submitted(url), say)
    result = done["result"]
    table = Table("what", "value", title=f"{done['device_id']}, {done['date']}")
    table.columns[1].justify = "right"
    for name, (words, unit) in _NUMBERS.items():
        table.add_row(words, f"{result[name]:,} {unit}".strip())
    console.print(table)
    say("downloading the CSV by its presigned URL")
    content = _csv(result)
    saved = folder / str(result["csv_path"]).rsplit("/", 1)[-1]
    saved.write_bytes(content)
    console.print(*content.decode().splitlines()[: _ROWS_SHOWN + 1], "...", sep="\n", markup=False)
    console.print(f"the whole CSV ({result['total_locations']:,} rows, {len(content):,} bytes) lies at {saved}")
    return saved


def submitted(url: str) -> str:
    """The job's status URL."""
    answer = _asked("POST", f"{url}/api/distance/calculate", json.dumps(_REQUEST).encode())
    _expect(answer.status == 202, f"submitting was answered with {answer.status} instead of 202")
    return url + str(json.loads(answer.body)["status_url"])


def ended(status_url: str, say: Callable[[str], None]) -> dict[str, Any]:
    """The job once it is completed; `say` is told of each new state."""
    deadline = time.monotonic() + _JOB_WITHIN_SECONDS
    seen = ""
    while time.monotonic() < deadline:
        answer = _asked("GET", status_url)
        _expect(answer.status == 200, f"the job's status was answered with {answer.status} instead of 200")
        job: dict[str, Any] = json.loads(answer.body)
        if job["status"] != seen:
            seen = job["status"]
            say(f"the job is {seen}")
        _expect(seen != "failed", f"the job failed: {job.get('error_message')}")
        if seen == "completed":
            return job
        time.sleep(_LOOK_SECONDS)
    raise NotAsItShould(f"the job is still {seen} after {_JOB_WITHIN_SECONDS} s")


def _csv(result: Mapping[str, Any]) -> bytes:
    answer = _asked("GET", result["csv_download_url"])
    _expect(answer.status == 200, f"the download was answered with {answer.status} instead of 200")
    kind, disposition = answer.headers.get("content-type", ""), answer.headers.get("content-disposition", "")
    _expect(kind.split(";")[0] == "text/csv", f"the CSV comes as {kind or 'nothing'} instead of text/csv")
    _expect(disposition.startswith("attachment; filename="), "the CSV does not come as an attachment")
    _expect(len(answer.body) == result["csv_size_bytes"], "the CSV is not as long as its job says")
    digest = hashlib.sha256(answer.body).hexdigest()
    _expect(digest == result["csv_sha256"], "the SHA-256 of the CSV is not the one that its job says")
    rows = list(csv.reader(io.StringIO(answer.body.decode())))
    _expect(rows[:1] == [_HEADER], "the CSV has another header row")
    _expect(len(rows) - 1 == result["total_locations"], "the CSV has not as many rows as its job has fixes")
    return answer.body


def _asked(method: str, url: str, body: bytes | None = None) -> Answer:
    headers = {"Content-Type": "application/json"} if body else {}
    request = urllib.request.Request(url, body, headers, method=method)  # noqa: S310 - the system's own URLs
    try:
        try:
            answer = urllib.request.urlopen(request, timeout=30)  # noqa: S310 - by a proxy, where a given storage needs one
        except urllib.error.HTTPError as exc:
            answer = exc
        with answer:
            return Answer(answer.status, {name.lower(): text for name, text in answer.headers.items()}, answer.read())
    except (OSError, http.client.HTTPException) as exc:
        where = urllib.parse.urlsplit(url).netloc
        raise NotAsItShould(f"no answer from {where}: {type(exc).__name__}") from exc


def _expect(condition: object, otherwise: str) -> None:
    if not condition:
        raise NotAsItShould(otherwise)
