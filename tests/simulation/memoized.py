"""The numbers and the rows of blocks, computed once: the real classes do it, and later runs are told what they said.

What they say depends on the home, the threshold and the blocks alone; where any of these is new, so is the work.
"""

from functions.calculate.day.csv_rows import CsvFormatter
from functions.calculate.day.distance import DayAccumulator
from functions.calculate.fixes.blocks import Block, MeasuredBlock
from shared.job_index.segments import Segment
from shared.models import DayStatistics, Home

_Seen = tuple[object, ...]
_MEASURED: dict[_Seen, MeasuredBlock] = {}
_NUMBERS: dict[_Seen, DayStatistics] = {}
_ROWS: dict[_Seen, bytes] = {}
_SEGMENTS: dict[bytes, Segment] = {}
_MOST_SEGMENTS = 100
_KEPT: list[object] = []  # an id is only a name while its object lives


class RememberedNumbers:
    """DayAccumulator, from memory where it can be."""

    missing_coordinates = 0  # for metrics alone, which nobody reads here

    def __init__(self, home: Home, away_threshold_km: float) -> None:
        self._start = home, away_threshold_km
        self._seen: _Seen = (home.latitude, home.longitude, away_threshold_km)
        self._blocks: list[Block] = []

    def add(self, block: Block) -> MeasuredBlock:
        """As DayAccumulator.add."""
        self._blocks.append(block)
        self._seen += (id(block),)
        if self._seen not in _MEASURED:
            _KEPT.append(block)
            real = DayAccumulator(*self._start)
            *_, _MEASURED[self._seen] = [real.add(each) for each in self._blocks]
            _NUMBERS[self._seen] = real.statistics()
        return _MEASURED[self._seen]

    def statistics(self) -> DayStatistics:
        """As DayAccumulator.statistics."""
        if self._seen not in _NUMBERS:
            _NUMBERS[self._seen] = DayAccumulator(*self._start).statistics()
        return _NUMBERS[self._seen]


class RememberedRows:
    """CsvFormatter, from memory where it can be."""

    def __init__(self) -> None:
        self._seen: _Seen = ()
        self._blocks: list[MeasuredBlock] = []

    def format(self, measured: MeasuredBlock) -> bytes:
        """As CsvFormatter.format."""
        self._blocks.append(measured)
        self._seen += (id(measured),)
        if self._seen not in _ROWS:
            _KEPT.append(measured)
            real = CsvFormatter()
            *_, rows = [bytes(real.format(each)) for each in self._blocks]
            _ROWS[self._seen] = rows
        return _ROWS[self._seen]


class RememberedSegment(Segment):
    """Segment, whose bytes are decoded once: pods read the same ones."""

    @classmethod
    def load(cls, body: bytes) -> Segment:  # type: ignore[override] # what it gives is not of this class
        """As Segment.load."""
        if body not in _SEGMENTS:
            if len(_SEGMENTS) >= _MOST_SEGMENTS:
                _SEGMENTS.clear()
            _SEGMENTS[body] = Segment.load(body)
        return _SEGMENTS[body]
