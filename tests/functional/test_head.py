"""HEAD on each GET route: the same status and headers, without body."""

import pytest

from shared.http.health_paths import HEALTH, JOB_COUNTS, PROMETHEUS, STATUS
from tests.builders import JOB_ID, record, result
from tests.contract.world import HEADERS, World

QUERIES = {"/api/distance/days": "?device_id=iphone_stuart&from=2026-01-25&to=2026-01-25"}  # required parameters
VALUES = {"<job_id>": JOB_ID, "<path:filename>": f"distance_20260125_iphone_stuart_{JOB_ID}.csv"}
GETS = sorted(
    (number, path)
    for number, service in enumerate(World().services)
    for method, path in service.router.routes()
    if method == "GET"
)
VARIABLE_LENGTH = {*HEALTH, *STATUS, *JOB_COUNTS}  # bodies contain durations


@pytest.fixture(scope="module")
def world() -> World:
    world = World()
    world.jobs.create(record())
    world.jobs.complete(world.jobs.claim(JOB_ID), result())
    return world


def send(world: World, method: str, number: int, path: str) -> tuple[int, dict[str, str], bytes]:
    """Return status, headers and body."""
    response = world.client(number).open(path, method=method, headers=HEADERS)
    headers = dict(response.headers)
    if path in VARIABLE_LENGTH:
        del headers["Content-Length"]
    return response.status_code, headers, response.data


@pytest.mark.parametrize(("number", "rule"), GETS)
def test_head_equals_get_without_body(world: World, number: int, rule: str) -> None:
    path = rule + QUERIES.get(rule, "")
    for name, value in VALUES.items():
        path = path.replace(name, value)
    status, headers, _ = send(world, "GET", number, path)
    assert status == (302 if "download" in path else 404 if path in PROMETHEUS else 200)
    if "Location" in headers:
        headers["Location"] += "&method=HEAD"  # a presigned URL is valid for one method
    assert send(world, "HEAD", number, path) == (status, headers, b"")


@pytest.mark.parametrize("path", ["/api/distance/jobs/none", "/api/distance/download/x.csv", "/nowhere"])
def test_head_of_invalid_path_equals_get_without_body(world: World, path: str) -> None:
    status, headers, _ = send(world, "GET", 2, path)
    assert status in (400, 404)
    assert send(world, "HEAD", 2, path) == (status, headers, b"")
