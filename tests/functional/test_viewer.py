"""The receiver of `make observe`: what it takes, what it refuses, and how it shows what it has."""

import gzip
from typing import Any

import pytest
from flask.testing import FlaskClient
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.metrics.v1.metrics_pb2 import AggregationTemporality
from opentelemetry.proto.trace.v1.trace_pb2 import Status

from local.viewer.kept import Kept
from local.viewer.receiver import app

TRACE = "0af7651916cd43dd8448eb211c80319c"
OTLP = {"Content-Type": "application/x-protobuf"}
SPITE = "<script>alert(1)</script>"


@pytest.fixture
def kept() -> Kept:
    return Kept()


@pytest.fixture
def client(kept: Kept) -> FlaskClient:
    return app(kept).test_client()


def said(**attributes: str) -> list[KeyValue]:
    return [KeyValue(key=name, value=AnyValue(string_value=text)) for name, text in attributes.items()]


def spans(*names: str, service: str = "one") -> bytes:
    request = ExportTraceServiceRequest()
    group = request.resource_spans.add()
    group.resource.attributes.extend(said(**{"service.name": service}))
    found = group.scope_spans.add().spans
    for number, name in enumerate(names):
        span = found.add(name=name, kind=2, trace_id=bytes.fromhex(TRACE), span_id=bytes([number + 1] * 8))
        span.start_time_unix_nano = (number + 1) * 1_000_000
        span.end_time_unix_nano = 9_000_000
        if number:
            span.parent_span_id = bytes([number] * 8)
        span.attributes.extend(said(what=SPITE))
        span.events.add(name="exception", time_unix_nano=2_000_000).attributes.extend(said(kind=SPITE))
        span.links.add(trace_id=bytes.fromhex("ab" * 16), span_id=bytes(8))
    found[-1].status.code = Status.StatusCode.STATUS_CODE_ERROR
    return request.SerializeToString()


def line(text: str) -> bytes:
    request = ExportLogsServiceRequest()
    group = request.resource_logs.add()
    record = group.scope_logs.add().log_records.add(severity_text="INFO", trace_id=bytes.fromhex(TRACE))
    record.body.CopyFrom(AnyValue(string_value=text))
    return request.SerializeToString()


def counted(value: int, *, delta: bool = True, instance: str = "a", histogram: bool = False) -> bytes:
    request = ExportMetricsServiceRequest()
    group = request.resource_metrics.add()
    group.resource.attributes.extend(said(**{"service.name": "one", "service.instance.id": instance}))
    metric = group.scope_metrics.add().metrics.add(name="things", unit="s")
    data: Any = metric.histogram if histogram else metric.sum
    name = "AGGREGATION_TEMPORALITY_DELTA" if delta else "AGGREGATION_TEMPORALITY_CUMULATIVE"
    data.aggregation_temporality = AggregationTemporality.Value(name)
    point = data.data_points.add(attributes=said(status="ok"))
    if histogram:
        point.count, point.sum = value, value / 2
    else:
        point.as_int = value
    return request.SerializeToString()


def test_spans_are_kept_as_they_were_sent(client: FlaskClient, kept: Kept) -> None:
    assert client.post("/v1/traces", data=spans("a", "b"), headers=OTLP).status_code == 200
    first, second = kept.spans(TRACE)
    assert (first.service, first.name, first.kind, first.parent_id) == ("one", "a", "server", "")
    assert (second.parent_id, second.failed, first.failed) == (first.span_id, True, False)
    assert first.milliseconds == 8
    assert (first.attributes, first.events[0].attributes) == ({"what": SPITE}, {"kind": SPITE})
    assert first.links == [("ab" * 16, "00" * 8)]
    assert kept.spans("00") == []


def test_gzip_is_read(client: FlaskClient, kept: Kept) -> None:
    packed = gzip.compress(spans("a"))
    assert client.post("/v1/traces", data=packed, headers={**OTLP, "Content-Encoding": "gzip"}).status_code == 200
    assert len(kept.spans()) == 1


@pytest.mark.parametrize(
    ("path", "data", "headers", "status"),
    [
        ("/v1/traces", b"\xff\xff\xff", {}, 400),
        ("/v1/traces", b"not gzip", {"Content-Encoding": "gzip"}, 400),
        ("/v1/traces", gzip.compress(bytes(100))[:-9], {"Content-Encoding": "gzip"}, 400),
        ("/v1/traces", gzip.compress(bytes((16 << 20) + 1)), {"Content-Encoding": "gzip"}, 413),
        ("/v1/traces", bytes((16 << 20) + 1), {}, 413),
        ("/v1/traces", b"", {"Content-Encoding": "br"}, 415),
        ("/v1/traces", b"{}", {"Content-Type": "application/json"}, 415),
        ("/v1/profiles", b"", {}, 404),
        ("/traces/abc", None, {}, 404),
    ],
)
def test_what_is_not_otlp_is_refused_and_nothing_is_kept(
    path: str, data: bytes | None, headers: dict[str, str], status: int
) -> None:
    kept = Kept()
    client = app(kept).test_client()
    method = client.get if data is None else client.post
    assert method(path, data=data, headers=OTLP | headers).status_code == status
    assert (kept.spans(), kept.lines(), kept.series()) == ([], [], [])


def test_changes_are_added_up_and_totals_stand_beside_each_other(client: FlaskClient, kept: Kept) -> None:
    for body in (counted(1), counted(2, instance="b")):
        client.post("/v1/metrics", data=body, headers=OTLP)
    assert [(each.labels, each.value, each.count) for each in kept.series()] == [({"status": "ok"}, 3, None)]
    for body in (counted(5, delta=False), counted(7, delta=False), counted(9, delta=False, instance="b")):
        client.post("/v1/metrics", data=body, headers=OTLP)
    assert sorted(each.value for each in kept.series()) == [3, 7, 9]


def test_a_histogram_is_a_count_and_a_sum(client: FlaskClient, kept: Kept) -> None:
    for value in (2, 4):
        client.post("/v1/metrics", data=counted(value, histogram=True), headers=OTLP)
    assert [(each.count, each.value) for each in kept.series()] == [(6, 3)]


def test_the_pages_show_it_all_and_believe_nothing(client: FlaskClient) -> None:
    assert b"none yet" in client.get("/").data
    assert b"none yet" in client.get("/metrics").data
    client.post("/v1/traces", data=spans("first of all", SPITE), headers=OTLP)
    client.post("/v1/logs", data=line(f"a line {SPITE}"), headers=OTLP)
    client.post("/v1/metrics", data=counted(3), headers=OTLP)
    traces, trace, metrics = (client.get(path) for path in ("/", f"/traces/{TRACE}", "/metrics"))
    assert f'href="/traces/{TRACE}">first of all' in traces.text
    assert trace.text.count("<rect ") == 2
    assert "a line &lt;script&gt;" in trace.text
    assert f"/traces/{'ab' * 16}" in trace.text
    assert "things" in metrics.text
    for page in (traces, trace, metrics):
        assert "<script" not in page.text
        assert page.headers["Content-Security-Policy"].startswith("default-src 'none'; style-src 'self'")
    with client.get("/static/page.css") as sheet:
        assert sheet.mimetype == "text/css"
