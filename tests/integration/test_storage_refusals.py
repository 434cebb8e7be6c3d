"""Errors and attempts of every Bucket method when the server hangs, closes the connection or returns an error."""

from collections.abc import Callable, Iterator

import pytest

from shared.config.settings import Settings
from shared.errors import Unavailable
from shared.storage.bucket import Bucket
from tests.integration.fault_proxy import (
    Fault,
    FaultProxy,
    drop_request,
    hang,
    proxy_to,
    respond_with,
    respond_with_error,
)
from tests.integration.storage_servers import IMPATIENT, bucket_of

METHODS: dict[str, Callable[[Bucket], object]] = {
    "get": lambda bucket: bucket.get("a"),
    "get_if_modified": lambda bucket: bucket.get_if_modified("a", '"etag"'),
    "put": lambda bucket: bucket.put("a", b"1"),
    "create": lambda bucket: bucket.create("a", b"1"),
    "replace": lambda bucket: bucket.replace("a", b"1", '"etag"'),
    "delete": lambda bucket: bucket.delete("a"),
    "delete_many": lambda bucket: bucket.delete_many(["a"]),
    "list_keys": lambda bucket: list(bucket.list_keys("a")),
    "list_page": lambda bucket: bucket.list_page("a"),
    "ping": lambda bucket: bucket.ping(),
    "start_upload": lambda bucket: bucket.start_upload("a", "text/csv"),
    "upload_part": lambda bucket: bucket.upload_part("a", "id", 1, b"1"),
    "complete_upload": lambda bucket: bucket.complete_upload("a", "id", ['"etag"']),
    "abort_uploads": lambda bucket: bucket.abort_uploads("a"),
}


@pytest.fixture
def proxy() -> Iterator[FaultProxy]:
    """A proxy without a server: it responds to every request itself."""
    with proxy_to("http://127.0.0.1:1") as proxy:
        yield proxy


@pytest.fixture
def bucket(proxy: FaultProxy) -> Iterator[Bucket]:
    with bucket_of(Settings(), "jobs", IMPATIENT, ("any", "any"), endpoint=proxy.url, sleep=lambda _: None) as bucket:
        yield bucket


def outcomes(bucket: Bucket, proxy: FaultProxy, fault: Fault, *names: str) -> set[tuple[str, int]]:
    """The errors of these methods (default: all) and their attempts, while every request meets `fault`."""
    results = set()
    for name in names or METHODS:
        proxy.requests.clear()
        proxy.inject(lambda _: True, *[fault] * 20)
        with pytest.raises(Unavailable) as raised:
            METHODS[name](bucket)
        proxy.clear_faults()
        results.add((str(raised.value), len(proxy.requests)))
    return results


@pytest.mark.parametrize(
    ("fault", "cause"),
    [
        (drop_request, "ConnectionClosedError"),
        (respond_with_error(500, "InternalError"), "InternalError"),
        (respond_with(502, "<html>Bad Gateway</html>"), "502"),
    ],
    ids=["request dropped", "500", "502"],
)
def test_server_error_raises_unavailable_with_its_code_after_three_attempts(
    bucket: Bucket, proxy: FaultProxy, fault: Fault, cause: str
) -> None:
    assert outcomes(bucket, proxy, fault) == {(f"storage: {cause}", 3)}


def test_silent_server_raises_read_timeout_after_three_attempts(bucket: Bucket, proxy: FaultProxy) -> None:
    assert outcomes(bucket, proxy, hang, "get", "create", "list_keys") == {("storage: ReadTimeoutError", 3)}


def test_overloaded_server_raises_slow_down_after_three_attempts(bucket: Bucket, proxy: FaultProxy) -> None:
    assert outcomes(bucket, proxy, respond_with_error(503, "SlowDown"), "get", "create") == {("storage: SlowDown", 3)}


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
def test_permanent_error_is_not_retried_and_is_not_a_missing_object(
    bucket: Bucket, proxy: FaultProxy, status: int, code: str
) -> None:
    assert outcomes(bucket, proxy, respond_with_error(status, code)) == {(f"storage: {code}", 1)}


def test_404_of_another_server_is_not_a_missing_object(bucket: Bucket, proxy: FaultProxy) -> None:
    assert outcomes(bucket, proxy, respond_with(404, "<html>no such page</html>")) == {("storage: 404", 1)}


def test_page_of_another_server_is_not_an_empty_listing(bucket: Bucket, proxy: FaultProxy) -> None:
    for page in ("<html>Sign in</html>", ""):
        assert outcomes(bucket, proxy, respond_with(200, page), "list_keys", "list_page") == {
            ("storage: ParseError", 1)
        }
    truncated = outcomes(bucket, proxy, respond_with(200, "<html"), "list_keys", "list_page")
    assert truncated == {("storage: ParseError", 3)}


def test_conflict_is_retried_only_for_conditional_writes(bucket: Bucket, proxy: FaultProxy) -> None:
    conflict = respond_with_error(409, "ConditionalRequestConflict")
    assert outcomes(bucket, proxy, conflict, "create", "replace") == {("storage: ConditionalRequestConflict", 5)}
    assert outcomes(bucket, proxy, conflict, "put", "complete_upload") == {("storage: ConditionalRequestConflict", 1)}


def test_retry_quota_stops_retries_during_an_outage(bucket: Bucket, proxy: FaultProxy) -> None:
    for _ in range(30):
        last = outcomes(bucket, proxy, drop_request, "get")
    assert last == {("storage: ConnectionClosedError", 1)}
