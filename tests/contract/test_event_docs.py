"""The examples of docs/reference/events.md are events that the functions send and accept."""

import json
import re
from typing import Any

import pytest
from cloudevents.http import CloudEvent
from werkzeug.datastructures import MultiDict

from shared import events
from shared.http.messages import Request
from shared.models import AnalysisParameters, Status
from shared.telemetry.context import Trace
from tests.builders import TRACE_ID, record, result
from tests.contract.markdown import blocks, rows

PAGE = "docs/reference/events.md"
TRACE = Trace(TRACE_ID, "b7ad6b7169203331")
NO_DATA = {"error_code": "NO_DATA", "error_message": "No location data found for date 2026-01-25"}
OPTIONAL_FIELDS = ("analysis.dwell_seconds", "away_threshold_km", "home", "timezone")
REQUESTED = record(
    timezone="Europe/Berlin", analysis=AnalysisParameters(dwell_seconds=300), explicit_fields=OPTIONAL_FIELDS
)
EVENTS = {
    "## Requested": events.request_event(REQUESTED, {}, TRACE),
    "## Completed": events.outcome_event(record(status=Status.COMPLETED, result=result()), TRACE),
    "## Failed": events.outcome_event(record(status=Status.FAILED, **NO_DATA), TRACE),
}


def example(heading: str) -> tuple[dict[str, str], bytes]:
    """Return the headers of the section's example, without the time, and its body."""
    message = blocks(PAGE, "http", heading)[0]
    head, _, body = message.partition("\n\n")
    headers = dict(line.split(": ", 1) for line in head.splitlines()[1:])
    time = headers.pop("ce-time", "2026-01-26T12:00:00.345000+00:00")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\+00:00", time)
    return headers, body.encode()


@pytest.mark.parametrize(("heading", "event"), EVENTS.items(), ids=EVENTS)
def test_example_is_the_event_that_is_sent(heading: str, event: CloudEvent) -> None:
    headers, body = events.encode_binary(event)
    del headers["ce-time"]
    example_headers, example_body = example(heading)
    assert example_headers == headers
    assert json.loads(example_body) == json.loads(body)


@pytest.mark.parametrize(
    ("heading", "explicit_fields"), [("## Requested", OPTIONAL_FIELDS), ("### From another producer", ())]
)
def test_example_of_a_request_event_is_accepted(heading: str, explicit_fields: tuple[str, ...]) -> None:
    headers, body = example(heading)
    request = events.parse_request(Request({}, MultiDict(), headers, body, TRACE))
    assert request.submission.explicit_fields == explicit_fields


def test_table_lists_types_and_sources() -> None:
    table: dict[str, Any] = {
        event_type: source for event_type, source, *_ in rows(PAGE, ["type", "source", "id", "sent by"])
    }
    assert table == {event["type"]: event["source"] for event in EVENTS.values()}
