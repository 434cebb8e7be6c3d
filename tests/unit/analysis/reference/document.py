"""The document of the analysis."""

import math
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.unit.analysis.reference import distances
from tests.unit.analysis.reference.fixes import Fix, Place, Row, Window, context_fixes, rows_by_device, select_usable
from tests.unit.analysis.reference.intervals import Interval, Trip, find_intervals, find_trips, sum_unknown_us
from tests.unit.analysis.reference.states import StatedFix, Thresholds, state_fixes

MAX_DEVICES = 100
MAX_ITEMS_OF_A_DEVICE = 100  # trips, and as many gaps
MAX_ITEMS = 1_000  # trips and gaps together
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

Document = dict[str, Any]
# A trip or a gap with what decides whether it is shown: the longer, the earlier, the earlier device, trips first.
Ranked = tuple[tuple[int, int, int, int], Document]


def analyse(
    rows: Iterable[Row],
    before_rows: Iterable[Row],
    after_rows: Iterable[Row],
    *,
    home: Place,
    away_threshold_km: float,
    parameters: Mapping[str, Any],
    window: Window,
    day_column: str,
) -> Document:
    """Return the analysis of a day.

    `rows` are in the order of the job. `before_rows` and `after_rows` are those around the day, from which the context
    fixes are selected. `window` is in microseconds since 1970 UTC, its end excluded.
    """
    before, after = context_fixes(before_rows, after_rows, window, parameters)
    thresholds = Thresholds.of(away_threshold_km, parameters)
    devices = [
        _Device(
            device_id,
            device_rows,
            before=before.get(device_id),
            after=after.get(device_id),
            home=home,
            thresholds=thresholds,
            parameters=parameters,
            window=window,
        )
        for device_id, device_rows in rows_by_device(rows).items()
    ]
    shown = devices[:MAX_DEVICES]
    ranked = [item for number, device in enumerate(shown) for item in device.longest_items(number)]
    longest = {rank for rank, _ in sorted(ranked, key=lambda item: item[0])[:MAX_ITEMS]}
    return {
        "method": 1,
        "parameters": {
            **parameters,
            "home_radius_km": thresholds.home_km,
            "away_threshold_km": away_threshold_km,
            "day_column": day_column,
        },
        "window_start": rfc3339(window[0]),
        "window_end": rfc3339(window[1]),
        "device_count": len(devices),
        "devices": [device.document(number, longest) for number, device in enumerate(shown)],
    }


class _Device:
    """The analysis of one device."""

    def __init__(
        self,
        device_id: str,
        rows: Sequence[Row],
        *,
        before: Fix | None,
        after: Fix | None,
        home: Place,
        thresholds: Thresholds,
        parameters: Mapping[str, Any],
        window: Window,
    ) -> None:
        self._device_id = device_id
        self._window = window
        usable, self._rejected = select_usable(rows, window, parameters)
        self._read = len(rows)
        self._fixes = state_fixes(before, usable, after, home, thresholds)
        self._inside = [fix for fix in self._fixes if fix.in_window]
        self._intervals = find_intervals(self._fixes, window, parameters)
        self._gaps = [interval for interval in self._intervals if interval.is_gap]
        self._trips = find_trips(self._fixes, window)
        self._legs = distances.robust_legs(self._fixes)

    def document(self, number: int, longest: set[tuple[int, int, int, int]]) -> Document:
        """Return the entry of the device, with the trips and gaps that are among the longest of the document."""
        return {
            "device_id": self._device_id,
            "fixes": {"read": self._read, "usable": len(self._inside), "rejected": self._rejected},
            "first_fix_at": rfc3339(self._inside[0].time_us) if self._inside else None,
            "last_fix_at": rfc3339(self._inside[-1].time_us) if self._inside else None,
            **self._times(),
            "distance_from_home_km": self._distances(),
            "path_length_km": {
                "robust": round(math.fsum(km for _, km in self._legs), 6),
                "raw": round(distances.raw_path_km(self._fixes), 6),
                "across_gaps": round(distances.path_across_gaps_km(self._intervals), 6),
            },
            "trip_count": len(self._trips),
            "trips": [item for rank, item in self._ranked_trips(number) if rank in longest],
            "gap_count": len(self._gaps),
            "gaps": [item for rank, item in self._ranked_gaps(number) if rank in longest],
        }

    def longest_items(self, number: int) -> list[Ranked]:
        """Return the longest trips and the longest gaps of the device, which is the document's `number`-th."""
        lists = (self._ranked_trips(number), self._ranked_gaps(number))
        return [item for items in lists for item in sorted(items, key=lambda item: item[0])[:MAX_ITEMS_OF_A_DEVICE]]

    def _ranked_trips(self, number: int) -> list[Ranked]:
        return [((-trip.length_us, trip.from_us, number, 0), self._trip_document(trip)) for trip in self._trips]

    def _ranked_gaps(self, number: int) -> list[Ranked]:
        return [((-gap.length_us, gap.from_us, number, 1), _gap_document(gap)) for gap in self._gaps]

    def _times(self) -> Document:
        window_us = self._window[1] - self._window[0]
        home_us = sum(each.length_us for each in self._intervals if each.counted_as == "home")
        away_us = sum(each.length_us for each in self._intervals if each.counted_as == "away")
        return {
            "window_minutes": minutes(window_us),
            "home_minutes": minutes(home_us),
            "away_minutes": minutes(away_us),
            "unknown_minutes": minutes(window_us - home_us - away_us),
            "inferred_minutes": minutes(sum(gap.length_us for gap in self._gaps if gap.is_known)),
            "coverage": round((home_us + away_us) / window_us, 4) if window_us else None,
        }

    def _distances(self) -> Document:
        by_fixes, by_time = distances.weigh_by_fixes(self._fixes), distances.weigh_by_time(self._intervals)
        farthest = distances.find_farthest(self._fixes)
        return {
            "median": kilometres(distances.percentile(by_fixes, 50)),
            "p95": kilometres(distances.percentile(by_fixes, 95)),
            "time_median": kilometres(distances.percentile(by_time, 50)),
            "time_p95": kilometres(distances.percentile(by_time, 95)),
            "time_weighted_mean": kilometres(distances.mean(by_time)),
            **_farthest_document("farthest", farthest),
        }

    def _trip_document(self, trip: Trip) -> Document:
        first, last = trip.fixes[0], trip.fixes[-1]
        end = trip.after or last  # the last fix whose leg can belong to the trip
        legs = [km for fix, km in self._legs if first.time_us <= fix.time_us <= end.time_us]
        return {
            "departed_after": rfc3339(trip.before.time_us) if trip.before and trip.is_departure_known else None,
            "departed_at": rfc3339(first.time_us) if trip.is_departure_known else None,
            "returned_after": rfc3339(last.time_us) if trip.is_return_known else None,
            "returned_at": rfc3339(trip.after.time_us) if trip.after and trip.is_return_known else None,
            "minutes": minutes(trip.length_us),
            "unknown_minutes": minutes(sum_unknown_us(trip, self._intervals)),
            **_farthest_document("farthest_km", distances.find_farthest(trip.fixes)),
            "path_length_km": round(math.fsum(legs), 6),
        }


def _farthest_document(name: str, farthest: StatedFix | None) -> Document:
    return {
        name: kilometres(farthest.km) if farthest else None,
        "farthest_at": rfc3339(farthest.time_us) if farthest else None,
    }


def _gap_document(gap: Interval) -> Document:
    return {
        "from": rfc3339(gap.from_us),
        "to": rfc3339(gap.to_us),
        "minutes": minutes(gap.length_us),
        "counted_as": gap.counted_as,
    }


def rfc3339(time_us: int) -> str:
    """Format a time in UTC, cut to milliseconds."""
    text = (EPOCH + timedelta(microseconds=time_us)).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")


def minutes(duration_us: int) -> float:
    """Return minutes with two decimals, rounded half up."""
    return (duration_us + 300_000) // 600_000 / 100


def kilometres(km: float | None) -> float | None:
    return None if km is None else round(km, 6)
