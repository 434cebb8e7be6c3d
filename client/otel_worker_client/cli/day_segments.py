"""The fixes of a day's CSV that its analysis uses, in segments between the gaps."""

import csv
import itertools
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import asin, cos, radians, sin, sqrt
from pathlib import Path
from typing import NamedTuple

from otel_worker_client.analysis import Analysis, AnalysisParameters
from otel_worker_client.errors import DownloadError

_RADIUS_KM = 6371
_JUMP_EXCESS_KM = 0.2
_JUMP_LEGS_KMH = 1_000
_COLUMNS = ("device_id", "timestamp", "latitude", "longitude", "accuracy")


class Fix(NamedTuple):
    """A fix: its time (UTC), its coordinates in degrees, and its accuracy in metres or None."""

    at: datetime
    latitude: float
    longitude: float
    accuracy: int | None


@dataclass(frozen=True)
class Segment:
    """Consecutive fixes of one device, at least one, without a gap between them."""

    device_id: str
    fixes: list[Fix]


def read_segments(
    path: Path, analysis: Analysis | None, on_unfiltered: Callable[[str], object] = lambda _: None
) -> list[Segment]:
    """Return the segments of a CSV, device by device, each in order of time.

    The fixes that the analysis rejected are left out. `on_unfiltered` is called with each device that has all fixes
    nevertheless, because the CSV does not determine which ones are rejected. Without an analysis no fix is, and a
    device has one segment. Raises DownloadError for a file that is not a CSV of the service.
    """
    try:
        devices = _read_fixes(path)
    except (ValueError, IndexError, csv.Error):
        raise DownloadError("the CSV has an unexpected format") from None
    if analysis is None:
        return [Segment(device_id, fixes) for device_id, fixes in devices.items()]
    usable = {device.device_id: device.fixes.usable for device in analysis.devices}
    segments = []
    for device_id, fixes in devices.items():
        candidates = without_rejected(fixes, analysis.parameters)
        # With a day column that is not the time of the fix the CSV does not determine which fixes are rejected. The
        # analysis lists no counts of devices beyond its limit.
        kept = candidates if len(candidates) == usable.get(device_id) else fixes
        if len(kept) != usable.get(device_id):
            on_unfiltered(device_id)
        segments += [Segment(device_id, part) for part in split_at_gaps(kept, analysis.parameters.gap_seconds)]
    return segments


def _read_fixes(path: Path) -> dict[str, list[Fix]]:
    """Return the fixes of each device in order of time."""
    devices: dict[str, list[Fix]] = {}
    with path.open(newline="", encoding="utf-8") as file:
        rows = csv.reader(file)
        names = next(rows, [])
        device, time, latitude, longitude, accuracy = map(names.index, _COLUMNS)
        for row in rows:
            metres = int(row[accuracy]) if row[accuracy] else None
            fix = Fix(datetime.fromisoformat(row[time]), float(row[latitude]), float(row[longitude]), metres)
            devices.setdefault(row[device], []).append(fix)
    for fixes in devices.values():
        fixes.sort(key=lambda fix: fix.at)
    return devices


def without_rejected(fixes: list[Fix], parameters: AnalysisParameters) -> list[Fix]:
    """Return the fixes of one device that remain by the rules of the analysis, which the CSV alone determines."""
    candidates: list[Fix] = []
    for fix in fixes:
        is_null_island = fix.latitude == 0 and fix.longitude == 0
        is_accurate = fix.accuracy is None or 0 <= fix.accuracy <= parameters.max_accuracy_m
        is_duplicate = bool(candidates) and candidates[-1].at == fix.at
        if is_accurate and not is_null_island and not is_duplicate:
            candidates.append(fix)
    legs = [_distance_km(before, fix) for before, fix in itertools.pairwise(candidates)]
    jumps = {
        index
        for index in range(1, len(candidates) - 1)
        # A detour is at most twice its shorter leg, so that most fixes need no third distance.
        if min(legs[index - 1], legs[index]) * 2 > _JUMP_EXCESS_KM * 0.999
        and _is_jump(candidates[index - 1 : index + 2], legs[index - 1 : index + 1], parameters.jump_speed_kmh)
    }
    return [fix for index, fix in enumerate(candidates) if index not in jumps]


def _is_jump(fixes: list[Fix], legs: list[float], jump_speed_kmh: float) -> bool:
    """Return whether the second of three fixes is a detour of impossible speed."""
    before, fix, after = fixes
    excess = sum(legs) - _distance_km(before, after)
    is_fast = legs[0] > _JUMP_LEGS_KMH * _hours(before, fix) and legs[1] > _JUMP_LEGS_KMH * _hours(fix, after)
    return excess > _JUMP_EXCESS_KM and (is_fast or excess > jump_speed_kmh * _hours(before, after))


def _hours(before: Fix, after: Fix) -> float:
    return (after.at - before.at) / timedelta(hours=1)


def _distance_km(a: Fix, b: Fix) -> float:
    """Return the great-circle distance (haversine formula)."""
    across = sin(radians(b.longitude - a.longitude) / 2) ** 2
    half = sin(radians(b.latitude - a.latitude) / 2) ** 2
    half += cos(radians(a.latitude)) * cos(radians(b.latitude)) * across
    return 2 * _RADIUS_KM * asin(sqrt(min(1.0, half)))


def split_at_gaps(fixes: list[Fix], gap_seconds: float) -> list[list[Fix]]:
    """Return the parts of a device's fixes between intervals that are longer than `gap_seconds`."""
    parts: list[list[Fix]] = []
    for fix in fixes:
        if not parts or (fix.at - parts[-1][-1].at).total_seconds() > gap_seconds:
            parts.append([])
        parts[-1].append(fix)
    return parts
