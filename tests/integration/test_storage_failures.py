"""Bucket on real servers behind a proxy that loses, delays or truncates responses, or lets another writer go first."""

import hashlib
import random
from collections.abc import Callable, Iterator

import pytest

from shared.config.settings import Settings
from shared.errors import Unavailable
from shared.storage.bucket import Bucket, ObjectChanged, ObjectMissing
from shared.storage.connection import Timeouts
from shared.storage.multipart import Upload
from tests.integration.fault_proxy import (
    Exchange,
    Fault,
    FaultProxy,
    Request,
    delay_response,
    drop_request,
    hang,
    lose_response,
    proxy_to,
    respond_with_error,
    trickle_response,
    truncate_response,
)
from tests.integration.storage_servers import bucket_of, running

# Long enough for a server on a loaded machine: each fault that is a timeout costs three of them.
SHORT_TIMEOUTS = Timeouts(connect=2, read=2)


@pytest.fixture(scope="module", params=["SeaweedFS", "MinIO"])
def settings(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    with running(request.param, tmp_path_factory.mktemp(request.param)) as settings:
        yield settings


@pytest.fixture
def proxy(settings: Settings) -> Iterator[FaultProxy]:
    with proxy_to(settings.AWS_ENDPOINT_URL_S3 or "") as proxy:
        yield proxy


@pytest.fixture(scope="module")
def direct(settings: Settings) -> Iterator[Bucket]:
    """The bucket without the proxy."""
    with bucket_of(settings, settings.JOBS_BUCKET) as bucket:
        yield bucket


@pytest.fixture
def slept() -> list[float]:
    return []


@pytest.fixture
def bucket(settings: Settings, proxy: FaultProxy, slept: list[float]) -> Iterator[Bucket]:
    """The bucket through the proxy."""
    with bucket_of(settings, settings.JOBS_BUCKET, SHORT_TIMEOUTS, endpoint=proxy.url, sleep=slept.append) as bucket:
        yield bucket


@pytest.fixture
def key(request: pytest.FixtureRequest) -> str:
    return f"{request.node.name}/a"


def matching(method: str, query: str = "") -> Callable[[Request], bool]:
    return lambda request: request.method == method and (not query or query in request.query)


@pytest.mark.parametrize(
    "fault",
    [drop_request, lose_response, hang, respond_with_error(500, "InternalError"), respond_with_error(503, "SlowDown")],
    ids=["request dropped", "response lost", "hang", "500", "SlowDown"],
)
def test_transient_failure_is_retried(bucket: Bucket, proxy: FaultProxy, key: str, fault: Fault) -> None:
    proxy.inject(lambda _: True, fault)
    bucket.put(key, b"1")
    assert bucket.get(key).body == b"1"


def test_slow_steady_response_is_read_to_its_end(bucket: Bucket, direct: Bucket, proxy: FaultProxy, key: str) -> None:
    direct.put(key, b"1" * 400)
    proxy.inject(lambda _: True, trickle_response, trickle_response)
    assert bucket.get(key).body == b"1" * 400
    assert list(bucket.list_keys(key)) == [key]


def test_truncated_object_raises_unavailable(bucket: Bucket, direct: Bucket, proxy: FaultProxy, key: str) -> None:
    direct.put(key, b"1" * 400)
    proxy.inject(matching("GET"), *[truncate_response] * 3)
    with pytest.raises(Unavailable):
        bucket.get(key)


def test_truncated_listing_is_retried(bucket: Bucket, direct: Bucket, proxy: FaultProxy, key: str) -> None:
    keys = [f"{key}{number}" for number in range(10)]
    for name in keys:
        direct.put(name)
    proxy.inject(matching("GET", "list-type"), truncate_response)
    assert list(bucket.list_keys(key)) == keys
    assert len(proxy.requests) == 2


@pytest.mark.parametrize("faults", [[lose_response], [delay_response], [lose_response, delay_response]])
def test_creation_with_a_lost_response_succeeds(
    bucket: Bucket, direct: Bucket, proxy: FaultProxy, key: str, faults: list[Fault]
) -> None:
    proxy.inject(matching("PUT"), *faults)
    assert bucket.create(key, b"own") == direct.get(key).etag


@pytest.mark.parametrize("faults", [[lose_response], [delay_response], [lose_response, delay_response]])
def test_replacement_with_a_lost_response_succeeds(
    bucket: Bucket, direct: Bucket, proxy: FaultProxy, key: str, faults: list[Fault]
) -> None:
    etag = direct.create(key, b"before")
    proxy.inject(matching("PUT"), *faults)
    assert bucket.replace(key, b"own", etag) == direct.get(key).etag
    assert direct.get(key).body == b"own"


def test_write_that_did_not_reach_the_server_is_retried(
    bucket: Bucket, direct: Bucket, proxy: FaultProxy, key: str
) -> None:
    proxy.inject(matching("PUT"), drop_request, respond_with_error(500, "InternalError"))
    etag = bucket.create(key, b"first")
    proxy.inject(matching("PUT"), hang, drop_request)
    assert bucket.replace(key, b"second", etag) == direct.get(key).etag
    assert direct.get(key).body == b"second"


def overtaken_by(write: Callable[[], object]) -> Fault:
    """Drop the request, and call `write` before the client retries."""

    def overtake(exchange: Exchange) -> None:
        write()
        exchange.hang_up()

    return overtake


def test_creation_overtaken_by_another_writer_raises(
    bucket: Bucket, direct: Bucket, proxy: FaultProxy, key: str
) -> None:
    proxy.inject(matching("PUT"), overtaken_by(lambda: direct.create(key, b"other")))
    with pytest.raises(ObjectChanged):
        bucket.create(key, b"own")
    assert direct.get(key).body == b"other"


def test_replacement_overtaken_by_another_writer_raises(
    bucket: Bucket, direct: Bucket, proxy: FaultProxy, key: str
) -> None:
    etag = direct.create(key, b"before")
    proxy.inject(matching("PUT"), overtaken_by(lambda: direct.replace(key, b"other", etag)))
    with pytest.raises(ObjectChanged):
        bucket.replace(key, b"own", etag)
    proxy.inject(matching("PUT"), overtaken_by(lambda: direct.delete(key)))
    with pytest.raises(ObjectChanged):
        bucket.replace(key, b"own", direct.get(key).etag)
    with pytest.raises(ObjectMissing):
        direct.get(key)


def test_creation_whose_responses_are_all_lost_succeeds_when_repeated(
    bucket: Bucket, direct: Bucket, proxy: FaultProxy, key: str
) -> None:
    proxy.inject(matching("PUT"), *[lose_response] * 3)
    with pytest.raises(Unavailable, match=r"^storage: ConnectionClosedError$"):
        bucket.create(key, b"own")
    assert bucket.create(key, b"own") == direct.get(key).etag


def test_rejected_write_that_cannot_be_read_back_raises_unavailable(
    bucket: Bucket, direct: Bucket, proxy: FaultProxy, key: str
) -> None:
    proxy.inject(matching("PUT"), lose_response)
    proxy.inject(matching("GET"), respond_with_error(403, "AccessDenied"))
    with pytest.raises(Unavailable, match=r"^storage: AccessDenied$"):
        bucket.create(key, b"own")


def test_conflict_of_conditional_writes_is_retried_after_a_backoff(
    bucket: Bucket, direct: Bucket, proxy: FaultProxy, key: str, slept: list[float]
) -> None:
    proxy.inject(matching("PUT"), *[respond_with_error(409, "ConditionalRequestConflict")] * 2)
    assert bucket.create(key, b"own") == direct.get(key).etag
    assert len(slept) == 2


@pytest.mark.parametrize("fault", [lose_response, delay_response, drop_request, hang])
def test_upload_completes_despite_a_failed_first_attempt(
    bucket: Bucket, direct: Bucket, proxy: FaultProxy, key: str, fault: Fault
) -> None:
    upload = bucket.start_upload(key, "text/csv")
    etags = [bucket.upload_part(key, upload, 1, b"whole")]
    proxy.inject(matching("POST", "uploadId"), fault)
    bucket.complete_upload(key, upload, etags)
    assert direct.get(key).body == b"whole"


@pytest.mark.parametrize(
    "fault",
    [drop_request, lose_response, respond_with_error(503, "SlowDown")],
    ids=["request dropped", "response lost", "SlowDown"],
)
def test_retried_part_is_hashed_once(bucket: Bucket, direct: Bucket, proxy: FaultProxy, key: str, fault: Fault) -> None:
    proxy.inject(matching("PUT", "partNumber"), *[fault] * 2)
    with Upload(bucket, key, "text/csv") as upload:
        upload.write(random.Random(1).randbytes(12 << 20))
    assert sum(request.method == "PUT" for request in proxy.requests) == 3 + 2
    assert upload.sha256 == hashlib.sha256(direct.get(key).body).hexdigest()


def test_using_an_aborted_upload_raises_unavailable(bucket: Bucket, direct: Bucket, key: str) -> None:
    upload = bucket.start_upload(key, "text/csv")
    etags = [bucket.upload_part(key, upload, 1, b"whole")]
    direct.abort_uploads(key)
    with pytest.raises(Unavailable, match=r"^storage: NoSuchUpload$"):
        bucket.upload_part(key, upload, 2, b"more")
    with pytest.raises(Unavailable, match=r"^storage: NoSuchUpload$"):
        bucket.complete_upload(key, upload, etags)


@pytest.mark.parametrize("fault", [lose_response, delay_response, truncate_response, drop_request, hang])
def test_delete_many_completes_despite_a_failed_first_attempt(
    bucket: Bucket, direct: Bucket, proxy: FaultProxy, key: str, fault: Fault
) -> None:
    keys = [f"{key}{number}" for number in range(5)]
    for name in keys:
        direct.put(name)
    proxy.inject(matching("POST", "delete"), fault)
    bucket.delete_many(keys)
    assert list(direct.list_keys(key)) == []
