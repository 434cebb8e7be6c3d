"""`make demo`: one job from end to end on the real system, with its progress on the terminal."""

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

from local import options
from local.ports import find_free_port
from local.stack import run_stack
from local.up import STARTUP_ERRORS, StopRequested, stop_on_signals

_REQUEST = {"date": "2026-01-21", "device_id": "iphone_stuart"}
_JOB_TIMEOUT_SECONDS = 60
_POLL_SECONDS = 0.2
_ROWS_SHOWN = 5
_MIN_WIDTH = 80
_CSV_HEADER = [
    *("timestamp", "device_id", "latitude", "longitude", "distance_from_home_km", "is_away"),
    *("accuracy", "battery", "velocity", "cumulative_away_time_minutes"),
]
_LABELS_AND_UNITS = {
    "total_locations": ("fixes", ""),
    "rejected_locations": ("rejected fixes", ""),
    "total_distance_km": ("sum of distances from home", "km"),
    "max_distance_km": ("maximum distance from home", "km"),
    "min_distance_km": ("minimum distance from home", "km"),
    "avg_distance_km": ("average distance from home", "km"),
    "path_length_km": ("path length", "km"),
    "away_minutes": ("time away from home", "min"),
    "processing_time_ms": ("processing time", "ms"),
}


class UnexpectedResponse(Exception):
    """A response of the system violates the API's contract."""


@dataclass(frozen=True)
class HttpResponse:
    """An HTTP response; header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def main(environ: Mapping[str, str]) -> int:
    """Run the demo; return the exit code."""
    stop_on_signals()
    console = create_console()
    started = time.monotonic()
    try:
        read = options.read({**options.without_authentication(environ), "PORT": str(find_free_port())})
        demo_options = replace(read, data_dir=read.data_dir / "demo")
        with console.status("starting") as status:

            def report(step: str) -> None:
                console.print(f"[dim]{time.monotonic() - started:5.1f} s[/dim]  {step}")
                status.update(step)

            with run_stack(demo_options, report) as stack:
                run_job(stack.url, demo_options.data_dir, console, report)
                report("stopping everything")
            report("done")
    except StopRequested:
        return 130
    except (*STARTUP_ERRORS, UnexpectedResponse) as exc:
        print(f"the demo failed: {exc}", file=sys.stderr)
        return 1
    return 0


def create_console() -> Console:
    """Return a console for stdout, wide enough for the tables even if COLUMNS is small."""
    console = Console(highlight=False, soft_wrap=True)
    console.width = max(console.width, _MIN_WIDTH)
    return console


def run_job(url: str, folder: Path, console: Console, report: Callable[[str], None]) -> Path:
    """Submit a job to the system at `url`, print its numbers, and download and verify its CSV into `folder`.

    Raises UnexpectedResponse.
    """
    report(f"submitting {_REQUEST['date']} of {_REQUEST['device_id']}")
    job = wait_for_completion(submit_job(url), report)
    result = job["result"]
    table = Table("number", "value", title=f"{job['device_id']}, {job['date']}")
    table.columns[1].justify = "right"
    for name, (label, unit) in _LABELS_AND_UNITS.items():
        table.add_row(label, f"{result[name]:,} {unit}".strip())
    console.print(table)
    console.print(_trips_table(result["analysis"]))
    report("downloading the CSV by its presigned URL")
    content = _download_csv(result)
    path = folder / str(result["csv_path"]).rsplit("/", 1)[-1]
    path.write_bytes(content)
    console.print(*content.decode().splitlines()[: _ROWS_SHOWN + 1], "...", sep="\n", markup=False)
    console.print(f"CSV with {result['total_locations']:,} rows ({len(content):,} bytes) saved as {path}")
    return path


def _trips_table(analysis: Mapping[str, Any]) -> Table:
    """Return the trips of the day and its coverage."""
    [device] = analysis["devices"]
    table = Table(title=f"trips, with a tracking coverage of {device['coverage']:.1%}")
    for label in ("departed", "returned", "minutes", "farthest", "path length"):
        table.add_column(label, justify="right")
    for trip in device["trips"]:
        clocks = [trip[name][11:19] if trip[name] else "?" for name in ("departed_at", "returned_at")]
        table.add_row(*clocks, f"{trip['minutes']}", f"{trip['farthest_km']} km", f"{trip['path_length_km']} km")
    return table


def submit_job(url: str) -> str:
    """Submit the demo's job; return its status URL."""
    response = _request("POST", f"{url}/api/distance/calculate", json.dumps(_REQUEST).encode())
    _expect(response.status == 202, f"the submission returned status {response.status} instead of 202")
    return url + str(json.loads(response.body)["status_url"])


def wait_for_completion(status_url: str, report: Callable[[str], None]) -> dict[str, Any]:
    """Return the job once it is completed; `report` is called with each change of its status."""
    deadline = time.monotonic() + _JOB_TIMEOUT_SECONDS
    status = ""
    while time.monotonic() < deadline:
        response = _request("GET", status_url)
        _expect(response.status == 200, f"the job's status URL returned status {response.status} instead of 200")
        job: dict[str, Any] = json.loads(response.body)
        if job["status"] != status:
            status = job["status"]
            report(f"the job is {status}")
        _expect(status != "failed", f"the job failed: {job.get('error_message')}")
        if status == "completed":
            return job
        time.sleep(_POLL_SECONDS)
    raise UnexpectedResponse(f"the job is still {status} after {_JOB_TIMEOUT_SECONDS} s")


def _download_csv(result: Mapping[str, Any]) -> bytes:
    response = _request("GET", result["csv_download_url"])
    _expect(response.status == 200, f"the download returned status {response.status} instead of 200")
    content_type = response.headers.get("content-type", "")
    _expect(content_type.split(";")[0] == "text/csv", f"the CSV has Content-Type {content_type!r} instead of text/csv")
    disposition = response.headers.get("content-disposition", "")
    _expect(disposition.startswith("attachment; filename="), "the CSV has no Content-Disposition: attachment")
    _expect(len(response.body) == result["csv_size_bytes"], "the CSV's size differs from csv_size_bytes")
    digest = hashlib.sha256(response.body).hexdigest()
    _expect(digest == result["csv_sha256"], "the CSV's SHA-256 differs from csv_sha256")
    rows = list(csv.reader(io.StringIO(response.body.decode())))
    _expect(rows[:1] == [_CSV_HEADER], "the CSV has an unexpected header row")
    _expect(len(rows) - 1 == result["total_locations"], "the CSV's number of rows differs from total_locations")
    return response.body


def _request(method: str, url: str, body: bytes | None = None) -> HttpResponse:
    headers = {"Content-Type": "application/json"} if body else {}
    request = urllib.request.Request(url, body, headers, method=method)  # noqa: S310 - URLs of this system
    try:
        try:
            # urllib uses the proxy of the environment, which an external storage may need.
            response = urllib.request.urlopen(request, timeout=30)  # noqa: S310 - URLs of this system
        except urllib.error.HTTPError as exc:
            response = exc
        with response:
            names = {name.lower(): text for name, text in response.headers.items()}
            return HttpResponse(response.status, names, response.read())
    except (OSError, http.client.HTTPException) as exc:
        host = urllib.parse.urlsplit(url).netloc
        raise UnexpectedResponse(f"no response from {host}: {type(exc).__name__}") from exc


def _expect(condition: object, message: str) -> None:
    if not condition:
        raise UnexpectedResponse(message)
