"""Uploading one object while it is being made: in parts, beside the making, whole or not at all."""

import contextvars
import hashlib
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from types import TracebackType
from typing import Self

from shared.errors import OtelWorkerError
from shared.storage.bucket import Bucket

_PART_BYTES = 5 << 20  # the least that S3 takes; with 10,000 parts at most, objects end at 50 GiB


class Upload:
    """A context manager to write into; leaving it makes the object appear, leaving it by an error leaves nothing.

    Two parts' memory whatever the size: one that is being filled, one that is on its way.
    """

    def __init__(self, bucket: Bucket, key: str, content_type: str) -> None:
        self._bucket = bucket
        self._key = key
        self._content_type = content_type
        self._filling, self._spare = bytearray(_PART_BYTES), bytearray(_PART_BYTES)
        self._filled = 0
        self._upload: str | None = None
        self._sender = ThreadPoolExecutor(1, thread_name_prefix="upload")
        self._sent: list[Future[str]] = []
        self._digest = hashlib.sha256()
        self.size = 0

    @property
    def sha256(self) -> str:
        """Hex SHA-256 of the whole object, final once the context has been left."""
        return self._digest.hexdigest()

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Take `data`, copied; each full part is sent as soon as the one before it has arrived."""
        self.size += len(data)
        rest = memoryview(data)
        while rest:
            taken = rest[: _PART_BYTES - self._filled]
            self._filling[self._filled : self._filled + len(taken)] = taken
            self._filled += len(taken)
            rest = rest[len(taken) :]
            if self._filled == _PART_BYTES:
                self._send(self._filling)
                self._filling, self._spare, self._filled = self._spare, self._filling, 0

    def _send(self, part: bytes | bytearray) -> None:
        if self._upload is None:
            self._upload = self._bucket.start_parts(self._key, self._content_type)
        if self._sent:
            self._sent[-1].result()  # its buffer is filled next, and an error of it ends the upload here
        number = len(self._sent) + 1
        traced = contextvars.copy_context().run  # in the trace of whoever writes
        self._sent.append(self._sender.submit(traced, self._put_part, self._upload, number, part))

    def _put_part(self, upload: str, number: int, part: bytes | bytearray) -> str:
        # Retries happen inside put_part, so each part is hashed once; hashing here leaves the writer's thread free.
        self._digest.update(part)
        return self._bucket.put_part(self._key, upload, number, part)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                self._finish()
        except BaseException:
            kind = OtelWorkerError
            raise
        finally:
            self._sender.shutdown()
            if kind is not None:
                self._abort()

    def _finish(self) -> None:
        last = bytes(memoryview(self._filling)[: self._filled])
        if self._upload is None:
            self._digest.update(last)
            self._bucket.put(self._key, last, self._content_type)
            return
        if last:
            self._send(last)
        self._bucket.complete_parts(self._key, self._upload, [part.result() for part in self._sent])
        with suppress(OtelWorkerError):  # the object stands: what is left beside it is nobody's concern but the bill's
            # The request that started the upload may have been sent twice: then there is another one, without a part.
            self._bucket.abort_uploads(self._key)

    def _abort(self) -> None:
        if self._upload is None:
            return
        try:
            self._bucket.abort_parts(self._key, self._upload)
        except OtelWorkerError:
            # The storage is away: what it holds of the upload is never visible, and goes by sweep.
            return
