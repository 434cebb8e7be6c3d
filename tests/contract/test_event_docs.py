"""The examples of docs/events.md are the events that the functions make and take."""

import json
import re
from typing import Any

import pytest
from cloudevents.http import CloudEvent
from werkzeug.datastructures import MultiDict

from shared import events
from shared.http.messages import Request
from shared.models import Status
from shared.telemetry.context import Trace
from tests.builders import TRACE_ID, record, result
from tests.contract.markdown import blocks, rows

PAGE = "docs/events.md"
TRACE = Trace(TRACE_ID, "b7ad6b7169203331")
NO_DATA = {"error_code": "NO_DATA", "error_message": "No location data found for date 2026-01-25"}
GIVEN = ("away_threshold_km", "home", "timezone")
MADE = {
    "## Requested": events.requested(record(timezone="Europe/Berlin", explicit_fields=GIVEN), {}, TRACE),
    "## Completed": events.outcome(record(status=Status.COMPLETED, result=result()), TRACE),
    "## Failed": events.outcome(record(status=Status.FAILED, **NO_DATA), TRACE),
}


def example(heading: str) -> tuple[dict[str, str], bytes]:
    """Headers (without the time) and body of the section's example."""
    message = blocks(PAGE, "http", heading)[0]
    head, _, body = message.partition("\n\n")
    headers = dict(line.split(": ", 1) for line in head.splitlines()[1:])
    time = headers.pop("ce-time", "2026-01-26T12:00:00.345000+00:00")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\+00:00", time)
    return headers, body.encode()


@pytest.mark.parametrize(("heading", "made"), MADE.items(), ids=MADE)
def test_an_example_is_what_the_functions_send(heading: str, made: CloudEvent) -> None:
    headers, body = events.binary(made)
    del headers["ce-time"]
    shown_headers, shown_body = example(heading)
    assert shown_headers == headers
    assert json.loads(shown_body) == json.loads(body)


@pytest.mark.parametrize(
    ("heading", "given"),
    [("## Requested", {"date", "device_id", "job_id", *GIVEN}), ("### From another producer", {"date"})],
)
def test_a_request_of_the_examples_is_taken(heading: str, given: set[str]) -> None:
    headers, body = example(heading)
    event = events.received(Request({}, MultiDict(), headers, body, TRACE))
    assert event.type == events.REQUESTED
    assert events.data_of_request(event).model_fields_set == given


def test_the_table_names_the_types_and_sources_of_the_code() -> None:
    table: dict[str, Any] = {kind: source for kind, source, *_ in rows(PAGE, ["type", "source", "id", "sent by"])}
    assert table == {made["type"]: made["source"] for made in MADE.values()}
