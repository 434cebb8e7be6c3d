"""The OpenAPI document as an HTML page, without scripts and external resources."""

import functools
import json
from collections.abc import Mapping
from importlib import resources
from typing import Any

from jinja2 import Environment, StrictUndefined

from shared.openapi.document import document

HEADERS: Mapping[str, str] = {
    "Content-Type": "text/html; charset=utf-8",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
}


@functools.cache
def page() -> bytes:
    """Return the page as HTML in UTF-8."""
    templates = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    templates.filters |= {"type_name": _type_name, "model": _model, "pretty": _pretty}
    text = (resources.files("shared.openapi") / "page.html").read_text(encoding="utf-8")
    return templates.from_string(text).render(api=document()).encode()


def _model(schema: Mapping[str, Any]) -> str:
    """Return the name of the model that a schema refers to, "" if it is not a reference."""
    return str(schema.get("$ref", "")).rsplit("/", 1)[-1]


def _type_name(schema: Mapping[str, Any]) -> str:
    """Describe the type of a schema in short form: `string (date)`, `number, 0 or more`, `JobSummary[]`."""
    if "anyOf" in schema:
        return " or ".join(map(_type_name, schema["anyOf"]))
    if "enum" in schema:
        return " | ".join(str(value) or '""' for value in schema["enum"])
    name = _model(schema) or str(schema.get("type", "any"))
    if "items" in schema:
        name = f"{_type_name(schema['items'])}[]"
    if "format" in schema:
        name += f" ({schema['format']})"
    minimum, maximum = schema.get("minimum"), schema.get("maximum")
    if minimum is not None:
        name += f", {minimum} to {maximum}" if maximum is not None else f", {minimum} or more"
    if "exclusiveMinimum" in schema:
        name += f", more than {schema['exclusiveMinimum']}"
    return name


def _pretty(value: object) -> str:
    return json.dumps(value, indent=2)
