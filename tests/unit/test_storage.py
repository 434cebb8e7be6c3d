"""Bucket on moto's S3, fast but not exact in every detail. tests/integration uses real servers."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest

from shared.errors import Unavailable
from shared.storage.bucket import Bucket, ObjectChanged, ObjectMissing, translate_errors
from shared.storage.errors import NotModified, S3Error, WriteConflict
from tests.s3_connections import MotoConnections, ScriptedConnections, error_response, response, s3_client


@pytest.fixture
def connections() -> MotoConnections:
    connections = MotoConnections()
    connections.create_bucket("jobs")
    return connections


@pytest.fixture
def bucket(connections: MotoConnections) -> Bucket:
    return Bucket(s3_client(connections), "jobs")


def scripted(*outcomes: S3Error | None, slept: list[float] | None = None) -> Bucket:
    """Create a bucket on a server that fails with each of these errors in turn, or succeeds."""
    responses = [response() if error is None else error_response(error.status, error.code) for error in outcomes]
    return Bucket(s3_client(ScriptedConnections(responses)), "jobs", (slept if slept is not None else []).append)


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
    error = b"<Error><Key>a</Key><Code>AccessDenied</Code><Message>secret text</Message></Error>"
    body = b"<DeleteResult>" + error + b"</DeleteResult>"
    bucket = Bucket(s3_client(ScriptedConnections([response(200, body)])), "jobs")
    with pytest.raises(Unavailable, match=r"^storage: AccessDenied$"):
        bucket.delete_many(["a"])


def test_delete_many_sends_content_md5_and_no_other_checksum(bucket: Bucket, connections: MotoConnections) -> None:
    bucket.delete_many(["a"])
    (request,) = connections.requests
    assert "content-md5" in request.headers
    assert not any("checksum" in name for name in request.headers)


def test_abort_uploads_aborts_all_uploads_of_exactly_one_key(bucket: Bucket) -> None:
    uploads = {bucket.start_upload("a", "text/csv") for _ in range(2)}
    other = bucket.start_upload("ab", "text/csv")
    assert len(uploads) == 2
    for _ in range(2):
        bucket.abort_uploads("a")
        assert bucket._s3.list_multipart_uploads("jobs", "") == [("ab", other)]


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
    with pytest.raises(Unavailable, match=r"^storage: NoSuchUpload$"):
        scripted(S3Error(404, "NoSuchUpload")).upload_part("a", "missing", 1, b"x")


@pytest.mark.parametrize("object_exists", [True, False])
def test_completing_a_missing_upload_checks_for_the_object(object_exists: bool) -> None:
    bucket = scripted(S3Error(404, "NoSuchUpload"), None if object_exists else S3Error(404, "NoSuchKey"))
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
    missing = Bucket(bucket._s3, "missing")
    for request in (missing.ping, lambda: missing.get("a"), lambda: missing.put("a")):
        with pytest.raises(Unavailable, match=r"^storage: NoSuchBucket$"):
            request()


CONFLICT = S3Error(409, "ConditionalRequestConflict")


def test_conflict_of_conditional_writes_is_retried() -> None:
    slept: list[float] = []
    assert scripted(CONFLICT, CONFLICT, None, slept=slept).create("a", b"1") == '"1"'
    assert len(slept) == 2


def test_lasting_conflict_raises_unavailable_after_growing_random_backoff() -> None:
    slept: list[float] = []
    bucket = scripted(*[CONFLICT] * 250, slept=slept)
    for _ in range(50):
        with pytest.raises(Unavailable, match="ConditionalRequestConflict"):
            bucket.create("a", b"1")
    calls = [slept[start : start + 4] for start in range(0, 200, 4)]
    limits = (0.1, 0.2, 0.4, 0.8)
    assert all(max(waits) <= limit for waits, limit in zip(zip(*calls, strict=True), limits, strict=True))
    means = [sum(waits) / 50 for waits in zip(*calls, strict=True)]
    assert means == sorted(means)
    assert len(set(slept)) == len(slept) == 200


@pytest.mark.parametrize(
    ("status", "code", "error"),
    [
        (404, "NoSuchKey", ObjectMissing),
        (404, "NoSuchUpload", ObjectMissing),
        (404, "NoSuchBucket", Unavailable),
        (404, "404", Unavailable),
        (412, "PreconditionFailed", ObjectChanged),
        (409, "ConditionalRequestConflict", WriteConflict),
        (304, "304", NotModified),
        (403, "AccessDenied", Unavailable),
        (500, "InternalError", Unavailable),
        (0, "ReadTimeoutError", Unavailable),
    ],
)
def test_translate_errors_maps_code_and_status_to_expected_errors(
    status: int, code: str, error: type[Exception]
) -> None:
    def request() -> None:
        raise S3Error(status, code)

    with pytest.raises(error):
        translate_errors(request, ObjectMissing, ObjectChanged, WriteConflict, NotModified)
    with pytest.raises(Unavailable, match=f"^storage: {code}$"):
        translate_errors(request)


def test_request_to_the_wrong_region_names_the_region_of_the_bucket() -> None:
    def request() -> None:
        raise S3Error(301, "PermanentRedirect", "eu-central-1")

    with pytest.raises(Unavailable, match=r"^storage: WrongRegion:eu-central-1$"):
        translate_errors(request)
