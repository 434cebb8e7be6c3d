import json

import pytest

from local.messages import NotAnEvent, message

BINARY = {"ce-specversion": "1.0", "ce-type": "t", "ce-source": "/s", "ce-id": "1"}
ENVELOPE = {"specversion": "1.0", "type": "t", "source": "/s", "id": "1"}
STRUCTURED = {"content-type": "application/cloudevents+json"}


@pytest.mark.parametrize("body", [b"", b"text", b"\xff\x00", b'{"a": 1, "a": 2}'])
def test_binary_data_passes_as_it_is(body: bytes) -> None:
    assert message(BINARY, body).body == body


def test_only_the_events_own_headers_and_its_trace_are_kept() -> None:
    headers = {**BINARY, "CE-Extra": "x", "traceparent": "p", "Authorization": "secret", "Cookie": "c"}

    assert set(message(headers, b"").headers) == {*BINARY, "ce-extra", "traceparent"}


@pytest.mark.parametrize("missing", ["specversion", "type", "source", "id"])
def test_an_event_without_what_every_event_has_is_none(missing: str) -> None:
    with pytest.raises(NotAnEvent):
        message({name: text for name, text in BINARY.items() if name != f"ce-{missing}"}, b"{}")
    rest = {name: text for name, text in ENVELOPE.items() if name != missing}
    with pytest.raises(NotAnEvent):
        message(STRUCTURED, json.dumps(rest).encode())


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        ({}, b""),
        ({"content-type": "application/json"}, json.dumps(ENVELOPE).encode()),
        (STRUCTURED, b"not json"),
        (STRUCTURED, b"[]"),
        (STRUCTURED, b"[" * 100_000),
        (STRUCTURED, json.dumps({**ENVELOPE, "id": 7}).encode()),
        (STRUCTURED, json.dumps({**ENVELOPE, "type": ""}).encode()),
        ({"content-type": "application/cloudevents-batch+json"}, json.dumps([ENVELOPE]).encode()),
        ({**BINARY, "ce-specversion": "9"}, b""),
        ({**BINARY, "ce-type": ""}, b""),
    ],
)
def test_what_is_no_event_is_refused(headers: dict[str, str], body: bytes) -> None:
    with pytest.raises(NotAnEvent):
        message(headers, body)
