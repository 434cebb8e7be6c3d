"""An OTLP receiver on 127.0.0.1 (HTTP, protobuf): stores spans, accepts and discards metrics and logs."""

import contextlib
import logging
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http import HTTPStatus

from flask import Flask, Response, abort, request
from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from werkzeug.serving import make_server

from local.telemetry_store import TelemetryStore

_MAX_REQUEST_BYTES = 16 << 20

OnRequest = Callable[[str, bytes], None]


@dataclass(frozen=True)
class Receiver:
    """A running receiver: the OTLP endpoint, and the spans that it has received."""

    url: str
    store: TelemetryStore


def create_app(store: TelemetryStore, on_request: OnRequest | None = None) -> Flask:
    """Return the WSGI application. `on_request(signal, body)` is called for each accepted request."""
    app = Flask(__name__)
    app.config["MAX_CONTENT_LENGTH"] = _MAX_REQUEST_BYTES

    @app.post("/v1/<any(traces, metrics, logs):signal>")
    def export(signal: str) -> Response:
        if request.mimetype != "application/x-protobuf":
            abort(HTTPStatus.UNSUPPORTED_MEDIA_TYPE)
        body = request.get_data()
        if signal == "traces":
            try:
                store.add(ExportTraceServiceRequest.FromString(body))
            except DecodeError:
                abort(HTTPStatus.BAD_REQUEST)
        if on_request:
            on_request(signal, body)
        return Response(b"", mimetype="application/x-protobuf")  # an empty message reports full success

    return app


@contextlib.contextmanager
def run_receiver(on_request: OnRequest | None = None) -> Iterator[Receiver]:
    """Run a receiver on a free port for the duration of the block."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # no access log
    store = TelemetryStore()
    server = make_server("127.0.0.1", 0, create_app(store, on_request), threaded=True)
    thread = threading.Thread(target=server.serve_forever, name="otlp", daemon=True)
    thread.start()
    try:
        yield Receiver(f"http://127.0.0.1:{server.server_port}", store)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
