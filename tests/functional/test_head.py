"""HEAD on every route that has GET: the same status and headers, and no body."""

import pytest

from shared.http.health_paths import HEALTH, JOB_COUNTS, PROMETHEUS, STATUS
from tests.builders import JOB_ID, record, result
from tests.contract.world import HEADERS, World

VALUES = {"<job_id>": JOB_ID, "<path:filename>": f"distance_20260125_iphone_stuart_{JOB_ID}.csv"}
GETS = sorted(
    (number, rule.rule)
    for number, service in enumerate(World().services)
    for rule in service._url_map.iter_rules()
    if "GET" in (rule.methods or ())
)
MEASURED = {*HEALTH, *STATUS, *JOB_COUNTS}  # bodies with durations: their length varies from call to call


@pytest.fixture(scope="module")
def world() -> World:
    made = World()
    made.jobs.create(record())
    made.jobs.complete(made.jobs.claim(JOB_ID), result())
    return made


def told(world: World, method: str, number: int, path: str) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body."""
    answer = world.client(number).open(path, method=method, headers=HEADERS)
    headers = dict(answer.headers)
    if path in MEASURED:
        del headers["Content-Length"]
    return answer.status_code, headers, answer.data


@pytest.mark.parametrize(("number", "rule"), GETS)
def test_head_answers_like_get_without_a_body(world: World, number: int, rule: str) -> None:
    path = rule
    for name, value in VALUES.items():
        path = path.replace(name, value)
    status, headers, _ = told(world, "GET", number, path)
    assert status == (302 if "download" in path else 404 if path in PROMETHEUS else 200)
    if "Location" in headers:
        headers["Location"] += "&method=HEAD"  # a presigned URL holds for one method
    assert told(world, "HEAD", number, path) == (status, headers, b"")


@pytest.mark.parametrize("path", ["/api/distance/jobs/none", "/api/distance/download/x.csv", "/nowhere"])
def test_head_of_what_is_refused_answers_like_get_without_a_body(world: World, path: str) -> None:
    status, headers, _ = told(world, "GET", 2, path)
    assert status in (400, 404)
    assert told(world, "HEAD", 2, path) == (status, headers, b"")
