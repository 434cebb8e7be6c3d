"""Streaming upload of one object of unknown size. The object appears complete or not at all."""

import contextvars
import hashlib
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from types import TracebackType
from typing import Self

from shared.errors import OtelWorkerError
from shared.storage.bucket import Bucket

_PART_BYTES = 5 << 20  # the minimum of S3
_PARTS_OF_A_SIZE = 1000  # then the size doubles: the 10,000 parts of S3 have 4.88 TiB together, its maximum is 5 TiB


def _part_bytes(number: int) -> int:
    """Return the size of part `number` (from 1), except for the last part of an object."""
    return _PART_BYTES << (number - 1) // _PARTS_OF_A_SIZE


class Upload:
    """A context manager that writes an object in parts while the caller produces it.

    Leaving the context normally creates the object. Leaving it by an exception creates nothing.
    Memory is two parts, because one is filled while the other is sent: 10 MiB up to an object of 4.88 GiB, 20 MiB up
    to 14.6 GiB, and so on. Each byte is copied once, into its part, and hashed once.
    """

    def __init__(
        self, bucket: Bucket, key: str, content_type: str, part_bytes: Callable[[int], int] = _part_bytes
    ) -> None:
        self._bucket = bucket
        self._key = key
        self._content_type = content_type
        self._part_bytes = part_bytes
        self._buffer, self._spare_buffer = bytearray(part_bytes(1)), bytearray()
        self._buffered = 0
        self._upload_id: str | None = None
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="upload")
        self._parts: list[Future[str]] = []
        self._digest = hashlib.sha256()
        self.size = 0

    @property
    def sha256(self) -> str:
        """The hex SHA-256 of the whole object. Valid after the context was left."""
        return self._digest.hexdigest()

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Append a copy of `data`. A full part is sent in the background once the previous one has been uploaded."""
        self.size += len(data)
        remaining = memoryview(data)
        while remaining:
            piece = remaining[: len(self._buffer) - self._buffered]
            self._buffer[self._buffered : self._buffered + len(piece)] = piece
            self._buffered += len(piece)
            remaining = remaining[len(piece) :]
            if self._buffered == len(self._buffer):
                self._send(self._buffer)
                self._swap_buffers()

    def _send(self, part: bytearray | memoryview) -> None:
        if self._upload_id is None:
            self._upload_id = self._bucket.start_upload(self._key, self._content_type)
        if self._parts:
            self._parts[-1].result()  # its buffer is filled next; raises its error
        number = len(self._parts) + 1
        run = contextvars.copy_context().run  # keeps the trace of the caller
        self._parts.append(self._executor.submit(run, self._upload_part, self._upload_id, number, part))

    def _swap_buffers(self) -> None:
        size = self._part_bytes(len(self._parts) + 1)
        following = self._spare_buffer if len(self._spare_buffer) == size else bytearray(size)
        self._buffer, self._spare_buffer, self._buffered = following, self._buffer, 0

    def _upload_part(self, upload_id: str, number: int, part: bytearray | memoryview) -> str:
        # Retries happen inside upload_part, so each part is hashed once. Hashing here does not block the caller.
        self._digest.update(part)
        return self._bucket.upload_part(self._key, upload_id, number, part)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                self._complete()
        except BaseException:
            kind = OtelWorkerError
            raise
        finally:
            self._executor.shutdown()
            self._buffer, self._spare_buffer = bytearray(), bytearray()  # the caller may keep this object
            if kind is not None:
                self._abort()

    def _complete(self) -> None:
        last = memoryview(self._buffer)[: self._buffered]
        if self._upload_id is None:
            self._digest.update(last)
            self._bucket.put(self._key, last, self._content_type, sha256=self.sha256)
            return
        if last:
            self._send(last)
        self._bucket.complete_upload(self._key, self._upload_id, [part.result() for part in self._parts])
        with suppress(OtelWorkerError):  # the object is complete; a second upload only occupies space
            # The client may have retried the request that starts an upload, which leaves a second, empty one.
            self._bucket.abort_uploads(self._key)

    def _abort(self) -> None:
        if self._upload_id is None:
            return
        # If the storage is unavailable, the parts stay invisible until the sweep deletes them.
        with suppress(OtelWorkerError):
            self._bucket.abort_upload(self._key, self._upload_id)
