"""Valid and invalid parameters of GET /api/distance/days."""

import json

import pytest
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from functions.list.handler import service
from tests.fakes import MemoryBucket
from tests.functional.harness import service_client

PATH = "/api/distance/days"
RANGE = {"from": "2026-01-01", "to": "2026-01-31"}
INVALID = "Invalid date format. Expected YYYY-MM-DD"


@pytest.fixture
def client() -> FlaskClient:
    return service_client(lambda: service(MemoryBucket(), {}))


@pytest.mark.parametrize(
    ("query", "message", "field"),
    [
        ("", "Missing required parameter: from", "from"),
        ("from=2026-01-01", "Missing required parameter: to", "to"),
        ("from=&to=2026-01-01", "Missing required parameter: from", "from"),
        ("from=2026-01-01&to=", "Missing required parameter: to", "to"),
        ("from=2026-01-02&to=2026-01-01", "from must not be after to", "from"),
        ("from=2026-01-01&to=2027-01-02", "from and to must span at most 366 days", "to"),
        ("from=0001-01-01&to=9999-12-31", "from and to must span at most 366 days", "to"),
        ("from=2026-13-01&to=2026-01-31", INVALID, "from"),
        ("from=2026-01-01&to=2026-02-29", INVALID, "to"),
        ("from=0000-01-01&to=0000-01-02", INVALID, "from"),
        ("from=2026-1-1&to=2026-01-31", INVALID, "from"),
        ("from=20260101&to=2026-01-31", INVALID, "from"),
        ("from=2026-W01-1&to=2026-01-31", INVALID, "from"),
        ("from=2026-01-01T00:00&to=2026-01-31", INVALID, "from"),
        ("from=%202026-01-01&to=2026-01-31", INVALID, "from"),
        ("from=2026-01-01&to=10000-01-01", INVALID, "to"),
        ("from=%D9%A2026-01-01&to=2026-01-31", INVALID, "from"),
        ("from=2026-01-01&from=2026-01-01&to=2026-01-31", "from must be given once", "from"),
        ("from=2026-01-01&to=2026-01-31&to=", "to must be given once", "to"),
        ("device_id=a&device_id=b&from=2026-01-01&to=2026-01-31", "device_id must be given once", "device_id"),
        ("device_id=a..b&from=2026-01-01&to=2026-01-31", None, "device_id"),
        ("device_id=a/b&from=2026-01-01&to=2026-01-31", None, "device_id"),
        (f"device_id={'a' * 101}&from=2026-01-01&to=2026-01-31", None, "device_id"),
        ("device_id=%C3%BC&from=2026-01-01&to=2026-01-31", None, "device_id"),
        ("device_id=%00&from=2026-01-01&to=2026-01-31", None, "device_id"),
    ],
)
def test_invalid_parameter_returns_400(client: FlaskClient, query: str, message: str | None, field: str) -> None:
    response = client.get(f"{PATH}?{query}")
    error = json.loads(response.data)["error"]
    assert (response.status_code, error["code"], error["details"]["field"]) == (400, "VALIDATION_ERROR", field)
    assert message in (None, error["message"])


@pytest.mark.parametrize(
    ("first", "last"),
    [
        ("0001-01-01", "0001-01-01"),
        ("9999-12-31", "9999-12-31"),
        ("9998-12-31", "9999-12-31"),
        ("2024-01-01", "2024-12-31"),
    ],
)
def test_range_of_up_to_366_days_is_accepted(client: FlaskClient, first: str, last: str) -> None:
    body = client.get(PATH, query_string={"from": first, "to": last}).json
    assert body
    assert (body["days"], body["device_id"], body["from"], body["to"]) == ([], "", first, last)


def test_unknown_parameter_is_ignored(client: FlaskClient) -> None:
    assert client.get(f"{PATH}?from=2026-01-01&to=2026-01-02&status=x&status=y&limit=0").status_code == 200


def test_other_methods_and_paths(client: FlaskClient) -> None:
    assert client.head(PATH, query_string=RANGE).status_code == 200
    assert client.post(PATH, query_string=RANGE).status_code == 405
    assert client.get(f"{PATH}/", query_string=RANGE).status_code == 404


DATES = st.dates().map(str) | st.text(max_size=12)


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.fixed_dictionaries({}, optional={"from": DATES, "to": DATES, "device_id": st.text(max_size=20)}))
def test_any_query_returns_200_or_400(client: FlaskClient, query: dict[str, str]) -> None:
    assert client.get(PATH, query_string=query).status_code in (200, 400)
