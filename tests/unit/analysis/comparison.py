"""Compare documents of the analysis, with the tolerance that a histogram needs."""

import math
from collections.abc import Iterator, Mapping
from typing import Any

from tests.unit.analysis.hand_made.builders import HandMadeDay

HISTOGRAM_WIDTH = 2.0**-12
MILLIMETRE_KM = 1e-6
PERCENTILES = {"median", "p95", "time_median", "time_p95"}
KILOMETRES = {"time_weighted_mean", "farthest", "farthest_km", "path_length_km", "robust", "raw", "across_gaps"}


def differences(expected: Any, actual: Any, path: str = "") -> Iterator[str]:
    """Yield each value of a document that differs.

    Percentiles may differ by the width of a bin, and by two millimetres for the bin below one and for rounding. Other
    kilometres may differ by one in the last digit, which depends on the order of a sum. Both have at most six decimals.
    Everything else is equal.
    """
    if isinstance(expected, Mapping) and isinstance(actual, Mapping):
        for name in sorted({*expected, *actual}):
            yield from differences(
                expected.get(name, "no such field"), actual.get(name, "no such field"), f"{path}.{name}"
            )
    elif isinstance(expected, list) and isinstance(actual, list) and len(expected) == len(actual):
        for index, (one, other) in enumerate(zip(expected, actual, strict=True)):
            yield from differences(one, other, f"{path}.{index}")
    elif not _is_equal(path.rpartition(".")[2], expected, actual):
        yield f"{path.removeprefix('.')}: expected {expected!r}, got {actual!r}"


def violations(day: HandMadeDay, document: Mapping[str, Any], *, exact: bool = False) -> list[str]:
    """Return the expected values of a hand-made day that a document does not have; `exact` refuses tolerances."""
    found: list[str] = []
    for path, expected in day.expected.items():
        actual = value_at(document, path)
        if not exact:
            found += differences(expected, actual, f".{path}")
        elif actual != expected:
            found.append(f"{path}: expected {expected!r}, got {actual!r}")
    return found


def value_at(document: Mapping[str, Any], path: str) -> Any:
    """Return the value at a path such as `trips.0.minutes`, whose last part may be `length`.

    Paths begin at the first device, those with `document.` at the document. Returns a text if a list is too short.
    """
    is_of_document = path.startswith("document.")
    value: Any = document if is_of_document else document["devices"]
    for part in path.removeprefix("document.").split(".") if is_of_document else ["0", *path.split(".")]:
        if part == "length":
            return len(value)
        if isinstance(value, Mapping):
            value = value[part]
        elif int(part) < len(value):
            value = value[int(part)]
        else:
            return "no such item"
    return value


def _is_equal(name: str, expected: Any, actual: Any) -> bool:
    numbers = (int, float)
    if isinstance(expected, numbers) and isinstance(actual, numbers):
        if name in PERCENTILES | KILOMETRES and actual != round(actual, 6):
            return False
        if name in PERCENTILES:
            return math.isclose(expected, actual, rel_tol=HISTOGRAM_WIDTH, abs_tol=2.001 * MILLIMETRE_KM)
        if name in KILOMETRES:
            return math.isclose(expected, actual, rel_tol=0, abs_tol=1.001 * MILLIMETRE_KM)
    return bool(expected == actual)
