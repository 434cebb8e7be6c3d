"""The stand-in broker does with events what the cluster's broker does: the same cases, the same subscriber."""

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

from local.ports import find_free_port
from tests.cluster import in_pod
from tests.cluster.delivery import subscriber
from tests.cluster.delivery.cases import CASES, REFUSALS, Case, Refusal
from tests.cluster.delivery.verdict import QUIET_SECONDS, expected_arrivals, wrong
from tests.integration.whole_stack import ask, until

ALL: tuple[Case | Refusal, ...] = (*CASES, *REFUSALS)


@dataclass(frozen=True)
class Outcome:
    answered: Mapping[str, list[int]]
    received: list[dict[str, Any]]


@contextmanager
def process(ready: str, *command: str, **environ: str) -> Iterator[None]:
    started = subprocess.Popen([sys.executable, *command], env={**os.environ, **environ}, process_group=0)
    try:
        until(lambda: ask("GET", ready).status == 200)
        yield
    finally:
        os.killpg(started.pid, signal.SIGKILL)
        started.wait()


@pytest.fixture(scope="module")
def outcome(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Outcome]:
    """What became of all cases at once."""
    port, there = find_free_port(), find_free_port()
    broker, sink = f"http://127.0.0.1:{port}", f"http://127.0.0.1:{there}"
    queue = str(tmp_path_factory.mktemp("delivery") / "queue.sqlite3")
    serving = ["-m", "gunicorn", "-c", "python:local.gunicorn_config", "-b", f"127.0.0.1:{port}"]
    with ExitStack() as running:
        running.enter_context(process(f"{sink}/healthz", subscriber.__file__, str(there)))
        application = "tests.integration.delivery_broker:application()"
        environ = {"QUEUE": queue, "SUBSCRIBER": sink}
        running.enter_context(process(f"{broker}/readyz", *serving, application, **environ))
        asked = [(case.name, request) for case in ALL for request in case.requests(f"{broker}/")]
        with ThreadPoolExecutor(max_workers=16) as pool:
            answers = list(pool.map(lambda one: in_pod.asked(one[1])["status"], asked))
        answered: dict[str, list[int]] = {}
        for (name, _), status in zip(asked, answers, strict=True):
            answered.setdefault(name, []).append(status)
        yield Outcome(answered, settled(sink))


def settled(sink: str) -> list[dict[str, Any]]:
    """The subscriber's record once nothing has come for so long that nothing can be under way."""
    expected, deadline = expected_arrivals(CASES), time.monotonic() + 60
    count, since = 0, time.monotonic()
    while True:
        received: list[dict[str, Any]] = ask("GET", f"{sink}/received").json
        now = time.monotonic()
        if len(received) != count:
            count, since = len(received), now
        if now > deadline or (count >= expected and now - since > QUIET_SECONDS):
            return received
        time.sleep(0.2)


@pytest.mark.parametrize("case", ALL, ids=lambda case: case.name)
def test_the_stand_in_does_what_the_cluster_does(outcome: Outcome, case: Case | Refusal) -> None:
    assert not wrong(case, outcome.answered[case.name], outcome.received)
