import json

import pytest

from local.broker.messages import InvalidEvent, parse_message

BINARY = {"ce-specversion": "1.0", "ce-type": "t", "ce-source": "/s", "ce-id": "1"}
ENVELOPE = {"specversion": "1.0", "type": "t", "source": "/s", "id": "1"}
STRUCTURED = {"content-type": "application/cloudevents+json"}


@pytest.mark.parametrize("body", [b"", b"text", b"\xff\x00", b'{"a": 1, "a": 2}'])
def test_binary_data_is_unchanged(body: bytes) -> None:
    assert parse_message(BINARY, body).body == body


def test_only_event_attributes_and_trace_headers_are_kept() -> None:
    headers = {**BINARY, "CE-Extra": "x", "traceparent": "p", "Authorization": "secret", "Cookie": "c"}

    assert set(parse_message(headers, b"").headers) == {*BINARY, "ce-extra", "traceparent"}


@pytest.mark.parametrize(
    ("content", "kind", "body"),
    [
        ({"data": {"a": [1.5, None]}}, None, b'{"a": [1.5, null]}'),
        ({"data": "text", "datacontenttype": "application/json"}, "application/json", b'"text"'),
        ({"data": "text", "datacontenttype": 'text/plain; charset="utf-8"'}, 'text/plain; charset="utf-8"', b"text"),
        ({"data_base64": "AAE=", "datacontenttype": "application/x"}, "application/x", b"\0\1"),
        ({}, None, b""),
    ],
)
def test_a_structured_event_is_converted_to_binary_mode(
    content: dict[str, object], kind: str | None, body: bytes
) -> None:
    envelope = {**ENVELOPE, "flag": True, "count": 7, "subject": 'a "b"', "time": None, **content}
    parsed = parse_message(STRUCTURED, json.dumps(envelope).encode())

    extensions = {"ce-flag": "true", "ce-count": "7", "ce-subject": "a%20%22b%22"}
    assert parsed.headers == {**BINARY, **extensions, **({"content-type": kind} if kind else {})}
    assert parsed.body == body


@pytest.mark.parametrize("missing", ["specversion", "type", "source", "id"])
def test_an_event_without_a_required_attribute_is_invalid(missing: str) -> None:
    with pytest.raises(InvalidEvent):
        parse_message({name: text for name, text in BINARY.items() if name != f"ce-{missing}"}, b"{}")
    rest = {name: text for name, text in ENVELOPE.items() if name != missing}
    with pytest.raises(InvalidEvent):
        parse_message(STRUCTURED, json.dumps(rest).encode())


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
        (STRUCTURED, json.dumps({**ENVELOPE, "a\r\nb": "x"}).encode()),
        (STRUCTURED, json.dumps({**ENVELOPE, "extra": {}}).encode()),
        (STRUCTURED, json.dumps({**ENVELOPE, "data": 1, "datacontenttype": "a\r\nb: c"}).encode()),
        (STRUCTURED, json.dumps({**ENVELOPE, "data_base64": "?"}).encode()),
        ({"content-type": "application/cloudevents-batch+json"}, json.dumps([ENVELOPE]).encode()),
        ({**BINARY, "ce-specversion": "9"}, b""),
        ({**BINARY, "ce-type": ""}, b""),
    ],
)
def test_a_request_without_a_valid_event_is_rejected(headers: dict[str, str], body: bytes) -> None:
    with pytest.raises(InvalidEvent):
        parse_message(headers, body)
