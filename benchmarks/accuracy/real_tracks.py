"""Recorded tracks: the analysis of each equals the reference, its times add up, and its paths are plausible.

The tracks are those of gpxpy's tests (Apache-2.0), which its source distribution has. The distribution is downloaded in
the version and with the hashes of requirements/accuracy.txt. Home is the first position of a track.
"""

import os
import re
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.accuracy.methods import run_job
from benchmarks.accuracy.movement import winding
from benchmarks.accuracy.tables import table
from functions.calculate.fixes.blocks import NULL, Block
from local.install import pip_environment
from shared.models import AnalysisParameters, Home
from tests.unit.analysis import reference
from tests.unit.analysis.comparison import differences
from tests.unit.analysis.places import Position

TRACKS = ("cerknicko-jezero.gpx", "korita-zbevnica.gpx", "around-visnjan-with-car.gpx")
_LOCK = Path(__file__).parents[2] / "requirements" / "accuracy.txt"
_DEVICE = "track"
_DAY_US = 86_400_000_000
_LENGTH_TOLERANCE = 0.01  # gpxpy takes short distances on a plane

Fix = tuple[int, float, float]  # microseconds since 1970, latitude, longitude


@dataclass(frozen=True)
class TrackCheck:
    """Figures of a track; `problems` is empty if everything holds."""

    name: str
    fixes: int
    gpxpy_km: float
    plain_km: float
    raw_km: float
    robust_km: float
    winding: float
    problems: list[str]


def check_all() -> list[TrackCheck]:
    """Download the tracks and check each. Raises ValueError if something does not hold."""
    checks = [_check(name, text) for name, text in _download()]
    if problems := [f"{check.name}: {problem}" for check in checks for problem in check.problems]:
        raise ValueError("; ".join(problems))
    return checks


def table_of(checks: Sequence[TrackCheck]) -> list[str]:
    """Return the lines of a Markdown table."""
    rows = [
        [
            f"`{check.name}`",
            f"{check.fixes}",
            *(f"{km:.2f}" for km in (check.gpxpy_km, check.plain_km, check.raw_km, check.robust_km, check.winding)),
        ]
        for check in checks
    ]
    return table(
        ["track", "fixes", "gpxpy (km)", "plain rule (km)", "raw path (km)", "robust path (km)", "by straight lines"],
        rows,
    )


def _download() -> Iterator[tuple[str, str]]:
    """Yield the name and the text of each track."""
    (pin,) = re.findall(r"^gpxpy==.*?(?=^\S|\Z)", _LOCK.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    with tempfile.TemporaryDirectory() as folder:
        requirement = Path(folder, "gpxpy.txt")
        requirement.write_text(re.sub(r"^\s*#.*\n", "", pin, flags=re.MULTILINE), encoding="utf-8")
        options = ["--quiet", "--no-deps", "--no-binary", "gpxpy", "--require-hashes", "--dest", folder]
        command = [sys.executable, "-I", "-m", "pip", "download", *options, "-r", str(requirement)]
        subprocess.run(command, env=pip_environment(os.environ), check=True)
        (archive,) = Path(folder).glob("gpxpy-*.tar.gz")
        with tarfile.open(archive) as tar:
            for name in TRACKS:
                (member,) = (each for each in tar.getmembers() if each.name.endswith(f"/test_files/{name}"))
                file = tar.extractfile(member)
                if file is None:
                    raise ValueError(f"{name} is no file")
                yield name, file.read().decode("utf-8-sig")


def _check(name: str, text: str) -> TrackCheck:
    import gpxpy  # noqa: PLC0415 - only the recorded tracks need it

    tracks = gpxpy.parse(text).tracks
    points = [point for track in tracks for segment in track.segments for point in segment.points]
    fixes = [(_microseconds(point.time), point.latitude, point.longitude) for point in points if point.time]
    fixes.sort(key=lambda fix: fix[0])
    gpxpy_km = gpxpy.geo.length([gpxpy.geo.Location(*fix[1:]) for fix in fixes]) / 1000
    return check_track(name, fixes, gpxpy_km)


def check_track(name: str, fixes: Sequence[Fix], length_km: float) -> TrackCheck:
    """Analyse fixes in the order of their times; `length_km` is the length of the path between them."""
    start = fixes[0][0] // _DAY_US * _DAY_US
    window, home = (start, start + _DAY_US), Home(latitude=fixes[0][1], longitude=fixes[0][2])
    day = run_job(_block(fixes), window, home=home)
    expected = reference.analyse(
        [(_DEVICE, *fix, None) for fix in fixes],
        [],
        [],
        home=Position(home.latitude, home.longitude),
        away_threshold_km=0.5,
        parameters=vars(AnalysisParameters()),
        window=window,
        day_column="timestamp",
    )
    device = day.document["devices"][0]
    plain_km, path = day.statistics.path_length_km, device["path_length_km"]
    problems = [*differences(expected, day.document), *_problems(device)]
    if abs(plain_km / length_km - 1) > _LENGTH_TOLERANCE:
        problems.append(f"a path of {plain_km} km instead of {length_km}")
    return TrackCheck(
        name=name,
        fixes=len(fixes),
        gpxpy_km=length_km,
        plain_km=plain_km,
        raw_km=path["raw"],
        robust_km=path["robust"],
        winding=winding(*np.array([fix[1:] for fix in fixes]).T),
        problems=problems,
    )


def _problems(device: dict[str, Any]) -> Iterator[str]:
    """Yield what cannot be true of any day."""
    times = device["home_minutes"] + device["away_minutes"] + device["unknown_minutes"]
    if abs(times - device["window_minutes"]) > 0.02:
        yield "the times do not add up"
    if device["path_length_km"]["robust"] > device["path_length_km"]["raw"] + 1e-6:
        yield "the robust path is longer than the raw one"


def _block(fixes: Sequence[Fix]) -> Block:
    time_us = np.array([time for time, _, _ in fixes], np.int64)
    none = np.full(len(fixes), NULL)
    return Block(
        time_us=time_us,
        own_time_us=time_us,
        device=np.zeros(len(fixes), np.int64),
        latitude=np.array([latitude for _, latitude, _ in fixes], np.float64),
        longitude=np.array([longitude for _, _, longitude in fixes], np.float64),
        accuracy=none,
        battery=none,
        velocity=none,
        devices=[_DEVICE],
    )


def _microseconds(instant: datetime) -> int:
    return round(instant.astimezone(UTC).timestamp() * 1e6)
