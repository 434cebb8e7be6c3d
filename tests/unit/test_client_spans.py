"""One CLIENT span for each call of the drop-in, also if requests is instrumented."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

CLIENT = Path(__file__).resolve().parents[2] / "client"
# Runs in a separate process, because the tracer provider is process-wide.
SCRIPT = '''
import io
import json
import sys
from opentelemetry import context, propagate, trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
import requests
from requests.adapters import BaseAdapter
from urllib3 import HTTPResponse

exporter = InMemorySpanExporter()
trace.set_tracer_provider(TracerProvider())
trace.get_tracer_provider().add_span_processor(SimpleSpanProcessor(exporter))
sent = []


class Server(BaseAdapter):
    def send(self, request, **_):
        sent.append(request)
        if request.url.endswith(".csv"):
            status, body = 302, b""
        elif request.url.startswith("http://storage"):
            status, body = 200, b"csv"
        elif "/calculate" in request.url and request.method == "GET":
            status, body = 405, b'{"error": {"code": "METHOD_NOT_ALLOWED", "message": "Method not allowed"}}'
        elif request.url.endswith("/none"):
            status, body = 404, b'{"error": {"code": "NOT_FOUND", "message": "No such job"}}'
        else:
            body = {"job_id": "1", "status": "queued", "queued_at": "2026-01-26T12:00:00Z"}
            body |= {"jobs": [], "total_count": 0, "limit": 1, "offset": 0}
            status, body = 200, json.dumps(body).encode()
        response = requests.Response()
        response.status_code = status
        response.raw = HTTPResponse(io.BytesIO(body), status=status, preload_content=False)
        response.request = request
        response.headers["Location"] = "http://storage/1"
        return response

    def close(self):
        pass


def instrument():
    """Wrap requests like opentelemetry-instrumentation-requests."""
    original = requests.Session.send

    def send(self, request, **options):
        if context.get_value(context._SUPPRESS_HTTP_INSTRUMENTATION_KEY):
            return original(self, request, **options)
        with trace.get_tracer("requests").start_as_current_span(request.method, kind=trace.SpanKind.CLIENT):
            propagate.inject(request.headers)
            return original(self, request, **options)

    requests.Session.send = send


if sys.argv[1] == "real":
    from opentelemetry.instrumentation.requests import RequestsInstrumentor

    RequestsInstrumentor().instrument()
else:
    instrument()

from otel_worker_client.distance_client import DistanceClient

drop_in = DistanceClient("worker")
drop_in._client._transport._session.mount("http://", Server())
calls = {
    "calculate_distance": lambda: drop_in.calculate_distance("2026-01-21"),
    "get_job_status": lambda: drop_in.get_job_status("1"),
    "list_jobs": drop_in.list_jobs,
    "download_csv": lambda: list(drop_in.download_csv("distance_20260121.csv")),
    "health_check": drop_in.health_check,
    "a call without the drop-in": lambda: drop_in._client.job("1"),
}
report = {}
for name, call in calls.items():
    exporter.clear()
    sent.clear()
    result = call()
    spans = [span for span in exporter.get_finished_spans() if span.kind is trace.SpanKind.CLIENT]
    parents = {f"{span.context.span_id:016x}" for span in spans}
    propagated = {request.headers["traceparent"].split("-")[2] for request in sent if "traceparent" in request.headers}
    report[name] = [[span.name for span in spans], propagated <= parents, result is not False, len(sent)]
    report[name].append(sorted({str(request.url).partition("?")[2] for request in sent if "jobs?" in request.url}))
print(json.dumps(report))
'''


def spans_of_calls(*arguments: str) -> dict[str, Any]:
    run = subprocess.run(
        [sys.executable, "-c", SCRIPT, *arguments],
        env={"PYTHONPATH": str(CLIENT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    spans_by_call: dict[str, Any] = json.loads(run.stdout)
    return spans_by_call


def test_each_call_creates_one_client_span() -> None:
    without_results = "limit=50&offset=0&results=false"
    assert spans_of_calls("emulated") == {
        "calculate_distance": [["distance-calculate-distance"], True, True, 1, []],
        "get_job_status": [["distance-get-job-status"], True, True, 1, []],
        "list_jobs": [["distance-list-jobs"], True, True, 1, [without_results]],
        "download_csv": [["distance-download-csv"], True, True, 2, []],
        "health_check": [["distance-health-check"], True, True, 4, ["limit=1&results=false"]],
        "a call without the drop-in": [["GET"], True, True, 1, []],
    }
