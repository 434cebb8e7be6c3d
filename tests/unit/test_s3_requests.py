"""Retries, deadline, clock correction and errors of S3 requests, with scripted responses."""

import threading
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from hashlib import sha256

import pytest

from shared.storage import retries
from shared.storage.client import S3Client
from shared.storage.connection import HttpResponse, Timeouts
from shared.storage.credentials import static
from shared.storage.errors import S3Error
from shared.storage.signature import UNSIGNED_PAYLOAD, Credentials
from tests.s3_connections import ENDPOINT, ScriptedConnections, error_response, response, s3_client

TRANSIENT = [
    error_response(500, "InternalError"),
    error_response(503, "SlowDown"),
    error_response(429, "TooManyRequests"),
    error_response(400, "RequestTimeout"),
    HttpResponse(502, {}, b"<html>Bad Gateway</html>"),
    HttpResponse(504, {}, b""),
    S3Error(0, "ConnectionClosedError"),
]
PERMANENT = [
    error_response(403, "AccessDenied"),
    error_response(404, "NoSuchBucket"),
    error_response(409, "ConditionalRequestConflict"),
    error_response(412, "PreconditionFailed"),
    error_response(501, "NotImplemented"),
    HttpResponse(304, {}, b""),
    HttpResponse(301, {"location": "https://elsewhere.example/"}, b""),
]


@pytest.mark.parametrize("failure", TRANSIENT, ids=str)
def test_transient_failure_is_retried_twice(failure: HttpResponse | S3Error) -> None:
    connections, slept = ScriptedConnections([failure, failure, response(200, b"1")]), list[float]()
    assert s3_client(connections, slept).get_object("jobs", "a").body == b"1"
    assert len(slept) == 2

    connections = ScriptedConnections([failure] * 4)
    with pytest.raises(S3Error):
        s3_client(connections).get_object("jobs", "a")
    assert len(connections.requests) == 3


@pytest.mark.parametrize("failure", PERMANENT, ids=str)
def test_permanent_failure_is_not_retried(failure: HttpResponse) -> None:
    connections = ScriptedConnections([failure, response()])
    with pytest.raises(S3Error) as raised:
        s3_client(connections).get_object("jobs", "a")
    assert raised.value.status == failure.status
    assert len(connections.requests) == 1


def test_retry_is_signed_again_with_the_same_condition() -> None:
    connections = ScriptedConnections([error_response(500, "InternalError"), response()])
    s3_client(connections).put_object("jobs", "a", b"1", "text/csv", if_match='"0"')
    assert [request.headers["if-match"] for request in connections.requests] == ['"0"', '"0"']
    assert all(request.headers["authorization"] for request in connections.requests)


def test_attempts_share_one_deadline() -> None:
    connections = ScriptedConnections([S3Error(0, "ReadTimeoutError")] * 3, call_seconds=30)
    with pytest.raises(S3Error):
        s3_client(connections).get_object("jobs", "a")
    assert 30 >= connections.remaining[0] > connections.remaining[1] > connections.remaining[2] > 0


def test_no_attempt_starts_after_the_deadline() -> None:
    connections = ScriptedConnections([S3Error(0, "ReadTimeoutError")] * 3, call_seconds=0)
    with pytest.raises(S3Error, match="ReadTimeoutError"):
        s3_client(connections).get_object("jobs", "a")
    assert len(connections.requests) == 1


def test_one_call_takes_at_most_thirty_seconds() -> None:
    assert Timeouts() == Timeouts(connect=2, read=10, call=30)


@pytest.mark.parametrize(
    ("error", "attempt", "headers", "shortest", "longest"),
    [
        (S3Error(500, "InternalError"), 1, {}, 0, 0.05),
        (S3Error(500, "InternalError"), 2, {}, 0, 0.1),
        (S3Error(503, "SlowDown"), 1, {}, 0, 1),
        (S3Error(503, "SlowDown"), 2, {}, 0, 2),
        (S3Error(429, "429"), 2, {}, 0, 2),
        (S3Error(503, "SlowDown"), 1, {"x-amz-retry-after": "1500"}, 1.5, 1.5),
        (S3Error(503, "SlowDown"), 1, {"x-amz-retry-after": "3600000"}, 5, 6),
        (S3Error(503, "SlowDown"), 1, {"x-amz-retry-after": "-1"}, 0, 1),
        (S3Error(503, "SlowDown"), 1, {"x-amz-retry-after": "soon"}, 0, 1),
    ],
)
def test_backoff_is_between_its_bounds(
    error: S3Error, attempt: int, headers: dict[str, str], shortest: float, longest: float
) -> None:
    assert retries.backoff_seconds(error, attempt, headers, lambda low, high: low) == shortest
    assert retries.backoff_seconds(error, attempt, headers, lambda low, high: high) == longest


def test_backoff_is_random() -> None:
    assert len({retries.backoff_seconds(S3Error(503, "SlowDown"), 1, {}) for _ in range(50)}) == 50


def test_outage_uses_up_the_quota_and_success_restores_it() -> None:
    outage: list[HttpResponse | S3Error] = [S3Error(0, "EndpointConnectionError")] * 500
    connections = ScriptedConnections(outage)
    client = s3_client(connections)
    attempts = []
    for _ in range(30):
        before = len(connections.requests)
        with pytest.raises(S3Error):
            client.get_object("jobs", "a")
        attempts.append(len(connections.requests) - before)
    assert (attempts[0], attempts[-1]) == (3, 1)

    connections._outcomes = iter([*[response()] * 14, *outage])
    for _ in range(14):
        client.get_object("jobs", "a")
    before = len(connections.requests)
    with pytest.raises(S3Error):
        client.get_object("jobs", "a")
    assert len(connections.requests) - before == 2


def test_quota_returns_what_the_retries_of_a_success_took() -> None:
    quota = retries.RetryQuota()
    cost = quota.acquire(S3Error(0, "ReadTimeoutError"))
    quota.release(cost)
    assert sum(quota.acquire(S3Error(0, "ReadTimeoutError")) > 0 for _ in range(100)) == 500 // cost


def signed_at(connections: ScriptedConnections) -> list[datetime]:
    texts = [request.headers["x-amz-date"] for request in connections.requests]
    return [datetime.strptime(text, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC) for text in texts]


@pytest.mark.parametrize("hours", [-5, 3])
def test_wrong_clock_is_corrected_by_the_server_time_for_this_and_later_signatures(hours: int) -> None:
    server_time = datetime.now(UTC) + timedelta(hours=hours)
    skewed = error_response(403, "RequestTimeTooSkewed", {"date": format_datetime(server_time, usegmt=True)})
    connections, slept = ScriptedConnections([skewed, response(), response()]), list[float]()
    client = s3_client(connections, slept)
    client.get_object("jobs", "a")
    client.get_object("jobs", "a")
    first, *corrected = signed_at(connections)
    assert abs(server_time - first) > timedelta(hours=2)
    assert all(abs(server_time - time) < timedelta(minutes=1) for time in corrected)
    assert slept == []
    assert f"X-Amz-Date={server_time:%Y%m%d}" in client.presign("GET", "csv", "a", {}, 900)


@pytest.mark.parametrize("date", ["", "yesterday", "now"])
def test_clock_that_the_server_does_not_correct_fails_at_once(date: str) -> None:
    date = date.replace("now", format_datetime(datetime.now(UTC), usegmt=True))
    connections = ScriptedConnections([error_response(403, "RequestTimeTooSkewed", {"date": date})] * 2)
    with pytest.raises(S3Error, match="RequestTimeTooSkewed"):
        s3_client(connections).get_object("jobs", "a")
    assert len(connections.requests) == 1


def test_clock_is_corrected_only_once() -> None:
    date = format_datetime(datetime.now(UTC) + timedelta(hours=3), usegmt=True)
    connections = ScriptedConnections([error_response(403, "RequestTimeTooSkewed", {"date": date})] * 3)
    with pytest.raises(S3Error, match="RequestTimeTooSkewed"):
        s3_client(connections).get_object("jobs", "a")
    assert len(connections.requests) == 2


@pytest.mark.parametrize(
    ("failure", "region"),
    [
        (error_response(301, "PermanentRedirect", {"x-amz-bucket-region": "eu-central-1"}), "eu-central-1"),
        (HttpResponse(301, {"x-amz-bucket-region": "eu-central-1"}, b""), "eu-central-1"),
        (error_response(400, "AuthorizationHeaderMalformed", details="<Region>eu-west-3</Region>"), "eu-west-3"),
        (error_response(400, "AuthorizationHeaderMalformed"), ""),
        (error_response(400, "AuthorizationHeaderMalformed", details="<Region>us-east-1</Region>"), ""),
        (error_response(301, "PermanentRedirect", {"x-amz-bucket-region": "<script>"}), ""),
        (error_response(403, "AccessDenied", {"x-amz-bucket-region": "eu-central-1"}), ""),
    ],
)
def test_error_has_the_region_of_a_bucket_elsewhere(failure: HttpResponse, region: str) -> None:
    with pytest.raises(S3Error) as raised:
        s3_client(ScriptedConnections([failure])).get_object("jobs", "a")
    assert raised.value.region == region


def test_response_without_entity_tag_is_an_error() -> None:
    for call in (
        lambda client: client.get_object("jobs", "a"),
        lambda client: client.put_object("jobs", "a", b"", "text/csv"),
        lambda client: client.upload_part("jobs", "a", "id", 1, b""),
    ):
        with pytest.raises(S3Error, match="MissingETag"):
            call(s3_client(ScriptedConnections([HttpResponse(200, {}, b"<html>Sign in</html>")])))  # type: ignore[no-untyped-call]


def test_error_after_status_200_of_a_completion_is_retried() -> None:
    late = HttpResponse(200, {}, b'<?xml version="1.0"?>\n <Error><Code>InternalError</Code></Error>')
    connections = ScriptedConnections([late, response(200, b"<CompleteMultipartUploadResult/>")])
    s3_client(connections).complete_multipart_upload("csv", "a", "id", ['"1"'])
    assert len(connections.requests) == 2


def test_payload_hash_covers_the_body_except_for_parts() -> None:
    connections = ScriptedConnections([response()] * 3)
    client = s3_client(connections)
    client.put_object("csv", "a", memoryview(b"body"), "text/csv")
    client.put_object("csv", "a", b"body", "text/csv", sha256="0" * 64)
    client.upload_part("csv", "a", "id", 1, b"part")
    hashes = [request.headers["x-amz-content-sha256"] for request in connections.requests]
    assert hashes == [sha256(b"body").hexdigest(), "0" * 64, UNSIGNED_PAYLOAD]


def test_session_token_is_sent_and_signed() -> None:
    connections = ScriptedConnections([response()])
    client = S3Client(ENDPOINT, "us-east-1", static("key", "secret", "token"), connections=connections)
    client.get_object("jobs", "a")
    headers = connections.requests[0].headers
    assert headers["x-amz-security-token"] == "token"
    assert "x-amz-security-token" in headers["authorization"]
    assert "X-Amz-Security-Token=token" in client.presign("GET", "csv", "a", {}, 900)


def test_missing_credentials_fail_without_a_request() -> None:
    def missing() -> Credentials:
        raise S3Error(0, "NoCredentialsError")

    connections = ScriptedConnections([])
    client = S3Client(ENDPOINT, "us-east-1", missing, connections=connections)
    with pytest.raises(S3Error, match="NoCredentialsError"):
        client.get_object("jobs", "a")
    assert connections.requests == []


def test_requests_of_many_threads_are_independent() -> None:
    connections = ScriptedConnections([response()] * 80)
    client = s3_client(connections)
    threads = [threading.Thread(target=client.get_object, args=("jobs", f"{number}")) for number in range(80)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {request.path for request in connections.requests} == {f"/jobs/{number}" for number in range(80)}
