"""Rows, the reasons to reject them, and the context of a day."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

EARTH_RADIUS_KM = 6371.0
CONTEXT_US = 12 * 3_600_000_000
REASONS = (
    "missing",
    "out_of_range",
    "null_island",
    "invalid_accuracy",
    "inaccurate",
    "outside_window",
    "duplicate",
    "out_of_order",
    "jump",
)

# Device, own time in microseconds since 1970 UTC, latitude and longitude in degrees, accuracy in metres.
Row = tuple[str, int, float | None, float | None, int | None]
Window = tuple[int, int]  # first microsecond, and the first one after it


class Place(Protocol):
    """A position in WGS84 degrees."""

    @property
    def latitude(self) -> float: ...
    @property
    def longitude(self) -> float: ...


@dataclass(frozen=True)
class Fix:
    """A candidate or a context fix: own time in microseconds since 1970 UTC, WGS84 degrees, accuracy in metres."""

    time_us: int
    latitude: float
    longitude: float
    accuracy: int  # 0: unknown

    @property
    def accuracy_km(self) -> float:
        return self.accuracy / 1000


def distance_km(a: Place, b: Place) -> float:
    """Return the haversine distance of two places."""
    latitude_a, latitude_b = math.radians(a.latitude), math.radians(b.latitude)
    half_north = math.radians(b.latitude - a.latitude) / 2
    half_east = math.radians(b.longitude - a.longitude) / 2
    h = math.sin(half_north) ** 2 + math.cos(latitude_a) * math.cos(latitude_b) * math.sin(half_east) ** 2
    return 2 * EARTH_RADIUS_KM * math.asin(math.sqrt(min(1.0, h)))


def select_usable(
    rows: Iterable[Row], window: Window, parameters: Mapping[str, Any]
) -> tuple[list[Fix], dict[str, int]]:
    """Return the usable fixes of one device, and the number of its rejected rows by reason."""
    candidates, reasons = _select_candidates(rows, window, parameters)
    jumps = [is_jump(candidates, index, parameters["jump_speed_kmh"]) for index in range(len(candidates))]
    usable = [fix for fix, jump in zip(candidates, jumps, strict=True) if not jump]
    reasons += ["jump"] * sum(jumps)
    return usable, {reason: reasons.count(reason) for reason in REASONS if reason in reasons}


def context_fixes(
    before_rows: Iterable[Row], after_rows: Iterable[Row], window: Window, parameters: Mapping[str, Any]
) -> tuple[dict[str, Fix], dict[str, Fix]]:
    """Return each device's last candidate of the 12 hours before the window, and its first of the 12 hours after."""
    start, end = window
    before: dict[str, Fix] = {}
    after: dict[str, Fix] = {}
    for device, rows in rows_by_device(before_rows).items():
        candidates, _ = _select_candidates(rows, (start - CONTEXT_US, start), parameters)
        if candidates:
            before[device] = candidates[-1]
    for device, rows in rows_by_device(after_rows).items():
        candidates, _ = _select_candidates(rows, (end, end + CONTEXT_US), parameters)
        if candidates:
            after[device] = candidates[0]
    return before, after


def rows_by_device(rows: Iterable[Row]) -> dict[str, list[Row]]:
    """Return the rows of each device in their order, by device_id in code point order."""
    devices: dict[str, list[Row]] = {}
    for row in rows:
        devices.setdefault(row[0], []).append(row)
    return dict(sorted(devices.items()))


def _select_candidates(
    rows: Iterable[Row], window: Window, parameters: Mapping[str, Any]
) -> tuple[list[Fix], list[str]]:
    """Return the candidates of one device, and the reason of each other row."""
    candidates: list[Fix] = []
    reasons = []
    for _, time_us, latitude, longitude, accuracy in rows:
        reason = _row_reason(latitude, longitude, accuracy, parameters["max_accuracy_m"]) or _time_reason(
            time_us, window, candidates
        )
        if reason is None and latitude is not None and longitude is not None:
            candidates.append(Fix(time_us, latitude, longitude, accuracy or 0))
        elif reason is not None:
            reasons.append(reason)
    return candidates, reasons


def _row_reason(
    latitude: float | None, longitude: float | None, accuracy: int | None, max_accuracy_m: float
) -> str | None:
    if latitude is None or longitude is None or math.isnan(latitude) or math.isnan(longitude):
        return "missing"
    if abs(latitude) > 90 or abs(longitude) > 180:
        return "out_of_range"
    if latitude == 0 and longitude == 0:
        return "null_island"
    if accuracy is not None and accuracy < 0:
        return "invalid_accuracy"
    if accuracy is not None and accuracy > max_accuracy_m:
        return "inaccurate"
    return None


def _time_reason(time_us: int, window: Window, candidates: Sequence[Fix]) -> str | None:
    """Return why a row is rejected for its time; `candidates` are those of its device before it."""
    if not window[0] <= time_us < window[1]:
        return "outside_window"
    if candidates and time_us == candidates[-1].time_us:
        return "duplicate"
    if candidates and time_us < candidates[-1].time_us:
        return "out_of_order"
    return None


def is_jump(candidates: Sequence[Fix], index: int, jump_speed_kmh: float) -> bool:
    """Tell whether a candidate is a detour that no traveller can make."""
    if index in (0, len(candidates) - 1):
        return False
    previous, fix, following = candidates[index - 1 : index + 2]
    first_leg_km, second_leg_km = distance_km(previous, fix), distance_km(fix, following)
    excess_km = first_leg_km + second_leg_km - distance_km(previous, following)
    return excess_km > 0.2 and (
        excess_km / hours(previous, following) > jump_speed_kmh
        or (first_leg_km / hours(previous, fix) > 1000 and second_leg_km / hours(fix, following) > 1000)
    )


def hours(a: Fix, b: Fix) -> float:
    return (b.time_us - a.time_us) / 3_600_000_000
