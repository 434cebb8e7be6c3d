"""CSV rows by look-up: no Python per row, about as fast as the database hands rows out.

A row is laid out in words of 8 bytes, each taken from a table; what a field leaves empty of its words are NUL bytes,
which no text from PostgreSQL can hold, and one pass over the block removes them.
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
_SMALL = 10_000


def _words(texts: list[bytes]) -> Words:
    """Texts of up to 8 bytes as words, padded with NUL."""
    return np.array(texts, dtype="S8").view(np.uint64)


_MINUTE = _words([b"\0\0\0%02d:%02d" % divmod(minute, 60) for minute in range(1440)])
_SECOND = _words([b":%02d" % second for second in range(60)])
# The first three digits of a fraction: as they are where others follow, else without their trailing zeros.
_MILLIS = _words(
    [b""]
    + [b"\0\0\0." + (b"%03d" % millis).rstrip(b"0") for millis in range(1, 1000)]
    + [b"\0\0\0.%03d" % millis for millis in range(1000)]
)
_MICROS = _words([b"Z,", *((b"%03d" % micros).rstrip(b"0") + b"Z," for micros in range(1, 1000))])
_DEGREES = _words([b"%d." % degrees for degrees in range(181)] + [b"-%d." % degrees for degrees in range(181)])
_KILOMETRES = _words([b"%d." % km for km in range(20_100)])
_HIGH_DIGITS = _words([b"%03d" % digits for digits in range(1000)])
_LOW_DIGITS = _words([b"\0\0\0%03d," % digits for digits in range(1000)])
_FLAGS = _words([b"false,", b"true,"])
_HUNDREDTHS = _words([b"%02d\n" % hundredths for hundredths in range(100)])


@cache
def _small_integers(end: bytes) -> Words:
    return _words([b"%d" % number + end for number in range(_SMALL)] + [end])


class CsvRows:
    """Formats the blocks of one job as the contract's CSV (RFC 4180, LF, quotes only where needed)."""

    def __init__(self) -> None:
        self._names: list[bytes] = []
        self._laid_out = bytearray()

    def of(self, measured: MeasuredBlock) -> bytes | bytearray:
        """The rows of a block, each ended by LF; nothing for no rows."""
        fixes = measured.fixes
        if not len(fixes):
            return b""
        whole, hundredths = _divided(hundredths_of_minutes(measured.away_us), 100)
        columns = [
            *_timestamps(fixes.time_us),
            *self._devices(fixes.device, fixes.devices),
            *_decimals(fixes.latitude, _DEGREES),
            *_decimals(fixes.longitude, _DEGREES),
            *_decimals(measured.km, _KILOMETRES),
            _FLAGS[measured.away.view(np.uint8)],
            *_integers(fixes.accuracy),
            *_integers(fixes.battery),
            *_integers(fixes.velocity),
            *_integers(whole, b"."),
            _HUNDREDTHS[hundredths],
        ]
        size = 8 * len(fixes) * len(columns)
        if len(self._laid_out) != size:
            self._laid_out = bytearray(
                size
            )  # the same memory for block after block: fresh pages cost more than the work
        rows = np.frombuffer(self._laid_out, np.uint64).reshape(len(fixes), len(columns))
        for number, column in enumerate(columns):
            rows[:, number] = column
        return self._laid_out.translate(None, b"\0")

    def _devices(self, codes: Integers, names: list[str]) -> list[Words]:
        for name in names[len(self._names) :]:
            self._names.append(_quoted(name) + b",")
        return _wide(self._names, codes)


def _divided(values: Integers, divisor: int) -> tuple[Integers, Integers]:
    """Quotient and remainder; numpy divides by a constant in vectors, its divmod does not."""
    quotient = values // divisor
    return quotient, values - quotient * divisor


def _quoted(text: str) -> bytes:
    if any(sign in text for sign in ',"\r\n'):
        text = '"' + text.replace('"', '""') + '"'
    return text.encode()


def _wide(texts: list[bytes], codes: Integers | None = None) -> list[Words]:
    """Texts of any length as columns of words; `codes` says which text each row has (default: its own)."""
    count = -(-max(map(len, texts)) // 8)
    table = np.array(texts, dtype=f"S{8 * count}").view(np.uint64).reshape(-1, count)
    return [table[:, number] if codes is None else table[codes, number] for number in range(count)]


def _timestamps(time_us: Integers) -> list[Words]:
    """`YYYY-MM-DDTHH:MM:SS[.ffffff]Z,` as four words."""
    day, of_day = _divided(time_us, _DAY_US)
    first = int(day[0])
    texts = [
        date.fromordinal(_EPOCH + first + number).isoformat().encode() for number in range(int(day[-1]) - first + 1)
    ]
    day -= first
    seconds, micros = _divided(of_day, 1_000_000)
    minute, second = _divided(seconds, 60)
    high, low = _divided(micros, 1000)
    year_month = _words([text[:8] for text in texts])[day]
    clock = _words([text[8:] + b"T" for text in texts])[day] | _MINUTE[minute]
    return [year_month, clock, _SECOND[second] | _MILLIS[high + 1000 * (low > 0)], _MICROS[low]]


def _decimals(values: Floats, whole_parts: Words) -> list[Words]:
    """Six decimals and a comma, as two words: the digits of `f"{value:.6f}"`, but never a negative zero."""
    millionths = _millionths(values)
    negative = millionths < 0
    whole, rest = _divided(np.abs(millionths), 1_000_000)
    high, low = _divided(rest, 1000)
    return [whole_parts[whole + 181 * negative], _HIGH_DIGITS[high] | _LOW_DIGITS[low]]


def _millionths(values: Floats) -> Integers:
    scaled = values * 1e6
    nearest = np.rint(scaled)
    millionths: Integers = nearest.astype(np.int64)
    # The product is itself rounded: near a half it may fall to the wrong side, so those few are asked exactly.
    doubtful = np.flatnonzero(np.abs(np.abs(scaled - nearest) - 0.5) < 1e-5)
    for row in doubtful.tolist():
        millionths[row] = int(f"{values[row]:.6f}".replace(".", ""))
    return millionths


def _integers(values: Integers, end: bytes = b",") -> list[Words]:
    """Integers and `end`, an empty cell for NULL: one word where all are small, as they nearly always are."""
    known = np.where(values == NULL, _SMALL, values)
    if known.min() >= 0 and known.max() <= _SMALL and not (values == _SMALL).any():
        return [_small_integers(end)[known]]
    return _wide([end if value == NULL else b"%d" % value + end for value in values.tolist()])
