"""Bucket on moto's S3, fast but not exact in every detail. tests/integration uses real servers."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from botocore.awsrequest import AWSResponse
from botocore.exceptions import ClientError
from botocore.retries.standard import ExponentialBackoff, RetryContext, RetryEventAdapter, ThrottlingErrorDetector
from moto import mock_aws

from shared.config.settings import Settings
from shared.errors import Unavailable
from shared.storage.bucket import Bucket, ObjectChanged, ObjectMissing, client
from shared.storage.client import MAX_REQUEST_SECONDS, NotModified, WriteConflict, translate_errors

SETTINGS = Settings.model_validate({"AWS_REGION": "us-east-1"})


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    """boto3 reads the credentials from the environment."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")


@pytest.fixture
def bucket() -> Iterator[Bucket]:
    with mock_aws():
        s3 = client(SETTINGS)
        s3.create_bucket(Bucket="jobs")
        yield Bucket(s3, "jobs")


def test_put_object_is_readable_until_deleted(bucket: Bucket) -> None:
    bucket.put("a", b"1")
    assert bucket.get("a").body == b"1"
    bucket.delete("a")
    bucket.delete("a")
    with pytest.raises(ObjectMissing):
        bucket.get("a")


def test_creating_an_existing_object_raises(bucket: Bucket) -> None:
    etag = bucket.create("a", b"1")
    assert bucket.get("a").etag == etag
    with pytest.raises(ObjectChanged):
        bucket.create("a", b"2")
    assert bucket.get("a").body == b"1"


def test_creating_identical_bytes_counts_as_retry_of_a_lost_response(bucket: Bucket) -> None:
    assert bucket.create("a", b"1") == bucket.create("a", b"1")


def test_replace_requires_the_current_etag(bucket: Bucket) -> None:
    first = bucket.create("a", b"1")
    second = bucket.replace("a", b"2", first)
    with pytest.raises(ObjectChanged):
        bucket.replace("a", b"3", first)
    assert bucket.replace("a", b"2", first) == second
    assert bucket.get("a").body == b"2"


def test_replacing_a_deleted_object_raises(bucket: Bucket) -> None:
    with pytest.raises(ObjectChanged):
        bucket.replace("a", b"1", '"etag"')


def test_only_one_of_concurrent_creations_succeeds(bucket: Bucket) -> None:
    def create(number: int) -> bool:
        try:
            bucket.create("a", b"%d" % number)
        except ObjectChanged:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(create, range(16))) == 1


def test_list_keys_is_ordered_across_pages_and_decodes_special_characters(bucket: Bucket) -> None:
    keys = [f"t/{number:04d}~a.b_c-d" for number in range(1005)] + ["t/ü &<>+%20"]
    for key in keys:
        bucket.put(key)
    bucket.put("u/other")
    assert list(bucket.list_keys("t/")) == sorted(keys)
    assert list(bucket.list_keys("none/")) == []


def test_get_if_modified_returns_none_for_the_current_etag(bucket: Bucket) -> None:
    with pytest.raises(ObjectMissing):
        bucket.get_if_modified("a", '"etag"')
    etag = bucket.create("a", b"1")
    assert bucket.get_if_modified("a", etag) is None
    bucket.put("a", b"2")
    assert bucket.get_if_modified("a", etag) == bucket.get("a")


def test_list_page_starts_after_a_key_and_has_modification_times(bucket: Bucket) -> None:
    before = datetime.now(UTC) - timedelta(seconds=1)
    for key in ("t/0", "t/1 &<ü>+%20", "t/2", "u/0"):
        bucket.put(key)
    assert [item.key for item in bucket.list_page("t/")] == ["t/0", "t/1 &<ü>+%20", "t/2"]
    assert [item.key for item in bucket.list_page("t/", after="t/0", limit=1)] == ["t/1 &<ü>+%20"]
    assert [item.key for item in bucket.list_page("t/", after="t/1 &<ü>+%20")] == ["t/2"]
    assert bucket.list_page("t/", after="t/2") == []
    assert all(before <= item.last_modified <= datetime.now(UTC) for item in bucket.list_page(""))


def test_delete_many_accepts_any_number_of_keys_and_missing_ones(bucket: Bucket) -> None:
    bucket.put("t/other")
    bucket.put("t/0999")
    bucket.put("t/1000")
    bucket.put("t/&<ü>")
    bucket.delete_many(key for key in ["t/&<ü>", *(f"t/{number:04d}" for number in range(1001))])
    bucket.delete_many([])
    assert list(bucket.list_keys("")) == ["t/other"]


def test_error_inside_a_delete_response_raises_unavailable() -> None:
    class WithErrors:
        def delete_objects(self, **_: object) -> object:
            return {"Errors": [{"Key": "a", "Code": "AccessDenied", "Message": "secret text"}]}

    with pytest.raises(Unavailable, match=r"^storage: AccessDenied$"):
        Bucket(WithErrors(), "jobs").delete_many(["a"])  # type: ignore[arg-type]


def test_delete_many_sends_content_md5_and_no_other_checksum(bucket: Bucket) -> None:
    s3 = client(SETTINGS)
    sent: list[set[str]] = []
    s3.meta.events.register("before-send.s3.DeleteObjects", lambda request, **_: sent.append(set(request.headers)))
    Bucket(s3, "jobs").delete_many(["a"])
    assert "Content-MD5" in sent[0]
    assert not any("checksum" in name.lower() for name in sent[0])


def test_abort_uploads_aborts_all_uploads_of_exactly_one_key(bucket: Bucket) -> None:
    uploads = {bucket.start_upload("a", "text/csv") for _ in range(2)}
    other = bucket.start_upload("ab", "text/csv")
    assert len(uploads) == 2
    for _ in range(2):
        bucket.abort_uploads("a")
        left = bucket._s3.list_multipart_uploads(Bucket="jobs")["Uploads"]
        assert [upload["UploadId"] for upload in left] == [other]


def test_multipart_upload_is_visible_only_when_completed(bucket: Bucket) -> None:
    upload = bucket.start_upload("a", "text/csv")
    etags = [bucket.upload_part("a", upload, number, bytes([number]) * (5 << 20)) for number in (1, 2)]
    with pytest.raises(ObjectMissing):
        bucket.get("a")
    bucket.complete_upload("a", upload, etags)
    assert len(bucket.get("a").body) == 10 << 20


def test_aborted_upload_creates_no_object(bucket: Bucket) -> None:
    upload = bucket.start_upload("a", "text/csv")
    bucket.upload_part("a", upload, 1, b"x")
    bucket.abort_upload("a", upload)
    with pytest.raises(ObjectMissing):
        bucket.get("a")


def test_uploading_a_part_of_an_aborted_upload_raises_unavailable() -> None:
    class WithoutUploads:
        def upload_part(self, **_: object) -> None:
            raise _client_error(404, "NoSuchUpload")

    with pytest.raises(Unavailable, match=r"^storage: NoSuchUpload$"):
        Bucket(WithoutUploads(), "csv").upload_part("a", "missing", 1, b"x")  # type: ignore[arg-type]


@pytest.mark.parametrize("object_exists", [True, False])
def test_completing_a_missing_upload_checks_for_the_object(object_exists: bool) -> None:
    class WithoutUploads:
        def complete_multipart_upload(self, **_: object) -> None:
            raise _client_error(404, "NoSuchUpload")

        def head_object(self, **_: object) -> None:
            if not object_exists:
                raise _client_error(404, "NoSuchUpload")

    bucket = Bucket(WithoutUploads(), "csv")  # type: ignore[arg-type]
    with nullcontext() if object_exists else pytest.raises(Unavailable, match=r"^storage: NoSuchUpload$"):
        bucket.complete_upload("a", "missing", ['"etag"'])


def test_presigned_url_contains_file_name_content_type_and_expiry(bucket: Bucket) -> None:
    url, _ = bucket.presign("csv/a.csv", "distance_20260125.csv", 60)
    query = parse_qs(urlsplit(url).query)
    assert query["response-content-type"] == ["text/csv"]
    assert query["response-content-disposition"] == ['attachment; filename="distance_20260125.csv"']
    assert query["X-Amz-Expires"] == ["60"]
    assert query["X-Amz-Algorithm"] == ["AWS4-HMAC-SHA256"]


def test_missing_bucket_raises_unavailable(bucket: Bucket) -> None:
    missing = Bucket(client(SETTINGS), "missing")
    for request in (missing.ping, lambda: missing.get("a"), lambda: missing.put("a")):
        with pytest.raises(Unavailable, match=r"^storage: NoSuchBucket$"):
            request()


def test_conflict_of_conditional_writes_is_retried() -> None:
    responses = iter([_client_error(409), _client_error(409), {"ETag": '"e"'}])

    class Conflicting:
        def put_object(self, **_: object) -> object:
            response = next(responses)
            if isinstance(response, ClientError):
                raise response
            return response

    slept: list[float] = []
    assert Bucket(Conflicting(), "jobs", slept.append).create("a", b"1") == '"e"'  # type: ignore[arg-type]
    assert len(slept) == 2


def test_lasting_conflict_raises_unavailable_after_growing_random_backoff() -> None:
    class Conflicting:
        def put_object(self, **_: object) -> object:
            raise _client_error(409)

    slept: list[float] = []
    bucket = Bucket(Conflicting(), "jobs", slept.append)  # type: ignore[arg-type]
    for _ in range(50):
        with pytest.raises(Unavailable, match="ConditionalRequestConflict"):
            bucket.create("a", b"1")
    calls = [slept[start : start + 4] for start in range(0, 200, 4)]
    limits = (0.1, 0.2, 0.4, 0.8)
    assert all(max(waits) <= limit for waits, limit in zip(zip(*calls, strict=True), limits, strict=True))
    means = [sum(waits) / 50 for waits in zip(*calls, strict=True)]
    assert means == sorted(means)
    assert len(set(slept)) == len(slept) == 200


def test_max_request_seconds_is_the_sum_of_timeouts_and_backoff() -> None:
    config: Any = client(SETTINGS).meta.config
    events = RetryEventAdapter()
    backoff = ExponentialBackoff(random=lambda: 1, throttling_detector=ThrottlingErrorDetector(events))
    attempts = config.retries["total_max_attempts"]
    headers: Any = {"x-amz-retry-after": "3600000"}
    long_wait = AWSResponse("", 503, headers, None)
    waits = [
        backoff.delay_amount(
            RetryContext(
                attempt_number=number,
                parsed_response={"Error": {"Code": "SlowDown"}},
                http_response=long_wait,
                request_context={},
            )
        )
        for number in range(1, attempts)
    ]
    assert config.retries["mode"] == "standard"
    assert attempts * (config.connect_timeout + config.read_timeout) + sum(waits) == MAX_REQUEST_SECONDS


@pytest.mark.parametrize(
    ("status", "code", "error"),
    [
        (404, "NoSuchKey", ObjectMissing),
        (404, "NoSuchUpload", ObjectMissing),
        (404, "NoSuchBucket", Unavailable),
        (404, "", Unavailable),
        (412, "PreconditionFailed", ObjectChanged),
        (409, "ConditionalRequestConflict", WriteConflict),
        (304, "304", NotModified),
        (403, "AccessDenied", Unavailable),
        (500, "InternalError", Unavailable),
    ],
)
def test_translate_errors_maps_code_and_status_to_expected_errors(
    status: int, code: str, error: type[Exception]
) -> None:
    def request() -> None:
        raise _client_error(status, code)

    with pytest.raises(error):
        translate_errors(request, ObjectMissing, ObjectChanged, WriteConflict, NotModified)
    with pytest.raises(Unavailable, match=f"^storage: {code or status}$"):
        translate_errors(request)


def _client_error(status: int, code: str = "Code") -> ClientError:
    return ClientError(
        {"Error": {"Code": code, "Message": "secret text"}, "ResponseMetadata": {"HTTPStatusCode": status}},  # type: ignore[typeddict-item]
        "PutObject",
    )
