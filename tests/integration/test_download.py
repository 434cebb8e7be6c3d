"""Downloads from object storage: HEAD requests, entity tags that are not MD5, and corrupt content."""

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
class ProxiedStorage:
    """A system whose object storage is behind `proxy`, its client, and a completed job."""

    proxy: FaultProxy
    client: Client
    status_url: str
    job_id: str


def send(exchange: Exchange, response: Response) -> None:
    exchange.send_head(response)
    exchange.wfile.write(response.body)


def replace_etag(exchange: Exchange) -> None:
    """Replace the entity tag by one that looks like an MD5 but is not, as S3 does with SSE-KMS or customer keys."""
    response = exchange.forward()
    headers = [(name, text) for name, text in response.headers if name.lower() != "etag"]
    send(exchange, replace(response, headers=[*headers, ("ETag", f'"{secrets.token_hex(16)}"')]))


def flip_bit(exchange: Exchange) -> None:
    """Flip one bit of the body. Size and entity tag stay the same."""
    response = exchange.forward()
    middle = len(response.body) // 2
    body = response.body[:middle] + bytes([response.body[middle] ^ 1]) + response.body[middle + 1 :]
    send(exchange, replace(response, body=body))


@pytest.fixture(scope="module")
def proxied(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ProxiedStorage]:
    job_id = submit(stack)
    assert wait_for_end(stack, job_id)["status"] == "completed"
    settings = stack.plan.function_environment("status")
    log = tmp_path_factory.mktemp("status") / "log"
    with (
        proxy_to(settings["AWS_ENDPOINT_URL_S3"]) as proxy,
        function("status", {**settings, "S3_PUBLIC_ENDPOINT_URL": proxy.url}, log) as status,
        Client(stack.url, status_url=status.url) as client,
    ):
        yield ProxiedStorage(proxy, client, status.url, job_id)


@pytest.fixture(autouse=True)
def no_faults(proxied: ProxiedStorage) -> None:
    proxied.proxy.clear_faults()


def test_download_ignores_an_etag_that_is_not_md5(proxied: ProxiedStorage, tmp_path: Path) -> None:
    proxied.proxy.inject(lambda request: request.method == "GET", replace_etag)
    saved = proxied.client.download(proxied.job_id, tmp_path)
    job = proxied.client.job(proxied.job_id)
    assert job.result
    assert saved.stat().st_size == job.result.csv_size_bytes


def test_corrupt_download_raises_download_error(proxied: ProxiedStorage, tmp_path: Path) -> None:
    proxied.proxy.inject(lambda request: request.method == "GET", flip_bit)
    with pytest.raises(DownloadError, match="SHA-256"):
        proxied.client.download(proxied.job_id, tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("arguments", [("download", "--into", "."), ("show",)], ids=lambda arguments: arguments[0])
def test_command_verifies_the_digest_and_ignores_the_etag(
    proxied: ProxiedStorage, arguments: tuple[str, ...], tmp_path: Path
) -> None:
    proxied.proxy.inject(lambda request: request.method == "GET", replace_etag, flip_bit)
    name, *options = arguments
    command(proxied.status_url, name, proxied.job_id, *options, folder=tmp_path)
    assert "SHA-256" in command(proxied.status_url, name, proxied.job_id, *options, folder=tmp_path, code=1)


def test_redirected_head_returns_200(stack: Stack, proxied: ProxiedStorage) -> None:
    result = wait_for_end(stack, proxied.job_id)["result"]
    url = f"{stack.url}/api/distance/download/{result['csv_path'].rsplit('/', 1)[1]}"
    redirect = requests.head(url, timeout=TIMEOUT)
    assert (redirect.status_code, redirect.content) == (302, b"")
    response = requests.head(url, allow_redirects=True, timeout=TIMEOUT)
    assert (response.status_code, response.content) == (200, b"")
    assert response.headers["Content-Length"] == str(result["csv_size_bytes"])
    assert response.headers["Content-Type"] == "text/csv"


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/health", "/openapi.json", "/api/distance/jobs", "/nowhere"])
def test_connection_can_be_reused_after_head(stack: Stack, proxied: ProxiedStorage, path: str) -> None:
    for url in (stack.url, proxied.status_url):
        with contextlib.closing(HTTPConnection(urlsplit(url).netloc, timeout=TIMEOUT)) as connection:
            statuses = []
            for method in ("HEAD", "GET", "HEAD", "GET"):
                connection.request(method, path)
                response = connection.getresponse()
                assert (response.read() == b"") == (method == "HEAD")
                statuses.append(response.status)
        assert len(set(statuses)) == 1
