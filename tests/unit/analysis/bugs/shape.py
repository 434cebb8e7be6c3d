"""Bugs in the document: what is shown, in which order, and how it is rounded."""

from tests.planted import Bug

_REPORT = "functions.calculate.analysis.report"
_DOCUMENT = f"{_REPORT}:Report.document"
_DEVICE = f"{_REPORT}:Report._device"
_LONGEST = f"{_REPORT}:_longest"
_OF_A_DEVICE = "functions.calculate.analysis.longest"
_TOTALS = "functions.calculate.analysis.totals:Totals"
_SHOWN = "functions.calculate.analysis.shown_devices"

BUGS = (
    Bug(
        "parameters-show-requested-home-radius",
        f"{_REPORT}:Report.__init__",
        old="rules.home_radius_km",
        new="parameters.home_radius_km",
        breaks="parameters show the home radius in force",
    ),
    Bug(
        "window-ends-with-last-fix",
        _DOCUMENT,
        old="self._time(self._length_us)",
        new="self._time(int(states.totals.last_us.max()))",
        breaks="window_end is the end of the window",
    ),
    Bug(
        "devices-without-case",
        _DOCUMENT,
        old="sorted(shown.slots.items())",
        new="sorted(shown.slots.items(), key=lambda entry: entry[0].lower())",
        breaks="devices are in code point order",
    ),
    Bug(
        "device-count-of-shown",
        _DOCUMENT,
        old="shown.count",
        new="len(devices)",
        breaks="device_count counts all devices",
    ),
    Bug(
        "first-hundred-by-arrival",
        f"{_SHOWN}:ShownDevices._assign",
        old="set(nsmallest(SHOWN_DEVICES, [*self.slots, *new]))",
        new="set([*self.slots, *new][:SHOWN_DEVICES])",
        breaks="the first 100 devices by device_id are shown",
    ),
    Bug(
        "99-devices",
        _SHOWN,
        old="SHOWN_DEVICES = 100",
        new="SHOWN_DEVICES = 99",
        breaks="100 devices are shown",
    ),
    Bug(
        "101-devices",
        _SHOWN,
        old="SHOWN_DEVICES = 100",
        new="SHOWN_DEVICES = 101",
        breaks="at most 100 devices are shown",
    ),
    Bug(
        "slot-of-removed-device-not-cleared",
        "functions.calculate.analysis.analyzer:DayAnalyzer._add_devices",
        old="self._clear(changes.cleared)",
        new="None",
        breaks="a device has none of the numbers of another one that is not shown",
    ),
    Bug(
        "reasons-that-did-not-occur",
        _DOCUMENT,
        old="{reason.name.lower(): count for reason, count in zip(..., ..., strict=True) if count}",
        new="{reason.name.lower(): count for reason, count in zip(Reason, rejected[slot].tolist(), strict=True)}",
        breaks="rejected has the reasons that occurred",
    ),
    Bug(
        "first-fix-at-midnight",
        _DEVICE,
        old="self._fix_time(int(totals.first_us[slot]))",
        new="self._time(0)",
        breaks="first_fix_at is the time of the first usable fix",
    ),
    Bug(
        "time-without-fixes",
        f"{_REPORT}:Report._fix_time",
        old="None if time_us == NO_TIME else self._time(time_us)",
        new="self._time(time_us)",
        breaks="a device without usable fixes has nulls for times",
    ),
    Bug(
        "last-fix-is-the-first",
        _DEVICE,
        old="totals.last_us[slot]",
        new="totals.first_us[slot]",
        breaks="last_fix_at is the time of the last usable fix",
    ),
    Bug(
        "unknown-minutes-without-away",
        _DEVICE,
        old="self._length_us - home_us - away_us",
        new="self._length_us - home_us",
        breaks="home, away and unknown minutes add up to the window",
    ),
    Bug(
        "minutes-cut",
        f"{_REPORT}:_minutes",
        old="hundredths_of_minutes(microseconds) / 100",
        new="microseconds // 600_000 / 100",
        breaks="minutes are rounded to 2 decimals",
    ),
    Bug(
        "minutes-of-a-tenth",
        f"{_REPORT}:_minutes",
        old="hundredths_of_minutes(microseconds) / 100",
        new="round(microseconds / 60e6, 1)",
        breaks="minutes have 2 decimals",
    ),
    Bug(
        "kilometres-in-metres",
        f"{_REPORT}:_kilometres",
        old="round(km, 6)",
        new="round(km, 3)",
        breaks="kilometres have 6 decimals",
    ),
    Bug(
        "trips-by-length",
        _LONGEST,
        old="sorted(ranked[:SHOWN_TRIPS_AND_GAPS], key=...)",
        new="ranked[:SHOWN_TRIPS_AND_GAPS]",
        breaks="trips and gaps are in order of time",
    ),
    Bug(
        "999-trips-and-gaps",
        _REPORT,
        old="SHOWN_TRIPS_AND_GAPS = 1_000",
        new="SHOWN_TRIPS_AND_GAPS = 999",
        breaks="1,000 trips and gaps are shown",
    ),
    Bug(
        "1001-trips-and-gaps",
        _REPORT,
        old="SHOWN_TRIPS_AND_GAPS = 1_000",
        new="SHOWN_TRIPS_AND_GAPS = 1_001",
        breaks="at most 1,000 trips and gaps are shown",
    ),
    Bug(
        "shortest-of-all",
        _LONGEST,
        old="-entry.length_us",
        new="entry.length_us",
        breaks="the longest trips and gaps are shown",
    ),
    Bug(
        "later-of-all-on-ties",
        _LONGEST,
        old="(-entry.length_us, entry.start_us, ..., ...)",
        new="(-entry.length_us, -entry.start_us, entry.position, entry.kind == 'gaps')",
        breaks="of equally long trips and gaps the earlier ones are shown",
    ),
    Bug(
        "later-device-on-ties",
        _LONGEST,
        old="(-entry.length_us, entry.start_us, ..., ...)",
        new="(-entry.length_us, entry.start_us, -entry.position, entry.kind == 'gaps')",
        breaks="of trips and gaps of equal length and start those of the earlier device are shown",
    ),
    Bug(
        "gap-before-trip-on-ties",
        _LONGEST,
        old="entry.kind == 'gaps'",
        new="entry.kind == 'trips'",
        breaks="of a trip and a gap of equal length, start and device the trip is shown",
    ),
    Bug(
        "99-of-a-device",
        _OF_A_DEVICE,
        old="SHOWN_OF_A_DEVICE = 100",
        new="SHOWN_OF_A_DEVICE = 99",
        breaks="100 trips of a device are shown",
    ),
    Bug(
        "101-of-a-device",
        _OF_A_DEVICE,
        old="SHOWN_OF_A_DEVICE = 100",
        new="SHOWN_OF_A_DEVICE = 101",
        breaks="at most 100 trips of a device are shown",
    ),
    Bug(
        "shortest-of-a-device",
        f"{_OF_A_DEVICE}:Longest.add",
        old="heappushpop(self._heap, entry)",
        new="None",
        breaks="the longest trips of a device are shown",
    ),
    Bug(
        "later-of-a-device-on-ties",
        f"{_OF_A_DEVICE}:Longest",
        old="-start_us",
        new="start_us",
        breaks="of equally long trips of a device the earlier ones are shown",
    ),
)
