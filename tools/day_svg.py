"""`python -m tools.day_svg CSV SVG`: draw the distance from home over a day, as in docs/day.svg.

CSV is the file of one device that `make demo` downloads to .local/demo/.
"""

import csv
import sys
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path

_LEFT, _RIGHT, _TOP, _BOTTOM = 44, 752, 16, 204  # the plot area, in pixels
_THRESHOLD_KM = 0.5
_TOLERANCE = 0.5  # pixels by which the simplified line may differ
_POINTS_PER_LINE = 12
_STYLE = """
text { font: 12px system-ui, sans-serif; fill: #57606a }
.axis { stroke: #57606a } .grid { stroke: #d0d7de } .threshold { stroke: #9a6700; stroke-dasharray: 4 3 }
.away { fill: #d4a72c; fill-opacity: .35 } .line { fill: none; stroke: #0969da; stroke-width: 1.5 }
@media (prefers-color-scheme: dark) {
  text { fill: #9198a1 } .axis { stroke: #9198a1 } .grid { stroke: #3d444d } .threshold { stroke: #d29922 }
  .line { stroke: #4493f8 }
}"""

Point = tuple[float, float]


def draw(source: Path, target: Path) -> None:
    """Draw the CSV `source` into the SVG `target`."""
    with source.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    title = f"{rows[0]['timestamp'][:10]} (UTC), {rows[0]['device_id']}, {len(rows):,} fixes"
    distances = [float(row["distance_from_home_km"]) for row in rows]
    max_km = int(max(distances)) + 1
    points = [(_x(row["timestamp"]), _y(km, max_km)) for row, km in zip(rows, distances, strict=True)]
    line = simplify(points)
    target.write_text("\n".join(_svg(title, line, max_km)) + "\n", encoding="utf-8")


def _x(timestamp: str) -> float:
    at = datetime.fromisoformat(timestamp)
    return _LEFT + (_RIGHT - _LEFT) * (at.hour * 3600 + at.minute * 60 + at.second) / 86_400


def _y(km: float, max_km: int) -> float:
    return _BOTTOM - (_BOTTOM - _TOP) * km / max_km


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


def _svg(title: str, line: Sequence[Point], max_km: int) -> Iterator[str]:
    threshold = _y(_THRESHOLD_KM, max_km)
    yield '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 760 248" role="img">'
    yield f"<title>Distance from home on {title}</title>"
    yield f"<style>{_STYLE}\n</style>"
    above = f'x="{_LEFT}" y="{_TOP}" width="{_RIGHT - _LEFT}" height="{threshold - _TOP:.1f}"'
    yield f'<clipPath id="away"><rect {above}/></clipPath>'
    for km in range(max_km + 1):
        kind = "grid" if km else "axis"
        yield f'<path class="{kind}" d="M{_LEFT} {_y(km, max_km):.1f}H{_RIGHT}"/>'
        yield f'<text x="{_LEFT - 8}" y="{_y(km, max_km) + 4:.1f}" text-anchor="end">{km}</text>'
    for hour in range(0, 25, 3):
        anchor = "middle" if hour < 24 else "end"
        x = _LEFT + (_RIGHT - _LEFT) * hour / 24
        yield f'<path class="axis" d="M{x:g} {_BOTTOM}v4"/>'
        yield f'<text x="{x:g}" y="{_BOTTOM + 18}" text-anchor="{anchor}">{hour:02d}:00</text>'
    coordinates = [f"{x:.1f} {y:.1f}" for x, y in line]
    path = "\n".join(
        " ".join(coordinates[first : first + _POINTS_PER_LINE]) for first in range(0, len(line), _POINTS_PER_LINE)
    )
    yield f'<path class="away" clip-path="url(#away)" d="M{_LEFT} {_BOTTOM}L{path}\nV{_BOTTOM}Z"/>'
    yield f'<path class="threshold" d="M{_LEFT} {threshold:.1f}H{_RIGHT}"/>'
    yield f'<text x="{_LEFT + 6}" y="{threshold - 5:.1f}">away beyond {_THRESHOLD_KM} km</text>'
    yield f'<path class="line" d="M{path}"/>'
    x, y = (_LEFT + _RIGHT) / 2, (_TOP + _BOTTOM) / 2
    yield f'<text x="{x:g}" y="{_BOTTOM + 38}" text-anchor="middle">{title}</text>'
    yield f'<text transform="translate(14 {y:g}) rotate(-90)" text-anchor="middle">km from home</text>'
    yield "</svg>"


if __name__ == "__main__":
    draw(Path(sys.argv[1]), Path(sys.argv[2]))
