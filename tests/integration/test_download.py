"""Downloads from object storage: HEAD, entity tags that are no MD5, and bytes that are not the job's."""

import contextlib
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, replace
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests
from otel_worker_client import Client, DownloadError

from local.stack import Stack
from tests.integration.fault_proxy import Exchange, FaultProxy, Response, proxy_to
from tests.integration.processes import function
from tests.integration.test_command import command
from tests.integration.whole_stack import submit, wait_for_end

TIMEOUT = 30


@dataclass(frozen=True)
class Behind:
    """The system as a caller has it whose object storage is behind `proxy`."""

    proxy: FaultProxy
    client: Client
    status_url: str
    job_id: str


def sent(exchange: Exchange, answer: Response) -> None:
    exchange.send_head(answer)
    exchange.wfile.write(answer.body)


def tagged_as_under_kms(exchange: Exchange) -> None:
    """The entity tag looks like an MD5 and is none, as S3 has it with SSE-KMS or customer keys."""
    answer = exchange.forward()
    headers = [(name, text) for name, text in answer.headers if name.lower() != "etag"]
    sent(exchange, replace(answer, headers=[*headers, ("ETag", f'"{secrets.token_hex(16)}"')]))


def damaged(exchange: Exchange) -> None:
    """One bit of the body is another; size and entity tag are right."""
    answer = exchange.forward()
    middle = len(answer.body) // 2
    body = answer.body[:middle] + bytes([answer.body[middle] ^ 1]) + answer.body[middle + 1 :]
    sent(exchange, replace(answer, body=body))


@pytest.fixture(scope="module")
def behind(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Behind]:
    job_id = submit(stack)
    assert wait_for_end(stack, job_id)["status"] == "completed"
    settings = stack.plan.function_environment("status")
    log = tmp_path_factory.mktemp("status") / "log"
    with (
        proxy_to(settings["AWS_ENDPOINT_URL_S3"]) as proxy,
        function("status", {**settings, "S3_PUBLIC_ENDPOINT_URL": proxy.url}, log) as status,
        Client(stack.url, status_url=status.url) as client,
    ):
        yield Behind(proxy, client, status.url, job_id)


@pytest.fixture(autouse=True)
def no_faults(behind: Behind) -> None:
    behind.proxy.clear_faults()


def test_an_entity_tag_that_is_no_md5_does_not_matter(behind: Behind, tmp_path: Path) -> None:
    behind.proxy.inject(lambda request: request.method == "GET", tagged_as_under_kms)
    saved = behind.client.download(behind.job_id, tmp_path)
    job = behind.client.job(behind.job_id)
    assert job.result
    assert saved.stat().st_size == job.result.csv_size_bytes


def test_a_damaged_download_is_refused(behind: Behind, tmp_path: Path) -> None:
    behind.proxy.inject(lambda request: request.method == "GET", damaged)
    with pytest.raises(DownloadError, match="SHA-256"):
        behind.client.download(behind.job_id, tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("words", [("download", "--into", "."), ("show",)], ids=lambda words: words[0])
def test_the_command_checks_the_digest_and_not_the_entity_tag(
    behind: Behind, words: tuple[str, ...], tmp_path: Path
) -> None:
    behind.proxy.inject(lambda request: request.method == "GET", tagged_as_under_kms, damaged)
    name, *options = words
    command(behind.status_url, name, behind.job_id, *options, folder=tmp_path)
    assert "SHA-256" in command(behind.status_url, name, behind.job_id, *options, folder=tmp_path, code=1)


def test_a_head_that_is_redirected_ends_in_200(stack: Stack, behind: Behind) -> None:
    result = wait_for_end(stack, behind.job_id)["result"]
    url = f"{stack.url}/api/distance/download/{result['csv_path'].rsplit('/', 1)[1]}"
    redirect = requests.head(url, timeout=TIMEOUT)
    assert (redirect.status_code, redirect.content) == (302, b"")
    answer = requests.head(url, allow_redirects=True, timeout=TIMEOUT)
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["Content-Length"] == str(result["csv_size_bytes"])
    assert answer.headers["Content-Type"] == "text/csv"


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/health", "/openapi.json", "/api/distance/jobs", "/nowhere"])
def test_a_head_leaves_its_connection_for_the_next_request(stack: Stack, behind: Behind, path: str) -> None:
    for url in (stack.url, behind.status_url):
        with contextlib.closing(HTTPConnection(urlsplit(url).netloc, timeout=TIMEOUT)) as connection:
            statuses = []
            for method in ("HEAD", "GET", "HEAD", "GET"):
                connection.request(method, path)
                answer = connection.getresponse()
                assert (answer.read() == b"") == (method == "HEAD")
                statuses.append(answer.status)
        assert len(set(statuses)) == 1
