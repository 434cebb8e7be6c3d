"""More clients than there is room for: each gets an answer, the process keeps its size and lives on."""

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
from tests.integration.conftest import free_port
from tests.integration.processes import Function, Gate, function
from tests.integration.whole_stack import DAY, Answer, ask, until

MANY = 300


def size(process: "subprocess.Popen[bytes]") -> int:
    """Resident bytes of gunicorn and its worker."""
    master = psutil.Process(process.pid)
    return sum(one.memory_info().rss for one in [master, *master.children()])


def flood(one: Callable[[], Answer], meanwhile: Callable[[], None]) -> list[Answer]:
    """The answers to MANY requests at once; `meanwhile` runs when all that will be refused are."""
    answers: list[Answer] = []

    def asked(_: int) -> None:
        answers.append(one())

    with ThreadPoolExecutor(MANY) as pool:
        asking = [pool.submit(asked, number) for number in range(MANY)]
        until(lambda: len(answers) == MANY - MAX_CONCURRENCY, 30)
        meanwhile()
        for each in asking:
            each.result()
    return answers


def refused(answers: list[Answer]) -> list[Answer]:
    """Those that were told to come again; they had the envelope."""
    found = [answer for answer in answers if answer.status == 503]
    assert {answer.headers["retry-after"] for answer in found} == {"2"}
    assert {answer.json["error"]["code"] for answer in found} == {"SERVICE_UNAVAILABLE"}
    return found


@pytest.fixture
def held(stack: Stack, tmp_path: Path) -> Iterator[tuple[Function, Gate]]:
    """Submit, and the way to its storage."""
    settings = stack.plan.function_environment("submit")
    with (
        Gate(settings["AWS_ENDPOINT_URL_S3"]) as gate,
        function("submit", settings | {"AWS_ENDPOINT_URL_S3": gate.url}, tmp_path / "log") as running,
    ):
        yield running, gate


def test_a_flood_of_submissions_is_worked_on_or_told_to_come_again(held: tuple[Function, Gate]) -> None:
    submit, gate = held

    def one() -> Answer:
        return submit.ask("POST", "/api/distance/calculate", DAY)

    def meanwhile() -> None:
        assert submit.ask("GET", "/healthz").status == 200
        gate.let_go()

    assert one().status == 202
    sizes = [size(submit.process)]
    for _ in range(3):
        gate.hold()
        answers = flood(one, meanwhile)
        assert len(refused(answers)) == MANY - MAX_CONCURRENCY
        assert [answer.status for answer in answers].count(202) == MAX_CONCURRENCY
        sizes.append(size(submit.process))
    assert sizes[-1] < 1.2 * sizes[1], sizes  # what the threads took they keep; no flood adds to it
    assert one().status == 202


def test_clients_that_say_nothing_or_stop_midway_hold_nobody_up(held: tuple[Function, Gate]) -> None:
    submit, _ = held
    host, port = submit.url.removeprefix("http://").split(":")
    with ExitStack() as clients:
        for number in range(MANY):
            client = clients.enter_context(socket.create_connection((host, int(port))))
            if number % 4 == 0:  # more than there are threads
                client.sendall(
                    b"POST /api/distance/calculate HTTP/1.1\r\nContent-Length: 9\r\n" + b"\r\n" * (number % 8 == 0)
                )
        assert submit.ask("POST", "/api/distance/calculate", DAY).status == 202


@pytest.mark.parametrize(
    ("line", "header", "status"),
    [
        ("x" * 5000, "", 414),
        ("", "X-Large: " + "x" * 20_000, 431),
        ("", "\r\n".join(f"X-{n}: 1" for n in range(200)), 431),
    ],
    ids=["line", "field", "fields"],
)
def test_a_head_over_its_bound_is_refused_by_the_server(
    held: tuple[Function, Gate], line: str, header: str, status: int
) -> None:
    submit, _ = held
    host, port = submit.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=10) as client:
        client.sendall(f"GET /healthz?{line} HTTP/1.1\r\nHost: a\r\n{header}\r\n\r\n".encode())
        assert client.recv(1 << 12).startswith(f"HTTP/1.1 {status} ".encode())


@contextmanager
def gateway(services: str) -> Iterator[tuple[str, "subprocess.Popen[bytes]"]]:
    """A gateway before services that are all at one address."""
    port = free_port()
    addresses = {f"{service.upper()}_ADDRESS": services for service in SERVICES}
    command = [sys.executable, "-m", "gunicorn", "-c", "python:local.gunicorn_config", "-b", f"127.0.0.1:{port}"]
    process = subprocess.Popen(
        [*command, "local.gateway.app:from_environ()"],
        env={**os.environ, **addresses, "INSTANCE": "flooded", "LOG_LEVEL": "CRITICAL"},
        process_group=0,
    )
    try:
        until(lambda: ask("GET", f"http://127.0.0.1:{port}/none").status == 404)
        yield f"http://127.0.0.1:{port}", process
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def test_a_flood_at_the_gateway_before_a_service_that_hangs_is_told_to_come_again() -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=MAX_CONCURRENCY) as hanging:
        taken: list[socket.socket] = []

        def take() -> None:
            taken.extend(hanging.accept()[0] for _ in range(MAX_CONCURRENCY))

        def meanwhile() -> None:
            assert ask("GET", f"{url}/none").status == 404
            for connection in taken:
                connection.close()

        taking = threading.Thread(target=take)
        taking.start()
        with gateway(f"127.0.0.1:{hanging.getsockname()[1]}") as (url, process):
            before = size(process)
            answers = flood(lambda: ask("POST", f"{url}/api/distance/calculate", DAY), meanwhile)
            after = size(process)
        taking.join()
    messages = [answer.json["error"]["message"] for answer in answers]
    assert messages.count("Too many requests at once") == MANY - MAX_CONCURRENCY
    assert messages.count("Unavailable: submit") == MAX_CONCURRENCY
    assert all("retry-after" in answer.headers for answer in answers)
    assert after < 2 * before
