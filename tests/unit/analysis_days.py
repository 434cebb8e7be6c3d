"""Days for the tests of the analysis: rows as tuples, and analyses of them cut into blocks."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from functions.calculate.analysis.analyzer import DayAnalyzer
from functions.calculate.day.distance import EARTH_RADIUS_KM, DayAccumulator
from functions.calculate.fixes.blocks import NULL, Block, ContextFix
from shared.models import AnalysisParameters, Home

HOME = Home(latitude=50, longitude=10)
SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
START = 1_769_299_200 * SECOND  # 2026-01-25 in UTC
WINDOW = (START, START + 24 * HOUR)

Row = tuple[str, int, float, float, int]  # device, microseconds since START, degrees, degrees, accuracy or NULL


def row(time_us: int, km: float, accuracy: int = NULL, device: str = "phone") -> Row:
    """Return a row that is `km` north of home."""
    return device, time_us, north(km), HOME.longitude, accuracy


def north(km: float) -> float:
    """Return the latitude that is `km` north of home."""
    return HOME.latitude + math.degrees(km / EARTH_RADIUS_KM)


def context(time_us: int, km: float, accuracy: int = NULL) -> ContextFix:
    return ContextFix(START + time_us, north(km), HOME.longitude, accuracy)


def block(rows: Sequence[Row], devices: list[str]) -> Block:
    """Return rows as a block, and add new devices to `devices`. Extreme times are not relative to START."""
    devices.extend(dict.fromkeys(device for device, *_ in rows if device not in devices))
    codes = {device: index for index, device in enumerate(devices)}
    times = [time_us + START if abs(time_us) < 2**62 else time_us for _, time_us, *_ in rows]
    none = np.full(len(rows), NULL)
    return Block(
        np.arange(len(rows)) + START,
        np.array(times, np.int64),
        np.array([codes[device] for device, *_ in rows], np.int64),
        np.array([latitude for _, _, latitude, _, _ in rows], np.float64),
        np.array([longitude for *_, longitude, _ in rows], np.float64),
        np.array([accuracy for *_, accuracy in rows], np.int64),
        none,
        none,
        devices,
    )


class EagerAnalyzer(DayAnalyzer):
    """An analyzer that processes every block at once, without waiting for more rows."""

    def add(self, block: Block, measured: Any) -> None:
        super().add(block, measured)
        self._advance()


class ShortRunAnalyzer(EagerAnalyzer):
    """An analyzer that gives up a run after three fixes."""

    run_limit = 3


def analyse(
    rows: Sequence[Row],
    *,
    size: int = 8_192,
    before: Mapping[str, ContextFix] | None = None,
    after: Mapping[str, ContextFix] | None = None,
    window: tuple[int, int] = WINDOW,
    analyzer: type[DayAnalyzer] = DayAnalyzer,
    **parameters: Any,
) -> dict[str, Any]:
    """Return the document of a day that is cut into blocks of `size` rows."""
    threshold_km = parameters.pop("away_threshold_km", 0.5)
    analysis = analyzer(
        home=HOME,
        away_threshold_km=threshold_km,
        parameters=AnalysisParameters(**parameters),
        window_us=window,
        day_column="timestamp",
        before=before or {},
        after=after or {},
    )
    accumulator = DayAccumulator(HOME, threshold_km)
    devices: list[str] = []
    for at in range(0, len(rows), size):
        part = block(rows[at : at + size], devices)
        analysis.add(part, accumulator.add(part))
    return analysis.result()


def only_device(rows: Sequence[Row], **options: Any) -> dict[str, Any]:
    """Return the entry of the only device of a day."""
    (device,) = analyse(rows, **options)["devices"]
    return dict(device)
