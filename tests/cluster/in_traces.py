"""Runs in a pod of the cluster: takes traces by OTLP over HTTP, and gives those of GET /TRACE_ID as JSON."""

import gzip
import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

_SPANS: list[dict[str, str]] = []


class Backend(BaseHTTPRequestHandler):
    """Keeps every span's service, name, trace, id and parent."""

    def do_POST(self) -> None:
        """Take an export."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        for group in ExportTraceServiceRequest.FromString(body).resource_spans:
            (service,) = [each.value.string_value for each in group.resource.attributes if each.key == "service.name"]
            for span in (span for scope in group.scope_spans for span in scope.spans):
                ids = {"trace": span.trace_id.hex(), "id": span.span_id.hex(), "parent": span.parent_span_id.hex()}
                _SPANS.append({"service": service, "name": span.name, **ids})
        self._answer("application/x-protobuf", b"")

    def do_GET(self) -> None:
        """The spans of a trace."""
        found = [span for span in _SPANS if span["trace"] == self.path.strip("/")]
        self._answer("application/json", json.dumps(found).encode())

    def _answer(self, kind: str, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


if __name__ == "__main__":
    ThreadingHTTPServer(("", 4318), Backend).serve_forever()
