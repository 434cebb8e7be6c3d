"""The document as a page for people: no script, nothing from elsewhere."""

import functools
import json
from collections.abc import Mapping
from importlib import resources
from typing import Any

from jinja2 import Environment, StrictUndefined

from shared.openapi.document import document

_HERE = resources.files("shared.openapi")
HEADERS: Mapping[str, str] = {
    "Content-Type": "text/html; charset=utf-8",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
}


@functools.cache
def page() -> bytes:
    """HTML, UTF-8."""
    templates = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    templates.filters |= {"kind": _kind, "model": _model, "pretty": _pretty}
    text = (_HERE / "page.html").read_text(encoding="utf-8")
    return templates.from_string(text).render(api=document()).encode()


def _model(schema: Mapping[str, Any]) -> str:
    """The name of the model that a schema refers to, "" where it refers to none."""
    return str(schema.get("$ref", "")).rsplit("/", 1)[-1]


def _kind(schema: Mapping[str, Any]) -> str:
    """A schema in a few words: `string (date)`, `number, 0 or more`, `Row[]`."""
    if "anyOf" in schema:
        return " or ".join(_kind(one) for one in schema["anyOf"])
    if "enum" in schema:
        return " | ".join(str(value) or '""' for value in schema["enum"])
    words = _model(schema) or str(schema.get("type", "anything"))
    if "items" in schema:
        words = f"{_kind(schema['items'])}[]"
    words += f" ({schema['format']})" if "format" in schema else ""
    low, high = schema.get("minimum"), schema.get("maximum")
    if low is not None:
        words += f", {low} to {high}" if high is not None else f", {low} or more"
    return words


def _pretty(value: object) -> str:
    return json.dumps(value, indent=2)
