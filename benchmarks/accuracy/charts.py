"""Charts as SVG: a day with the states that methods give it, and the scores of the methods."""

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape

import numpy as np

from benchmarks.accuracy.estimates import AWAY, DAY_S, HOME, UNKNOWN, States
from functions.calculate.fixes.blocks import Floats

_LEFT, _RIGHT, _TOP, _BOTTOM = 96, 752, 34, 184  # the plot area of a day
_BAND, _BAND_STEP = 14, 22
_TRUTH_STEP_S = 60
_LINEAR_KM = 0.2
_TICKS_KM = (0, 0.5, 1, 2, 5, 10, 20, 50, 100)
_PER_LINE = 12
_STYLE = """
text { font: 12px system-ui, sans-serif; fill: #57606a } .title { font-weight: 600 }
.axis { stroke: #57606a } .grid { stroke: #d0d7de } .threshold { stroke: #9a6700; stroke-dasharray: 4 3 }
.truth { fill: none; stroke: #57606a; stroke-width: 1.5 }
.fix { fill: none; stroke: #0969da; stroke-width: 3; stroke-linecap: round; stroke-opacity: .7 }
.home { fill: #54aeff; fill-opacity: .55 } .away { fill: #d4a72c } .unknown { fill: #d0d7de; fill-opacity: .6 }
.m0 { fill: #d4a72c } .m1 { fill: #0969da } .m2 { fill: #8c959f } .m3 { fill: #57606a } .m4 { fill: #bf3989 }
@media (prefers-color-scheme: dark) {
  text { fill: #9198a1 } .axis, .truth { stroke: #9198a1 } .grid { stroke: #3d444d } .threshold { stroke: #d29922 }
  .fix { stroke: #4493f8 } .home { fill: #1f6feb; fill-opacity: .6 } .away { fill: #d29922 }
  .unknown { fill: #3d444d; fill-opacity: 1 }
  .m0 { fill: #d29922 } .m1 { fill: #4493f8 } .m2 { fill: #656c76 } .m3 { fill: #b1bac4 } .m4 { fill: #db61a2 }
}"""
_CLASSES = {UNKNOWN: "unknown", HOME: "home", AWAY: "away"}
_TOLERANCE = 0.5  # pixels by which a simplified line may differ

Point = tuple[float, float]


@dataclass(frozen=True)
class DayPicture:
    """A day: true distance from home by second, the fixes, and the states of each method by name."""

    title: str
    truth_km: Floats
    fix_s: Floats
    fix_km: Floats
    bands: Mapping[str, States]


def draw_day(picture: DayPicture) -> str:
    """Return the SVG of a day: distances above, a band for each method below."""
    return "\n".join([*_day(picture), "</svg>", ""])


def _day(picture: DayPicture) -> Iterator[str]:
    height = _BOTTOM + 62 + _BAND_STEP * len(picture.bands)
    yield from _head(picture.title, height)
    max_km = max(1.0, float(picture.truth_km.max()), float(picture.fix_km.max()))

    def y(km: float) -> float:
        """Return the height of a distance on a scale that is logarithmic, but linear near home."""
        return _BOTTOM - (_BOTTOM - _TOP) * math.log1p(km / _LINEAR_KM) / math.log1p(max_km / _LINEAR_KM)

    for km in (each for each in _TICKS_KM if each <= max_km):
        yield f'<path class="{"grid" if km else "axis"}" d="M{_LEFT} {y(km):.1f}H{_RIGHT}"/>'
        yield f'<text x="{_LEFT - 8}" y="{y(km) + 4:.1f}" text-anchor="end">{km:g} km</text>'
    yield f'<path class="threshold" d="M{_LEFT} {y(0.5):.1f}H{_RIGHT}"/>'
    seconds = np.arange(0, DAY_S, _TRUTH_STEP_S)
    truth = simplify([(_x(second), y(picture.truth_km[second])) for second in seconds.tolist()])
    yield f'<path class="truth" d="M{_lines([f"{x:.1f} {value:.1f}" for x, value in truth])}"/>'
    fixes = [f"M{_x(s):.1f} {y(km):.1f}h0" for s, km in zip(picture.fix_s, picture.fix_km, strict=True)]
    yield f'<path class="fix" d="{_lines(fixes)}"/>'
    top = _BOTTOM + 14
    for name, states in picture.bands.items():
        yield f'<text x="{_LEFT - 8}" y="{top + 11}" text-anchor="end">{escape(name)}</text>'
        for start, end, state in _runs(states):
            bounds = f'x="{_x(start):.1f}" y="{top}" width="{_x(end) - _x(start):.1f}" height="{_BAND}"'
            yield f'<rect class="{_CLASSES[state]}" {bounds}/>'
        top += _BAND_STEP
    for hour in range(0, 25, 3):
        x = _x(hour * 3_600)
        yield f'<path class="axis" d="M{x:.1f} {_BOTTOM}v4M{x:.1f} {top - 4}v4"/>'
        anchor = "middle" if hour < 24 else "end"
        yield f'<text x="{x:.1f}" y="{top + 14}" text-anchor="{anchor}">{hour:02d}:00</text>'
    yield from _legend(top + 34)


def _legend(y: int) -> Iterator[str]:
    x = _LEFT
    for name in ("home", "away", "unknown"):
        yield f'<rect class="{name}" x="{x}" y="{y - 11}" width="14" height="{_BAND}"/>'
        yield f'<text x="{x + 20}" y="{y}">{name}</text>'
        x += 90
    yield f'<path class="fix" d="M{x + 6} {y - 4}h0"/><text x="{x + 16}" y="{y}">fix</text>'
    yield f'<path class="truth" d="M{x + 62} {y - 4}h18"/><text x="{x + 86}" y="{y}">true distance from home</text>'
    yield f'<path class="threshold" d="M{x + 242} {y - 4}h18"/><text x="{x + 266}" y="{y}">threshold</text>'


def _runs(states: States) -> Iterator[tuple[int, int, int]]:
    """Yield the start, the end and the state of each run of equal states."""
    changes = [0, *(np.flatnonzero(np.diff(states)) + 1).tolist(), len(states)]
    for start, end in itertools.pairwise(changes):
        yield start, end, int(states[start])


def _x(second: float) -> float:
    return _LEFT + (_RIGHT - _LEFT) * float(second) / DAY_S


def _lines(items: Sequence[str]) -> str:
    return "\n".join(" ".join(items[first : first + _PER_LINE]) for first in range(0, len(items), _PER_LINE))


def _head(title: str, height: int) -> Iterator[str]:
    yield f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 760 {height}" role="img">'
    yield f"<title>{escape(title)}</title>"
    yield f"<style>{_STYLE}\n</style>"
    yield f'<text class="title" x="8" y="16">{escape(title)}</text>'


def draw_scores(
    title: str, phones: Sequence[str], methods: Sequence[str], panels: Mapping[str, Sequence[Sequence[float]]]
) -> str:
    """Return the SVG of bars: a panel for each score, with a row for each phone and a bar for each method.

    `panels` has by the name of a score the values of each phone, in the order of the methods.
    """
    return "\n".join([*_scores(title, phones, methods, panels), "</svg>", ""])


def _scores(
    title: str, phones: Sequence[str], methods: Sequence[str], panels: Mapping[str, Sequence[Sequence[float]]]
) -> Iterator[str]:
    bar, left, top = 10, 120, 62
    row = bar * len(methods) + 12
    width = (764 - left) // len(panels)
    yield from _head(title, top + row * len(phones) + 34)
    for index, phone in enumerate(phones):
        middle = top + index * row + bar * len(methods) // 2 + 4
        yield f'<text x="{left - 10}" y="{middle}" text-anchor="end">{escape(phone)}</text>'
    for number, (name, values) in enumerate(panels.items()):
        x = left + number * width
        longest = max(max(each) for each in values) or 1
        yield f'<text x="{x}" y="44">{escape(name)}</text>'
        yield f'<path class="axis" d="M{x} {top - 4}v{row * len(phones)}"/>'
        for index, each in enumerate(values):
            for method, value in enumerate(each):
                y = top + index * row + method * bar
                length = (width - 56) * value / longest
                yield f'<rect class="m{method}" x="{x}" y="{y}" width="{length:.1f}" height="{bar - 1}"/>'
                label = f"{value:.2f}" if longest < 20 else f"{value:.0f}"
                size = 'style="font-size: 9px"'
                yield f'<text x="{x + length + 3:.1f}" y="{y + 8}" {size}>{label}</text>'
    x, y = left, top + row * len(phones) + 18
    for method, name in enumerate(methods):
        yield f'<rect class="m{method}" x="{x}" y="{y - 9}" width="10" height="10"/>'
        yield f'<text x="{x + 15}" y="{y}">{escape(name)}</text>'
        x += 40 + 7 * len(name)


def simplify(points: Sequence[Point]) -> list[Point]:
    """Remove points that are within the tolerance of the line through the others (Douglas-Peucker)."""
    if len(points) < 3:
        return list(points)
    (x0, y0), (x1, y1) = points[0], points[-1]
    slope = (y1 - y0) / (x1 - x0) if x1 > x0 else 0.0
    offsets = [abs(y - y0 - slope * (x - x0)) for x, y in points[1:-1]]
    if max(offsets) <= _TOLERANCE:
        return [points[0], points[-1]]
    farthest = offsets.index(max(offsets)) + 1
    return simplify(points[: farthest + 1])[:-1] + simplify(points[farthest:])
