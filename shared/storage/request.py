"""An S3 request with its signature, retries and deadline."""

import hashlib
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from itertools import count
from typing import TypeVar

from shared.storage import retries, xml_documents
from shared.storage.connection import Body, Connections, HttpResponse
from shared.storage.credentials import CredentialSource
from shared.storage.endpoint import Endpoint
from shared.storage.errors import S3Error
from shared.storage.instrumentation import Observation, observe_request
from shared.storage.signature import Credentials, HttpRequest, Signer, encode_query

T = TypeVar("T")
Parse = Callable[[HttpResponse], T]

_MIN_SKEW = timedelta(minutes=1)  # servers tolerate more, so a smaller difference is not why they reject a request
_WRONG_REGION_CODES = frozenset(
    {"PermanentRedirect", "AuthorizationHeaderMalformed", "IncorrectEndpoint", "301", "307"}
)
_REGION = re.compile(r"[a-z0-9-]{1,63}")


@dataclass(frozen=True)
class S3Request:
    """A request for `bucket` and, unless it is "", `key`.

    `operation` is its name in the S3 API. `headers` have lower-case names. `payload_hash` is the hex SHA-256 of the
    body or UNSIGNED_PAYLOAD; "" computes it.
    """

    operation: str
    method: str
    bucket: str
    key: str = ""
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Body = b""
    payload_hash: str = ""


class RequestSender:
    """Sends requests to one endpoint. All threads share it.

    A request takes at most Timeouts.call with all its attempts; only name resolution is not bounded. If the server
    rejects the time of a signature, later signatures have the server's time.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        region: str,
        credentials: CredentialSource,
        connections: Connections,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.signer = Signer(region)
        self._endpoint = endpoint
        self._region = region
        self._credentials = credentials
        self._connections = connections
        self._sleep = sleep
        self._quota = retries.RetryQuota()
        self._clock_offset = timedelta()

    def send(self, request: S3Request, parse: Parse[T]) -> T:
        """Send the request and return what `parse` makes of the successful response. Raises S3Error.

        An S3Error of `parse` counts as the outcome of the attempt.
        """
        with observe_request(request.operation, _span_attributes(request)) as observation:
            return self._send_with_retries(request, parse, observation)

    def _send_with_retries(self, request: S3Request, parse: Parse[T], observation: Observation) -> T:
        deadline = time.monotonic() + self._connections.timeouts.call
        credentials = self._credentials()
        cost = 0
        for attempt in count(1):
            headers: Mapping[str, str] = {}
            try:
                response = self._send_once(request, credentials, deadline)
                headers, observation.status = response.headers, response.status
                _raise_for_error(response, self._region)
                parsed = parse(response)
            except S3Error as exc:
                if not self._correct_clock(exc, headers):
                    cost = self._wait_before_retry(exc, attempt, headers, deadline)
            else:
                self._quota.release(cost)
                return parsed
            observation.resends = attempt
        raise AssertionError  # the loop only ends by the statements above

    def _send_once(self, request: S3Request, credentials: Credentials, deadline: float) -> HttpResponse:
        """Sign the request with the current time, and send it."""
        headers = {"host": self._endpoint.host_header(request.bucket), **request.headers}
        path = self._endpoint.path(request.bucket, request.key)
        payload_hash = request.payload_hash or hashlib.sha256(request.body).hexdigest()
        signed = self.signer.sign(
            credentials,
            self.now(),
            HttpRequest(request.method, path, encode_query(request.query), headers),
            payload_hash,
        )
        return self._connections.send(request.bucket, signed, request.body, deadline)

    def now(self) -> datetime:
        """Return the time of signatures: that of this machine, or of the server if they differ too much."""
        return datetime.now(UTC) + self._clock_offset

    def _correct_clock(self, error: S3Error, headers: Mapping[str, str]) -> bool:
        """Adopt the server's time if it rejected ours. Returns whether a retry can succeed."""
        if error.code != "RequestTimeTooSkewed":
            return False
        try:
            offset = parsedate_to_datetime(headers.get("date", "")) - datetime.now(UTC)
        except (TypeError, ValueError):
            return False
        if abs(offset - self._clock_offset) < _MIN_SKEW:
            return False
        self._clock_offset = offset
        return True

    def _wait_before_retry(self, error: S3Error, attempt: int, headers: Mapping[str, str], deadline: float) -> int:
        """Wait before the next attempt and return its cost for the quota. Raises `error` if there is none."""
        if attempt >= retries.MAX_ATTEMPTS or not retries.is_transient(error):
            raise error
        delay = retries.backoff_seconds(error, attempt, headers)
        cost = self._quota.acquire(error) if time.monotonic() + delay < deadline else 0
        if not cost:
            raise error
        self._sleep(delay)
        return cost


def _raise_for_error(response: HttpResponse, region: str) -> None:
    if response.status < 300:
        return
    code = xml_documents.error_code(response.body) or str(response.status)
    bucket_region = response.headers.get("x-amz-bucket-region") or xml_documents.error_region(response.body)
    is_wrong_region = code in _WRONG_REGION_CODES and bucket_region != region and _REGION.fullmatch(bucket_region)
    raise S3Error(response.status, code, bucket_region if is_wrong_region else "")


def _span_attributes(request: S3Request) -> dict[str, str]:
    attributes = {
        "aws.s3.bucket": request.bucket,
        "aws.s3.key": request.key,
        "aws.s3.upload_id": request.query.get("uploadId", ""),
        "aws.s3.prefix": request.query.get("prefix", ""),
    }
    return {name: text for name, text in attributes.items() if text}
