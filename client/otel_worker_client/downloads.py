"""CSV downloads from object storage: streamed, resumed, verified, with a new presigned URL if one has expired."""

import contextlib
import hashlib
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urljoin

import requests
import tenacity

from otel_worker_client import responses
from otel_worker_client.endpoints import Endpoint
from otel_worker_client.errors import DownloadError, NotFoundError, OtelWorkerError, ServiceUnavailableError
from otel_worker_client.failures import REQUEST_ERRORS, RequestFailed
from otel_worker_client.models import Job, Result
from otel_worker_client.transport import BACKOFF, Outcome, RetryBudget, Transport

_MAX_ATTEMPTS = 5
_CHUNK_BYTES = 1 << 16


class _Incomplete(Exception):
    """The file is not complete after this attempt."""


def download(get_job: Callable[[], Job], transport: Transport, into: Path) -> Path:
    """Download the CSV of a job to the path or folder `into`; it appears there complete or not at all.

    `get_job` is called for a new presigned URL.
    """
    result = _result(get_job())
    target = into / result.csv_path.rsplit("/", 1)[-1] if into.is_dir() else into
    partial = target.with_name(f"{target.name}.part")
    etag = ""
    budget = RetryBudget(transport.clock, math.inf)

    def attempt() -> None:
        nonlocal result, etag
        offset = partial.stat().st_size if etag and partial.exists() else 0
        headers = {"Range": f"bytes={offset}-", "If-Range": etag} if offset else {}
        started = transport.clock.now()
        outcome = transport.send("GET", _url(result), transport.timeout, headers=headers, stream=True)
        if isinstance(outcome, OtelWorkerError):
            raise outcome
        budget.record(outcome, started)
        if isinstance(outcome, RequestFailed):
            raise outcome
        with outcome as response:
            if response.status_code in (200, 206):
                etag = response.headers.get("ETag", "")
                _append(response, partial, append=response.status_code == 206)
                if partial.stat().st_size == result.csv_size_bytes:
                    return
            elif response.status_code in (400, 403):  # the presigned URL has expired
                result = _result(get_job())
        raise _Incomplete

    try:
        failure = tenacity.Retrying(
            retry=tenacity.retry_if_exception_type((RequestFailed, _Incomplete)),
            wait=BACKOFF,
            stop=lambda state: state.attempt_number >= _MAX_ATTEMPTS or budget.is_spent(state),
            sleep=transport.clock.sleep,
            retry_error_callback=lambda state: state.outcome and state.outcome.exception(),
        )(attempt)
        if not isinstance(failure, RequestFailed):
            _check(partial, result)
            partial.replace(target)
            return target
    except OSError:  # of the file system
        _remove(partial)
        raise
    _remove(partial)
    raise ServiceUnavailableError(f"Object storage unreachable: {failure}")


def _remove(partial: Path) -> None:
    with contextlib.suppress(OSError):  # for example a directory
        partial.unlink(missing_ok=True)


def open_csv(transport: Transport, endpoint: Endpoint, redirect: requests.Response) -> Iterator[bytes]:
    """Return the chunks of the CSV that a response of `endpoint` redirects to; the request is not retried."""
    response = _follow(transport, endpoint, redirect)
    if isinstance(response, OtelWorkerError):
        raise response
    if isinstance(response, RequestFailed):
        raise ServiceUnavailableError(f"Object storage unreachable: {response}")
    if response.status_code != 200:
        response.close()
        kind = NotFoundError if response.status_code == 404 else ServiceUnavailableError
        raise kind(f"Object storage returned status {response.status_code}", status=response.status_code)
    if response.headers.get("Content-Type", "").startswith("text/html"):  # for example a login page
        response.close()
        raise responses.route_not_found(endpoint, redirect)
    return _chunks(response)


def _follow(transport: Transport, endpoint: Endpoint, redirect: requests.Response) -> Outcome | OtelWorkerError:
    """Return the outcome of a request to the presigned URL; errors are returned to keep the URL out of tracebacks."""
    location = redirect.headers.get("Location")
    if not location:
        return responses.route_not_found(endpoint, redirect)
    return transport.send("GET", urljoin(endpoint.url, location), transport.timeout, stream=True)


def _chunks(response: requests.Response) -> Iterator[bytes]:
    with response:
        content = response.iter_content(_CHUNK_BYTES)
        while True:
            try:
                chunk = next(content, b"")
            except REQUEST_ERRORS:
                break
            if not chunk:
                return
            yield chunk
    raise ServiceUnavailableError("Object storage closed the connection early")


def _append(response: requests.Response, partial: Path, *, append: bool) -> None:
    """Write the response to the file; a lost connection leaves the part received so far."""
    with partial.open("ab" if append else "wb") as file:
        try:
            for chunk in response.iter_content(_CHUNK_BYTES):
                file.write(chunk)
        except requests.RequestException:
            pass  # the next attempt resumes from here


def _check(partial: Path, result: Result) -> None:
    """Compare the file with the job's size and SHA-256; jobs without csv_sha256 are verified by size.

    The ETag identifies a version of the object and is not a digest: with SSE-KMS, for example, it is not an MD5.
    """
    size = partial.stat().st_size if partial.exists() else 0
    if size != result.csv_size_bytes:
        partial.unlink(missing_ok=True)
        raise DownloadError(f"the CSV has {size} of {result.csv_size_bytes} bytes")
    if result.csv_sha256 is not None:
        with partial.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        if digest != result.csv_sha256:
            partial.unlink()
            raise DownloadError("the CSV's SHA-256 differs from the job's csv_sha256")


def _result(job: Job) -> Result:
    if job.result is None:
        raise DownloadError(f"job {job.job_id} is {job.status}: there is no CSV")
    return job.result


def _url(result: Result) -> str:
    if result.csv_download_url is None:
        raise NotFoundError("the CSV has expired")
    return result.csv_download_url
