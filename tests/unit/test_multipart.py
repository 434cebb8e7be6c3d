import hashlib
import os
from collections.abc import Iterable, Iterator

import pytest

from shared.errors import Unavailable
from shared.storage import multipart
from shared.storage.multipart import Upload
from tests.fakes import MemoryBucket

PART = multipart._PART_BYTES


def written(bucket: MemoryBucket, pieces: Iterable[bytes]) -> Upload:
    with Upload(bucket, "csv/a", "text/csv") as upload:
        for piece in pieces:
            upload.write(piece)
    return upload


@pytest.mark.parametrize("size", [0, 1, PART - 1, PART, PART + 1, 3 * PART + 17])
def test_an_object_is_what_was_written(size: int) -> None:
    bucket = MemoryBucket()
    data = os.urandom(size)
    upload = written(bucket, [data[at : at + 1_000_003] for at in range(0, size, 1_000_003)])
    assert bucket.objects["csv/a"].body == data
    assert upload.size == size
    assert upload.sha256 == hashlib.sha256(data).hexdigest()
    assert not bucket.parts


def test_a_buffer_may_be_used_again_after_it_was_written() -> None:
    bucket = MemoryBucket()
    buffer = bytearray(PART)
    with Upload(bucket, "csv/a", "text/csv") as upload:
        for number in range(3):
            buffer[:] = bytes([number]) * PART
            upload.write(memoryview(buffer))
    assert bucket.objects["csv/a"].body == b"".join(bytes([number]) * PART for number in range(3))


def test_a_small_object_is_one_request() -> None:
    bucket = MemoryBucket()
    written(bucket, [b"a", b"b"])
    assert bucket.requests == [("put", "csv/a")]


def test_an_upload_that_was_started_twice_by_a_retry_leaves_none() -> None:
    class LosesTheFirstAnswer(MemoryBucket):
        def start_parts(self, key: str, content_type: str) -> str:
            super().start_parts(key, content_type)
            return super().start_parts(key, content_type)

    bucket = LosesTheFirstAnswer()
    written(bucket, [bytes(2 * PART)])
    assert list(bucket.objects) == ["csv/a"]
    assert not bucket.parts


@pytest.mark.parametrize("size", [10, 2 * PART])
def test_an_error_while_writing_leaves_nothing(size: int) -> None:
    bucket = MemoryBucket()

    def failing() -> Iterator[bytes]:
        yield bytes(size)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        written(bucket, failing())
    assert not bucket.objects
    assert not bucket.parts


@pytest.mark.parametrize("fails", ["start", "part", "complete"])
def test_storage_that_fails_midway_is_told_and_leaves_nothing(fails: str) -> None:
    bucket = MemoryBucket()

    def fail(name: str, key: str) -> None:
        if name == fails:
            raise Unavailable("storage", "SlowDown")

    bucket.before = fail
    with pytest.raises(Unavailable):
        written(bucket, [bytes(PART)] * 3)
    assert not bucket.objects
    assert not bucket.parts


def test_storage_that_is_gone_cannot_even_abort() -> None:
    bucket = MemoryBucket()

    def fail(name: str, key: str) -> None:
        if name in ("part", "abort"):
            raise Unavailable("storage", "EndpointConnectionError")

    bucket.before = fail
    with pytest.raises(Unavailable):
        written(bucket, [bytes(PART)] * 3)
    assert not bucket.objects
