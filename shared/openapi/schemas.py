"""Schemas of models, as both documents hold them."""

from collections.abc import Iterable
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

_REF = "#/components/schemas/{model}"


def ref(model: type[BaseModel]) -> dict[str, str]:
    """A reference to a model's schema."""
    return {"$ref": _REF.format(model=model.__name__)}


def of(models: Iterable[type[BaseModel]]) -> dict[str, Any]:
    """The schemas of `models` and of what they are made of, by name."""
    wanted = sorted(set(models), key=lambda model: model.__name__)
    _, made = models_json_schema([(model, "validation") for model in wanted], ref_template=_REF)
    schemas: dict[str, Any] = made["$defs"]
    for schema in schemas.values():
        for one in schema.get("properties", {}).values():
            one.pop("title", None)  # the name again
    return schemas
