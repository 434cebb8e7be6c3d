"""The document of the analysis, as the API shows it."""

from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from functions.calculate.analysis.device_states import DeviceStates
from functions.calculate.analysis.percentiles import Percentiles
from functions.calculate.analysis.screening import HOUR_US, Reason
from functions.calculate.analysis.shown_devices import ShownDevices
from functions.calculate.analysis.states import StateRules, state_name
from functions.calculate.analysis.totals import NO_TIME
from functions.calculate.analysis.trips import Trip
from functions.calculate.day.distance import hundredths_of_minutes
from functions.calculate.day.exact_sum import value
from functions.calculate.fixes.blocks import Integers
from shared.models import AnalysisParameters, rfc3339

METHOD = 1  # the version of the definitions
SHOWN_TRIPS_AND_GAPS = 1_000  # of all devices
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class _Entry(NamedTuple):
    """A trip or a gap of the device at a position in the document."""

    start_us: int
    length_us: int
    position: int
    kind: str
    item: Trip | int  # a gap's state


class Report:
    """Compose the document of a day."""

    def __init__(
        self, parameters: AnalysisParameters, rules: StateRules, window_us: tuple[int, int], day_column: str
    ) -> None:
        self._parameters = {
            "home_radius_km": rules.home_radius_km,
            "away_threshold_km": rules.away_threshold_km,
            "dwell_seconds": parameters.dwell_seconds,
            "dwell_fixes": parameters.dwell_fixes,
            "gap_seconds": parameters.gap_seconds,
            "max_accuracy_m": parameters.max_accuracy_m,
            "jump_speed_kmh": parameters.jump_speed_kmh,
            "day_column": day_column,
        }
        self._start_us = window_us[0]
        self._length_us = window_us[1] - window_us[0]

    def document(self, shown: ShownDevices, read: Integers, rejected: Integers, states: DeviceStates) -> dict[str, Any]:
        """Return the document of the devices that are shown."""
        devices, entries = [], []
        percentiles = {slot: states.histograms.percentiles(slot, (50, 95)) for slot in shown.slots.values()}
        states.histograms.release()
        for position, (name, slot) in enumerate(sorted(shown.slots.items())):
            fixes = {
                "read": int(read[slot]),
                "usable": int(states.totals.usable[slot]),
                "rejected": {
                    reason.name.lower(): count
                    for reason, count in zip(Reason, rejected[slot].tolist(), strict=True)
                    if count
                },
            }
            devices.append({"device_id": name, "fixes": fixes, **self._device(slot, states, percentiles[slot])})
            trips, gaps = states.trips.devices[slot], states.gaps.devices[slot]
            entries += [_Entry(start, length, position, "trips", trip) for start, length, trip in trips.longest.items()]
            entries += [_Entry(start, length, position, "gaps", state) for start, length, state in gaps.longest.items()]
        for entry in _longest(entries):
            devices[entry.position][entry.kind].append(self._entry(entry))
        return {
            "method": METHOD,
            "parameters": self._parameters,
            "window_start": self._time(0),
            "window_end": self._time(self._length_us),
            "device_count": shown.count,
            "devices": devices,
        }

    def _device(self, slot: int, states: DeviceStates, percentiles: Percentiles) -> dict[str, Any]:
        totals, trips = states.totals, states.trips.devices[slot]
        home_us, away_us = int(totals.home_us[slot]), int(totals.away_us[slot])
        has_fixes = bool(totals.usable[slot])
        return {
            "first_fix_at": self._fix_time(int(totals.first_us[slot])),
            "last_fix_at": self._fix_time(int(totals.last_us[slot])),
            "window_minutes": _minutes(self._length_us),
            "home_minutes": _minutes(home_us),
            "away_minutes": _minutes(away_us),
            "unknown_minutes": _minutes(self._length_us - home_us - away_us),
            "inferred_minutes": _minutes(int(totals.inferred_us[slot])),
            "coverage": round((home_us + away_us) / self._length_us, 4) if self._length_us > 0 else None,
            "distance_from_home_km": self._distances(slot, states, percentiles),
            "path_length_km": {
                "robust": _kilometres(states.paths.km(slot)) if has_fixes else 0.0,
                "raw": _kilometres(totals.raw_km.value(slot)),
                "across_gaps": _kilometres(totals.across_gaps_km.value(slot)),
            },
            "trip_count": trips.count,
            "trips": [],
            "gap_count": states.gaps.devices[slot].count,
            "gaps": [],
        }

    def _distances(self, slot: int, states: DeviceStates, percentiles: Percentiles) -> dict[str, Any]:
        totals, farthest = states.totals, states.trips.devices[slot].farthest
        weight_us = int(totals.weight_us[slot])
        (median, p95), (time_median, time_p95) = percentiles
        return {
            "median": _kilometres(median),
            "p95": _kilometres(p95),
            "time_median": _kilometres(time_median),
            "time_p95": _kilometres(time_p95),
            "time_weighted_mean": _kilometres(totals.km_hours.value(slot) * HOUR_US / weight_us if weight_us else None),
            "farthest": _kilometres(farthest.km),
            "farthest_at": self._time(farthest.time_us),
        }

    def _entry(self, entry: _Entry) -> dict[str, Any]:
        if isinstance(entry.item, Trip):
            return self._trip(entry.item, entry.length_us)
        return self._gap(entry.start_us, entry.length_us, entry.item)

    def _trip(self, trip: Trip, length_us: int) -> dict[str, Any]:
        departed = trip.departed_after_us is not None
        returned = trip.returned_us is not None and trip.returned_us < self._length_us
        return {
            "departed_after": self._time(trip.departed_after_us),
            "departed_at": self._time(trip.first_us if departed else None),
            "returned_after": self._time(trip.last_us if returned else None),
            "returned_at": self._time(trip.returned_us if returned else None),
            "minutes": _minutes(length_us),
            "unknown_minutes": _minutes(trip.unknown_us),
            "farthest_km": _kilometres(trip.farthest.km),
            "farthest_at": self._time(trip.farthest.time_us),
            "path_length_km": _kilometres(value(trip.path_units)),
        }

    def _gap(self, start_us: int, length_us: int, state: int) -> dict[str, Any]:
        return {
            "from": self._time(start_us),
            "to": self._time(start_us + length_us),
            "minutes": _minutes(length_us),
            "counted_as": state_name(state),
        }

    def _fix_time(self, time_us: int) -> str | None:
        return None if time_us == NO_TIME else self._time(time_us)

    def _time(self, time_us: int | None) -> str | None:
        """Format microseconds since the start of the window."""
        return None if time_us is None else rfc3339(_EPOCH + timedelta(microseconds=self._start_us + time_us))


def _longest(entries: list[_Entry]) -> list[_Entry]:
    """Return the longest trips and gaps in order of time; on ties the earlier start, device, and trips before gaps."""
    ranked = sorted(entries, key=lambda entry: (-entry.length_us, entry.start_us, entry.position, entry.kind == "gaps"))
    return sorted(ranked[:SHOWN_TRIPS_AND_GAPS], key=lambda entry: entry.start_us)


def _minutes(microseconds: int) -> float:
    return hundredths_of_minutes(microseconds) / 100


def _kilometres(km: float | None) -> float | None:
    return None if km is None else round(km, 6)
