"""The code of docs/guides/otel-demo.md works, and tests/integration/demo_api.py contains it."""

import re
import tomllib
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import otel_worker_client.distance_client as drop_in
import pytest
import requests
from flask import Flask
from flask.testing import FlaskClient
from otel_worker_client.distance_client import DistanceClient, DistanceServiceError
from werkzeug.test import TestResponse

from tests.contract.markdown import ROOT, blocks, rows
from tests.scripted import FakeClock, ScriptedResponse, script_responses
from tests.unit.test_client import ACCEPTED, DONE, ERROR_BODY, ID

PAGE = "docs/guides/otel-demo.md"
DEMO = (ROOT / "tests/integration/demo_api.py").read_text(encoding="utf-8")
FILE = f"/api/distance/download/distance_20260125_{ID}.csv"


def run(source: str) -> dict[str, Any]:
    module = ModuleType("page")
    exec(compile(source, PAGE, "exec"), vars(module))
    return vars(module)


def apply_hunk(source: str, diff: str) -> str:
    """Return `source` with the hunk applied. Its context must occur exactly once."""
    lines = diff.splitlines(keepends=True)
    before = "".join(line[1:] for line in lines if not line.startswith("+"))
    after = "".join(line[1:] for line in lines if not line.startswith("-"))
    assert source.count(before) == 1
    return source.replace(before, after)


@pytest.fixture(params=["current", "with the clause"])
def source(request: pytest.FixtureRequest) -> str:
    (clause,) = blocks(PAGE, "diff", "### List")
    return DEMO if request.param == "current" else apply_hunk(DEMO, clause)


@pytest.fixture
def api(source: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[FlaskClient]:
    monkeypatch.delenv("DISTANCE_SERVICE_TIMEOUT", raising=False)
    monkeypatch.setenv("DISTANCE_SERVICE_ENDPOINT", "http://worker")
    app: Flask = run(source)["app"]()
    with DistanceClient("http://worker", 20):
        yield app.test_client()


def script(*responses: ScriptedResponse) -> None:
    transport = DistanceClient("http://worker", 20)._client._transport
    transport.clock = FakeClock()
    script_responses(transport, *responses)


def error(response: TestResponse) -> tuple[int, str]:
    return response.status_code, (response.json or {})["error"]["code"]


def test_the_module_exports_all_names_of_the_drop_in() -> None:
    (module,) = blocks(PAGE, "python", "## app/services/distance_client.py")
    names = run(module)
    assert set(names["__all__"]) == set(drop_in.__all__)
    assert all(names[name] is getattr(drop_in, name) for name in drop_in.__all__)


def test_the_demo_api_contains_the_code_of_the_page() -> None:
    (download,) = blocks(PAGE, "python", "### Download")
    assert download in DEMO
    (imports,) = blocks(PAGE, "diff", "### Imports")
    for line in imports.splitlines():
        assert (line[1:] in DEMO.splitlines()) == (not line.startswith("-")), line
    assert "except ValidationError" not in re.split(r"\ndef ", DEMO.split("def list_jobs", 1)[1])[0]


def test_example_objects_have_the_fields_that_the_blueprint_reads() -> None:
    (example,) = blocks(PAGE, "python", "## Tests")
    objects = run(example)
    assert objects["completed"].result.total_locations == 1464
    assert objects["accepted"].queued_at.seconds > 0
    assert objects["page"].jobs[0].completed_at.seconds == 0
    assert objects["failed"].error_message


def test_all_exceptions_are_documented() -> None:
    named = " ".join(name for name, _ in rows(PAGE, ["exception", "status in the blueprint"]))
    kinds = {name for name in drop_in.__all__ if name.endswith("Error")}
    assert set(re.findall(r"\w+Error", named)) == kinds
    assert all(issubclass(getattr(drop_in, name), DistanceServiceError) for name in kinds)


def test_requirement_names_the_clients_version() -> None:
    (diff,) = blocks(PAGE, "diff", "## requirements.txt")
    project = tomllib.loads((ROOT / "client/pyproject.toml").read_text(encoding="utf-8"))["project"]
    (added,) = re.findall(r"^\+(.*)$", diff, re.MULTILINE)
    assert added.startswith(f"{project['name']}[tracing] @ https://")
    assert added.endswith(f"v{project['version']}.zip#subdirectory=client")
    assert "requests>=2.32" in project["dependencies"]
    assert "tracing" in project["optional-dependencies"]
    text = (ROOT / PAGE).read_text(encoding="utf-8")
    assert f'`requires-python = "{project["requires-python"]}"`' in text


def test_settings_equal_those_of_the_example() -> None:
    example = (ROOT / "knative/examples/otel-demo/settings.yaml").read_text(encoding="utf-8")
    named = {name for names, _ in rows(PAGE, ["variable", "value"]) for name in re.findall(r"DISTANCE_\w+", names)}
    assert set(re.findall(r"DISTANCE_\w+", example)) <= named
    assert 'DISTANCE_SERVICE_TIMEOUT: "20"' in example
    client = (ROOT / "client/otel_worker_client/distance_client.py").read_text(encoding="utf-8")
    assert named <= {*re.findall(r"DISTANCE_\w+", client)}


def test_page_names_all_spans() -> None:
    client = (ROOT / "client/otel_worker_client/distance_client.py").read_text(encoding="utf-8")
    text = (ROOT / PAGE).read_text(encoding="utf-8")
    assert all(f"`{name}`" in text for name in re.findall(r'tracing\.span\("([\w-]+)"', client))


def test_job_is_submitted_and_polled(api: FlaskClient) -> None:
    script((202, ACCEPTED, {}), (200, DONE, {}))
    accepted = api.post("/api/distance/calculate", json={"date": "2026-01-25"})
    assert accepted.status_code == 202
    job = api.get((accepted.json or {})["status_url"]).json or {}
    assert job["result"]["csv_download_url"].startswith("/api/distance/download/distance_")


def test_invalid_list_filter_is_400_with_the_clause_and_500_without(api: FlaskClient, source: str) -> None:
    script((400, ERROR_BODY, {}))
    expected = (500, "INTERNAL_ERROR") if source == DEMO else (400, "VALIDATION_ERROR")
    assert error(api.get("/api/distance/jobs?device_id=a@b")) == expected


def test_download_is_streamed_as_an_attachment(api: FlaskClient) -> None:
    script((302, b"", {"Location": "http://storage/csv"}), (200, b"timestamp\n", {"Content-Type": "text/csv"}))
    response = api.get(FILE)
    assert (response.status_code, response.data, response.mimetype) == (200, b"timestamp\n", "text/csv")
    assert response.headers["Content-Disposition"] == f'attachment; filename="{FILE.rpartition("/")[2]}"'


@pytest.mark.parametrize(
    ("responses", "expected"),
    [
        ([(404, ERROR_BODY, {})], (404, "NOT_FOUND")),
        ([(400, ERROR_BODY, {})], (400, "VALIDATION_ERROR")),
        ([(404, b"<html>", {})], (500, "INTERNAL_ERROR")),
        ([(401, ERROR_BODY, {})], (500, "INTERNAL_ERROR")),
        ([requests.ConnectionError()], (503, "SERVICE_UNAVAILABLE")),
        ([(302, b"", {"Location": "http://storage/csv"}), requests.ConnectionError()], (503, "SERVICE_UNAVAILABLE")),
        ([(302, b"", {"Location": "http://storage/csv"}), (404, b"", {})], (404, "NOT_FOUND")),
    ],
)
def test_failed_download_has_the_status_of_its_cause(
    api: FlaskClient, responses: list[ScriptedResponse], expected: tuple[int, str]
) -> None:
    script(*responses)
    assert error(api.get(FILE)) == expected


def test_invalid_file_names_are_rejected(api: FlaskClient) -> None:
    for name in ("day.csv", "distance_20260125.txt", "distance_..csv"):
        assert error(api.get(f"/api/distance/download/{name}"))[0] == 400
