"""A CSV from object storage: streamed, resumed where it broke off, by a fresh URL where that has expired, checked."""

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
from otel_worker_client.transport import BACKOFF, Budget, Outcome, Transport

_TRIES = 5
_PIECE = 1 << 16


class _Unfinished(Exception):
    """There is more to come."""


def download(look: Callable[[], Job], transport: Transport, into: Path) -> Path:
    """The CSV of the job that `look` gives, at `into` or in that folder: whole, or not there at all."""
    result = _result(look())
    target = into / result.csv_path.rsplit("/", 1)[-1] if into.is_dir() else into
    part = target.with_name(f"{target.name}.part")
    tag = ""
    budget = Budget(transport.clock, math.inf)

    def tried() -> None:
        nonlocal result, tag
        got = part.stat().st_size if tag and part.exists() else 0
        headers = {"Range": f"bytes={got}-", "If-Range": tag} if got else {}
        started = transport.clock.now()
        outcome = transport.once("GET", _url(result), transport.timeout, headers=headers, stream=True)
        if isinstance(outcome, OtelWorkerError):
            raise outcome
        budget.record(outcome, started)
        if isinstance(outcome, RequestFailed):
            raise outcome
        with outcome as answer:
            if answer.status_code in (200, 206):
                tag = answer.headers.get("ETag", "")
                _take(answer, part, append=answer.status_code == 206)
                if part.stat().st_size == result.csv_size_bytes:
                    return
            elif answer.status_code in (400, 403):  # the URL's time is over
                result = _result(look())
        raise _Unfinished

    try:
        failure = tenacity.Retrying(
            retry=tenacity.retry_if_exception_type((RequestFailed, _Unfinished)),
            wait=BACKOFF,
            stop=lambda state: state.attempt_number >= _TRIES or budget.is_spent(state),
            sleep=transport.clock.sleep,
            retry_error_callback=lambda state: state.outcome and state.outcome.exception(),
        )(tried)
        if not isinstance(failure, RequestFailed):
            _check(part, result)
            part.replace(target)
            return target
    except OSError:  # the file system's
        _remove(part)
        raise
    _remove(part)
    raise ServiceUnavailableError(f"Object storage unreachable: {failure}")


def _remove(part: Path) -> None:
    with contextlib.suppress(OSError):  # it is a directory, say
        part.unlink(missing_ok=True)


def open_csv(transport: Transport, endpoint: Endpoint, redirect: requests.Response) -> Iterator[bytes]:
    """The CSV that a response of `endpoint` redirects to, piece by piece; there is one attempt."""
    answer = _followed(transport, endpoint, redirect)
    if isinstance(answer, OtelWorkerError):
        raise answer
    if isinstance(answer, RequestFailed):
        raise ServiceUnavailableError(f"Object storage unreachable: {answer}")
    if answer.status_code != 200:
        answer.close()
        kind = NotFoundError if answer.status_code == 404 else ServiceUnavailableError
        raise kind(f"Object storage answered {answer.status_code}", status=answer.status_code)
    if answer.headers.get("Content-Type", "").startswith("text/html"):  # a login page, say
        answer.close()
        raise responses.route_not_found(endpoint, redirect)
    return _pieces(answer)


def _followed(transport: Transport, endpoint: Endpoint, redirect: requests.Response) -> Outcome | OtelWorkerError:
    """The outcome at the presigned URL, which no traceback has: errors are returned."""
    location = redirect.headers.get("Location")
    if not location:
        return responses.route_not_found(endpoint, redirect)
    return transport.once("GET", urljoin(endpoint.url, location), transport.timeout, stream=True)


def _pieces(answer: requests.Response) -> Iterator[bytes]:
    with answer:
        content = answer.iter_content(_PIECE)
        while True:
            try:
                piece = next(content, b"")
            except REQUEST_ERRORS:
                break
            if not piece:
                return
            yield piece
    raise ServiceUnavailableError("Object storage broke the connection off")


def _take(answer: requests.Response, part: Path, *, append: bool) -> None:
    """What comes of it, into the file; a connection that breaks leaves what came before."""
    with part.open("ab" if append else "wb") as file:
        try:
            for piece in answer.iter_content(_PIECE):
                file.write(piece)
        except requests.RequestException:
            pass  # the next try goes on from here


def _check(part: Path, result: Result) -> None:
    """Compare the file with the job's size and SHA-256; jobs older than csv_sha256 have their size only.

    The ETag is a version of the object and no digest: with SSE-KMS, for example, it is no MD5.
    """
    size = part.stat().st_size if part.exists() else 0
    if size != result.csv_size_bytes:
        part.unlink(missing_ok=True)
        raise DownloadError(f"the CSV came with {size} of its {result.csv_size_bytes} bytes")
    if result.csv_sha256 is not None:
        with part.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        if digest != result.csv_sha256:
            part.unlink()
            raise DownloadError("the SHA-256 of the CSV is not the csv_sha256 of the job")


def _result(job: Job) -> Result:
    if job.result is None:
        raise DownloadError(f"job {job.job_id} is {job.status}: there is no CSV")
    return job.result


def _url(result: Result) -> str:
    if result.csv_download_url is None:
        raise NotFoundError("the CSV has gone, by its age")
    return result.csv_download_url
