"""The base class of the dataclasses that are created from the service's responses."""

from collections.abc import Mapping
from dataclasses import fields
from datetime import datetime
from typing import Any, ClassVar, Self

_NONE: Mapping[str, Any] = {}
_TIME_SUFFIXES = ("_at", "_after")
_TIMES = {"as_of", "window_start", "window_end", "start", "end"}


class JsonModel:
    """A dataclass that is created from a JSON object; unknown fields are ignored.

    `objects` are the models of fields that are an object or null, and `arrays` those of the items of arrays.
    `attributes` are the attributes whose names differ from those in JSON. Subclasses inherit all three.
    """

    _objects: ClassVar[Mapping[str, type["JsonModel"]]]
    _arrays: ClassVar[Mapping[str, type["JsonModel"]]]
    _attributes: ClassVar[Mapping[str, str]]

    def __init_subclass__(
        cls,
        *,
        objects: Mapping[str, type["JsonModel"]] = _NONE,
        arrays: Mapping[str, type["JsonModel"]] = _NONE,
        attributes: Mapping[str, str] = _NONE,
    ) -> None:
        super().__init_subclass__()
        cls._objects = {**getattr(cls, "_objects", _NONE), **objects}
        cls._arrays = {**getattr(cls, "_arrays", _NONE), **arrays}
        cls._attributes = {**getattr(cls, "_attributes", _NONE), **attributes}

    @classmethod
    def from_json(cls, body: Mapping[str, Any], **defaults: Any) -> Self:
        """Create an instance from decoded JSON; times become aware datetimes."""
        known = {item.name for item in fields(cls)}  # type: ignore[arg-type] # every subclass is a dataclass
        values = {cls._attributes.get(name, name): value for name, value in {**defaults, **body}.items()}
        return cls(**{name: cls._convert(name, value) for name, value in values.items() if name in known})

    @classmethod
    def _convert(cls, name: str, value: Any) -> Any:
        if name in cls._arrays:
            return tuple(cls._arrays[name].from_json(item) for item in value)
        if name in cls._objects and isinstance(value, Mapping):
            return cls._objects[name].from_json(value)
        if isinstance(value, str) and (name.endswith(_TIME_SUFFIXES) or name in _TIMES):
            return datetime.fromisoformat(value)
        return value
