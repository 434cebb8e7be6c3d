"""The functions build response bodies and events as dictionaries: they equal what the documents' models serialize."""

import dataclasses
import json
from datetime import timedelta

import pytest
from pydantic import BaseModel

from shared import events, models, stored_json
from shared.job_index import devices
from shared.models import Record, Result, Status
from shared.openapi import response_models as schemas
from shared.openapi.analysis_models import Analysis
from shared.openapi.event_models import EVENT_DATA
from shared.openapi.fields import ResultFields
from shared.openapi.request_models import Home
from shared.telemetry.context import Trace
from tests.builders import JOB_ID, TRACE_ID, analysis, record, result
from tests.contract.world import HEADERS, World
from tests.fakes import NOW


@pytest.fixture
def world() -> World:
    """Five jobs: queued, processing, completed, failed, and completed by an early release."""
    world = World()
    for number in range(5):
        job_id = f"{JOB_ID[:-1]}{number}"
        world.jobs.create(record(job_id=job_id, queued_at=NOW - timedelta(seconds=number)))
        if number:
            claim = world.jobs.claim(job_id)
            if number == 2:
                world.jobs.complete(claim, result())
            elif number == 4:
                world.jobs.complete(claim, result(csv_sha256=None, worker_version=None, analysis=None))
            elif number == 3:
                world.jobs.fail(claim, "NO_DATA", "No location data found for date 2026-01-25")
    device_list = devices.DeviceList(devices={"a": NOW, "b": NOW}, as_of=NOW, queried_at=NOW, token="t")
    devices.write(world.bucket, device_list, None)
    return world


def check_equals_model(model: type[BaseModel], text: str) -> None:
    assert json.dumps(model.model_validate_json(text).model_dump(mode="json", exclude_unset=True)) == text


@pytest.mark.parametrize("number", range(5))
def test_job_in_each_state(world: World, number: int) -> None:
    response = world.client(2).get(f"/api/distance/jobs/{JOB_ID[:-1]}{number}", headers=HEADERS)
    check_equals_model(schemas.Job, response.text)


def test_accepted_job(world: World) -> None:
    response = world.client(0).post("/api/distance/calculate", data='{"date": "2026-01-25"}', headers=HEADERS)
    check_equals_model(schemas.AcceptedJob, response.text)


@pytest.mark.parametrize(
    ("path", "model"),
    [
        ("/api/distance/jobs", schemas.JobPage),
        ("/api/distance/jobs?limit=1&results=false", schemas.JobPage),
        ("/api/distance/days?device_id=iphone_stuart&from=2026-01-24&to=2026-01-26", schemas.DayList),
        ("/api/distance/days?from=2026-01-25&to=2026-01-25", schemas.DayList),
        ("/api/distance/devices", schemas.DeviceList),
        ("/api/distance/stats", schemas.StateCounts),
    ],
)
def test_lists_and_counts(world: World, path: str, model: type[BaseModel]) -> None:
    check_equals_model(model, world.client(3).get(path, headers=HEADERS).text)


@pytest.mark.parametrize(
    "job",
    [
        record(status=Status.COMPLETED, result=result()),
        record(status=Status.COMPLETED, result=result(csv_sha256=None, worker_version=None, analysis=None)),
        record(status=Status.FAILED, error_code="NO_DATA", error_message="No location data found for date 2026-01-25"),
        record(explicit_fields=("analysis.dwell_fixes", "away_threshold_km", "home", "timezone")),
    ],
    ids=["completed", "completed by an early release", "failed", "requested"],
)
def test_event(job: Record) -> None:
    trace = Trace(TRACE_ID, "b7ad6b7169203331")
    event = events.outcome_event(job, trace) if job.status.is_finished else events.request_event(job, {}, trace)
    data = event.get_data()
    model = EVENT_DATA[event["type"]]
    assert model.model_validate_json(json.dumps(data)).model_dump(mode="json", exclude_unset=True) == data


@pytest.mark.parametrize(("model", "stored"), [(ResultFields, Result), (Home, models.Home)], ids=["result", "home"])
def test_model_declares_the_fields_of_the_stored_document(model: type[BaseModel], stored: type) -> None:
    fields = [field for field in dataclasses.fields(stored) if field.name != "analysis"]
    assert list(model.model_fields) == [field.name for field in fields]
    optional = [name for name, field in model.model_fields.items() if not field.is_required()]
    assert optional == [field.name for field in fields if field.default is not dataclasses.MISSING]


def test_stored_analysis_equals_what_its_model_serializes() -> None:
    check_equals_model(Analysis, json.dumps(analysis()))


@pytest.mark.parametrize("changes", [{}, {"csv_sha256": None, "worker_version": None}])
def test_stored_result_equals_what_its_model_serializes(changes: dict[str, None]) -> None:
    text = stored_json.encode(result(analysis=None, **changes)).decode()
    assert ResultFields.model_validate_json(text).model_dump_json(exclude_none=True) == text
