"""The OTLP receiver of `make observe`."""

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Status

from local.otlp_receiver import create_app
from local.telemetry_store import Span, TelemetryStore

TRACE = "0af7651916cd43dd8448eb211c80319c"
OTLP = "application/x-protobuf"


def export_request(*names: str) -> bytes:
    """Return a request with a chain of spans, each the parent of the next; the last one failed."""
    request = ExportTraceServiceRequest()
    group = request.resource_spans.add()
    group.resource.attributes.append(KeyValue(key="service.name", value=AnyValue(string_value="one")))
    spans = group.scope_spans.add().spans
    for number, name in enumerate(names):
        span = spans.add(name=name, trace_id=bytes.fromhex(TRACE), span_id=bytes([number + 1] * 8))
        span.start_time_unix_nano = (number + 1) * 1_000_000
        span.end_time_unix_nano = 9_000_000
        span.parent_span_id = bytes([number] * 8) if number else b""
        span.attributes.append(KeyValue(key="size", value=AnyValue(int_value=7)))
        span.events.add(name="exception")
    spans[-1].status.code = Status.StatusCode.STATUS_CODE_ERROR
    return request.SerializeToString()


def test_exported_spans_are_stored() -> None:
    store = TelemetryStore()
    response = create_app(store).test_client().post("/v1/traces", data=export_request("a", "b"), content_type=OTLP)
    assert (response.status_code, response.data) == (200, b"")
    first, second = store.spans(TRACE)
    assert first == Span(
        "one",
        "a",
        TRACE,
        "01" * 8,
        "",
        1_000_000,
        9_000_000,
        failed=False,
        attributes={"size": 7},
        events=("exception",),
    )
    assert (second.parent_id, second.failed, second.milliseconds) == (first.span_id, True, 7)
    assert store.spans("00") == []


def test_metrics_and_logs_are_accepted_and_passed_to_the_callback() -> None:
    store, requests = TelemetryStore(), list[tuple[str, bytes]]()
    client = create_app(store, lambda *request: requests.append(request)).test_client()
    for signal in ("metrics", "logs"):
        assert client.post(f"/v1/{signal}", data=b"body", content_type=OTLP).status_code == 200
    assert requests == [("metrics", b"body"), ("logs", b"body")]
    assert store.spans() == []


@pytest.mark.parametrize(
    ("path", "data", "content_type", "status"),
    [
        ("/v1/traces", b"\xff\xff\xff", OTLP, 400),
        ("/v1/traces", bytes((16 << 20) + 1), OTLP, 413),
        ("/v1/traces", b"{}", "application/json", 415),
        ("/v1/profiles", b"", OTLP, 404),
    ],
)
def test_an_invalid_request_is_rejected(path: str, data: bytes, content_type: str, status: int) -> None:
    store = TelemetryStore()
    assert create_app(store).test_client().post(path, data=data, content_type=content_type).status_code == status
    assert store.spans() == []


def test_waiting_for_a_trace_returns_what_arrived_by_the_timeout() -> None:
    store = TelemetryStore()
    store.add(ExportTraceServiceRequest.FromString(export_request("a")))
    assert [span.name for span in store.wait_for_trace(TRACE, lambda spans: len(spans) == 1, timeout=5)] == ["a"]
    assert [span.name for span in store.wait_for_trace(TRACE, lambda spans: len(spans) == 2, timeout=0.1)] == ["a"]
