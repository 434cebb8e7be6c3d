"""Charts of a day's CSV: distance from home over time, and the periods away from home."""

import csv
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import plotext

_WIDTH, _HEIGHT = 100, 18
_ASCII = str.maketrans("┌┐└┘├┤┬┴┼─│", "+++++++++-|")


@dataclass
class Track:
    """The fixes of one device: times (UTC), distances from home, and whether each is away."""

    times: list[datetime] = field(default_factory=list)
    distances_km: list[float] = field(default_factory=list)
    away: list[bool] = field(default_factory=list)


@dataclass(frozen=True)
class Period:
    """A period away from home: from its first fix to the next fix at home, or to the day's last fix."""

    device_id: str
    begins: datetime
    ends: datetime
    farthest_km: float

    @property
    def minutes(self) -> float:
        return (self.ends - self.begins).total_seconds() / 60


def read_tracks(path: Path) -> dict[str, Track]:
    """Read a CSV; return the track of each device."""
    tracks: dict[str, Track] = {}
    with path.open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            track = tracks.setdefault(row["device_id"], Track())
            track.times.append(datetime.fromisoformat(row["timestamp"]))
            track.distances_km.append(float(row["distance_from_home_km"]))
            track.away.append(row["is_away"] == "true")
    return tracks


def away_periods(device_id: str, track: Track) -> list[Period]:
    """Return the periods away from home of one device."""
    periods: list[Period] = []
    begins: datetime | None = None
    farthest = 0.0
    for at, distance, away in zip(track.times, track.distances_km, track.away, strict=True):
        if away:
            begins, farthest = begins or at, max(farthest, distance)
        elif begins is not None:
            periods.append(Period(device_id, begins, at, farthest))
            begins, farthest = None, 0.0
    if begins is not None:
        periods.append(Period(device_id, begins, track.times[-1], farthest))
    return periods


def render_text(tracks: dict[str, Track], width: int, *, is_ascii: bool = False) -> str:
    """Return a line chart for a terminal of `width` characters, in ASCII if the terminal has no braille."""
    figure = plotext.figure
    figure.clear()
    figure.plot_size(min(width, _WIDTH), _HEIGHT)
    begins = min(track.times[0] for track in tracks.values()).replace(hour=0, minute=0, second=0, microsecond=0)
    last = 0.0
    for device_id, track in tracks.items():
        hours = [(at - begins).total_seconds() / 3600 for at in track.times]
        last = max(last, hours[-1])
        signal = figure.signal(hours, track.distances_km, marker="*" if is_ascii else "braille").lines()
        figure.draw(signal.label(device_id) if len(tracks) > 1 else signal)
    ticks = range(0, int(last) + 5, 4)
    figure.ruler("x").ticks(list(ticks), [f"{hour % 24:02}:00" for hour in ticks])
    figure.label("km from home, hours in UTC")
    text = str(plotext.uncolorize(str(figure.build())))
    return text.translate(_ASCII) if is_ascii else text


def save_image(tracks: dict[str, Track], title: str, target: Path) -> None:
    """Save a chart as PNG or SVG, by the suffix of `target`; ModuleNotFoundError without matplotlib."""
    from matplotlib.figure import Figure  # noqa: PLC0415 - the extra `plot`

    figure = Figure(figsize=(10, 4), layout="constrained")
    axes = figure.subplots()
    for device_id, track in tracks.items():
        axes.plot(track.times, track.distances_km, label=device_id, linewidth=1)  # type: ignore[arg-type] # datetimes are accepted
    axes.set(title=title, xlabel="UTC", ylabel="km from home")
    axes.grid(alpha=0.3)
    if len(tracks) > 1:
        axes.legend()
    figure.autofmt_xdate()
    figure.savefig(target)


def all_away_periods(tracks: dict[str, Track]) -> Iterable[Period]:
    """Return the periods away of all devices, ordered by their start."""
    periods = [period for device_id, track in tracks.items() for period in away_periods(device_id, track)]
    return sorted(periods, key=lambda period: period.begins)
