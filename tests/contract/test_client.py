"""The client's models match the API, and it imports no code of the service."""

import ast
import sys
import tomllib
from dataclasses import fields
from pathlib import Path

import pytest
from otel_worker_client import analysis, models

from shared.openapi import analysis_models
from shared.openapi import response_models as schemas
from shared.version import VERSION
from tests.contract.markdown import ROOT

CLIENT = ROOT / "client"
PROJECT = tomllib.loads((CLIENT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
RESPONSE_ONLY_FIELDS = {"trace_id", "status_url"}


def names(model: type) -> set[str]:
    return {field.name for field in fields(model)}


def test_models_have_all_fields_of_the_responses() -> None:
    assert names(models.Result) == set(schemas.JobResult.model_fields)
    assert names(models.Job) == set(schemas.Job.model_fields) - RESPONSE_ONLY_FIELDS
    assert names(models.ResultNumbers) == set(schemas.ResultNumbers.model_fields)
    assert names(models.DaySummary) == set(schemas.DaySummary.model_fields)
    assert names(models.Days) == set(schemas.DayList.model_fields) - RESPONSE_ONLY_FIELDS
    assert names(models.Device) == set(schemas.Device.model_fields)
    assert names(models.Devices) == set(schemas.DeviceList.model_fields) - RESPONSE_ONLY_FIELDS
    assert names(models.Page) == set(schemas.JobPage.model_fields) - RESPONSE_ONLY_FIELDS
    assert (
        set(schemas.JobSummary.model_fields) | set(schemas.AcceptedJob.model_fields)
        <= names(models.Job) | RESPONSE_ONLY_FIELDS
    )


def test_models_of_the_analysis_have_all_its_fields() -> None:
    assert names(analysis.AnalysisParameters) == set(analysis_models.AppliedParameters.model_fields)
    models = ("FixCounts", "DistancesFromHome", "PathLengths", "Trip", "Gap", "DeviceSummary", "DeviceAnalysis")
    for name in (*models, "Analysis"):
        assert names(getattr(analysis, name)) == set(getattr(analysis_models, name).model_fields)


def test_version_equals_that_of_the_service() -> None:
    assert PROJECT["version"] == VERSION


@pytest.mark.parametrize("path", sorted(CLIENT.rglob("*.py")), ids=lambda path: path.stem)
def test_imports_are_declared_dependencies(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    imported = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module}
    imported |= {name.name for node in ast.walk(tree) if isinstance(node, ast.Import) for name in node.names}
    tops = {name.split(".")[0] for name in imported} - sys.stdlib_module_names
    command = {"typer", "rich", "plotext", "matplotlib", "gpxpy", "polars"}
    extras = command if path.parent.name == "cli" else {"opentelemetry"}
    assert tops <= {"otel_worker_client", "requests", "tenacity", "urllib3", *extras}
