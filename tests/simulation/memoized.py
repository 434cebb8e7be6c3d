"""Memoized calculations, so that runs of many seeds compute each combination of inputs only once.

The results depend only on home, threshold and blocks. The real classes compute each combination that is new.
"""

from functions.calculate.day.csv_rows import CsvFormatter
from functions.calculate.day.distance import DayAccumulator
from functions.calculate.fixes.blocks import Block, MeasuredBlock
from shared.job_index.segments import Segment
from shared.models import DayStatistics, Home

_Key = tuple[object, ...]
_MEASURED_BLOCKS: dict[_Key, MeasuredBlock] = {}
_STATISTICS: dict[_Key, DayStatistics] = {}
_ROWS: dict[_Key, bytes] = {}
_SEGMENTS: dict[bytes, Segment] = {}
_MAX_SEGMENTS = 100
_REFERENCES: list[object] = []  # keep objects alive, because keys contain their ids


class MemoizedDayAccumulator:
    """DayAccumulator with memoized results."""

    def __init__(self, home: Home, away_threshold_km: float) -> None:
        self._arguments = home, away_threshold_km
        self._key: _Key = (home.latitude, home.longitude, away_threshold_km)
        self._blocks: list[Block] = []

    def add(self, block: Block) -> MeasuredBlock:
        """See DayAccumulator.add."""
        self._blocks.append(block)
        self._key += (id(block),)
        if self._key not in _MEASURED_BLOCKS:
            _REFERENCES.append(block)
            real = DayAccumulator(*self._arguments)
            *_, _MEASURED_BLOCKS[self._key] = [real.add(previous) for previous in self._blocks]
            _STATISTICS[self._key] = real.statistics()
        return _MEASURED_BLOCKS[self._key]

    def statistics(self) -> DayStatistics:
        """See DayAccumulator.statistics."""
        if self._key not in _STATISTICS:
            _STATISTICS[self._key] = DayAccumulator(*self._arguments).statistics()
        return _STATISTICS[self._key]


class MemoizedCsvFormatter:
    """CsvFormatter with memoized results."""

    def __init__(self) -> None:
        self._key: _Key = ()
        self._blocks: list[MeasuredBlock] = []

    def format(self, measured: MeasuredBlock) -> bytes:
        """See CsvFormatter.format."""
        self._blocks.append(measured)
        self._key += (id(measured),)
        if self._key not in _ROWS:
            _REFERENCES.append(measured)
            real = CsvFormatter()
            *_, rows = [bytes(real.format(previous)) for previous in self._blocks]
            _ROWS[self._key] = rows
        return _ROWS[self._key]


class MemoizedSegment(Segment):
    """Segment that decodes each body only once."""

    @classmethod
    def load(cls, body: bytes) -> Segment:  # type: ignore[override] # returns the base class
        """See Segment.load."""
        if body not in _SEGMENTS:
            if len(_SEGMENTS) >= _MAX_SEGMENTS:
                _SEGMENTS.clear()
            _SEGMENTS[body] = Segment.load(body)
        return _SEGMENTS[body]
