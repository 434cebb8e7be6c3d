"""The client knows what the service says, and nothing of how it is made."""

import ast
import sys
import tomllib
from dataclasses import fields
from pathlib import Path

import pytest
from otel_worker_client import models

from shared.http import schemas
from shared.version import VERSION
from tests.contract.markdown import ROOT

CLIENT = ROOT / "client"
PROJECT = tomllib.loads((CLIENT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
OWN_TO_THE_ANSWER = {"trace_id", "status_url"}


def names(model: type) -> set[str]:
    return {one.name for one in fields(model)}


def test_it_reads_every_field_that_is_answered() -> None:
    assert names(models.Result) == set(schemas.JobResult.model_fields)
    assert names(models.Job) == set(schemas.Job.model_fields) - OWN_TO_THE_ANSWER
    assert names(models.Device) == set(schemas.Device.model_fields)
    assert names(models.Devices) == set(schemas.DeviceList.model_fields) - OWN_TO_THE_ANSWER
    assert names(models.Page) == set(schemas.JobPage.model_fields) - OWN_TO_THE_ANSWER
    assert (
        set(schemas.JobSummary.model_fields) | set(schemas.AcceptedJob.model_fields)
        <= names(models.Job) | OWN_TO_THE_ANSWER
    )


def test_it_has_the_servers_version() -> None:
    assert PROJECT["version"] == VERSION


@pytest.mark.parametrize("path", sorted(CLIENT.rglob("*.py")), ids=lambda path: path.stem)
def test_it_imports_only_what_it_says_it_needs(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    imported = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module}
    imported |= {name.name for node in ast.walk(tree) if isinstance(node, ast.Import) for name in node.names}
    tops = {name.split(".")[0] for name in imported} - sys.stdlib_module_names
    extras = {"typer", "rich", "plotext", "matplotlib"} if path.parent.name == "cli" else {"opentelemetry"}
    assert tops <= {"otel_worker_client", "requests", "tenacity", "urllib3", *extras}
