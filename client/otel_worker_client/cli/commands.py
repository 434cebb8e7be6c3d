"""The subcommands of `otel-worker`."""

import math
import os
import re
import tempfile
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import Progress
from rich.table import Table

from otel_worker_client.cli import day_chart, exports, output
from otel_worker_client.cli.date_ranges import JobParameters, Outcome, RangeRunner
from otel_worker_client.cli.job_lookup import find_job
from otel_worker_client.client import DEFAULT_URL, Client
from otel_worker_client.models import Job

app = typer.Typer(no_args_is_help=True, help="Distances from home of a day's fixes.", pretty_exceptions_enable=False)
_DEFAULT_CONCURRENCY = 4


def _finite(number: float | None) -> float | None:
    if number is not None and not math.isfinite(number):
        raise typer.BadParameter("a finite number is expected")
    return number


Url = Annotated[str, typer.Option("--url", envvar="OTEL_WORKER_URL", help="URL of the service or a gateway.")]
Json = Annotated[bool, typer.Option("--json", help="Print only JSON.")]
Day = Annotated[datetime, typer.Argument(formats=["%Y-%m-%d"], metavar="DATE")]
Device = Annotated[str, typer.Option("--device", help="Device id (default: all devices).")]
Zone = Annotated[str | None, typer.Option("--timezone", help="Time zone of the day, an IANA name.")]
Home = Annotated[
    str | None, typer.Option("--home", metavar="LAT,LON", help="Home location (default: the deployment's).")
]
Away = Annotated[
    float | None,
    typer.Option("--away-km", help="Home threshold: a larger distance is away.", callback=_finite),
]
JobId = Annotated[str, typer.Argument(metavar="JOB")]
JobOrDay = Annotated[
    str, typer.Argument(metavar="JOB|DATE", help="Job id, or a date for the newest completed job of --device.")
]


def _client(url: str) -> Client:
    """Return a client of the URL with the credentials of the environment."""
    return Client.from_environ({**os.environ, "OTEL_WORKER_URL": url})


@app.command()
def submit(
    when: Day,
    *,
    device: Device = "",
    timezone: Zone = None,
    home: Home = None,
    away_km: Away = None,
    key: Annotated[
        str | None, typer.Option("--key", help="Idempotency key: a repeated key returns the same job.")
    ] = None,
    wait: Annotated[bool, typer.Option("--wait", help="Wait for the end of the job.")] = False,
    url: Url = DEFAULT_URL,
    as_json: Json = False,
) -> None:
    """Submit a job for a day."""
    with output.exit_codes(), _client(url) as client:
        parameters = JobParameters(device, timezone, _parse_home(home), away_km)
        job = client.submit(
            f"{when:%Y-%m-%d}",
            device,
            timezone=timezone,
            home=parameters.home,
            away_threshold_km=away_km,
            idempotency_key=key,
        )
        if wait:
            job = _wait(client, job.job_id, quiet=as_json)
        output.print_json(job) if as_json else output.print_job(job)


@app.command()
def watch(job_id: JobId, *, url: Url = DEFAULT_URL, as_json: Json = False) -> None:
    """Wait for the end of a job."""
    with output.exit_codes(), _client(url) as client:
        job = _wait(client, job_id, quiet=as_json)
        output.print_json(job) if as_json else output.print_job(job)


@app.command()
def status(job_id: JobId, *, url: Url = DEFAULT_URL, as_json: Json = False) -> None:
    """Show the current state of a job."""
    with output.exit_codes(), _client(url) as client:
        job = client.job(job_id)
        output.print_json(job) if as_json else output.print_job(job)


@app.command("list")
def list_jobs(
    *,
    status: Annotated[str, typer.Option("--status", help="queued, processing, completed or failed.")] = "",
    when: Annotated[str, typer.Option("--date", help="Date of the jobs.")] = "",
    device: Annotated[str, typer.Option("--device", help="Device id of the jobs (default: every job).")] = "",
    limit: Annotated[int, typer.Option("--limit", min=1, max=500)] = 50,
    list_all: Annotated[bool, typer.Option("--all", help="List all jobs.")] = False,
    url: Url = DEFAULT_URL,
    as_json: Json = False,
) -> None:
    """List jobs with their numbers, newest first."""
    with output.exit_codes(), _client(url) as client:
        if list_all:
            jobs = list(client.jobs(status=status, date=when, device_id=device))
        else:
            jobs = list(client.page(limit=limit, status=status, date=when, device_id=device).jobs)
        output.print_json(jobs) if as_json else output.print_jobs(jobs)


@app.command()
def days(
    *,
    first: Annotated[datetime, typer.Option("--from", formats=["%Y-%m-%d"], metavar="DATE", help="First day.")],
    last: Annotated[
        datetime, typer.Option("--to", formats=["%Y-%m-%d"], metavar="DATE", help="Last day; at most 366 days.")
    ],
    device: Device = "",
    url: Url = DEFAULT_URL,
    as_json: Json = False,
) -> None:
    """List the days of a range with the numbers of their newest completed jobs."""
    with output.exit_codes(), _client(url) as client:
        listed = client.days(device, first.date().isoformat(), last.date().isoformat())
        output.print_json(listed) if as_json else output.print_days(listed)


@app.command()
def devices(*, url: Url = DEFAULT_URL, as_json: Json = False) -> None:
    """List the devices that have fixes; the list is at most an hour old."""
    with output.exit_codes(), _client(url) as client:
        listed = client.devices()
        output.print_json(listed) if as_json else output.print_devices(listed)


@app.command()
def download(
    job: JobOrDay,
    *,
    device: Device = "",
    into: Annotated[Path, typer.Option("--into", help="Folder or path.")] = Path(),
    url: Url = DEFAULT_URL,
    as_json: Json = False,
) -> None:
    """Download and verify the CSV of a completed job."""
    with output.exit_codes(), _client(url) as client:
        saved = client.download(find_job(client, job, device), into)
        output.print_json({"path": str(saved)}) if as_json else print(saved)


@app.command()
def export(
    job: JobOrDay,
    *,
    device: Device = "",
    to: Annotated[exports.Format, typer.Option("--format", help="geojson, gpx or parquet.")],
    into: Annotated[Path, typer.Option("--output", help="Path, or a folder for the name of the CSV.")] = Path(),
    url: Url = DEFAULT_URL,
    as_json: Json = False,
) -> None:
    """Save the fixes of a completed job as GeoJSON, GPX or Parquet."""
    with output.exit_codes(), _client(url) as client:
        with output.requires_extra(to):
            exports.import_library(to)
        resolved = find_job(client, job, device)
        target = exports.target_path(resolved, into, to)
        unfiltered: list[str] = []
        with tempfile.TemporaryDirectory() as folder:
            csv = client.download(resolved, Path(folder, "day.csv"))
            exports.save(exports.convert(csv, resolved, to, unfiltered.append), target)
        output.print_unfiltered(unfiltered)
        output.print_json({"path": str(target)}) if as_json else print(target)


@app.command("range")
def submit_range(
    first: Day,
    last: Day,
    *,
    device: Device = "",
    timezone: Zone = None,
    home: Home = None,
    away_km: Away = None,
    at_once: Annotated[
        int, typer.Option("--at-once", min=1, max=32, help="Number of concurrent jobs.")
    ] = _DEFAULT_CONCURRENCY,
    url: Url = DEFAULT_URL,
    as_json: Json = False,
) -> None:
    """Submit a job for each day from FIRST to LAST; a repeated run continues and creates no second job."""
    if last < first:
        raise typer.BadParameter("the last day is before the first")
    parameters = JobParameters(device, timezone, _parse_home(home), away_km)
    with output.exit_codes(), _client(url) as client:
        quiet = as_json or not output.ERR.is_terminal
        with Progress(console=output.ERR, disable=quiet, transient=True) as progress:
            task = progress.add_task("days", total=(last - first).days + 1)
            runner = RangeRunner(client, parameters)
            outcomes = runner.run(first.date(), last.date(), at_once, lambda _: progress.advance(task))
        output.print_json(outcomes) if as_json else _print_outcomes(outcomes)
        if not all(outcome.is_success for outcome in outcomes):
            raise typer.Exit(output.FAILED)


@app.command()
def show(job: JobOrDay, *, device: Device = "", url: Url = DEFAULT_URL, as_json: Json = False) -> None:
    """Show a day: its numbers, the distance from home over time, the times at home and away, and the trips."""
    with output.exit_codes(), _client(url) as client:
        resolved, tracks = _job_and_tracks(client, job, device)
        away = list(day_chart.all_away_periods(tracks))
        if as_json:
            output.print_json({"job": resolved, "away": away})
            return
        output.print_job(resolved)
        chart = day_chart.render_text(tracks, output.OUT.width)
        print(chart if output.can_print(chart) else day_chart.render_text(tracks, output.OUT.width, is_ascii=True))
        if resolved.result and resolved.result.analysis:
            output.print_bars(resolved.result.analysis, resolved.timezone)
            output.print_analysis(resolved.result.analysis)
        else:
            _print_away_periods(away)  # of a job without analysis


@app.command()
def plot(
    job: JobOrDay, target: Annotated[Path, typer.Argument()], *, device: Device = "", url: Url = DEFAULT_URL
) -> None:
    """Save a chart of a day as PNG or SVG, by the suffix of TARGET."""
    if target.suffix not in (".png", ".svg"):
        raise typer.BadParameter("a name that ends in .png or .svg is expected")
    with output.exit_codes(), _client(url) as client:
        resolved, tracks = _job_and_tracks(client, job, device)
        with output.requires_extra("plot"):
            day_chart.save_image(tracks, f"{resolved.device_id or 'all devices'}, {resolved.date}", target)
        print(target)


def _parse_home(text: str | None) -> tuple[float, float] | None:
    if text is None:
        return None
    number = r"(-?[0-9]+(?:\.[0-9]*)?|-?\.[0-9]+)"
    match = re.fullmatch(rf"\s*{number}\s*,\s*{number}\s*", text)
    if not match:
        raise typer.BadParameter("--home: latitude,longitude in degrees is expected")
    return float(match[1]), float(match[2])


def _wait(client: Client, job_id: str, *, quiet: bool) -> Job:
    if quiet:
        return client.wait(job_id)
    spinner = "line" if output.ERR.options.ascii_only else "dots"
    with output.ERR.status(job_id, spinner=spinner) as display:
        return client.wait(job_id, on_poll=lambda job: display.update(f"{job_id}: {job.status}"))


def _job_and_tracks(client: Client, job_or_date: str, device: str) -> tuple[Job, dict[str, day_chart.Track]]:
    job = find_job(client, job_or_date, device)
    with tempfile.TemporaryDirectory() as folder:
        return job, day_chart.read_tracks(client.download(job, Path(folder)))


def _print_away_periods(periods: list[day_chart.Period]) -> None:
    table = Table("away from", "until", "min", "max, km", "device", box=None)
    for period in periods:
        times = f"{period.begins:%H:%M:%S}", f"{period.ends:%H:%M:%S}"
        table.add_row(*times, f"{period.minutes:.1f}", f"{period.farthest_km:.3f}", period.device_id)
    output.OUT.print(table)


def _print_outcomes(outcomes: list[Outcome]) -> None:
    table = output.result_table("date")
    for outcome in outcomes:
        table.add_row(outcome.day, *output.result_columns(outcome.job), outcome.message)
    output.OUT.print(table)
    completed = sum(outcome.job is not None for outcome in outcomes)
    output.OUT.print(f"{completed} of {len(outcomes)} days completed")
