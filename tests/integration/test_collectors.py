"""A collector that is away, silent, slow or wrong is nobody's business but telemetry's."""

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
from tests.integration.whole_stack import until

REQUESTS = 10
NEVER = {"OTEL_BSP_SCHEDULE_DELAY": "3600000", "OTEL_METRIC_EXPORT_INTERVAL": "3600000"}


@contextlib.contextmanager
def collector(answer: bytes | None) -> Iterator[tuple[str, list[bytes]]]:
    """Accepts everything, and says `answer` to it or nothing at all; its URL, and the first bytes of each call."""
    calls: list[bytes] = []
    held: list[socket.socket] = []

    def serve(listener: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listener.accept()
                held.append(connection)
                calls.append(connection.recv(64))
                if answer is not None:
                    connection.sendall(answer)
                    connection.close()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, args=(listener,), daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}", calls
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()
    for connection in held:
        connection.close()


def settings(stack: Stack, target: str, url: str, **more: str) -> dict[str, str]:
    quick = {"OTEL_BSP_SCHEDULE_DELAY": "50", "OTEL_METRIC_EXPORT_INTERVAL": "100", "OTEL_LOGS_EXPORTER": "otlp"}
    return {**stack.plan.function_environment(target), **quick, **more, "OTEL_EXPORTER_OTLP_ENDPOINT": url}


def answered(running: Function) -> list[int]:
    return [running.ask("GET", f"/api/distance/jobs/{job_id()}").status for _ in range(REQUESTS)]


def stopped(running: Function) -> int:
    running.process.send_signal(signal.SIGTERM)
    return running.process.wait(30)


def failures(log: Path) -> list[str]:
    """The signals whose export has failed, as the log tells it."""
    lines = [json.loads(line) for line in log.read_text().splitlines() if line.startswith("{")]
    return [line["signal"] for line in lines if line["message"] == "telemetry not exported"]


def all_failed(log: Path) -> bool:
    return {"traces", "metrics", "logs"} == set(failures(log))


def test_nobody_waits_for_a_collector_that_never_answers(stack: Stack, tmp_path: Path) -> None:
    with (
        collector(None) as (url, calls),
        function("calculate", settings(stack, "calculate", url), tmp_path / "log") as running,
    ):
        assert running.deliver(job_id()).status == 200
        until(lambda: calls)
        for _ in range(REQUESTS):  # while the first batch still hangs
            assert running.deliver(job_id()).status == 200
        assert stopped(running) == 0  # and while it hangs, too


def test_a_collector_that_is_away_or_fails_is_told_of_once(stack: Stack, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        away = f"http://127.0.0.1:{nobody.getsockname()[1]}"
    broken = b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 12\r\n\r\nsecret-words"
    quick = {"OTEL_EXPORTER_OTLP_TIMEOUT": "1"}
    with collector(broken) as (url, _):
        for name, endpoint in (("away", away), ("broken", url)):
            log = tmp_path / name
            with function("status", settings(stack, "status", endpoint, **quick), log) as running:
                assert answered(running) == [404] * REQUESTS
                until(functools.partial(all_failed, log))
                assert answered(running) == [404] * REQUESTS
                assert stopped(running) == 0
            assert len(failures(log)) == len(set(failures(log)))
            assert "secret-words" not in log.read_text()
            assert "Traceback" not in log.read_text()
            assert "opentelemetry" not in log.read_text()


@pytest.mark.parametrize("end", [stopped, Function.kill], ids=["SIGTERM", "SIGKILL"])
def test_what_was_not_sent_leaves_with_the_pod_unless_it_is_killed(
    stack: Stack, tmp_path: Path, end: Callable[[Function], object]
) -> None:
    requests: list[tuple[str, bytes]] = []
    with run_receiver(lambda *request: requests.append(request)) as receiver:
        with function("status", settings(stack, "status", receiver.url, **NEVER), tmp_path / "log") as running:
            assert running.ask("GET", f"/api/distance/jobs/{job_id()}").status == 404
            assert receiver.store.spans() == []
            end(running)
        names = [span.name for span in receiver.store.spans()]
        gone = end is not stopped
        assert names == ([] if gone else ["GET /api/distance/jobs/<job_id>", "S3/GetObject"])
        assert bool(data_points(requests)) is not gone


def test_a_job_is_told_of_at_once(stack: Stack, tmp_path: Path) -> None:
    requests: list[tuple[str, bytes]] = []
    with (
        run_receiver(lambda *request: requests.append(request)) as receiver,
        function("calculate", settings(stack, "calculate", receiver.url, **NEVER), tmp_path / "log") as running,
    ):
        assert running.deliver(job_id()).status == 200
        until(lambda: "distance.calculate" in [span.name for span in receiver.store.spans()])
        until(lambda: "distance.jobs.completed" in [point.metric for point in data_points(requests)])
