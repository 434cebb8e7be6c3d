"""What we ask of object storage, asked of the servers that users run, and of moto, which other tests stand on."""

import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

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
from tests.integration.conftest import free_port
from tests.integration.storage_servers import CANNOT, SERVERS, WELCOME, admin_of, bucket_of, running
from tests.sweeping import listed, sweeping

HTTP = urllib3.PoolManager(retries=False)
ability = pytest.mark.ability


@pytest.fixture(scope="module", params=SERVERS)
def settings(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    with running(request.param, tmp_path_factory.mktemp(request.param)) as settings:
        yield settings


@pytest.fixture(autouse=True)
def who_cannot(request: pytest.FixtureRequest, settings: Settings) -> None:
    """A server that is listed as unable must fail: the list is as true as the tests."""
    found = request.node.get_closest_marker("ability")
    if found and request.node.callspec.params["settings"] in {**CANNOT, **WELCOME}[found.args[0]]:
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


@ability("of twenty creations with If-None-Match at once one wins")
def test_of_twenty_creations_at_once_one_wins(bucket: Bucket, key: str) -> None:
    assert winners(partial(bucket.create, key)) == 1


@ability("of twenty replacements with If-Match at once one wins")
def test_of_twenty_replacements_at_once_one_wins(bucket: Bucket, key: str) -> None:
    assert winners(partial(bucket.replace, key, etag=bucket.create(key, b"0"))) == 1


@ability("a replacement of what is gone is refused")
def test_replacing_what_is_gone_is_refused(bucket: Bucket, key: str) -> None:
    etag = bucket.create(key, b"0")
    bucket.delete(key)
    with pytest.raises(ObjectChanged):
        bucket.replace(key, b"1", etag)
    with pytest.raises(ObjectMissing):
        bucket.get(key)


@ability("what the asker has already is answered 304")
def test_an_object_is_sent_unless_the_asker_has_it(bucket: Bucket, key: str) -> None:
    etag = bucket.create(key, b"1")
    assert bucket.get_unless(key, etag) is None
    bucket.replace(key, b"2", etag)
    assert bucket.get_unless(key, etag) == bucket.get(key)
    bucket.delete(key)
    with pytest.raises(ObjectMissing):
        bucket.get_unless(key, etag)


@pytest.fixture(scope="module")
def many(bucket: Bucket) -> list[str]:
    """More keys than a page has."""
    keys = [f"many/{number:05d}~2026-01-25~a.b_c-d~" for number in range(1100)]
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(bucket.put, keys))
    return keys


@ability("keys come in order, 1,000 a page, from any key on")
def test_keys_come_in_order_page_by_page_from_any_key_on(bucket: Bucket, many: list[str]) -> None:
    assert list(bucket.keys("many/")) == many
    assert [listed.key for listed in bucket.page("many/")] == many[:1000]
    assert [listed.key for listed in bucket.page("many/", after=many[999])] == many[1000:]
    assert [listed.key for listed in bucket.page("many/", after="many/00010", limit=3)] == many[10:13]
    assert bucket.page("many/", after=many[-1]) == []
    now = datetime.now(UTC)
    assert all(abs(now - listed.modified) < timedelta(minutes=10) for listed in bucket.page("many/"))


@ability("a thousand keys are deleted by one request")
def test_many_keys_are_deleted_at_once(bucket: Bucket, key: str) -> None:
    keys = [f"{key}{number:04d}" for number in range(30)]
    odd = f"{key} &<\N{LATIN SMALL LETTER U WITH DIAERESIS}>+%20"
    for one in (*keys, odd, f"{key}-kept"):
        bucket.put(one)
    bucket.delete_many([*keys, odd, *(f"{key}-none{number}" for number in range(969))])
    assert list(bucket.keys(key)) == [f"{key}-kept"]


@ability("a key is listed as soon as it was put")
def test_a_key_is_seen_as_soon_as_it_was_put(bucket: Bucket, key: str) -> None:
    for number in range(20):
        bucket.put(f"{key}{number:02d}")
        assert len(list(bucket.keys(key))) == number + 1


@ability("an upload in parts is seen whole or not at all")
@pytest.mark.parametrize("size", [0, 100, 20 << 20])
def test_an_upload_is_what_was_written_whole_or_nothing(bucket: Bucket, key: str, size: int) -> None:
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
    answer = bucket._s3.list_multipart_uploads(Bucket=bucket._name, Prefix=prefix)
    return {upload["UploadId"] for upload in answer.get("Uploads", []) if upload["Key"].startswith(prefix)}


@ability("the unfinished uploads of one key are listed and aborted")
def test_the_unfinished_uploads_of_just_one_key_are_aborted(bucket: Bucket, key: str) -> None:
    for _ in range(2):
        bucket.put_part(key, bucket.start_parts(key, "text/csv"), 1, b"x")
    other = bucket.start_parts(f"{key}b", "text/csv")
    assert len(unfinished(bucket, key) - {other}) == 2
    for _ in range(2):
        bucket.abort_uploads(key)
        assert unfinished(bucket, key) <= {other}
        assert unfinished(bucket, f"{key}b") == {other}
    bucket.abort_parts(f"{key}b", other)  # on MinIO it would outlive its bucket


@ability("a part of an aborted upload is refused")
def test_an_upload_that_was_aborted_takes_no_more_parts(bucket: Bucket, key: str) -> None:
    upload = bucket.start_parts(key, "text/csv")
    bucket.abort_parts(key, upload)
    bucket.abort_parts(key, upload)
    with pytest.raises(Unavailable, match="NoSuchUpload"):
        bucket.put_part(key, upload, 1, b"x")


@ability("a presigned URL names the file and its type")
def test_a_presigned_url_downloads_the_csv_as_a_file(bucket: Bucket, key: str) -> None:
    bucket.put(key, b"a,b\n", "text/csv")
    url, _ = bucket.presigned(key, "distance_20260125.csv", 60)
    answer = HTTP.request("GET", url)
    assert (answer.status, answer.data) == (200, b"a,b\n")
    assert answer.headers["Content-Type"] == "text/csv"
    assert answer.headers["Content-Disposition"] == 'attachment; filename="distance_20260125.csv"'


@ability("a URL presigned for HEAD answers like the GET without a body")
def test_a_url_presigned_for_head_answers_like_get_without_a_body(bucket: Bucket, key: str) -> None:
    bucket.put(key, b"a,b\n", "text/csv")
    url, _ = bucket.presigned(key, "distance_20260125.csv", 60, "HEAD")
    answer = HTTP.request("HEAD", url)
    assert (answer.status, answer.data) == (200, b"")
    assert (answer.headers["Content-Type"], answer.headers["Content-Length"]) == ("text/csv", "4")
    assert answer.headers["Content-Disposition"] == 'attachment; filename="distance_20260125.csv"'


@ability("a presigned URL ends, and holds for one object and host")
def test_a_presigned_url_is_good_for_one_object_and_host_until_its_end(bucket: Bucket, key: str) -> None:
    bucket.put(key, b"1")
    bucket.put(f"{key}-other", b"2")
    url, _ = bucket.presigned(key, "a.csv", 1)
    assert HTTP.request("GET", url.replace("/a?", "/a-other?")).status == 403
    assert HTTP.request("GET", url.replace("127.0.0.1", "localhost")).status == 403
    assert HTTP.request("GET", url.split("?")[0]).status == 403
    deadline = time.monotonic() + 10
    while HTTP.request("GET", url).status != 403:
        assert time.monotonic() < deadline
        time.sleep(0.2)


def test_a_job_lives_its_life_is_swept_and_deleted(settings: Settings, bucket: Bucket) -> None:
    jobs = JobStore(bucket)
    with bucket_of(settings, settings.CSV_BUCKET) as csvs:
        sweep, _ = sweeping(jobs, bucket, csvs, None, utc_now)
        jobs.create(record())
        assert jobs.complete(jobs.claim(JOB_ID), result()) == jobs.get(JOB_ID)
        csvs.put(result().csv_path, b"a,b\n", "text/csv")
        for _ in range(2):
            assert [(entry.job_id, entry.status) for entry in listed(bucket)] == [(JOB_ID, Status.COMPLETED)]
            sweep.run()
        assert list(bucket.keys("t/")) == []

        deletion.delete(jobs, csvs, JOB_ID)
        for _ in range(2):
            assert listed(bucket) == []
            sweep.run()
        with pytest.raises(NotFound):
            jobs.get(JOB_ID)
        assert list(csvs.keys("csv/")) == []


@ability("a bucket that is missing is told")
def test_a_bucket_that_is_missing_is_told(settings: Settings) -> None:
    with bucket_of(settings, "otel-worker-none") as missing:
        for request in (missing.ping, partial(missing.get, "a"), partial(missing.delete_many, ["a"])):
            with pytest.raises(Unavailable, match=r"^storage: NoSuchBucket$"):
                request()


@ability("wrong keys are refused")
def test_wrong_keys_are_told(settings: Settings) -> None:
    access, secret = admin_of(settings)
    for keys, code in (((access, "wrong"), "SignatureDoesNotMatch"), (("nobody", secret), "InvalidAccessKeyId")):
        with (
            bucket_of(settings, settings.JOBS_BUCKET, keys=keys) as wrong,
            pytest.raises(Unavailable, match=f"^storage: {code}$"),
        ):
            wrong.get("a")


def test_a_server_that_is_away_is_told_without_its_address(settings: Settings) -> None:
    with (
        bucket_of(settings, "jobs", endpoint=f"http://127.0.0.1:{free_port()}") as away,
        pytest.raises(Unavailable, match=r"^storage: EndpointConnectionError$"),
    ):
        away.get("a")


@ability("a completion that is repeated is answered as the first")
def test_a_completion_can_be_repeated(bucket: Bucket, key: str) -> None:
    upload = bucket.start_parts(key, "text/csv")
    etag = bucket.put_part(key, upload, 1, b"x")
    for _ in range(2):
        bucket.complete_parts(key, upload, [etag])
    parts: Any = {"Parts": [{"PartNumber": 1, "ETag": etag}]}
    bucket._s3.complete_multipart_upload(Bucket=bucket._name, Key=key, UploadId=upload, MultipartUpload=parts)


@ability("all unfinished uploads are listed by a prefix")
def test_unfinished_uploads_are_listed_by_a_prefix(bucket: Bucket, key: str) -> None:
    upload = bucket.start_parts(key, "text/csv")
    try:
        assert unfinished(bucket, key[:-1]) == {upload}
    finally:
        bucket.abort_parts(key, upload)


@ability("a rule aborts unfinished uploads")
def test_a_rule_for_unfinished_uploads_is_taken(settings: Settings) -> None:
    with bucket_of(settings, settings.CSV_BUCKET) as csvs:
        assert ensure_upload_expiry(csvs._s3, settings.CSV_BUCKET) == "aborted after a day by a new rule"


@ability("a deletion holds to If-Match")
def test_what_has_changed_is_not_deleted(bucket: Bucket, key: str) -> None:
    bucket.put(key, b"1")
    with pytest.raises(bucket._s3.exceptions.ClientError, match="PreconditionFailed"):
        bucket._s3.delete_object(Bucket=bucket._name, Key=key, IfMatch='"another"')
