"""The functions build response bodies as dictionaries: they equal what the models of the OpenAPI document serialize."""

import json
from datetime import timedelta

import pytest
from pydantic import BaseModel

from shared.http import schemas
from shared.job_index import devices
from tests.builders import JOB_ID, record, result
from tests.contract.world import HEADERS, World
from tests.fakes import NOW


@pytest.fixture
def world() -> World:
    """Four jobs: queued, processing, completed and failed."""
    world = World()
    for number in range(4):
        job_id = f"{JOB_ID[:-1]}{number}"
        world.jobs.create(record(job_id=job_id, queued_at=NOW - timedelta(seconds=number)))
        if number:
            claim = world.jobs.claim(job_id)
            if number == 2:
                world.jobs.complete(claim, result())
            elif number == 3:
                world.jobs.fail(claim, "NO_DATA", "No location data found for date 2026-01-25")
    device_list = devices.DeviceList(devices={"a": NOW, "b": NOW}, as_of=NOW, queried_at=NOW, token="t")
    devices.write(world.bucket, device_list, None)
    return world


def check_equals_model(model: type[BaseModel], text: str) -> None:
    assert json.dumps(model.model_validate_json(text).model_dump(mode="json", exclude_unset=True)) == text


@pytest.mark.parametrize("number", range(4))
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
        ("/api/distance/devices", schemas.DeviceList),
        ("/api/distance/stats", schemas.StateCounts),
    ],
)
def test_lists_and_counts(world: World, path: str, model: type[BaseModel]) -> None:
    check_equals_model(model, world.client(3).get(path, headers=HEADERS).text)
