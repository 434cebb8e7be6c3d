"""What our store makes of answers that are lost, late, cut or overtaken, on real servers behind a proxy."""

import hashlib
import random
from collections.abc import Callable, Iterator

import pytest

from shared.config.settings import Settings
from shared.errors import Unavailable
from shared.storage.bucket import Bucket, ObjectChanged, ObjectMissing
from shared.storage.multipart import Upload
from tests.integration.fault_proxy import (
    Exchange,
    Fault,
    FaultProxy,
    Request,
    answer_cut,
    answer_late,
    answer_lost,
    before,
    dropped,
    refused,
    silent,
    trickling,
)
from tests.integration.storage_servers import IMPATIENT, bucket_of, running


@pytest.fixture(scope="module", params=["SeaweedFS", "MinIO"])
def settings(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    with running(request.param, tmp_path_factory.mktemp(request.param)) as settings:
        yield settings


@pytest.fixture
def proxy(settings: Settings) -> Iterator[FaultProxy]:
    with before(settings.AWS_ENDPOINT_URL_S3 or "") as proxy:
        yield proxy


@pytest.fixture(scope="module")
def direct(settings: Settings) -> Iterator[Bucket]:
    """The bucket as the others see it."""
    with bucket_of(settings, settings.JOBS_BUCKET) as bucket:
        yield bucket


@pytest.fixture
def slept() -> list[float]:
    return []


@pytest.fixture
def bucket(settings: Settings, proxy: FaultProxy, slept: list[float]) -> Iterator[Bucket]:
    """The bucket through the proxy."""
    with bucket_of(settings, settings.JOBS_BUCKET, IMPATIENT, endpoint=proxy.url, sleep=slept.append) as bucket:
        yield bucket


@pytest.fixture
def key(request: pytest.FixtureRequest) -> str:
    return f"{request.node.name}/a"


def of(method: str, query: str = "") -> Callable[[Request], bool]:
    return lambda request: request.method == method and (not query or query in request.query)


@pytest.mark.parametrize(
    "fault",
    [dropped, answer_lost, silent, refused(500, "InternalError"), refused(503, "SlowDown")],
    ids=["hangs up", "answer lost", "silent", "500", "SlowDown"],
)
def test_a_failure_that_passes_is_not_noticed(bucket: Bucket, proxy: FaultProxy, key: str, fault: Fault) -> None:
    proxy.when(lambda _: True, fault)
    bucket.put(key, b"1")
    assert bucket.get(key).body == b"1"


def test_what_trickles_is_waited_for(bucket: Bucket, direct: Bucket, proxy: FaultProxy, key: str) -> None:
    direct.put(key, b"1" * 400)
    proxy.when(lambda _: True, trickling, trickling)
    assert bucket.get(key).body == b"1" * 400
    assert list(bucket.keys(key)) == [key]


def test_half_an_object_is_none(bucket: Bucket, direct: Bucket, proxy: FaultProxy, key: str) -> None:
    direct.put(key, b"1" * 400)
    proxy.when(of("GET"), *[answer_cut] * 3)
    with pytest.raises(Unavailable):
        bucket.get(key)


def test_half_a_listing_is_asked_again(bucket: Bucket, direct: Bucket, proxy: FaultProxy, key: str) -> None:
    wanted = [f"{key}{number}" for number in range(10)]
    for one in wanted:
        direct.put(one)
    proxy.when(of("GET", "list-type"), answer_cut)
    assert list(bucket.keys(key)) == wanted
    assert len(proxy.requests) == 2


@pytest.mark.parametrize("faults", [[answer_lost], [answer_late], [answer_lost, answer_late]])
def test_a_creation_that_happened_without_an_answer_is_ours(
    bucket: Bucket, direct: Bucket, proxy: FaultProxy, key: str, faults: list[Fault]
) -> None:
    proxy.when(of("PUT"), *faults)
    assert bucket.create(key, b"ours") == direct.get(key).etag


@pytest.mark.parametrize("faults", [[answer_lost], [answer_late], [answer_lost, answer_late]])
def test_a_replacement_that_happened_without_an_answer_is_ours(
    bucket: Bucket, direct: Bucket, proxy: FaultProxy, key: str, faults: list[Fault]
) -> None:
    etag = direct.create(key, b"before")
    proxy.when(of("PUT"), *faults)
    assert bucket.replace(key, b"ours", etag) == direct.get(key).etag
    assert direct.get(key).body == b"ours"


def test_a_write_that_did_not_happen_is_done_by_the_next_try(
    bucket: Bucket, direct: Bucket, proxy: FaultProxy, key: str
) -> None:
    proxy.when(of("PUT"), dropped, refused(500, "InternalError"))
    etag = bucket.create(key, b"first")
    proxy.when(of("PUT"), silent, dropped)
    assert bucket.replace(key, b"second", etag) == direct.get(key).etag
    assert direct.get(key).body == b"second"


def overtaken(write: Callable[[], object]) -> Fault:
    """Ours is lost on its way there, and before the next try another writes."""

    def fault(exchange: Exchange) -> None:
        write()
        exchange.hang_up()

    return fault


def test_a_creation_that_was_overtaken_is_refused(bucket: Bucket, direct: Bucket, proxy: FaultProxy, key: str) -> None:
    proxy.when(of("PUT"), overtaken(lambda: direct.create(key, b"theirs")))
    with pytest.raises(ObjectChanged):
        bucket.create(key, b"ours")
    assert direct.get(key).body == b"theirs"


def test_a_replacement_that_was_overtaken_is_refused(
    bucket: Bucket, direct: Bucket, proxy: FaultProxy, key: str
) -> None:
    etag = direct.create(key, b"before")
    proxy.when(of("PUT"), overtaken(lambda: direct.replace(key, b"theirs", etag)))
    with pytest.raises(ObjectChanged):
        bucket.replace(key, b"ours", etag)
    proxy.when(of("PUT"), overtaken(lambda: direct.delete(key)))
    with pytest.raises(ObjectChanged):
        bucket.replace(key, b"ours", direct.get(key).etag)
    with pytest.raises(ObjectMissing):
        direct.get(key)


def test_a_creation_whose_every_answer_is_lost_is_recognised_when_it_comes_again(
    bucket: Bucket, direct: Bucket, proxy: FaultProxy, key: str
) -> None:
    proxy.when(of("PUT"), *[answer_lost] * 3)
    with pytest.raises(Unavailable, match=r"^storage: ConnectionClosedError$"):
        bucket.create(key, b"ours")
    assert bucket.create(key, b"ours") == direct.get(key).etag


def test_a_refused_write_that_cannot_be_read_back_is_unavailable(
    bucket: Bucket, direct: Bucket, proxy: FaultProxy, key: str
) -> None:
    proxy.when(of("PUT"), answer_lost)
    proxy.when(of("GET"), refused(403, "AccessDenied"))
    with pytest.raises(Unavailable, match=r"^storage: AccessDenied$"):
        bucket.create(key, b"ours")


def test_a_conflict_of_conditional_writes_is_tried_again_after_a_while(
    bucket: Bucket, direct: Bucket, proxy: FaultProxy, key: str, slept: list[float]
) -> None:
    proxy.when(of("PUT"), *[refused(409, "ConditionalRequestConflict")] * 2)
    assert bucket.create(key, b"ours") == direct.get(key).etag
    assert len(slept) == 2


@pytest.mark.parametrize("fault", [answer_lost, answer_late, dropped, silent])
def test_an_upload_is_completed_whatever_became_of_the_first_answer(
    bucket: Bucket, direct: Bucket, proxy: FaultProxy, key: str, fault: Fault
) -> None:
    upload = bucket.start_parts(key, "text/csv")
    etags = [bucket.put_part(key, upload, 1, b"whole")]
    proxy.when(of("POST", "uploadId"), fault)
    bucket.complete_parts(key, upload, etags)
    assert direct.get(key).body == b"whole"


@pytest.mark.parametrize("fault", [dropped, answer_lost, refused(503, "SlowDown")], ids=["hangs up", "lost", "503"])
def test_a_part_that_is_sent_twice_is_hashed_once(
    bucket: Bucket, direct: Bucket, proxy: FaultProxy, key: str, fault: Fault
) -> None:
    proxy.when(of("PUT", "partNumber"), *[fault] * 2)
    with Upload(bucket, key, "text/csv") as upload:
        upload.write(random.Random(1).randbytes(12 << 20))
    assert sum(request.method == "PUT" for request in proxy.requests) == 3 + 2
    assert upload.sha256 == hashlib.sha256(direct.get(key).body).hexdigest()


def test_an_upload_that_somebody_aborted_is_unavailable(bucket: Bucket, direct: Bucket, key: str) -> None:
    upload = bucket.start_parts(key, "text/csv")
    etags = [bucket.put_part(key, upload, 1, b"whole")]
    direct.abort_uploads(key)
    with pytest.raises(Unavailable, match=r"^storage: NoSuchUpload$"):
        bucket.put_part(key, upload, 2, b"more")
    with pytest.raises(Unavailable, match=r"^storage: NoSuchUpload$"):
        bucket.complete_parts(key, upload, etags)


@pytest.mark.parametrize("fault", [answer_lost, answer_late, answer_cut, dropped, silent])
def test_objects_are_deleted_whatever_became_of_the_first_answer(
    bucket: Bucket, direct: Bucket, proxy: FaultProxy, key: str, fault: Fault
) -> None:
    wanted = [f"{key}{number}" for number in range(5)]
    for one in wanted:
        direct.put(one)
    proxy.when(of("POST", "delete"), fault)
    bucket.delete_many(wanted)
    assert list(direct.keys(key)) == []
