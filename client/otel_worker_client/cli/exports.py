"""A day's CSV as GeoJSON, GPX or Parquet."""

import contextlib
import importlib
import io
import itertools
import json
import re
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path

from otel_worker_client.cli.day_segments import Segment, read_segments
from otel_worker_client.errors import DownloadError
from otel_worker_client.models import Job

_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class Format(StrEnum):
    """The formats of `convert`; a value is also the suffix of a file."""

    GEOJSON = "geojson"
    GPX = "gpx"
    PARQUET = "parquet"


# The library of a format, from the extra of the same name.
_LIBRARIES = {Format.GPX: "gpxpy", Format.PARQUET: "polars"}


def import_library(to: Format) -> None:
    """Import the library of a format; ModuleNotFoundError if its extra is not installed."""
    if to in _LIBRARIES:
        importlib.import_module(_LIBRARIES[to])


def convert(path: Path, job: Job, to: Format, on_unfiltered: Callable[[str], object] = lambda _: None) -> bytes:
    """Convert the CSV of a completed job; DownloadError for a file that is not a CSV of the service.

    GeoJSON and GPX have the fixes that the analysis uses, in segments between the gaps. `on_unfiltered` is called with
    each device that has all fixes instead (`read_segments`). Parquet has all rows.
    """
    if to is Format.PARQUET:
        return parquet(path)
    segments = read_segments(path, job.result.analysis if job.result else None, on_unfiltered)
    return (geojson if to is Format.GEOJSON else gpx)(segments, job.date).encode()


def geojson(segments: list[Segment], date: str) -> str:
    """Return a feature for each segment (RFC 7946) with its device, the date, and the times of the coordinates."""
    features = []
    for segment in segments:
        positions = [(fix.longitude, fix.latitude) for fix in segment.fixes]
        line = {"type": "LineString", "coordinates": positions}
        times = [f"{fix.at.replace(tzinfo=None).isoformat(timespec='milliseconds')}Z" for fix in segment.fixes]
        features.append(
            {
                "type": "Feature",
                "geometry": line if len(positions) > 1 else {"type": "Point", "coordinates": positions[0]},
                "properties": {"device_id": segment.device_id, "date": date, "times": times},
            }
        )
    collection = {"type": "FeatureCollection", "features": features}
    return json.dumps(collection, ensure_ascii=False, separators=(",", ":")) + "\n"


def gpx(segments: list[Segment], date: str) -> str:
    """Return GPX 1.1 with a track for each device; characters that XML cannot contain are replaced."""
    from gpxpy import gpx as gpxpy  # noqa: PLC0415 - the extra `gpx`

    document = gpxpy.GPX()
    document.creator = "otel-worker"
    for device_id, parts in itertools.groupby(segments, key=lambda segment: segment.device_id):
        track = gpxpy.GPXTrack(name=_NOT_XML.sub("\ufffd", f"{device_id} {date}"))
        for part in parts:
            points = [gpxpy.GPXTrackPoint(fix.latitude, fix.longitude, time=fix.at) for fix in part.fixes]
            track.segments.append(gpxpy.GPXTrackSegment(points))
        document.tracks.append(track)
    return f"{document.to_xml()}\n"


def parquet(path: Path) -> bytes:
    """Return the rows and columns of a CSV with their types; unknown columns are text."""
    import polars as pl  # noqa: PLC0415 - the extra `parquet`

    floats = ("latitude", "longitude", "distance_from_home_km", "cumulative_away_time_minutes")
    types: dict[str, type[pl.DataType]] = {
        "device_id": pl.String,
        "timestamp": pl.String,
        "is_away": pl.Boolean,
        **dict.fromkeys(floats, pl.Float64),
        **dict.fromkeys(("accuracy", "battery", "velocity"), pl.Int64),
    }
    time = pl.col("timestamp").str.to_datetime("%Y-%m-%dT%H:%M:%S%.fZ", time_unit="us", time_zone="UTC")
    buffer = io.BytesIO()  # a full disk is an OSError only where this process writes the file
    try:
        rows = pl.read_csv(path, schema_overrides=types, infer_schema=False, glob=False)
        rows = rows.with_columns(time, pl.col("device_id").fill_null(""))
        rows.write_parquet(buffer)
    except pl.exceptions.PolarsError:
        raise DownloadError("the CSV has an unexpected format") from None
    return buffer.getvalue()


def save(content: bytes, target: Path) -> None:
    """Write a file; it appears complete or not at all."""
    partial = target.with_name(f"{target.name}.part")
    try:
        partial.write_bytes(content)
        partial.replace(target)
    except BaseException:
        with contextlib.suppress(OSError):  # for example a directory
            partial.unlink(missing_ok=True)
        raise


def target_path(job: Job, output: Path, to: Format) -> Path:
    """Return `output`, or in a folder the name of the job's CSV with the suffix of the format."""
    if job.result is None:
        raise DownloadError(f"job {job.job_id} is {job.status}: there is no CSV")
    name = job.result.csv_path.rsplit("/", 1)[-1].removesuffix(".csv")
    return output / f"{name}.{to}" if output.is_dir() else output
