"""Format CSV rows with lookup tables, without Python code for each row.

A row is a sequence of 8-byte words, each taken from a table or composed of two halves. Fields are padded with NUL
bytes, which text from PostgreSQL cannot contain. One pass over the block removes the padding: it costs more than all
tables, so the words have as little padding as possible.
"""

from datetime import date
from functools import cache

import numpy as np
from numpy.typing import NDArray

from functions.calculate.day.distance import hundredths_of_minutes
from functions.calculate.fixes.blocks import NULL, Floats, Integers, MeasuredBlock

Words = NDArray[np.uint64]

# The column `timestamp` is the day column: `created_at` of the database unless DAY_COLUMN=timestamp.
HEADER = (
    b"timestamp,device_id,latitude,longitude,distance_from_home_km,is_away,"
    b"accuracy,battery,velocity,cumulative_away_time_minutes\n"
)
_DAY_US = 86_400_000_000
_EPOCH = date(1970, 1, 1).toordinal()
_TABLE_SIZE = 10_000  # integers below have a table
_BYTE = np.uint64(8)  # bits


def _words(texts: list[bytes]) -> Words:
    """Convert texts of up to 8 bytes to words."""
    return np.array(texts, dtype="S8").view(np.uint64)


def _integers(thousands: int) -> Words:
    """Return the words of the integers below a number of thousands, which is at most 100.

    They are composed of the thousands and the last three digits, because formatting each takes a millisecond.
    """
    small = _words([b"%d" % number for number in range(1000)])
    last_digits = _words([b"%03d" % number for number in range(1000)])
    first_digits = small[1:thousands, np.newaxis]
    large = first_digits | last_digits << _lengths(first_digits) * _BYTE
    return np.append(small, large)


def _lengths(words: Words) -> Words:
    """Return the number of bytes of each text."""
    lengths: Words = (words[..., np.newaxis].view(np.uint8) > 0).sum(axis=-1, dtype=np.uint64)
    return lengths


_MINUTE = _words([b"\0\0\0%02d:%02d" % divmod(minute, 60) for minute in range(1440)])
_SECOND = _words([b":%02d" % second for second in range(60)])
# The first three digits of a fraction, without trailing zeros if no other digits follow.
_MILLIS = _words(
    [b""]
    + [b"\0\0\0." + (b"%03d" % millis).rstrip(b"0") for millis in range(1, 1000)]
    + [b"\0\0\0.%03d" % millis for millis in range(1000)]
)
_MICROS = _words([b"Z,", *((b"%03d" % micros).rstrip(b"0") + b"Z," for micros in range(1, 1000))])
# Decimals are up to four bytes before the point, four with the point, and four after them.
_DEGREES = _words([b"%d" % degrees for degrees in range(181)] + [b"-%d" % degrees for degrees in range(181)])
_KILOMETRES = _integers(21)  # up to five bytes; more than half of the circumference of the Earth
_HIGH_DIGITS = _words([b".%03d" % digits for digits in range(1000)])
_LOW_DIGITS = _words([b"%03d," % digits for digits in range(1000)])
_FLAGS = _words([b"false,", b"true,"])
_HUNDREDTHS = _words([b"\0\0\0\0\0%02d\n" % hundredths for hundredths in range(100)])
_HALF = np.uint64(32)  # the shift to the second half of a word, whose first byte is the lowest


@cache
def _small_integers(end: bytes) -> Words:
    integers = _integers(_TABLE_SIZE // 1000)
    return np.append(integers | _words([end]) << _lengths(integers) * _BYTE, _words([end]))


class CsvFormatter:
    """Format the blocks of one job as CSV (RFC 4180 with LF and minimal quoting)."""

    def __init__(self) -> None:
        self._device_cells: list[bytes] = []
        self._buffer = bytearray()

    def format(self, measured: MeasuredBlock) -> bytes | bytearray:
        """Return the rows of a block, each terminated by LF."""
        fixes = measured.fixes
        if not len(fixes):
            return b""
        measurements = (fixes.accuracy, fixes.battery, fixes.velocity)
        minutes, hundredths = _divide(hundredths_of_minutes(measured.away_us), 100)  # at most the minutes of a day
        columns = [
            *_format_timestamps(fixes.time_us),
            *self._format_devices(fixes.device, fixes.devices),
            *_format_coordinates(fixes.latitude, fixes.longitude),
            *_format_kilometres(measured.km),
            _FLAGS[measured.away.view(np.uint8)],
            *_pack([column for values in measurements for column in _format_integers(values)]),
            _small_integers(b".")[:_TABLE_SIZE][minutes] | _HUNDREDTHS[hundredths],  # without the cell for NULL
        ]
        size = 8 * len(fixes) * len(columns)
        if len(self._buffer) != size:  # reused for all blocks of one size: new memory costs more than formatting
            self._buffer = bytearray(size)
        rows = np.frombuffer(self._buffer, np.uint64).reshape(len(fixes), len(columns))
        for number, column in enumerate(columns):
            rows[:, number] = column
        return self._buffer.translate(None, b"\0")

    def _format_devices(self, codes: Integers, names: list[str]) -> list[Words]:
        for name in names[len(self._device_cells) :]:
            self._device_cells.append(_quote(name) + b",")
        return _text_columns(self._device_cells, codes)


def _divide(values: Integers, divisor: int) -> tuple[Integers, Integers]:
    """Return quotient and remainder. numpy vectorizes the division by a constant, but not divmod."""
    quotient = values // divisor
    return quotient, values - quotient * divisor


def _quote(text: str) -> bytes:
    if any(character in text for character in ',"\r\n'):
        text = '"' + text.replace('"', '""') + '"'
    return text.encode()


def _text_columns(texts: list[bytes], codes: Integers | None = None) -> list[Words]:
    """Convert texts of any length to columns of words. `codes` has the index of each row's text (default: 0, 1, …)."""
    count = -(-max(map(len, texts)) // 8)
    table = np.array(texts, dtype=f"S{8 * count}").view(np.uint64).reshape(-1, count)
    return [table[:, number] if codes is None else table[codes, number] for number in range(count)]


def _format_timestamps(time_us: Integers) -> list[Words]:
    """Return `YYYY-MM-DDTHH:MM:SS[.ffffff]Z,` as four words."""
    day, time_of_day = _divide(time_us, _DAY_US)
    first = int(day[0])
    texts = [
        date.fromordinal(_EPOCH + first + number).isoformat().encode() for number in range(int(day[-1]) - first + 1)
    ]
    day -= first
    seconds, micros = _divide(time_of_day, 1_000_000)
    minute, second = _divide(seconds, 60)
    high, low = _divide(micros, 1000)
    year_month = _words([text[:8] for text in texts])[day]
    clock = _words([text[8:] + b"T" for text in texts])[day] | _MINUTE[minute]
    return [year_month, clock, _SECOND[second] | _MILLIS[high + 1000 * (low > 0)], _MICROS[low]]


def _format_coordinates(latitude: Floats, longitude: Floats) -> list[Words]:
    """Return both in degrees, each with a comma, as three words."""
    degrees, high, low = _split_decimals(latitude, _DEGREES)
    degrees_east, high_east, low_east = _split_decimals(longitude, _DEGREES)
    return [_join(degrees, high), _join(low, degrees_east), _join(high_east, low_east)]


def _format_kilometres(km: Floats) -> list[Words]:
    """Return kilometres and a comma as two words."""
    whole, high, low = _split_decimals(km, _KILOMETRES)
    return [whole, _join(high, low)]


def _split_decimals(values: Floats, whole_parts: Words) -> tuple[Words, Words, Words]:
    """Return values with six decimals: as `f"{value:.6f},"`, but without negative zeros.

    The words have what is before the point, the point with three digits, and three digits with the comma.
    """
    millionths = _millionths(values)
    negative = millionths < 0
    whole, rest = _divide(np.abs(millionths), 1_000_000)
    high, low = _divide(rest, 1000)
    return whole_parts[whole + 181 * negative], _HIGH_DIGITS[high], _LOW_DIGITS[low]


def _join(first: Words, second: Words) -> Words:
    """Join texts of up to four bytes."""
    return first | second << _HALF


def _pack(columns: list[Words]) -> list[Words]:
    """Join neighbours that have up to four bytes in all rows."""
    packed = columns[:1]
    for column in columns[1:]:
        if (packed[-1] | column).max() >> _HALF:
            packed.append(column)
        else:
            packed[-1] = _join(packed[-1], column)
    return packed


def _millionths(values: Floats) -> Integers:
    scaled = values * 1e6
    nearest = np.rint(scaled)
    millionths: Integers = nearest.astype(np.int64)
    # The product is rounded. Near a half this can change the result, so these few values are formatted exactly.
    ambiguous = np.flatnonzero(np.abs(np.abs(scaled - nearest) - 0.5) < 1e-5)
    for row in ambiguous.tolist():
        millionths[row] = int(f"{values[row]:.6f}".replace(".", ""))
    return millionths


def _format_integers(values: Integers) -> list[Words]:
    """Return integers followed by a comma, and empty cells for NULL: one word if all values are small."""
    index = np.where(values == NULL, _TABLE_SIZE, values)
    if index.min() >= 0 and index.max() <= _TABLE_SIZE and not (values == _TABLE_SIZE).any():
        return [_small_integers(b",")[index]]
    return _text_columns([b"," if value == NULL else b"%d," % value for value in values.tolist()])
