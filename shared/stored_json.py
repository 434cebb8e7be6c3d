"""JSON documents in the object storage: compact encoding of dataclasses, and strict decoding.

A decoder takes a decoded JSON value and returns the value of a field. It converts no types, and raises ValueError.
"""

import json
import sys
from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Any, TypeVar

from shared import ids
from shared.models import rfc3339

T = TypeVar("T")
Decoder = Callable[[object], Any]
Decoders = Mapping[str, Decoder]  # by field


def encode(document: object) -> bytes:
    """Encode a dataclass as a JSON object without its fields that are None, or a dictionary with all its items."""
    return _ENCODER.encode(document).encode()


def encode_unique(document: object) -> bytes:
    """Encode a document with a random `token`, for a conditional write (shared/storage/bucket.py).

    Two writers that make the same change in the same millisecond thus write different bodies.
    """
    fields = document if isinstance(document, dict) else _json_value(document)
    return encode({**fields, "token": ids.token()})


def _json_value(value: Any) -> Any:
    if isinstance(value, datetime):
        return rfc3339(value)
    if isinstance(value, date):
        return value.isoformat()
    return {name: field for name, field in vars(value).items() if field is not None}


_ENCODER = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=_json_value)


def decode(body: bytes) -> object:
    """Decode JSON in UTF-8. Raises ValueError, also for constants that JSON lacks, such as NaN."""
    try:
        return json.loads(body.decode(), parse_constant=_reject_constant)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def _reject_constant(constant: str) -> object:
    raise ValueError(f"{constant} is not JSON")


def build(model: type[T], decoders: Decoders, value: object) -> T:
    """Build a dataclass from a JSON object with a decoder for each field. Unknown fields are ignored.

    Raises ValueError if `value` is not an object, lacks a field without default, or has an invalid field.
    """
    if not isinstance(value, dict):
        raise ValueError("expected an object")  # noqa: TRY004 - decoders raise ValueError
    fields = {name: decoder(value[name]) for name, decoder in decoders.items() if name in value}
    try:
        return model(**fields)
    except TypeError as exc:
        raise ValueError("a field is missing") from exc


def text(value: object) -> str:
    """Decode a string. Strings with lone surrogates, which UTF-8 cannot represent, are invalid."""
    if not isinstance(value, str):
        raise ValueError("expected a string")  # noqa: TRY004
    value.encode()
    return value


def integer(value: object) -> int:
    """Decode an integer."""
    if not isinstance(value, int) or isinstance(value, bool):
        raise ValueError("expected an integer")  # noqa: TRY004
    return value


def number(value: object) -> float:
    """Decode a finite number."""
    if not isinstance(value, (int, float)) or isinstance(value, bool) or not abs(value) <= sys.float_info.max:
        raise ValueError("expected a finite number")
    return float(value)


def boolean(value: object) -> bool:
    """Decode a boolean."""
    if not isinstance(value, bool):
        raise ValueError("expected a boolean")  # noqa: TRY004
    return value


def instant(value: object) -> datetime:
    """Decode a time with its offset from UTC."""
    decoded = datetime.fromisoformat(text(value))
    if decoded.tzinfo is None:
        raise ValueError("expected an offset from UTC")
    return decoded


def version(value: object) -> int:
    """Decode the version of a document, which is 1."""
    if integer(value) != 1:
        raise ValueError("unknown version")
    return 1


def optional(decoder: Decoder) -> Decoder:
    """Return a decoder that also accepts null."""
    return lambda value: None if value is None else decoder(value)


def array(decoder: Decoder) -> Decoder:
    """Return a decoder of arrays, as tuples."""

    def decode_items(value: object) -> tuple[Any, ...]:
        if not isinstance(value, list):
            raise ValueError("expected an array")  # noqa: TRY004
        return tuple(map(decoder, value))

    return decode_items
