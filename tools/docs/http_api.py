"""The reference of the HTTP API: operations and schemas of the OpenAPI document."""

import re
from collections.abc import Iterator
from typing import Any

from shared.openapi.document import document
from tools.docs.regions import table

_TRACE = {"traceparent", "X-Trace-Id"}  # every operation accepts them


def operations() -> list[str]:
    """Return a section for each operation."""
    lines: list[str] = []
    for method, path, operation in _operations():
        sentences = re.split(r"(?<=\.) (?=[A-Z])", operation.get("description", ""))
        lines += ["", f"### {method} {path}", "", f"**{operation['summary']}.**", *filter(None, sentences)]
        lines += ["", f"Service: {operation['tags'][0]}."]
        lines += _parameters(operation)
        rows = [
            [status, _body(response), response["description"]] for status, response in operation["responses"].items()
        ]
        lines += table(["status", "body", "meaning"], rows)[:-1]
    return [*lines, ""]


def schemas() -> list[str]:
    """Return a table of fields for each schema."""
    lines: list[str] = []
    for name, schema in document()["components"]["schemas"].items():
        if "properties" not in schema:
            continue
        required = schema.get("required", ())
        rows = [
            [f"`{field}`", _type(property_), "yes" if field in required else "", property_.get("description", "")]
            for field, property_ in schema["properties"].items()
        ]
        lines += ["", f"### {name}", "", schema.get("description", "")]
        lines += table(["field", "type", "always present", "meaning"], rows)[:-1]
    return [*lines, ""]


def _operations() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield each operation with its method and path."""
    for path, methods in document()["paths"].items():
        for method, operation in methods.items():
            yield method.upper(), path, operation


def _parameters(operation: dict[str, Any]) -> list[str]:
    lines: list[str] = []
    if body := operation.get("requestBody"):
        lines += ["", f"Request body: {_reference(body['content']['application/json']['schema'])}."]
    rows = [
        [f"`{parameter['name']}`", parameter["in"], _type(parameter["schema"]), parameter["description"]]
        for parameter in operation.get("parameters", ())
        if parameter["name"] not in _TRACE
    ]
    return lines + (table(["parameter", "in", "type", "meaning"], rows)[:-1] if rows else [])


def _body(response: dict[str, Any]) -> str:
    contents = response.get("content", {})
    return ", ".join(
        _type(content["schema"]) if "$ref" in content["schema"] else media_type
        for media_type, content in contents.items()
    )


def _reference(schema: dict[str, Any]) -> str:
    name = schema["$ref"].rpartition("/")[2]
    if "properties" not in document()["components"]["schemas"][name]:
        return "any"
    return f"[{name}](#{name.lower()})"


def _type(schema: dict[str, Any]) -> str:
    """Describe a schema in a table cell: its type, its values and its bounds."""
    if "$ref" in schema:
        return _reference(schema)
    if alternatives := schema.get("anyOf"):
        return " or ".join(_type(alternative) for alternative in alternatives)
    if "enum" in schema or "const" in schema:
        return ", ".join(f"`{value}`" if value != "" else '`""`' for value in schema.get("enum", [schema.get("const")]))
    if schema.get("type") == "array":
        return f"array of {_type(schema['items'])}"
    type_name = schema.get("format") or schema.get("type", "any")
    signs = (("minimum", "≥"), ("exclusiveMinimum", ">"), ("maximum", "≤"))
    bounds = [f"{sign} {schema[key]}" for key, sign in signs if key in schema]
    default = [f"default {schema['default']}"] if "default" in schema else []
    return ", ".join([type_name, *bounds, *default])
