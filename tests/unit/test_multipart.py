import hashlib
import os
from collections.abc import Iterable, Iterator

import pytest

from shared.errors import Unavailable
from shared.storage import multipart
from shared.storage.multipart import Upload
from tests.fakes import MemoryBucket

PART = multipart._PART_BYTES


def upload_chunks(bucket: MemoryBucket, chunks: Iterable[bytes]) -> Upload:
    with Upload(bucket, "csv/a", "text/csv") as upload:
        for piece in chunks:
            upload.write(piece)
    return upload


@pytest.mark.parametrize("size", [0, 1, PART - 1, PART, PART + 1, 3 * PART + 17])
def test_object_size_and_digest_match_the_written_bytes(size: int) -> None:
    bucket = MemoryBucket()
    data = os.urandom(size)
    upload = upload_chunks(bucket, [data[start : start + 1_000_003] for start in range(0, size, 1_000_003)])
    assert bucket.objects["csv/a"].body == data
    assert upload.size == size
    assert upload.sha256 == hashlib.sha256(data).hexdigest()
    assert not bucket.parts


def test_written_buffer_can_be_reused() -> None:
    bucket = MemoryBucket()
    buffer = bytearray(PART)
    with Upload(bucket, "csv/a", "text/csv") as upload:
        for number in range(3):
            buffer[:] = bytes([number]) * PART
            upload.write(memoryview(buffer))
    assert bucket.objects["csv/a"].body == b"".join(bytes([number]) * PART for number in range(3))


@pytest.mark.parametrize(
    "parts", [[5, 4], [5, 5], [5, 5, 1], [5, 5, 10, 10], [5, 5, 10, 10, 20], [5, 5, 10, 10, 20, 20, 39]], ids=str
)
def test_parts_of_growing_size_match_the_written_bytes(parts: list[int]) -> None:
    bucket = MemoryBucket()
    data = os.urandom(sum(parts))
    with Upload(bucket, "csv/a", "text/csv", part_bytes=lambda number: 5 << (number - 1) // 2) as upload:
        for start in range(0, len(data), 7):
            upload.write(data[start : start + 7])
    assert bucket.objects["csv/a"].body == data
    assert upload.sha256 == hashlib.sha256(data).hexdigest()
    assert [len(part) for part in bucket.completed["csv/a"]] == parts


def test_parts_respect_the_limits_of_s3() -> None:
    sizes = [multipart._part_bytes(number) for number in range(1, 10_001)]
    assert min(sizes) >= 5 << 20
    assert max(sizes) <= 5 << 30
    assert 4.8 * 2**40 < sum(sizes) <= 5 * 2**40
    assert set(sizes[:1000]) == {5 << 20}  # larger parts need more memory


def test_buffers_are_released_at_the_end() -> None:
    upload = upload_chunks(MemoryBucket(), [bytes(3 * PART)])
    assert not any(isinstance(value, bytearray) and value for value in vars(upload).values())


def test_small_object_is_one_put_request() -> None:
    bucket = MemoryBucket()
    upload_chunks(bucket, [b"a", b"b"])
    assert bucket.requests == [("put", "csv/a")]


def test_upload_started_twice_by_a_retry_leaves_no_unfinished_upload() -> None:
    class LosesTheFirstResponse(MemoryBucket):
        def start_upload(self, key: str, content_type: str) -> str:
            super().start_upload(key, content_type)
            return super().start_upload(key, content_type)

    bucket = LosesTheFirstResponse()
    upload_chunks(bucket, [bytes(2 * PART)])
    assert list(bucket.objects) == ["csv/a"]
    assert not bucket.parts


@pytest.mark.parametrize("size", [10, 2 * PART])
def test_exception_while_writing_leaves_no_object_and_no_parts(size: int) -> None:
    bucket = MemoryBucket()

    def failing() -> Iterator[bytes]:
        yield bytes(size)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        upload_chunks(bucket, failing())
    assert not bucket.objects
    assert not bucket.parts


@pytest.mark.parametrize("failing_request", ["start", "part", "complete"])
def test_storage_failure_during_upload_raises_and_leaves_nothing(failing_request: str) -> None:
    bucket = MemoryBucket()

    def fail(name: str, key: str) -> None:
        if name == failing_request:
            raise Unavailable("storage", "SlowDown")

    bucket.before = fail
    with pytest.raises(Unavailable):
        upload_chunks(bucket, [bytes(PART)] * 3)
    assert not bucket.objects
    assert not bucket.parts


def test_failed_abort_raises_the_original_error() -> None:
    bucket = MemoryBucket()

    def fail(name: str, key: str) -> None:
        if name in ("part", "abort"):
            raise Unavailable("storage", "EndpointConnectionError")

    bucket.before = fail
    with pytest.raises(Unavailable):
        upload_chunks(bucket, [bytes(PART)] * 3)
    assert not bucket.objects
