"""A plain Python reference of the statistics and the CSV rows, one fix at a time."""

import csv
import io
import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from functions.calculate.fixes.blocks import NULL, Block
from shared.models import Home

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Fix:
    """One row of the table."""

    time_us: int
    device: str
    latitude: float
    longitude: float
    accuracy: int | None = None
    battery: int | None = None
    velocity: int | None = None


def block(fixes: list[Fix], devices: list[str]) -> Block:
    """Return the fixes as a block, and add new devices to `devices`."""
    for fix in fixes:
        if fix.device not in devices:
            devices.append(fix.device)

    def integers(values: Iterable[int | None]) -> Any:
        return np.array([NULL if value is None else value for value in values], np.int64)

    return Block(
        np.array([fix.time_us for fix in fixes], np.int64),
        np.array([devices.index(fix.device) for fix in fixes], np.int64),
        np.array([fix.latitude for fix in fixes], np.float64),
        np.array([fix.longitude for fix in fixes], np.float64),
        integers(fix.accuracy for fix in fixes),
        integers(fix.battery for fix in fixes),
        integers(fix.velocity for fix in fixes),
        devices,
    )


def haversine(a: tuple[float, float], b: tuple[float, float]) -> float:
    (lat1, lon1), (lat2, lon2) = ((math.radians(x), math.radians(y)) for x, y in (a, b))
    h = math.sin((lat2 - lat1) / 2) ** 2 + math.cos(lat1) * math.cos(lat2) * math.sin((lon2 - lon1) / 2) ** 2
    return 2 * 6371.0 * math.asin(math.sqrt(min(1.0, h)))


@dataclass
class Day:
    """The statistics and the CSV rows of a day."""

    numbers: dict[str, float]
    rows: list[list[str]]


def day(fixes: list[Fix], home: Home, threshold: float) -> Day:
    usable = [fix for fix in fixes if -90 <= fix.latitude <= 90 and -180 <= fix.longitude <= 180]
    at_home = (home.latitude, home.longitude)
    km = [haversine((fix.latitude, fix.longitude), at_home) for fix in usable]
    rows, path = [], []
    away_us: dict[str, int] = {}
    last: dict[str, tuple[Fix, bool]] = {}
    for fix, far in zip(usable, km, strict=True):
        spent = away_us.setdefault(fix.device, 0)
        if fix.device in last:
            before, was_away = last[fix.device]
            path.append(haversine((before.latitude, before.longitude), (fix.latitude, fix.longitude)))
            if was_away:
                spent = away_us[fix.device] = spent + fix.time_us - before.time_us
        last[fix.device] = (fix, far > threshold)
        rows.append(row(fix, far, far > threshold, spent))
    return Day(
        {
            "total_distance_km": math.fsum(km),
            "total_locations": len(usable),
            "max_distance_km": max(km, default=0.0),
            "min_distance_km": min(km, default=0.0),
            "avg_distance_km": math.fsum(km) / len(km) if km else 0.0,
            "path_length_km": math.fsum(path),
            "away_minutes": sum(away_us.values()) / 60e6,
            "rejected_locations": len(fixes) - len(usable),
        },
        rows,
    )


def row(fix: Fix, km: float, away: bool, away_us: int) -> list[str]:
    at = EPOCH + timedelta(microseconds=fix.time_us)
    fraction = f".{at.microsecond:06d}".rstrip("0").rstrip(".")
    hundredths = (away_us + 300_000) // 600_000
    return [
        f"{at.year:04d}-{at:%m-%dT%H:%M:%S}{fraction}Z",
        fix.device,
        decimals(fix.latitude),
        decimals(fix.longitude),
        decimals(km),
        "true" if away else "false",
        *("" if value is None else str(value) for value in (fix.accuracy, fix.battery, fix.velocity)),
        f"{hundredths // 100}.{hundredths % 100:02d}",
    ]


def decimals(value: float) -> str:
    text = f"{value:.6f}"
    return text.removeprefix("-") if float(text) == 0 else text


def written(rows: list[list[str]]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue().encode()
