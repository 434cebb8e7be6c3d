"""What our store makes of a server that is silent, hangs up, refuses, is overloaded, or is none."""

from collections.abc import Callable, Iterator

import pytest

from shared.config.settings import Settings
from shared.errors import Unavailable
from shared.storage.bucket import Bucket
from tests.integration.fault_proxy import Fault, FaultProxy, answered, before, dropped, refused, silent
from tests.integration.storage_servers import IMPATIENT, bucket_of

CALLS: dict[str, Callable[[Bucket], object]] = {
    "get": lambda bucket: bucket.get("a"),
    "get_unless": lambda bucket: bucket.get_unless("a", '"etag"'),
    "put": lambda bucket: bucket.put("a", b"1"),
    "create": lambda bucket: bucket.create("a", b"1"),
    "replace": lambda bucket: bucket.replace("a", b"1", '"etag"'),
    "delete": lambda bucket: bucket.delete("a"),
    "delete_many": lambda bucket: bucket.delete_many(["a"]),
    "keys": lambda bucket: list(bucket.keys("a")),
    "page": lambda bucket: bucket.page("a"),
    "ping": lambda bucket: bucket.ping(),
    "start_parts": lambda bucket: bucket.start_parts("a", "text/csv"),
    "put_part": lambda bucket: bucket.put_part("a", "id", 1, b"1"),
    "complete_parts": lambda bucket: bucket.complete_parts("a", "id", ['"etag"']),
    "abort_uploads": lambda bucket: bucket.abort_uploads("a"),
}


@pytest.fixture
def proxy() -> Iterator[FaultProxy]:
    """There is nothing behind it: it answers everything itself."""
    with before("http://127.0.0.1:1") as proxy:
        yield proxy


@pytest.fixture
def bucket(proxy: FaultProxy) -> Iterator[Bucket]:
    with bucket_of(Settings(), "jobs", IMPATIENT, ("any", "any"), endpoint=proxy.url, sleep=lambda _: None) as bucket:
        yield bucket


def outcomes(bucket: Bucket, proxy: FaultProxy, fault: Fault, *names: str) -> set[tuple[str, int]]:
    """What the calls of these names (default: all) raise while every request meets `fault`, and after how many."""
    seen = set()
    for name in names or CALLS:
        proxy.requests.clear()
        proxy.when(lambda _: True, *[fault] * 20)
        with pytest.raises(Unavailable) as caught:
            CALLS[name](bucket)
        proxy.forget()
        seen.add((str(caught.value), len(proxy.requests)))
    return seen


@pytest.mark.parametrize(
    ("fault", "cause"),
    [
        (dropped, "ConnectionClosedError"),
        (refused(500, "InternalError"), "InternalError"),
        (answered(502, "<html>a gateway's words</html>"), "502"),
    ],
    ids=["hangs up", "500", "502"],
)
def test_a_failure_is_tried_three_times_and_told_by_its_code(
    bucket: Bucket, proxy: FaultProxy, fault: Fault, cause: str
) -> None:
    assert outcomes(bucket, proxy, fault) == {(f"storage: {cause}", 3)}


def test_a_server_that_never_answers_is_left_after_three_tries(bucket: Bucket, proxy: FaultProxy) -> None:
    assert outcomes(bucket, proxy, silent, "get", "create", "keys") == {("storage: ReadTimeoutError", 3)}


def test_a_server_that_is_overloaded_is_left_after_three_tries(bucket: Bucket, proxy: FaultProxy) -> None:
    assert outcomes(bucket, proxy, refused(503, "SlowDown"), "get", "create") == {("storage: SlowDown", 3)}


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (403, "AccessDenied"),
        (403, "RequestTimeTooSkewed"),
        (403, "InvalidAccessKeyId"),
        (404, "NoSuchBucket"),
        (501, "NotImplemented"),
    ],
)
def test_a_refusal_that_no_retry_mends_is_met_once_and_never_a_missing_object(
    bucket: Bucket, proxy: FaultProxy, status: int, code: str
) -> None:
    assert outcomes(bucket, proxy, refused(status, code)) == {(f"storage: {code}", 1)}


def test_what_is_no_s3_server_has_no_missing_objects(bucket: Bucket, proxy: FaultProxy) -> None:
    assert outcomes(bucket, proxy, answered(404, "<html>no such page</html>")) == {("storage: 404", 1)}


def test_what_is_no_s3_server_has_no_empty_listing(bucket: Bucket, proxy: FaultProxy) -> None:
    for page in ("<html>sign in, please</html>", ""):
        assert outcomes(bucket, proxy, answered(200, page), "keys", "page") == {("storage: ParseError", 1)}
    assert outcomes(bucket, proxy, answered(200, "<html"), "keys", "page") == {("storage: 500", 3)}


def test_a_conflict_is_met_five_times_by_who_writes_on_a_condition_and_once_by_the_others(
    bucket: Bucket, proxy: FaultProxy
) -> None:
    conflict = refused(409, "ConditionalRequestConflict")
    assert outcomes(bucket, proxy, conflict, "create", "replace") == {("storage: ConditionalRequestConflict", 5)}
    assert outcomes(bucket, proxy, conflict, "put", "complete_parts") == {("storage: ConditionalRequestConflict", 1)}


def test_an_outage_is_not_made_worse_by_retries(bucket: Bucket, proxy: FaultProxy) -> None:
    for _ in range(30):
        last = outcomes(bucket, proxy, dropped, "get")
    assert last == {("storage: ConnectionClosedError", 1)}
