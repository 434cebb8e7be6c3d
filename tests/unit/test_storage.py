"""Our requests against moto's S3: quick, and honest where moto is (tests/integration has real servers)."""

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
from shared.storage.client import LONGEST_SECONDS, Conflict, NotModified, asked

SETTINGS = Settings.model_validate({"AWS_REGION": "us-east-1"})


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    """boto3 reads its keys from the environment alone."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")


@pytest.fixture
def bucket() -> Iterator[Bucket]:
    with mock_aws():
        s3 = client(SETTINGS)
        s3.create_bucket(Bucket="jobs")
        yield Bucket(s3, "jobs")


def test_what_is_put_can_be_read_until_it_is_deleted(bucket: Bucket) -> None:
    bucket.put("a", b"1")
    assert bucket.get("a").body == b"1"
    bucket.delete("a")
    bucket.delete("a")
    with pytest.raises(ObjectMissing):
        bucket.get("a")


def test_a_created_object_cannot_be_created_again(bucket: Bucket) -> None:
    etag = bucket.create("a", b"1")
    assert bucket.get("a").etag == etag
    with pytest.raises(ObjectChanged):
        bucket.create("a", b"2")
    assert bucket.get("a").body == b"1"


def test_creating_the_very_same_bytes_again_is_the_retry_of_a_lost_answer(bucket: Bucket) -> None:
    assert bucket.create("a", b"1") == bucket.create("a", b"1")


def test_an_object_is_replaced_by_who_read_its_last_state(bucket: Bucket) -> None:
    first = bucket.create("a", b"1")
    second = bucket.replace("a", b"2", first)
    with pytest.raises(ObjectChanged):
        bucket.replace("a", b"3", first)
    assert bucket.replace("a", b"2", first) == second
    assert bucket.get("a").body == b"2"


def test_replacing_what_is_gone_is_refused(bucket: Bucket) -> None:
    with pytest.raises(ObjectChanged):
        bucket.replace("a", b"1", '"etag"')


def test_of_many_creations_at_once_one_wins(bucket: Bucket) -> None:
    def create(number: int) -> bool:
        try:
            bucket.create("a", b"%d" % number)
        except ObjectChanged:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(create, range(16))) == 1


def test_keys_come_in_order_over_pages_and_whatever_they_hold(bucket: Bucket) -> None:
    wanted = [f"t/{number:04d}~a.b_c-d" for number in range(1005)] + ["t/ü &<>+%20"]
    for key in wanted:
        bucket.put(key)
    bucket.put("u/other")
    assert list(bucket.keys("t/")) == sorted(wanted)
    assert list(bucket.keys("none/")) == []


def test_an_object_is_sent_only_unless_it_is_still_the_one_that_was_read(bucket: Bucket) -> None:
    with pytest.raises(ObjectMissing):
        bucket.get_unless("a", '"etag"')
    etag = bucket.create("a", b"1")
    assert bucket.get_unless("a", etag) is None
    bucket.put("a", b"2")
    assert bucket.get_unless("a", etag) == bucket.get("a")


def test_a_page_begins_behind_a_key_and_knows_when_each_was_written(bucket: Bucket) -> None:
    before = datetime.now(UTC) - timedelta(seconds=1)
    for key in ("t/0", "t/1 &<ü>+%20", "t/2", "u/0"):
        bucket.put(key)
    assert [listed.key for listed in bucket.page("t/")] == ["t/0", "t/1 &<ü>+%20", "t/2"]
    assert [listed.key for listed in bucket.page("t/", after="t/0", limit=1)] == ["t/1 &<ü>+%20"]
    assert [listed.key for listed in bucket.page("t/", after="t/1 &<ü>+%20")] == ["t/2"]
    assert bucket.page("t/", after="t/2") == []
    assert all(before <= listed.modified <= datetime.now(UTC) for listed in bucket.page(""))


def test_any_number_of_objects_is_deleted_there_or_not(bucket: Bucket) -> None:
    bucket.put("t/kept")
    bucket.put("t/0999")
    bucket.put("t/1000")
    bucket.put("t/&<ü>")
    bucket.delete_many(key for key in ["t/&<ü>", *(f"t/{number:04d}" for number in range(1001))])
    bucket.delete_many([])
    assert list(bucket.keys("")) == ["t/kept"]


def test_a_deletion_that_is_refused_within_an_answer_is_unavailable() -> None:
    class Refusing:
        def delete_objects(self, **_: object) -> object:
            return {"Errors": [{"Key": "a", "Code": "AccessDenied", "Message": "secret text"}]}

    with pytest.raises(Unavailable, match=r"^storage: AccessDenied$"):
        Bucket(Refusing(), "jobs").delete_many(["a"])  # type: ignore[arg-type]


def test_many_deletions_are_sent_with_the_checksum_that_every_server_knows(bucket: Bucket) -> None:
    s3 = client(SETTINGS)
    sent: list[set[str]] = []
    s3.meta.events.register("before-send.s3.DeleteObjects", lambda request, **_: sent.append(set(request.headers)))
    Bucket(s3, "jobs").delete_many(["a"])
    assert "Content-MD5" in sent[0]
    assert not any("checksum" in name.lower() for name in sent[0])


def test_every_unfinished_upload_of_just_that_key_is_aborted(bucket: Bucket) -> None:
    uploads = {bucket.start_parts("a", "text/csv") for _ in range(2)}
    other = bucket.start_parts("ab", "text/csv")
    assert len(uploads) == 2
    for _ in range(2):
        bucket.abort_uploads("a")
        left = bucket._s3.list_multipart_uploads(Bucket="jobs")["Uploads"]
        assert [upload["UploadId"] for upload in left] == [other]


def test_an_upload_in_parts_appears_whole(bucket: Bucket) -> None:
    upload = bucket.start_parts("a", "text/csv")
    etags = [bucket.put_part("a", upload, number, bytes([number]) * (5 << 20)) for number in (1, 2)]
    with pytest.raises(ObjectMissing):
        bucket.get("a")
    bucket.complete_parts("a", upload, etags)
    assert len(bucket.get("a").body) == 10 << 20


def test_an_aborted_upload_leaves_nothing(bucket: Bucket) -> None:
    upload = bucket.start_parts("a", "text/csv")
    bucket.put_part("a", upload, 1, b"x")
    bucket.abort_parts("a", upload)
    with pytest.raises(ObjectMissing):
        bucket.get("a")


def test_a_part_of_an_upload_that_somebody_aborted_is_unavailable() -> None:
    class Forgetful:
        def upload_part(self, **_: object) -> None:
            raise _refusal(404, "NoSuchUpload")

    with pytest.raises(Unavailable, match=r"^storage: NoSuchUpload$"):
        Bucket(Forgetful(), "csv").put_part("a", "gone", 1, b"x")  # type: ignore[arg-type]


@pytest.mark.parametrize("there", [True, False])
def test_completing_an_upload_that_is_gone_asks_for_the_object(there: bool) -> None:
    class Forgetful:
        def complete_multipart_upload(self, **_: object) -> None:
            raise _refusal(404, "NoSuchUpload")

        def head_object(self, **_: object) -> None:
            if not there:
                raise _refusal(404, "NoSuchUpload")

    bucket = Bucket(Forgetful(), "csv")  # type: ignore[arg-type]
    with nullcontext() if there else pytest.raises(Unavailable, match=r"^storage: NoSuchUpload$"):
        bucket.complete_parts("a", "gone", ['"etag"'])


def test_a_presigned_url_names_the_file_and_its_type(bucket: Bucket) -> None:
    url, _ = bucket.presigned("csv/a.csv", "distance_20260125.csv", 60)
    query = parse_qs(urlsplit(url).query)
    assert query["response-content-type"] == ["text/csv"]
    assert query["response-content-disposition"] == ['attachment; filename="distance_20260125.csv"']
    assert query["X-Amz-Expires"] == ["60"]
    assert query["X-Amz-Algorithm"] == ["AWS4-HMAC-SHA256"]


def test_a_missing_bucket_is_a_dependency_that_is_away(bucket: Bucket) -> None:
    missing = Bucket(client(SETTINGS), "missing")
    for request in (missing.ping, lambda: missing.get("a"), lambda: missing.put("a")):
        with pytest.raises(Unavailable, match=r"^storage: NoSuchBucket$"):
            request()


def test_a_conflict_of_two_conditional_writes_is_tried_again() -> None:
    answers = iter([_refusal(409), _refusal(409), {"ETag": '"e"'}])

    class Conflicting:
        def put_object(self, **_: object) -> object:
            answer = next(answers)
            if isinstance(answer, ClientError):
                raise answer
            return answer

    slept: list[float] = []
    assert Bucket(Conflicting(), "jobs", slept.append).create("a", b"1") == '"e"'  # type: ignore[arg-type]
    assert len(slept) == 2


def test_a_conflict_that_stays_is_unavailable_after_waits_that_grow_and_differ() -> None:
    class Conflicting:
        def put_object(self, **_: object) -> object:
            raise _refusal(409)

    slept: list[float] = []
    bucket = Bucket(Conflicting(), "jobs", slept.append)  # type: ignore[arg-type]
    for _ in range(50):
        with pytest.raises(Unavailable, match="ConditionalRequestConflict"):
            bucket.create("a", b"1")
    tries = [slept[at : at + 4] for at in range(0, 200, 4)]
    assert all(max(waits) <= most for waits, most in zip(zip(*tries, strict=True), (0.1, 0.2, 0.4, 0.8), strict=True))
    mean = [sum(waits) / 50 for waits in zip(*tries, strict=True)]
    assert mean == sorted(mean)
    assert len(set(slept)) == len(slept) == 200


def test_the_longest_request_is_what_its_tries_and_waits_add_up_to() -> None:
    config: Any = client(SETTINGS).meta.config
    events = RetryEventAdapter()
    backoff = ExponentialBackoff(random=lambda: 1, throttling_detector=ThrottlingErrorDetector(events))
    tries = config.retries["total_max_attempts"]
    headers: Any = {"x-amz-retry-after": "3600000"}
    wait_long = AWSResponse("", 503, headers, None)
    waits = [
        backoff.delay_amount(
            RetryContext(
                attempt_number=number,
                parsed_response={"Error": {"Code": "SlowDown"}},
                http_response=wait_long,
                request_context={},
            )
        )
        for number in range(1, tries)
    ]
    assert config.retries["mode"] == "standard"
    assert tries * (config.connect_timeout + config.read_timeout) + sum(waits) == LONGEST_SECONDS


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (404, "NoSuchKey", ObjectMissing),
        (404, "NoSuchUpload", ObjectMissing),
        (404, "NoSuchBucket", Unavailable),
        (404, "", Unavailable),
        (412, "PreconditionFailed", ObjectChanged),
        (409, "ConditionalRequestConflict", Conflict),
        (304, "304", NotModified),
        (403, "AccessDenied", Unavailable),
        (500, "InternalError", Unavailable),
    ],
)
def test_a_refusal_is_told_by_code_and_status_to_who_expects_it(status: int, code: str, kind: type[Exception]) -> None:
    def refuse() -> None:
        raise _refusal(status, code)

    with pytest.raises(kind):
        asked(refuse, ObjectMissing, ObjectChanged, Conflict, NotModified)
    with pytest.raises(Unavailable, match=f"^storage: {code or status}$"):
        asked(refuse)


def _refusal(status: int, code: str = "Code") -> ClientError:
    return ClientError(
        {"Error": {"Code": code, "Message": "secret text"}, "ResponseMetadata": {"HTTPStatusCode": status}},  # type: ignore[typeddict-item]
        "PutObject",
    )
