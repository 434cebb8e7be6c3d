"""An OTLP receiver over HTTP with protobuf, and the pages that show what came (`page.py`), on one port."""

import contextlib
import gzip
import io
import logging
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http import HTTPStatus

from flask import Flask, Response, abort, request
from google.protobuf.message import DecodeError
from werkzeug.serving import make_server

from local.viewer import page
from local.viewer.kept import Kept, Span

_LARGEST = 16 << 20
_LOOK_SECONDS = 0.05

Tap = Callable[[str, bytes], None]


@dataclass(frozen=True)
class Receiver:
    """Where it listens, and what it has."""

    url: str
    kept: Kept

    def trace(self, trace_id: str, whole: Callable[[list[Span]], bool], seconds: float, rest: float = 0) -> list[Span]:
        """The spans of a trace once they are `whole` and no more has come for `rest` seconds, or after `seconds`."""
        ends = time.monotonic() + seconds
        found: list[Span] = []
        changed = time.monotonic()
        while time.monotonic() < ends:
            now = self.kept.spans(trace_id)
            if len(now) != len(found):
                found, changed = now, time.monotonic()
            if whole(found) and time.monotonic() - changed >= rest:
                break
            time.sleep(_LOOK_SECONDS)
        return found


def app(kept: Kept, tap: Tap | None = None) -> Flask:
    """The WSGI application; `tap` is given each request's signal and decompressed body."""
    made = Flask(__name__)
    made.config["MAX_CONTENT_LENGTH"] = _LARGEST
    made.register_blueprint(page.blueprint(kept))

    @made.post("/v1/<any(traces, metrics, logs):signal>")
    def take(signal: str) -> Response:
        if request.mimetype != "application/x-protobuf":
            abort(HTTPStatus.UNSUPPORTED_MEDIA_TYPE)
        body = _unpacked(request.get_data(), request.headers.get("Content-Encoding", ""))
        try:
            kept.take(signal, body)
        except DecodeError:
            abort(HTTPStatus.BAD_REQUEST)
        if tap:
            tap(signal, body)
        return Response(b"", mimetype="application/x-protobuf")  # an empty message: all was taken

    return made


def _unpacked(body: bytes, encoding: str) -> bytes:
    if encoding in ("", "identity"):
        return body
    if encoding != "gzip":
        abort(HTTPStatus.UNSUPPORTED_MEDIA_TYPE)
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(body)) as packed:
            unpacked = packed.read(_LARGEST + 1)
    except (OSError, EOFError, zlib.error):
        abort(HTTPStatus.BAD_REQUEST)
    if len(unpacked) > _LARGEST:
        abort(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
    return unpacked


@contextlib.contextmanager
def receiving(port: int = 0, tap: Tap | None = None) -> Iterator[Receiver]:
    """A receiver on 127.0.0.1, on any free port unless one is given."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # no line for each request
    kept = Kept()
    server = make_server("127.0.0.1", port, app(kept, tap), threaded=True)
    thread = threading.Thread(target=server.serve_forever, name="otlp", daemon=True)
    thread.start()
    try:
        yield Receiver(f"http://127.0.0.1:{server.server_port}", kept)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
