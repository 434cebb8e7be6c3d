"""Bugs in trips: their ends, and what is shown of them."""

from tests.planted import Bug

_TRIPS = "functions.calculate.analysis.trips"
_ADD = f"{_TRIPS}:TripRecorder.add"
_EXTENT = f"{_TRIPS}:Trip.extent_us"
_FARTHEST = f"{_TRIPS}:TripRecorder._update_farthest"
_SHOWN = "functions.calculate.analysis.report:Report._trip"

BUGS = (
    Bug(
        "trip-begins-before-window",
        _EXTENT,
        old="max(self.first_us, 0)",
        new="self.first_us",
        breaks="a trip lasts from the start of the window at the earliest",
    ),
    Bug(
        "trip-ends-after-window",
        _EXTENT,
        old="min(end, window_length_us)",
        new="end",
        breaks="a trip lasts to the end of the window at the latest",
    ),
    Bug(
        "trip-ends-at-its-last-fix",
        _EXTENT,
        old="self.last_us if self.returned_us is None else self.returned_us",
        new="self.last_us",
        breaks="a trip lasts to the first fix after it",
    ),
    Bug(
        "open-trip-ends-with-window",
        _EXTENT,
        old="self.last_us if self.returned_us is None else self.returned_us",
        new="window_length_us if self.returned_us is None else self.returned_us",
        breaks="a trip without a fix after it lasts to its last fix",
    ),
    Bug(
        "trip-of-no-length",
        f"{_TRIPS}:TripRecorder._end",
        old="end > start",
        new="end >= start",
        breaks="a trip of no length is none",
    ),
    Bug(
        "trip-without-return-is-none",
        f"{_TRIPS}:TripRecorder.finish",
        old="self._end(device, None)",
        new="None",
        breaks="a trip without a fix after it is a trip",
    ),
    Bug(
        "departure-from-unknown",
        _ADD,
        old="before_us if before == HOME else None",
        new="before_us if changes else None",
        breaks="a departure is known only if the state changed from home to away",
    ),
    Bug(
        "departed-at-without-departure",
        _SHOWN,
        old="trip.first_us if departed else None",
        new="trip.first_us",
        breaks="departed_at is null with departed_after",
    ),
    Bug(
        "return-at-end-of-window",
        _SHOWN,
        old="trip.returned_us < self._length_us",
        new="trip.returned_us <= self._length_us",
        breaks="a return at the end of the window is not in it",
    ),
    Bug(
        "return-after-window",
        _SHOWN,
        old="trip.returned_us is not None and trip.returned_us < self._length_us",
        new="trip.returned_us is not None",
        breaks="a return is null if its fix is not in the window",
    ),
    Bug(
        "returned-after-without-return",
        _SHOWN,
        old="trip.last_us if returned else None",
        new="trip.last_us",
        breaks="returned_after is null with returned_at",
    ),
    Bug(
        "returned-after-first-fix",
        _ADD,
        old="device.current.last_us = last_us",
        new="device.current.last_us = device.current.first_us",
        breaks="returned_after is the last fix of a trip",
    ),
    Bug(
        "all-time-of-trip-unknown",
        _ADD,
        old="intervals.cut_us - intervals.known_us",
        new="intervals.cut_us",
        breaks="unknown_minutes lacks the known time of a trip",
    ),
    Bug(
        "no-time-of-trip-unknown",
        _ADD,
        old="device.current.unknown_us += unknown",
        new="pass",
        breaks="unknown_minutes is the unknown time of the intervals that begin in a trip",
    ),
    Bug(
        "trip-has-no-farthest",
        _FARTHEST,
        old="(device.farthest, trip.farthest) if trip else (device.farthest,)",
        new="(device.farthest,)",
        breaks="a trip has a farthest fix",
    ),
    Bug(
        "trip-has-farthest-of-day",
        _ADD,
        old="Trip(first_us, before_us if before == HOME else None, last_us)",
        new="Trip(first_us, before_us if before == HOME else None, last_us, farthest=device.farthest)",
        breaks="the farthest fix of a trip is one of its fixes",
    ),
    Bug(
        "leg-to-return-not-in-trip",
        f"{_TRIPS}:RunTrips.trip_at",
        old="self.ended[run] if self.begins[run] == row and self.trips[run] is None else self.trips[run]",
        new="self.trips[run]",
        breaks="the leg that ends at returned_at is part of the trip's path",
    ),
    Bug(
        "legs-after-return-in-trip",
        f"{_TRIPS}:RunTrips.trip_at",
        old="self.begins[run] == row and self.trips[run] is None",
        new="self.trips[run] is None",
        breaks="legs that end after returned_at are no part of the trip's path",
    ),
    Bug(
        "leg-to-return-not-a-group",
        f"{_TRIPS}:RunTrips.groups",
        old="is_begin[1:] != is_begin[:-1]",
        new="False",
        breaks="of the legs of one state only the one to returned_at is part of the trip before",
    ),
)
