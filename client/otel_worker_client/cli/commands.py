"""The commands, each a few lines over the client."""

import math
import os
import re
import tempfile
from datetime import date, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import Progress
from rich.table import Table

from otel_worker_client.cli import day, telling
from otel_worker_client.cli.ranges import Asked, Outcome, Range
from otel_worker_client.client import DEFAULT_URL, Client
from otel_worker_client.errors import NotFoundError
from otel_worker_client.models import Job

app = typer.Typer(no_args_is_help=True, help="Days of fixes as distances from home.", pretty_exceptions_enable=False)
_AT_ONCE = 4


def _finite(number: float | None) -> float | None:
    if number is not None and not math.isfinite(number):
        raise typer.BadParameter("a finite number is expected")
    return number


Url = Annotated[str, typer.Option("--url", envvar="OTEL_WORKER_URL", help="The service, or a gateway before it.")]
Json = Annotated[bool, typer.Option("--json", help="JSON on stdout, and nothing else.")]
Day = Annotated[datetime, typer.Argument(formats=["%Y-%m-%d"], metavar="DATE")]
Device = Annotated[str, typer.Option("--device", help="One device; all of them without it.")]
Zone = Annotated[str | None, typer.Option("--timezone", help="Where the day begins and ends, an IANA name.")]
Home = Annotated[str | None, typer.Option("--home", metavar="LAT,LON", help="Another home than the deployment's.")]
Away = Annotated[
    float | None,
    typer.Option("--away-km", help="Farther than this from home is away.", callback=_finite),
]
JobId = Annotated[str, typer.Argument(metavar="JOB")]
JobOrDay = Annotated[str, typer.Argument(metavar="JOB|DATE", help="A job's id, or a date: its newest completed job.")]


def _client(url: str) -> Client:
    """Of that service, with what the environment has to say who we are."""
    return Client.from_environ({**os.environ, "OTEL_WORKER_URL": url})


@app.command()
def submit(
    when: Day,
    *,
    device: Device = "",
    timezone: Zone = None,
    home: Home = None,
    away_km: Away = None,
    key: Annotated[str | None, typer.Option("--key", help="The same key again is the same job.")] = None,
    wait: Annotated[bool, typer.Option("--wait", help="Until it has ended.")] = False,
    url: Url = DEFAULT_URL,
    as_json: Json = False,
) -> None:
    """Start a job for a day."""
    with telling.exit_codes(), _client(url) as client:
        asked = Asked(device, timezone, _place(home), away_km)
        job = client.submit(
            f"{when:%Y-%m-%d}",
            device,
            timezone=timezone,
            home=asked.home,
            away_threshold_km=away_km,
            idempotency_key=key,
        )
        if wait:
            job = _watched(client, job.job_id, quiet=as_json)
        telling.as_json(job) if as_json else telling.job(job)


@app.command()
def watch(job_id: JobId, *, url: Url = DEFAULT_URL, as_json: Json = False) -> None:
    """Follow a job until it has ended."""
    with telling.exit_codes(), _client(url) as client:
        job = _watched(client, job_id, quiet=as_json)
        telling.as_json(job) if as_json else telling.job(job)


@app.command()
def status(job_id: JobId, *, url: Url = DEFAULT_URL, as_json: Json = False) -> None:
    """A job as it is now."""
    with telling.exit_codes(), _client(url) as client:
        job = client.job(job_id)
        telling.as_json(job) if as_json else telling.job(job)


@app.command("list")
def list_jobs(
    *,
    status: Annotated[str, typer.Option("--status", help="queued, processing, completed or failed.")] = "",
    when: Annotated[str, typer.Option("--date", help="Jobs of this day.")] = "",
    device: Device = "",
    limit: Annotated[int, typer.Option("--limit", min=1, max=500)] = 50,
    every: Annotated[bool, typer.Option("--all", help="All of them, not just the newest.")] = False,
    url: Url = DEFAULT_URL,
    as_json: Json = False,
) -> None:
    """Jobs, newest first, with the numbers of those that have ended."""
    with telling.exit_codes(), _client(url) as client:
        if every:
            found = list(client.jobs(status=status, date=when, device_id=device))
        else:
            found = list(client.page(limit=limit, status=status, date=when, device_id=device).jobs)
        telling.as_json(found) if as_json else telling.jobs(found)


@app.command()
def devices(*, url: Url = DEFAULT_URL, as_json: Json = False) -> None:
    """The devices that have fixes, as the database was seen within the last hour."""
    with telling.exit_codes(), _client(url) as client:
        found = client.devices()
        telling.as_json(found) if as_json else telling.devices(found)


@app.command()
def download(
    job: JobOrDay,
    *,
    device: Device = "",
    into: Annotated[Path, typer.Option("--into", help="A folder or a path.")] = Path(),
    url: Url = DEFAULT_URL,
    as_json: Json = False,
) -> None:
    """The CSV of a completed job, whole and checked."""
    with telling.exit_codes(), _client(url) as client:
        saved = client.download(_job(client, job, device), into)
        telling.as_json({"path": str(saved)}) if as_json else print(saved)


@app.command("range")
def over_days(
    first: Day,
    last: Day,
    *,
    device: Device = "",
    timezone: Zone = None,
    home: Home = None,
    away_km: Away = None,
    at_once: Annotated[int, typer.Option("--at-once", min=1, max=32, help="Days under way at a time.")] = _AT_ONCE,
    url: Url = DEFAULT_URL,
    as_json: Json = False,
) -> None:
    """Calculate each day from FIRST to LAST; asked for again, it goes on where it was, and makes no second job."""
    if last < first:
        raise typer.BadParameter("the last day is before the first")
    asked = Asked(device, timezone, _place(home), away_km)
    with telling.exit_codes(), _client(url) as client:
        quiet = as_json or not telling.ERR.is_terminal
        with Progress(console=telling.ERR, disable=quiet, transient=True) as progress:
            task = progress.add_task("days", total=(last - first).days + 1)
            outcomes = Range(client, asked).run(first.date(), last.date(), at_once, lambda _: progress.advance(task))
        telling.as_json(outcomes) if as_json else _summary(outcomes)
        if not all(outcome.good for outcome in outcomes):
            raise typer.Exit(telling.FAILED)


@app.command()
def show(job: JobOrDay, *, device: Device = "", url: Url = DEFAULT_URL, as_json: Json = False) -> None:
    """A day in the terminal: its numbers, the distance from home over time, the periods away."""
    with telling.exit_codes(), _client(url) as client:
        found, tracks = _day(client, job, device)
        away = list(day.all_periods(tracks))
        if as_json:
            telling.as_json({"job": found, "away": away})
            return
        telling.job(found)
        picture = day.drawn(tracks, telling.OUT.width)
        print(picture if telling.can_print(picture) else day.drawn(tracks, telling.OUT.width, is_ascii=True))
        table = Table("away from", "until", "min", "farthest, km", "device", box=None)
        for one in away:
            times = f"{one.begins:%H:%M:%S}", f"{one.ends:%H:%M:%S}"
            table.add_row(*times, f"{one.minutes:.1f}", f"{one.farthest_km:.3f}", one.device_id)
        telling.OUT.print(table)


@app.command()
def plot(
    job: JobOrDay, target: Annotated[Path, typer.Argument()], *, device: Device = "", url: Url = DEFAULT_URL
) -> None:
    """A day as a picture: PNG or SVG, by the ending of TARGET."""
    if target.suffix not in (".png", ".svg"):
        raise typer.BadParameter("a name that ends in .png or .svg is expected")
    with telling.exit_codes(), _client(url) as client:
        found, tracks = _day(client, job, device)
        try:
            day.picture(tracks, f"{found.device_id or 'every device'}, {found.date}", target)
        except ModuleNotFoundError as exc:
            telling.ERR.print(f"{exc.name} is missing: install otel-worker-client with the extra plot", markup=False)
            raise typer.Exit(telling.FAILED) from None
        print(target)


def _place(text: str | None) -> tuple[float, float] | None:
    if text is None:
        return None
    number = r"(-?[0-9]+(?:\.[0-9]*)?|-?\.[0-9]+)"
    found = re.fullmatch(rf"\s*{number}\s*,\s*{number}\s*", text)
    if not found:
        raise typer.BadParameter("--home: latitude,longitude in degrees is expected")
    return float(found[1]), float(found[2])


def _watched(client: Client, job_id: str, *, quiet: bool) -> Job:
    if quiet:
        return client.wait(job_id)
    spinner = "line" if telling.ERR.options.ascii_only else "dots"
    with telling.ERR.status(job_id, spinner=spinner) as shown:
        return client.wait(job_id, tell=lambda job: shown.update(f"{job_id}: {job.status}"))


def _job(client: Client, wanted: str, device: str) -> Job:
    """The job of that id, or the newest completed one of that date."""
    try:
        when = date.fromisoformat(wanted)
    except ValueError:
        return client.job(wanted)
    found = client.page(limit=1, status="completed", date=when.isoformat(), device_id=device, results=False).jobs
    if not found:
        raise NotFoundError(f"no completed job of {when}: submit it first")
    return client.job(found[0].job_id)


def _day(client: Client, wanted: str, device: str) -> tuple[Job, dict[str, day.Track]]:
    job = _job(client, wanted, device)
    with tempfile.TemporaryDirectory() as folder:
        return job, day.tracks(client.download(job, Path(folder)))


def _summary(outcomes: list[Outcome]) -> None:
    table = telling.numbered("date")
    for outcome in outcomes:
        table.add_row(outcome.day, *telling.numbers(outcome.job), outcome.message)
    telling.OUT.print(table)
    completed = sum(outcome.job is not None for outcome in outcomes)
    telling.OUT.print(f"{completed} of {len(outcomes)} days completed")
