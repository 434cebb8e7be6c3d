"""Trace backend for a pod of the cluster: receives OTLP over HTTP and returns the spans of GET /TRACE_ID as JSON."""

import gzip
import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

_SPANS: list[dict[str, str]] = []


class Backend(BaseHTTPRequestHandler):
    """Stores service, name, trace, id and parent of each span."""

    def do_POST(self) -> None:
        """Receive an export."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        for group in ExportTraceServiceRequest.FromString(body).resource_spans:
            (service,) = [item.value.string_value for item in group.resource.attributes if item.key == "service.name"]
            for span in (span for scope in group.scope_spans for span in scope.spans):
                ids = {"trace": span.trace_id.hex(), "id": span.span_id.hex(), "parent": span.parent_span_id.hex()}
                _SPANS.append({"service": service, "name": span.name, **ids})
        self._respond("application/x-protobuf", b"")

    def do_GET(self) -> None:
        """Return the spans of a trace."""
        spans = [span for span in _SPANS if span["trace"] == self.path.strip("/")]
        self._respond("application/json", json.dumps(spans).encode())

    def _respond(self, content_type: str, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


if __name__ == "__main__":
    ThreadingHTTPServer(("", 4318), Backend).serve_forever()
