"""More concurrent clients than slots: each gets a response, and the memory of the process stays bounded."""

import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psutil
import pytest

from local.gateway.app import SERVICES
from local.stack import Stack
from shared.http.service import MAX_CONCURRENCY
from tests.integration.ports import free_port
from tests.integration.processes import Function, Gate, function
from tests.integration.whole_stack import DAY, Response, send_request, wait_until

CLIENTS = 300


def size(process: "subprocess.Popen[bytes]") -> int:
    """Return the resident bytes of gunicorn and its worker."""
    master = psutil.Process(process.pid)
    return sum(process.memory_info().rss for process in [master, *master.children()])


def flood(send: Callable[[], Response], meanwhile: Callable[[], None]) -> list[Response]:
    """Send CLIENTS concurrent requests and return the responses. `meanwhile` runs once the excess ones are rejected."""
    responses: list[Response] = []

    def run(_: int) -> None:
        responses.append(send())

    with ThreadPoolExecutor(CLIENTS) as pool:
        futures = [pool.submit(run, number) for number in range(CLIENTS)]
        wait_until(lambda: len(responses) == CLIENTS - MAX_CONCURRENCY)
        meanwhile()
        for future in futures:
            future.result()
    return responses


def rejected(responses: list[Response]) -> list[Response]:
    """Return the responses with 503, which must have Retry-After and the error envelope."""
    rejections = [response for response in responses if response.status == 503]
    assert {response.headers["retry-after"] for response in rejections} == {"2"}
    assert {response.json["error"]["code"] for response in rejections} == {"SERVICE_UNAVAILABLE"}
    return rejections


@pytest.fixture
def gated_submit(stack: Stack, tmp_path: Path) -> Iterator[tuple[Function, Gate]]:
    """Run submit with a gate before its storage."""
    settings = stack.plan.function_environment("submit")
    with (
        Gate(settings["AWS_ENDPOINT_URL_S3"]) as gate,
        function("submit", settings | {"AWS_ENDPOINT_URL_S3": gate.url}, tmp_path / "log") as running,
    ):
        yield running, gate


def test_excess_submissions_are_rejected_with_503(gated_submit: tuple[Function, Gate]) -> None:
    submit, gate = gated_submit

    def submit_day() -> Response:
        return submit.send_request("POST", "/api/distance/calculate", DAY)

    def meanwhile() -> None:
        assert submit.send_request("GET", "/healthz").status == 200
        gate.resume()

    assert submit_day().status == 202
    sizes = [size(submit.process)]
    for _ in range(3):
        gate.pause()
        responses = flood(submit_day, meanwhile)
        assert len(rejected(responses)) == CLIENTS - MAX_CONCURRENCY
        assert [response.status for response in responses].count(202) == MAX_CONCURRENCY
        sizes.append(size(submit.process))
    assert sizes[-1] < 1.2 * sizes[1], sizes  # threads keep their memory, further floods add none
    assert submit_day().status == 202


def test_idle_and_stalled_clients_do_not_block_others(gated_submit: tuple[Function, Gate]) -> None:
    submit, _ = gated_submit
    host, port = submit.url.removeprefix("http://").split(":")
    with ExitStack() as clients:
        for number in range(CLIENTS):
            client = clients.enter_context(socket.create_connection((host, int(port))))
            if number % 4 == 0:  # more than threads
                client.sendall(
                    b"POST /api/distance/calculate HTTP/1.1\r\nContent-Length: 9\r\n" + b"\r\n" * (number % 8 == 0)
                )
        assert submit.send_request("POST", "/api/distance/calculate", DAY).status == 202


@pytest.mark.parametrize(
    ("line", "header", "status"),
    [
        ("x" * 5000, "", 414),
        ("", "X-Large: " + "x" * 20_000, 431),
        ("", "\r\n".join(f"X-{n}: 1" for n in range(200)), 431),
    ],
    ids=["line", "field", "fields"],
)
def test_oversized_request_head_is_rejected_by_the_server(
    gated_submit: tuple[Function, Gate], line: str, header: str, status: int
) -> None:
    submit, _ = gated_submit
    host, port = submit.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=10) as client:
        client.sendall(f"GET /healthz?{line} HTTP/1.1\r\nHost: a\r\n{header}\r\n\r\n".encode())
        assert client.recv(1 << 12).startswith(f"HTTP/1.1 {status} ".encode())


@contextmanager
def gateway(services: str) -> Iterator[tuple[str, "subprocess.Popen[bytes]"]]:
    """Run a gateway whose services share one address."""
    port = free_port()
    addresses = {f"{service.upper()}_ADDRESS": services for service in SERVICES}
    command = [sys.executable, "-m", "gunicorn", "-c", "python:local.gunicorn_config", "-b", f"127.0.0.1:{port}"]
    process = subprocess.Popen(
        [*command, "local.gateway.app:from_environ()"],
        env={**os.environ, **addresses, "INSTANCE": "flooded", "LOG_LEVEL": "CRITICAL"},
        process_group=0,
    )
    try:
        wait_until(lambda: send_request("GET", f"http://127.0.0.1:{port}/none").status == 404)
        yield f"http://127.0.0.1:{port}", process
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def test_gateway_rejects_excess_requests_while_service_hangs() -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=MAX_CONCURRENCY) as service:
        connections: list[socket.socket] = []

        def accept() -> None:
            connections.extend(service.accept()[0] for _ in range(MAX_CONCURRENCY))

        def meanwhile() -> None:
            assert send_request("GET", f"{url}/none").status == 404
            for connection in connections:
                connection.close()

        acceptor = threading.Thread(target=accept)
        acceptor.start()
        with gateway(f"127.0.0.1:{service.getsockname()[1]}") as (url, process):
            before = size(process)
            responses = flood(lambda: send_request("POST", f"{url}/api/distance/calculate", DAY), meanwhile)
            after = size(process)
        acceptor.join()
    messages = [response.json["error"]["message"] for response in responses]
    assert messages.count("Too many requests at once") == CLIENTS - MAX_CONCURRENCY
    assert messages.count("Unavailable: submit") == MAX_CONCURRENCY
    assert all("retry-after" in response.headers for response in responses)
    assert after < 2 * before
