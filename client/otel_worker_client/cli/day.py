"""A day as its CSV has it: distance over time, and the periods away from home; in the terminal or as a picture."""

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
    """The fixes of one device: times (UTC) and kilometres from home."""

    times: list[datetime] = field(default_factory=list)
    distances_km: list[float] = field(default_factory=list)
    away: list[bool] = field(default_factory=list)


@dataclass(frozen=True)
class Period:
    """Away from the first fix that is, until the first that is not, or the last of the day."""

    device_id: str
    begins: datetime
    ends: datetime
    farthest_km: float

    @property
    def minutes(self) -> float:
        return (self.ends - self.begins).total_seconds() / 60


def tracks(path: Path) -> dict[str, Track]:
    """By device, in the order of the CSV."""
    found: dict[str, Track] = {}
    with path.open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            track = found.setdefault(row["device_id"], Track())
            track.times.append(datetime.fromisoformat(row["timestamp"]))
            track.distances_km.append(float(row["distance_from_home_km"]))
            track.away.append(row["is_away"] == "true")
    return found


def periods(device_id: str, track: Track) -> list[Period]:
    """Every period away of a device."""
    found: list[Period] = []
    begins: datetime | None = None
    farthest = 0.0
    for at, distance, away in zip(track.times, track.distances_km, track.away, strict=True):
        if away:
            begins, farthest = begins or at, max(farthest, distance)
        elif begins is not None:
            found.append(Period(device_id, begins, at, farthest))
            begins, farthest = None, 0.0
    if begins is not None:
        found.append(Period(device_id, begins, track.times[-1], farthest))
    return found


def drawn(every: dict[str, Track], width: int, *, is_ascii: bool = False) -> str:
    """Distance over the hours since the day's first fix's midnight (UTC), for a terminal, which may know ASCII only."""
    figure = plotext.figure
    figure.clear()
    figure.plot_size(min(width, _WIDTH), _HEIGHT)
    begins = min(track.times[0] for track in every.values()).replace(hour=0, minute=0, second=0, microsecond=0)
    last = 0.0
    for device_id, track in every.items():
        hours = [(at - begins).total_seconds() / 3600 for at in track.times]
        last = max(last, hours[-1])
        signal = figure.signal(hours, track.distances_km, marker="*" if is_ascii else "braille").lines()
        figure.draw(signal.label(device_id) if len(every) > 1 else signal)
    ticks = range(0, int(last) + 5, 4)
    figure.ruler("x").ticks(list(ticks), [f"{hour % 24:02}:00" for hour in ticks])
    figure.label("km from home, hours in UTC")
    text = str(plotext.uncolorize(str(figure.build())))
    return text.translate(_ASCII) if is_ascii else text


def picture(every: dict[str, Track], title: str, target: Path) -> None:
    """The same as PNG or SVG, by the ending of `target`; ModuleNotFoundError without matplotlib."""
    from matplotlib.figure import Figure  # noqa: PLC0415 - the extra `plot`

    figure = Figure(figsize=(10, 4), layout="constrained")
    axes = figure.subplots()
    for device_id, track in every.items():
        axes.plot(track.times, track.distances_km, label=device_id, linewidth=1)  # type: ignore[arg-type] # it takes datetimes
    axes.set(title=title, xlabel="UTC", ylabel="km from home")
    axes.grid(alpha=0.3)
    if len(every) > 1:
        axes.legend()
    figure.autofmt_xdate()
    figure.savefig(target)


def all_periods(every: dict[str, Track]) -> Iterable[Period]:
    """Of every device, by their beginnings."""
    found = [period for device_id, track in every.items() for period in periods(device_id, track)]
    return sorted(found, key=lambda period: period.begins)
