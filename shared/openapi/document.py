"""The OpenAPI 3.1 document, from the operations and the schemas of their models.

pydantic generates the schemas. A library such as apispec would only replace the dictionaries below.
"""

import functools
from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel

from shared.openapi import schemas
from shared.openapi.examples import example
from shared.openapi.operations import HEADERS, OPERATIONS, Operation, Parameter, ResponseSpec
from shared.version import VERSION

_DESCRIPTION = """\
Calculates distance from home, time away and path length of a day from OwnTracks fixes, as numbers and a CSV.
Submit a day, poll the job at its `status_url`, and download its CSV from the presigned URL in its `result`."""

# Each is optional: a deployment enables authentication by settings.
_SECURITY_SCHEMES = {
    "token": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT", "description": "Token of AUTH_ISSUER"},
    "key": {"type": "apiKey", "in": "header", "name": "X-API-Key", "description": "One of API_KEYS"},
}


@functools.cache
def document() -> dict[str, Any]:
    """Return the document. The caller must not modify it."""
    paths: dict[str, dict[str, Any]] = {}
    for operation in OPERATIONS:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _operation(operation)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "otel-worker",
            "version": VERSION,
            "description": _DESCRIPTION,
            "license": {"name": "Apache 2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": {
            "schemas": schemas.schemas_of(_models()),
            "headers": {name: _header(name) for name in HEADERS},
            "securitySchemes": _SECURITY_SCHEMES,
        },
    }


def _models() -> Iterator[type[BaseModel]]:
    for operation in OPERATIONS:
        yield from filter(None, (operation.body, *(response.body for response in operation.responses.values())))


def _operation(operation: Operation) -> dict[str, Any]:
    responses = operation.responses.items()
    document: dict[str, Any] = {
        "operationId": operation.name,
        "tags": [operation.service],
        "summary": operation.summary,
        "responses": {str(status): _response(operation, status, response) for status, response in responses},
    }
    if operation.requires_auth:
        document["security"] = [{}, *({name: []} for name in _SECURITY_SCHEMES)]
    if operation.description:
        document["description"] = operation.description
    if operation.parameters:
        document["parameters"] = [_parameter(parameter) for parameter in operation.parameters]
    if operation.body:
        content = _content(operation.body, operation.name, "request")
        document["requestBody"] = {"required": True, "content": {"application/json": content}}
    return document


def _response(operation: Operation, status: int, response: ResponseSpec) -> dict[str, Any]:
    names = ("X-Trace-Id", *response.headers)
    document: dict[str, Any] = {
        "description": response.description,
        "headers": {name: {"$ref": f"#/components/headers/{name}"} for name in names},
    }
    if response.body:
        document["content"] = {response.media_type: _content(response.body, operation.name, str(status))}
    elif response.media_type != "application/json":
        document["content"] = {response.media_type: {"schema": {"type": "string"}}}
    return document


def _content(model: type[BaseModel], operation: str, part: str) -> dict[str, Any]:
    body = example(operation, part)
    return {"schema": schemas.ref(model)} | ({"example": body} if body else {})


def _parameter(parameter: Parameter) -> dict[str, Any]:
    return {
        "name": parameter.name,
        "in": parameter.location,
        **({"required": True} if parameter.required or parameter.location == "path" else {}),
        "schema": dict(parameter.schema),
        "description": parameter.description,
    }


def _header(name: str) -> dict[str, Any]:
    schema, description = HEADERS[name]
    return {"schema": dict(schema), "description": description}
