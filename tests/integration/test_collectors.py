"""A collector that is unavailable, silent or failing does not affect the functions."""

import contextlib
import functools
import json
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from local.otlp_receiver import run_receiver
from local.stack import Stack
from tests.integration.otlp_requests import data_points
from tests.integration.processes import Function, function
from tests.integration.test_functions import job_id
from tests.integration.whole_stack import wait_until

REQUESTS = 10
NEVER = {"OTEL_BSP_SCHEDULE_DELAY": "3600000", "OTEL_METRIC_EXPORT_INTERVAL": "3600000"}


@contextlib.contextmanager
def collector(response: bytes | None) -> Iterator[tuple[str, list[bytes]]]:
    """Accept connections and send `response`, or nothing. Yields the URL and the first bytes of each connection."""
    calls: list[bytes] = []
    open_connections: list[socket.socket] = []

    def serve(listener: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listener.accept()
                open_connections.append(connection)
                calls.append(connection.recv(64))
                if response is not None:
                    connection.sendall(response)
                    connection.close()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, args=(listener,), daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}", calls
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()
    for connection in open_connections:
        connection.close()


def settings(stack: Stack, target: str, url: str, **more: str) -> dict[str, str]:
    intervals = {"OTEL_BSP_SCHEDULE_DELAY": "50", "OTEL_METRIC_EXPORT_INTERVAL": "100", "OTEL_LOGS_EXPORTER": "otlp"}
    return {**stack.plan.function_environment(target), **intervals, **more, "OTEL_EXPORTER_OTLP_ENDPOINT": url}


def send_requests(running: Function) -> list[int]:
    return [running.send_request("GET", f"/api/distance/jobs/{job_id()}").status for _ in range(REQUESTS)]


def terminate(running: Function) -> int:
    running.process.send_signal(signal.SIGTERM)
    return running.process.wait(60)


def failures(log: Path) -> list[str]:
    """Return the signals whose export failed, from the log."""
    lines = [json.loads(line) for line in log.read_text().splitlines() if line.startswith("{")]
    return [line["signal"] for line in lines if line["message"] == "telemetry not exported"]


def all_failed(log: Path) -> bool:
    return {"traces", "metrics", "logs"} == set(failures(log))


def test_function_does_not_wait_for_silent_collector(stack: Stack, tmp_path: Path) -> None:
    with (
        collector(None) as (url, calls),
        function("calculate", settings(stack, "calculate", url), tmp_path / "log") as running,
    ):
        assert running.deliver(job_id()).status == 200
        wait_until(lambda: calls)
        for _ in range(REQUESTS):  # while the first batch is pending
            assert running.deliver(job_id()).status == 200
        assert terminate(running) == 0  # also while it is pending


def test_failing_collector_is_logged_once(stack: Stack, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        unavailable = f"http://127.0.0.1:{closed.getsockname()[1]}"
    error = b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 12\r\n\r\nsecret-words"
    timeout = {"OTEL_EXPORTER_OTLP_TIMEOUT": "1"}
    with collector(error) as (url, _):
        for name, endpoint in (("unavailable", unavailable), ("failing", url)):
            log = tmp_path / name
            with function("status", settings(stack, "status", endpoint, **timeout), log) as running:
                assert send_requests(running) == [404] * REQUESTS
                wait_until(functools.partial(all_failed, log))
                assert send_requests(running) == [404] * REQUESTS
                assert terminate(running) == 0
            assert len(failures(log)) == len(set(failures(log)))
            assert "secret-words" not in log.read_text()
            assert "Traceback" not in log.read_text()
            assert "opentelemetry" not in log.read_text()


@pytest.mark.parametrize("end", [terminate, Function.kill], ids=["SIGTERM", "SIGKILL"])
def test_pending_telemetry_is_exported_on_sigterm_but_not_on_sigkill(
    stack: Stack, tmp_path: Path, end: Callable[[Function], object]
) -> None:
    requests: list[tuple[str, bytes]] = []
    with run_receiver(lambda *request: requests.append(request)) as receiver:
        with function("status", settings(stack, "status", receiver.url, **NEVER), tmp_path / "log") as running:
            assert running.send_request("GET", f"/api/distance/jobs/{job_id()}").status == 404
            assert receiver.store.spans() == []
            end(running)
        names = [span.name for span in receiver.store.spans()]
        killed = end is not terminate
        assert names == ([] if killed else ["GET /api/distance/jobs/<job_id>", "S3/GetObject"])
        assert bool(data_points(requests)) is not killed


def test_telemetry_of_job_is_flushed_immediately(stack: Stack, tmp_path: Path) -> None:
    requests: list[tuple[str, bytes]] = []
    with (
        run_receiver(lambda *request: requests.append(request)) as receiver,
        function("calculate", settings(stack, "calculate", receiver.url, **NEVER), tmp_path / "log") as running,
    ):
        assert running.deliver(job_id()).status == 200
        wait_until(lambda: "distance.calculate" in [span.name for span in receiver.store.spans()])
        wait_until(lambda: "distance.jobs.completed" in [point.metric for point in data_points(requests)])
