"""The OpenAPI document is valid, complete, and consistent with the functions and the documentation."""

import re
from typing import Any

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from shared.http import error_responses
from shared.openapi import asyncapi
from shared.openapi.document import document
from shared.openapi.html import page
from shared.openapi.operations import OPERATIONS, Operation
from shared.openapi.response_models import ErrorObject
from tests.contract.markdown import blocks
from tests.contract.test_api_docs import DAYS, DOCUMENTS, ERRORS, HEALTH, PAGE, completed_job, example
from tests.contract.world import World

DOCUMENT = document()
EXAMPLES = [
    (operation, status, content["application/json"]["example"])
    for operation in OPERATIONS
    for status, response in DOCUMENT["paths"][operation.path][operation.method.lower()]["responses"].items()
    for content in [response.get("content", {})]
    if "example" in content.get("application/json", {})
]


def test_document_is_openapi_3_1() -> None:
    OpenAPIV31SpecValidator(DOCUMENT).validate()


def test_each_route_is_the_path_or_alias_of_an_operation() -> None:
    event_routes = {("POST", "/"), ("POST", "/dead-letter"), ("POST", "/sweep")}
    routes = {
        (method, re.sub(r"<(?:path:)?(\w+)>", r"{\1}", path))
        for service in World().services
        for method, path in service.router.routes()
        if method != "HEAD"
    }
    documented = [(operation.method, path) for operation in OPERATIONS for path in (operation.path, *operation.aliases)]
    assert set(documented) == routes - event_routes - {("GET", path) for path in DOCUMENTS}
    assert len(documented) == len(set(documented))
    assert len({operation.name for operation in OPERATIONS}) == len(OPERATIONS)


def test_document_lists_canonical_paths_and_describes_aliases() -> None:
    assert set(DOCUMENT["paths"]) == {operation.path for operation in OPERATIONS}
    assert DOCUMENT["paths"]["/healthz"]["get"]["description"] == "Aliases: `/health/live`, `/api/v1/health/live`."


def test_each_error_status_is_documented() -> None:
    documented = {status for operation in OPERATIONS for status in operation.responses if status >= 400}
    assert documented == {status for _, status, _ in error_responses.STATUSES} | {500}
    conflicts = {operation.name for operation in OPERATIONS if 409 in operation.responses}
    assert conflicts == {"submit", "delete_job"}  # tests/functional/test_conflicts.py
    codes = set(ErrorObject.model_json_schema()["properties"]["code"]["enum"])
    assert codes == {code for _, _, code in error_responses.STATUSES} | {"METHOD_NOT_ALLOWED", "INTERNAL_ERROR"}


def test_examples_equal_those_of_the_documentation() -> None:
    assert {(operation.name, status): body for operation, status, body in EXAMPLES} == {
        ("submit", "202"): example("## Submit a job"),
        ("submit", "400"): example("# Errors", page=ERRORS),
        ("get_job", "200"): completed_job(),
        ("list_jobs", "200"): example("## List jobs"),
        ("list_days", "200"): example("## Example", page=DAYS),
        ("list_devices", "200"): example("## List devices"),
        ("ready", "200"): example("## Readiness", page=HEALTH),
        ("ready", "503"): example("## Readiness", 1, HEALTH),
        ("health", "200"): example("## Health checks", page=HEALTH),
        ("status", "200"): example("## Service status", page=HEALTH),
        ("count_jobs", "200"): example("## Job counts", page=HEALTH),
    }
    submit = DOCUMENT["paths"]["/api/distance/calculate"]["post"]
    body = submit["requestBody"]["content"]["application/json"]["example"]
    assert str(body).replace("'", '"') in blocks(PAGE, "sh", "## Submit a job")[0]


@pytest.mark.parametrize(("operation", "status", "body"), EXAMPLES)
def test_example_is_valid(operation: Operation, status: str, body: dict[str, Any]) -> None:
    model = operation.responses[int(status)].body
    assert model
    assert model.model_validate(body).model_dump(mode="json", exclude_unset=True) == body


def test_page_contains_all_operations_and_models_without_script() -> None:
    text = page().decode()
    for operation in OPERATIONS:
        assert f'<h2 id="{operation.name}">' in text
    for name in DOCUMENT["components"]["schemas"]:
        assert f'<h3 id="{name}">' in text
    assert "<script" not in text
    assert set(re.findall(r'href="(?!#)([^"]*)"', text)) == {"/openapi.json"}


@pytest.mark.parametrize("number", range(4))
def test_each_service_serves_the_documents(number: int) -> None:
    client = World().client(number)
    assert client.get("/openapi.json").json == DOCUMENT
    assert client.get("/asyncapi.json").json == asyncapi.document()
    response = client.get("/docs")
    assert (response.status_code, response.mimetype) == (200, "text/html")
    assert "default-src 'none'" in response.headers["Content-Security-Policy"]
