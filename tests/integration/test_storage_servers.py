"""Requirements on object storage, tested on the servers that users run and on moto, which other tests use."""

import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
import urllib3

from admin.buckets import ensure_upload_expiry
from shared.config.settings import Settings
from shared.errors import NotFound, Unavailable
from shared.jobs import deletion
from shared.jobs.store import JobStore, utc_now
from shared.models import Status
from shared.storage.bucket import Bucket, ObjectChanged, ObjectMissing
from shared.storage.multipart import Upload
from tests.builders import JOB_ID, record, result
from tests.integration.ports import free_port
from tests.integration.storage_servers import OPTIONAL, SERVERS, UNSUPPORTED, admin_of, boto3_client, bucket_of, running
from tests.sweeps import create_sweep, listed

HTTP = urllib3.PoolManager(retries=False)
ability = pytest.mark.ability


@pytest.fixture(scope="module", params=SERVERS)
def settings(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    with running(request.param, tmp_path_factory.mktemp(request.param)) as settings:
        yield settings


@pytest.fixture(autouse=True)
def expect_unsupported_to_fail(request: pytest.FixtureRequest, settings: Settings) -> None:
    """Expect failure on a server that is listed as unable, so that the list matches the tests."""
    marker = request.node.get_closest_marker("ability")
    if marker and request.node.callspec.params["settings"] in {**UNSUPPORTED, **OPTIONAL}[marker.args[0]]:
        request.applymarker(pytest.mark.xfail(reason="listed as unable", strict=True))


@pytest.fixture(scope="module")
def bucket(settings: Settings) -> Iterator[Bucket]:
    with bucket_of(settings, settings.JOBS_BUCKET) as bucket:
        yield bucket


@pytest.fixture
def key(request: pytest.FixtureRequest) -> str:
    return f"{request.node.originalname}/a"


def winners(write: Callable[[bytes], object]) -> int:
    def won(number: int) -> bool:
        try:
            write(b"%d" % number)
        except ObjectChanged:
            return False
        return True

    with ThreadPoolExecutor(20) as pool:
        return sum(pool.map(won, range(1, 21)))


@ability("one of twenty concurrent creations with If-None-Match succeeds")
def test_only_one_of_twenty_concurrent_creations_succeeds(bucket: Bucket, key: str) -> None:
    assert winners(partial(bucket.create, key)) == 1


@ability("one of twenty concurrent replacements with If-Match succeeds")
def test_only_one_of_twenty_concurrent_replacements_succeeds(bucket: Bucket, key: str) -> None:
    assert winners(partial(bucket.replace, key, etag=bucket.create(key, b"0"))) == 1


@ability("a replacement of a deleted object is refused")
def test_replacing_a_deleted_object_raises(bucket: Bucket, key: str) -> None:
    etag = bucket.create(key, b"0")
    bucket.delete(key)
    with pytest.raises(ObjectChanged):
        bucket.replace(key, b"1", etag)
    with pytest.raises(ObjectMissing):
        bucket.get(key)


@ability("a conditional GET of an unchanged object returns 304")
def test_get_if_modified_returns_none_for_the_current_etag(bucket: Bucket, key: str) -> None:
    etag = bucket.create(key, b"1")
    assert bucket.get_if_modified(key, etag) is None
    bucket.replace(key, b"2", etag)
    assert bucket.get_if_modified(key, etag) == bucket.get(key)
    bucket.delete(key)
    with pytest.raises(ObjectMissing):
        bucket.get_if_modified(key, etag)


@pytest.fixture(scope="module")
def many_keys(bucket: Bucket) -> list[str]:
    """More keys than fit on one page."""
    keys = [f"many/{number:05d}~2026-01-25~a.b_c-d~" for number in range(1100)]
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(bucket.put, keys))
    return keys


@ability("keys are listed in order, 1,000 per page, after any key")
def test_listings_are_ordered_and_start_after_any_key(bucket: Bucket, many_keys: list[str]) -> None:
    assert list(bucket.list_keys("many/")) == many_keys
    assert [item.key for item in bucket.list_page("many/")] == many_keys[:1000]
    assert [item.key for item in bucket.list_page("many/", after=many_keys[999])] == many_keys[1000:]
    assert [item.key for item in bucket.list_page("many/", after="many/00010", limit=3)] == many_keys[10:13]
    assert bucket.list_page("many/", after=many_keys[-1]) == []
    now = datetime.now(UTC)
    assert all(abs(now - item.last_modified) < timedelta(minutes=10) for item in bucket.list_page("many/"))


@ability("one request deletes a thousand keys")
def test_delete_many_deletes_existing_keys_and_ignores_missing_ones(bucket: Bucket, key: str) -> None:
    keys = [f"{key}{number:04d}" for number in range(30)]
    special = f"{key} &<\N{LATIN SMALL LETTER U WITH DIAERESIS}>+%20"
    for name in (*keys, special, f"{key}-other"):
        bucket.put(name)
    bucket.delete_many([*keys, special, *(f"{key}-none{number}" for number in range(969))])
    assert list(bucket.list_keys(key)) == [f"{key}-other"]


@ability("a key is listed immediately after its put")
def test_key_is_listed_immediately_after_put(bucket: Bucket, key: str) -> None:
    for number in range(20):
        bucket.put(f"{key}{number:02d}")
        assert len(list(bucket.list_keys(key))) == number + 1


@ability("a multipart upload is visible completely or not at all")
@pytest.mark.parametrize("size", [0, 100, 20 << 20])
def test_upload_creates_the_whole_object_or_none(bucket: Bucket, key: str, size: int) -> None:
    key, data = f"{key}{size}", os.urandom(size)
    with Upload(bucket, key, "text/csv") as upload:
        for at in range(0, size, 1 << 20):
            upload.write(data[at : at + (1 << 20)])
        with pytest.raises(ObjectMissing):
            bucket.get(key)
    assert bucket.get(key).body == data

    def failing() -> None:
        with Upload(bucket, f"{key}-failed", "text/csv") as broken:
            broken.write(data)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        failing()
    with pytest.raises(ObjectMissing):
        bucket.get(f"{key}-failed")


def unfinished(bucket: Bucket, prefix: str) -> set[str]:
    uploads = bucket._s3.list_multipart_uploads(bucket._name, prefix)
    return {upload_id for key, upload_id in uploads if key.startswith(prefix)}


@ability("the unfinished uploads of a key are listed and aborted")
def test_abort_uploads_aborts_all_uploads_of_exactly_one_key(bucket: Bucket, key: str) -> None:
    for _ in range(2):
        bucket.upload_part(key, bucket.start_upload(key, "text/csv"), 1, b"x")
    other = bucket.start_upload(f"{key}b", "text/csv")
    assert len(unfinished(bucket, key) - {other}) == 2
    for _ in range(2):
        bucket.abort_uploads(key)
        assert unfinished(bucket, key) <= {other}
        assert unfinished(bucket, f"{key}b") == {other}
    bucket.abort_upload(f"{key}b", other)  # on MinIO it outlives its bucket


@ability("a part of an aborted upload is refused")
def test_aborted_upload_rejects_parts(bucket: Bucket, key: str) -> None:
    upload = bucket.start_upload(key, "text/csv")
    bucket.abort_upload(key, upload)
    bucket.abort_upload(key, upload)
    with pytest.raises(Unavailable, match="NoSuchUpload"):
        bucket.upload_part(key, upload, 1, b"x")


@ability("a presigned URL sets file name and content type")
def test_presigned_url_sets_file_name_and_content_type(bucket: Bucket, key: str) -> None:
    bucket.put(key, b"a,b\n", "text/csv")
    url, _ = bucket.presign(key, "distance_20260125.csv", 60)
    response = HTTP.request("GET", url)
    assert (response.status, response.data) == (200, b"a,b\n")
    assert response.headers["Content-Type"] == "text/csv"
    assert response.headers["Content-Disposition"] == 'attachment; filename="distance_20260125.csv"'


@ability("a URL presigned for HEAD responds like GET without a body")
def test_presigned_head_returns_the_headers_of_get(bucket: Bucket, key: str) -> None:
    bucket.put(key, b"a,b\n", "text/csv")
    url, _ = bucket.presign(key, "distance_20260125.csv", 60, "HEAD")
    response = HTTP.request("HEAD", url)
    assert (response.status, response.data) == (200, b"")
    assert (response.headers["Content-Type"], response.headers["Content-Length"]) == ("text/csv", "4")
    assert response.headers["Content-Disposition"] == 'attachment; filename="distance_20260125.csv"'


@ability("a presigned URL expires, and is valid for one object and host")
def test_presigned_url_expires_and_is_bound_to_object_and_host(bucket: Bucket, key: str) -> None:
    bucket.put(key, b"1")
    bucket.put(f"{key}-other", b"2")
    url, _ = bucket.presign(key, "a.csv", 1)
    assert HTTP.request("GET", url.replace("/a?", "/a-other?")).status == 403
    assert HTTP.request("GET", url.replace("127.0.0.1", "localhost")).status == 403
    assert HTTP.request("GET", url.split("?")[0]).status == 403
    deadline = time.monotonic() + 10
    while HTTP.request("GET", url).status != 403:
        assert time.monotonic() < deadline
        time.sleep(0.2)


def test_job_is_created_completed_swept_and_deleted(settings: Settings, bucket: Bucket) -> None:
    jobs = JobStore(bucket)
    with bucket_of(settings, settings.CSV_BUCKET) as csvs:
        sweep, _ = create_sweep(jobs, bucket, csvs, None, utc_now)
        jobs.create(record())
        assert jobs.complete(jobs.claim(JOB_ID), result()) == jobs.get(JOB_ID)
        csvs.put(result().csv_path, b"a,b\n", "text/csv")
        for _ in range(2):
            assert [(entry.job_id, entry.status) for entry in listed(bucket)] == [(JOB_ID, Status.COMPLETED)]
            sweep.run()
        assert list(bucket.list_keys("t/")) == []

        deletion.delete(jobs, csvs, JOB_ID)
        for _ in range(2):
            assert listed(bucket) == []
            sweep.run()
        with pytest.raises(NotFound):
            jobs.get(JOB_ID)
        assert list(csvs.list_keys("csv/")) == []


@ability("a missing bucket is reported")
def test_missing_bucket_raises_unavailable(settings: Settings) -> None:
    with bucket_of(settings, "otel-worker-none") as missing:
        for request in (missing.ping, partial(missing.get, "a"), partial(missing.delete_many, ["a"])):
            with pytest.raises(Unavailable, match=r"^storage: NoSuchBucket$"):
                request()


@ability("wrong keys are refused")
def test_wrong_credentials_raise_unavailable(settings: Settings) -> None:
    access, secret = admin_of(settings)
    for keys, code in (((access, "wrong"), "SignatureDoesNotMatch"), (("nobody", secret), "InvalidAccessKeyId")):
        with (
            bucket_of(settings, settings.JOBS_BUCKET, keys=keys) as wrong,
            pytest.raises(Unavailable, match=f"^storage: {code}$"),
        ):
            wrong.get("a")


def test_error_of_an_unreachable_server_does_not_contain_its_address(settings: Settings) -> None:
    with (
        bucket_of(settings, "jobs", endpoint=f"http://127.0.0.1:{free_port()}") as unreachable,
        pytest.raises(Unavailable, match=r"^storage: EndpointConnectionError$"),
    ):
        unreachable.get("a")


@ability("a repeated completion has the same response")
def test_completing_an_upload_twice_succeeds(bucket: Bucket, key: str) -> None:
    upload = bucket.start_upload(key, "text/csv")
    etag = bucket.upload_part(key, upload, 1, b"x")
    for _ in range(2):
        bucket.complete_upload(key, upload, [etag])
    bucket._s3.complete_multipart_upload(bucket._name, key, upload, [etag])


@ability("unfinished uploads are listed by prefix")
def test_list_uploads_by_prefix(bucket: Bucket, key: str) -> None:
    upload = bucket.start_upload(key, "text/csv")
    try:
        assert unfinished(bucket, key[:-1]) == {upload}
    finally:
        bucket.abort_upload(key, upload)


@ability("a lifecycle rule aborts unfinished uploads")
def test_lifecycle_rule_aborts_unfinished_uploads(settings: Settings) -> None:
    with boto3_client(settings) as s3:
        assert ensure_upload_expiry(s3, settings.CSV_BUCKET) == "aborted after a day by a new rule"


@ability("a deletion respects If-Match")
def test_delete_with_another_etag_fails(settings: Settings, bucket: Bucket, key: str) -> None:
    bucket.put(key, b"1")
    with boto3_client(settings) as s3, pytest.raises(s3.exceptions.ClientError, match="PreconditionFailed"):
        s3.delete_object(Bucket=bucket._name, Key=key, IfMatch='"another"')
