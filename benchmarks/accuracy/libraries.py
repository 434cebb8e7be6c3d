"""Libraries for movement data, used as their documentation shows: trackintel and movingpandas.

They know stays and movements, but no home. Both get the week at once, with a day before and after it, and the position
of home: a stay is at home if it is within AWAY_KM of it, and so is a movement that never goes farther.
"""

import itertools
import warnings
from collections.abc import Sequence
from datetime import timedelta
from functools import wraps
from typing import Any

import geopandas
import numpy as np
import pandas as pd
import trackintel

from benchmarks.accuracy.estimates import AWAY, AWAY_KM, DAY_S, HOME, Estimate, Piece, estimate_of_pieces
from benchmarks.accuracy.movement import HOME_POSITION
from benchmarks.accuracy.phones import DEVICE, Recording
from benchmarks.accuracy.runs import Method
from functions.calculate.day.distance import haversine_km

with warnings.catch_warnings():
    warnings.simplefilter("ignore", UserWarning)  # it misses a package that only its smoothing needs
    import movingpandas

_LONG_GAP = 24 * 60.0  # minutes: the longest stay that the analysis infers
_STOP = {"max_diameter": 100, "min_duration": timedelta(seconds=60)}  # of the example in movingpandas' reference


def trackintel_defaults(recording: Recording, days_s: Sequence[int]) -> list[Estimate]:
    """Return the days of a week by trackintel with its defaults."""
    return _run_trackintel(recording, days_s, gap_minutes=15, method="between_staypoints", include_last=False)


def trackintel_long_gaps(recording: Recording, days_s: Sequence[int]) -> list[Estimate]:
    """Return the days of a week by trackintel with gaps of up to a day, and triplegs that reach to the stays."""
    return _run_trackintel(recording, days_s, gap_minutes=_LONG_GAP, method="overlap_staypoints", include_last=True)


def _run_trackintel(
    recording: Recording, days_s: Sequence[int], *, gap_minutes: float, method: str, include_last: bool
) -> list[Estimate]:
    frame = _frame(recording)
    positions = geopandas.points_from_xy(frame.longitude, frame.latitude)
    table = geopandas.GeoDataFrame({"user_id": DEVICE, "tracked_at": frame.time}, geometry=positions, crs="EPSG:4326")
    fixes = trackintel.Positionfixes(table)
    fixes, stays = fixes.generate_staypoints(gap_threshold=gap_minutes, include_last=include_last)
    legs: Any = table.iloc[:0]
    lengths_km: Any = []
    if fixes.staypoint_id.isna().any():  # trackintel fails without a fix between stays
        fixes, legs = fixes.generate_triplegs(stays, method=method, gap_threshold=gap_minutes)
        lengths_km = trackintel.geogr.calculate_haversine_length(legs) / 1000 if len(legs) else []
    pieces, moves = [], []
    for _, stay in stays.iterrows():
        state = _state(stay.geometry.y, stay.geometry.x)
        pieces.append(Piece(_seconds(stay.started_at), _seconds(stay.finished_at), state))
    for (_, leg), length_km in zip(legs.iterrows(), lengths_km, strict=True):
        longitude, latitude = np.array(leg.geom.coords).T
        piece = Piece(_seconds(leg.started_at), _seconds(leg.finished_at), _state(latitude, longitude))
        pieces.append(piece)
        moves.append((piece, float(length_km)))
    pieces = _join(sorted(pieces, key=lambda piece: piece.start), 60 * gap_minutes)
    return [estimate_of_pieces(pieces, day_s, _share_km(moves, day_s)) for day_s in days_s]


def _join(pieces: Sequence[Piece], gap_s: float) -> list[Piece]:
    """Extend each piece to the next one, which begins at another fix, unless there is a gap."""
    joined = [
        Piece(piece.start, following.start if following.start - piece.end <= gap_s else piece.end, piece.state)
        for piece, following in itertools.pairwise(pieces)
    ]
    return [*joined, *pieces[-1:]]


def _share_km(moves: Sequence[tuple[Piece, float]], day_s: float) -> float:
    """Return the length of the movements on a day; one over midnight counts by the share of its time."""
    total = 0.0
    for piece, length_km in moves:
        inside_s = min(piece.end, day_s + DAY_S) - max(piece.start, day_s)
        if inside_s > 0:
            total += length_km * inside_s / (piece.end - piece.start)
    return total


def movingpandas_documented(recording: Recording, days_s: Sequence[int]) -> list[Estimate]:
    """Return the days of a week by movingpandas: cleaned by its default, with stops as in its documentation.

    The path length is that of the cleaned trajectory. Without the stops it is half of it: a person who walks is at rest
    by the stop of the documentation.
    """
    frame = _frame(recording).set_index("time")
    trajectory = movingpandas.Trajectory(frame, DEVICE, x="longitude", y="latitude", crs="EPSG:4326")
    cleaned = movingpandas.OutlierCleaner(trajectory).clean()
    stops = movingpandas.TrajectoryStopDetector(cleaned).get_stop_time_ranges(**_STOP)
    time_s = cleaned.df.index.map(_seconds).to_numpy()
    latitude, longitude = cleaned.df.geometry.y.to_numpy(), cleaned.df.geometry.x.to_numpy()
    bounds = sorted((_seconds(stop.t_0), _seconds(stop.t_n)) for stop in stops)
    pieces: list[Piece] = []
    previous_s = float(time_s[0])
    for start_s, end_s in [*bounds, (float(time_s[-1]), float(time_s[-1]))]:
        if start_s > previous_s:
            inside = (time_s >= previous_s) & (time_s <= start_s)
            pieces.append(Piece(previous_s, start_s, _state(latitude[inside], longitude[inside])))
        if end_s > start_s:
            inside = (time_s >= start_s) & (time_s <= end_s)
            pieces.append(Piece(start_s, end_s, _state(np.median(latitude[inside]), np.median(longitude[inside]))))
        previous_s = max(previous_s, end_s)
    return [estimate_of_pieces(pieces, day_s, _length_km(cleaned, day_s)) for day_s in days_s]


def _length_km(trajectory: Any, day_s: float) -> float:
    """Return the length of a trajectory on a day."""
    bounds = pd.Timestamp(day_s, unit="s"), pd.Timestamp(day_s + DAY_S, unit="s")
    if len(trajectory.df.loc[slice(*bounds)]) < 2:
        return 0.0
    return float(trajectory.get_segment_between(*bounds).get_length(units="km"))


def _frame(recording: Recording) -> Any:
    """Return the fixes of a recording in the order of their own times, without duplicates."""
    rows = recording.rows
    columns = {"time": rows.own_time_us, "latitude": rows.latitude, "longitude": rows.longitude}
    frame = pd.DataFrame(columns).drop_duplicates("time").sort_values("time", ignore_index=True)
    frame["time"] = pd.to_datetime(frame.time, unit="us", utc=True)
    return frame


def _farthest_km(latitude: Any, longitude: Any) -> float:
    """Return the greatest distance from home of one or more positions."""
    positions = np.atleast_1d(np.asarray(latitude, np.float64)), np.atleast_1d(np.asarray(longitude, np.float64))
    return float(haversine_km(*positions, HOME_POSITION.latitude, HOME_POSITION.longitude).max())


def _state(latitude: Any, longitude: Any) -> int:
    """Return AWAY if one of the positions is beyond the threshold."""
    return AWAY if _farthest_km(latitude, longitude) > AWAY_KM else HOME


def _seconds(instant: pd.Timestamp) -> float:
    """Return seconds since 1970; movingpandas' times have no zone and are in UTC."""
    return float((instant if instant.tzinfo else instant.tz_localize("UTC")).timestamp())


def _quiet(method: Method) -> Method:
    """Return the method without the warnings of its library: empty results, and what pandas deprecates."""

    @wraps(method)
    def quiet(recording: Recording, days_s: Sequence[int]) -> list[Estimate]:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return method(recording, days_s)

    return quiet


METHODS: dict[str, Method] = {
    "trackintel": _quiet(trackintel_defaults),
    "trackintel, long gaps": _quiet(trackintel_long_gaps),
    "movingpandas": _quiet(movingpandas_documented),
}
