"""The stand-in broker passes the cases that `make cluster-test` runs on a cluster's."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from typing import Any

import pytest

from cluster.delivery.cases import CASES, REFUSED, Case
from cluster.delivery.subscriber import Subscriber
from cluster.delivery.verdict import wrong
from cluster.in_pod import asked
from local.ports import unused
from tests.integration.processes import ROOT
from tests.integration.whole_stack import ask, until

SETTLED_SECONDS = 2  # more than the longest pause between two attempts


@contextmanager
def subscriber(port: int) -> Iterator[Subscriber]:
    with Subscriber(port, "127.0.0.1") as server:
        threading.Thread(target=server.serve_forever).start()
        yield server
        server.shutdown()


@pytest.fixture(scope="module")
def ingress(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[], tuple[str, Subscriber]]]:
    port, there = unused(), unused()
    queue = tmp_path_factory.mktemp("cases") / "queue.sqlite3"
    settings = {"QUEUE": str(queue), "SUBSCRIBER_URL": f"http://127.0.0.1:{there}", "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "gunicorn", "-c", "python:local.serving", "-b", f"127.0.0.1:{port}"]
    process = subprocess.Popen(
        [*command, "tests.integration.cases_broker:from_environ()"],
        cwd=ROOT,
        env={**os.environ, **settings},
        process_group=0,
    )
    try:
        with subscriber(there) as server:
            url = f"http://127.0.0.1:{port}/"
            until(lambda: ask("GET", f"{url}readyz").status == 200)
            yield lambda: (url, server)
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


@pytest.fixture(scope="module")
def received(ingress: Callable[[], tuple[str, Subscriber]]) -> list[dict[str, Any]]:
    """What came of all cases, published at once."""
    url, server = ingress()
    requests = [one for case in CASES for one in case.requests(url)]
    with ThreadPoolExecutor(8) as pool:
        assert {answer["status"] for answer in pool.map(asked, requests)} == {202}

    def seen() -> list[dict[str, Any]]:
        with server.lock:
            return list(server.received)

    with suppress(AssertionError):  # each case tells by itself what is wrong
        until(lambda: not any(wrong(case, seen()) for case in CASES), 30)
    quiet = time.monotonic() + SETTLED_SECONDS
    until(lambda: time.monotonic() > quiet)
    return seen()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_the_stand_in_delivers_as_knative_does(case: Case, received: list[dict[str, Any]]) -> None:
    assert wrong(case, received) == []


@pytest.mark.parametrize("what", REFUSED)
def test_the_ingress_refuses_what_knatives_does(what: str, ingress: Callable[[], tuple[str, Subscriber]]) -> None:
    request, status = REFUSED[what]
    assert asked({"url": ingress()[0], **request})["status"] == status


def test_the_cases_have_names_of_their_own() -> None:
    assert len({case.id for case in CASES}) == len(CASES)
