"""A plain Python reference of the statistics, the CSV rows and the context of a day, one fix at a time."""

import csv
import io
import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from functions.calculate.fixes.blocks import NULL, Block, ContextFix, DayQuery
from shared.models import Home

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
CONTEXT = timedelta(hours=12)


@dataclass(frozen=True)
class Fix:
    """One row of the table. Its own time is the time of the day column if there is no other."""

    time_us: int
    device: str
    latitude: float
    longitude: float
    accuracy: int | None = None
    battery: int | None = None
    velocity: int | None = None
    other_own_time_us: int | None = None

    @property
    def own_time_us(self) -> int:
        return self.time_us if self.other_own_time_us is None else self.other_own_time_us


def block(fixes: list[Fix], devices: list[str]) -> Block:
    """Return the fixes as a block, and add new devices to `devices`."""
    for fix in fixes:
        if fix.device not in devices:
            devices.append(fix.device)

    def integers(values: Iterable[int | None]) -> Any:
        return np.array([NULL if value is None else value for value in values], np.int64)

    return Block(
        np.array([fix.time_us for fix in fixes], np.int64),
        np.array([fix.own_time_us for fix in fixes], np.int64),
        np.array([devices.index(fix.device) for fix in fixes], np.int64),
        np.array([fix.latitude for fix in fixes], np.float64),
        np.array([fix.longitude for fix in fixes], np.float64),
        integers(fix.accuracy for fix in fixes),
        integers(fix.battery for fix in fixes),
        integers(fix.velocity for fix in fixes),
        devices,
    )


def context(fixes: list[Fix], query: DayQuery) -> tuple[dict[str, ContextFix], dict[str, ContextFix]]:
    """Return the context fix of each device before and after the day; `fixes` are in the order of the job."""
    before = candidates(fixes, query.start - CONTEXT, query.start, query)
    after = candidates(fixes, query.end, min(query.end + CONTEXT, query.queued_at), query)
    return (
        {device: context_fix(found[-1]) for device, found in before.items()},
        {device: context_fix(found[0]) for device, found in after.items()},
    )


def candidates(fixes: list[Fix], start: datetime, end: datetime, query: DayQuery) -> dict[str, list[Fix]]:
    """Return the candidates of each device among the fixes with both times in [start, end)."""
    first, last = ((instant - EPOCH) // timedelta(microseconds=1) for instant in (start, end))
    found: dict[str, list[Fix]] = {}
    for fix in fixes:
        is_selected = query.device_id in ("", fix.device)
        is_inside = first <= fix.time_us < last and first <= fix.own_time_us < last
        is_valid = -90 <= fix.latitude <= 90 and -180 <= fix.longitude <= 180
        is_null_island = fix.latitude == 0 and fix.longitude == 0
        is_accurate = fix.accuracy is None or 0 <= fix.accuracy <= query.max_accuracy_m
        if is_selected and is_inside and is_valid and not is_null_island and is_accurate:
            earlier = found.setdefault(fix.device, [])
            if not earlier or fix.own_time_us > earlier[-1].own_time_us:
                earlier.append(fix)
    return found


def context_fix(fix: Fix) -> ContextFix:
    accuracy = NULL if fix.accuracy is None else fix.accuracy
    return ContextFix(fix.own_time_us, fix.latitude, fix.longitude, accuracy)


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
