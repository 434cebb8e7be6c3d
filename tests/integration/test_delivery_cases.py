"""The local broker delivers events as the cluster's broker does, checked by the same cases and subscriber."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from tests.cluster import pod_client
from tests.cluster.delivery import subscriber
from tests.cluster.delivery.cases import CASES, REJECTIONS, DeliveryCase, Rejection
from tests.cluster.delivery.verdict import QUIET_SECONDS, count_arrivals, find_errors
from tests.integration.ports import free_port
from tests.integration.whole_stack import send_request, wait_until

ALL_CASES: tuple[DeliveryCase | Rejection, ...] = (*CASES, *REJECTIONS)


@dataclass(frozen=True)
class DeliveryRun:
    """The ingress' statuses by case, and the deliveries that the subscriber recorded."""

    statuses: Mapping[str, list[int]]
    received: list[dict[str, Any]]


@contextmanager
def process(ready: str, *command: str, **environ: str) -> Iterator[None]:
    started = subprocess.Popen([sys.executable, *command], env={**os.environ, **environ}, process_group=0)
    try:
        wait_until(lambda: send_request("GET", ready).status == 200)
        yield
    finally:
        os.killpg(started.pid, signal.SIGKILL)
        started.wait()


@pytest.fixture(scope="module")
def delivery_run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DeliveryRun]:
    """Run all cases concurrently."""
    port, subscriber_port = free_port(), free_port()
    broker, sink = f"http://127.0.0.1:{port}", f"http://127.0.0.1:{subscriber_port}"
    queue = str(tmp_path_factory.mktemp("delivery") / "queue.sqlite3")
    serving = ["-m", "gunicorn", "-c", "python:local.gunicorn_config", "-b", f"127.0.0.1:{port}"]
    with ExitStack() as running:
        running.enter_context(process(f"{sink}/healthz", subscriber.__file__, str(subscriber_port)))
        application = "tests.integration.delivery_broker:application()"
        environ = {"QUEUE": queue, "SUBSCRIBER": sink}
        running.enter_context(process(f"{broker}/readyz", *serving, application, **environ))
        requests = [(case.name, request) for case in ALL_CASES for request in case.requests(f"{broker}/")]
        with ThreadPoolExecutor(max_workers=16) as pool:
            responses = list(pool.map(lambda named: pod_client.send(named[1])["status"], requests))
        statuses: dict[str, list[int]] = {}
        for (name, _), status in zip(requests, responses, strict=True):
            statuses.setdefault(name, []).append(status)
        yield DeliveryRun(statuses, wait_for_arrivals(sink))


def wait_for_arrivals(sink: str) -> list[dict[str, Any]]:
    """Return the arrivals once no new one has arrived for so long that no retry can be pending."""
    expected, deadline = count_arrivals(CASES), time.monotonic() + 60
    count, last_arrival = 0, time.monotonic()
    while True:
        received: list[dict[str, Any]] = send_request("GET", f"{sink}/received").json
        now = time.monotonic()
        if len(received) != count:
            count, last_arrival = len(received), now
        if now > deadline or (count >= expected and now - last_arrival > QUIET_SECONDS):
            return received
        time.sleep(0.2)


@pytest.mark.parametrize("case", ALL_CASES, ids=lambda case: case.name)
def test_local_broker_delivers_as_knative_does(delivery_run: DeliveryRun, case: DeliveryCase | Rejection) -> None:
    assert not find_errors(case, delivery_run.statuses[case.name], delivery_run.received)
