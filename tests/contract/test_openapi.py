"""The OpenAPI document is valid, whole, and says what the functions and their documents say."""

import re
from typing import Any

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from shared.http import error_responses, schemas
from shared.openapi import asyncapi, operations
from shared.openapi.document import document
from shared.openapi.html import page
from tests.contract.markdown import blocks
from tests.contract.test_api_docs import DOCUMENTS, HEALTH, STATUS, example
from tests.contract.world import World

DOCUMENT = document()
EVERY = operations.every()
BY_NAME = {operation.name: operation for operation in EVERY}
EXAMPLES = [
    (operation, status, content["application/json"]["example"])
    for operation in EVERY
    for status, answer in DOCUMENT["paths"][operation.path][operation.method.lower()]["responses"].items()
    for content in [answer.get("content", {})]
    if "example" in content.get("application/json", {})
]


def test_it_is_openapi_3_1() -> None:
    OpenAPIV31SpecValidator(DOCUMENT).validate()


def test_every_route_of_callers_is_an_operation() -> None:
    events = {("POST", "/"), ("POST", "/dead-letter"), ("POST", "/sweep")}
    served = {
        (method, re.sub(r"<(?:path:)?(\w+)>", r"{\1}", rule.rule))
        for service in World().services
        for rule in service._url_map.iter_rules()
        for method in rule.methods or ()
        if method != "HEAD"
    }
    documented = {(operation.method, operation.path) for operation in EVERY}
    assert documented == served - events - {("GET", path) for path in DOCUMENTS}
    assert len({operation.name for operation in EVERY}) == len(EVERY)


def test_every_status_of_an_error_is_that_of_an_operation_or_of_none() -> None:
    told = {status for operation in EVERY for status in operation.answers if status >= 400}
    elsewhere = {409}  # what a broker is answered
    assert told == {status for _, status, _ in error_responses._STATUS} - elsewhere | {500}
    codes = set(schemas.Error.model_json_schema()["properties"]["code"]["enum"])
    assert codes == {code for _, _, code in error_responses._STATUS} | {"METHOD_NOT_ALLOWED", "INTERNAL_ERROR"}


def test_examples_are_those_of_the_guide() -> None:
    shown = {(operation.name, status): shown for operation, status, shown in EXAMPLES}
    assert shown == {
        ("submit", "202"): example("## POST /api/distance/calculate"),
        ("submit", "400"): example("## Errors"),
        ("get_job", "200"): example(f"## GET {STATUS}"),
        ("list_jobs", "200"): example("## GET /api/distance/jobs"),
        ("list_devices", "200"): example("## GET /api/distance/devices"),
        ("ready", "200"): example("## GET /healthz, GET /readyz", page=HEALTH),
        ("ready", "503"): example("## GET /healthz, GET /readyz", 1, HEALTH),
        ("health", "200"): example("## GET /health", page=HEALTH),
        ("status", "200"): example("## GET /status", page=HEALTH),
        ("count_jobs", "200"): example("## GET /metrics/json", page=HEALTH),
    }
    sent = DOCUMENT["paths"]["/api/distance/calculate"]["post"]["requestBody"]["content"]["application/json"]["example"]
    assert str(sent).replace("'", '"') in blocks("docs/api.md", "sh", "## POST /api/distance/calculate")[0]


@pytest.mark.parametrize(("operation", "status", "shown"), EXAMPLES)
def test_an_example_is_what_its_model_takes(
    operation: operations.Operation, status: str, shown: dict[str, Any]
) -> None:
    model = operation.answers[int(status)].body
    assert model
    assert model.model_validate(shown).model_dump(mode="json", exclude_unset=True) == shown


def test_the_page_tells_every_operation_and_model_without_a_script() -> None:
    text = page().decode()
    for operation in EVERY:
        assert f'<h2 id="{operation.name}">' in text
    for name in DOCUMENT["components"]["schemas"]:
        assert f'<h3 id="{name}">' in text
    assert "<script" not in text
    assert set(re.findall(r'href="(?!#)([^"]*)"', text)) == {"/openapi.json"}


@pytest.mark.parametrize("number", range(4))
def test_every_service_serves_all_of_it(number: int) -> None:
    client = World().client(number)
    assert client.get("/openapi.json").json == DOCUMENT
    assert client.get("/asyncapi.json").json == asyncapi.document()
    read = client.get("/docs")
    assert (read.status_code, read.mimetype) == (200, "text/html")
    assert "default-src 'none'" in read.headers["Content-Security-Policy"]
