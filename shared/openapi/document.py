"""The document: OpenAPI 3.1, from the operations and the schemas of their models."""

import functools
from collections.abc import Iterable, Iterator
from typing import Any

from pydantic import BaseModel

from shared.openapi import operations, schemas
from shared.openapi.examples import example
from shared.openapi.operations import Operation, Parameter, ResponseSpec
from shared.version import VERSION

_ABOUT = """\
How far from home, for how long, how far travelled: a day of OwnTracks' fixes becomes numbers and a CSV.
Submit a day, follow the job by its `status_url`, download its CSV by the presigned URL in its `result`."""

# Both are off unless a deployment asks for them.
_SECURITY = {
    "token": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT", "description": "Of the issuer AUTH_ISSUER"},
    "key": {"type": "apiKey", "in": "header", "name": "X-API-Key", "description": "One of API_KEYS"},
}


@functools.cache
def document() -> dict[str, Any]:
    """The whole; not to be changed."""
    every = operations.every()
    paths: dict[str, dict[str, Any]] = {}
    for operation in every:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _operation(operation)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "otel-worker",
            "version": VERSION,
            "description": _ABOUT,
            "license": {"name": "Apache 2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": {
            "schemas": schemas.of(_models(every)),
            "headers": {name: _header(name) for name in operations.HEADERS},
            "securitySchemes": _SECURITY,
        },
    }


def _models(every: Iterable[Operation]) -> Iterator[type[BaseModel]]:
    for operation in every:
        yield from filter(None, (operation.body, *(answered.body for answered in operation.answers.values())))


def _operation(operation: Operation) -> dict[str, Any]:
    made: dict[str, Any] = {
        "operationId": operation.name,
        "tags": [operation.service],
        "summary": operation.summary,
        "responses": {str(status): _answer(operation, status, one) for status, one in operation.answers.items()},
    }
    if operation.guarded:
        made["security"] = [{}, *({name: []} for name in _SECURITY)]
    if operation.words:
        made["description"] = operation.words
    if operation.given:
        made["parameters"] = [_parameter(one) for one in operation.given]
    if operation.body:
        content: dict[str, Any] = {"schema": schemas.ref(operation.body)}
        if shown := example(operation.name, "request"):
            content["example"] = shown
        made["requestBody"] = {"required": True, "content": {"application/json": content}}
    return made


def _answer(operation: Operation, status: int, answered: ResponseSpec) -> dict[str, Any]:
    names = ("X-Trace-Id", *answered.headers)
    made: dict[str, Any] = {
        "description": answered.words,
        "headers": {name: {"$ref": f"#/components/headers/{name}"} for name in names},
    }
    if answered.body:
        content: dict[str, Any] = {"schema": schemas.ref(answered.body)}
        if shown := example(operation.name, str(status)):
            content["example"] = shown
        made["content"] = {answered.media_type: content}
    elif answered.media_type != "application/json":
        made["content"] = {answered.media_type: {"schema": {"type": "string"}}}
    return made


def _parameter(given: Parameter) -> dict[str, Any]:
    required = {"required": True} if given.where == "path" else {}
    return {"name": given.name, "in": given.where, **required, "schema": dict(given.schema), "description": given.words}


def _header(name: str) -> dict[str, Any]:
    schema, words = operations.HEADERS[name]
    return {"schema": dict(schema), "description": words}
