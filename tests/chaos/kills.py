"""Kills of parts: SIGKILL for a part and all of its processes, as the kernel does when memory runs out."""

import contextlib
import random
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

import psutil

from local.options import TARGETS
from local.supervisor import Supervisor

PARTS = ("submit", "calculate", "status", "list", "broker", "s3", "postgres", "gateway")
_WEIGHTS = {"calculate": 3}  # relative frequency of kills; 1 for all other parts
_PAUSE_SECONDS = (1.0, 3.0)
_DOUBLE_KILL_PROBABILITY = 0.25
MEAN_SECONDS_PER_KILL = sum(_PAUSE_SECONDS) / 2 / (1 + _DOUBLE_KILL_PROBABILITY)
_RESTART_TIMEOUT_SECONDS = 20
_POLL_SECONDS = 0.05


def plan_kills(seed: int, parts: Sequence[str]) -> Iterator[tuple[float, list[str]]]:
    """Yield endlessly the seconds to wait and the parts to kill together then. Every part has its turns."""
    rng = random.Random(f"{seed} kills")
    turns: list[str] = []
    while True:
        while len(turns) < 2:
            weighted = [part for part in parts for _ in range(_WEIGHTS.get(part, 1))]
            turns += rng.sample(weighted, len(weighted))
        victims = {turns.pop(0)}
        if rng.random() < _DOUBLE_KILL_PROBABILITY:
            victims.add(turns.pop(0))
        yield rng.uniform(*_PAUSE_SECONDS), sorted(victims)


class Killer:
    """Kills parts as planned until it is stopped. It waits for parts that are down, to keep the planned order."""

    def __init__(
        self, supervisor: Supervisor, planned: Iterator[tuple[float, list[str]]], ports: Mapping[str, int]
    ) -> None:
        self.kills: Counter[str] = Counter()
        self.busy_kills: Counter[str] = Counter()  # kills of functions that were handling a request
        self.late_restarts: Counter[str] = Counter()  # skipped kills of parts that had not restarted in time
        self._supervisor = supervisor
        self._planned = planned
        self._ports = ports
        self._stopped = threading.Event()
        self._thread = ThreadPoolExecutor(1, "kills")

    def start(self) -> None:
        self._future = self._thread.submit(self._run)

    def stop(self) -> None:
        """Stop killing. Raises the error that ended the thread, if any."""
        self._stopped.set()
        self._thread.shutdown()
        self._future.result()

    def _run(self) -> None:
        for pause, victims in self._planned:
            if self._stopped.wait(pause):
                return
            pids = self._wait_for_pids(victims)
            for part in victims:
                if part not in pids:
                    self.late_restarts[part] += 1
                    continue
                busy = part in TARGETS and is_busy(pids[part], self._ports[part])
                if kill(pids[part]):
                    self.kills[part] += 1
                    self.busy_kills[part] += busy

    def _wait_for_pids(self, parts: list[str]) -> dict[str, int]:
        """Return the process ids of all parts once `parts` run, or after the timeout."""
        deadline = time.monotonic() + _RESTART_TIMEOUT_SECONDS
        while True:
            pids = self._supervisor.pids()
            if set(parts) <= set(pids) or time.monotonic() > deadline or self._stopped.is_set():
                return pids
            time.sleep(_POLL_SECONDS)


def is_busy(pid: int, port: int) -> bool:
    """Return whether a function is handling a request. Gateway and broker hold no idle connections to it."""
    try:
        processes = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
        connections = [connection for process in processes for connection in process.net_connections("tcp4")]
    except psutil.Error:
        return False
    return any(
        connection.laddr.port == port and connection.status == psutil.CONN_ESTABLISHED for connection in connections
    )


def kill(pid: int) -> bool:
    """Send SIGKILL to the process, then to its descendants. Return False if it did not exist any more.

    The parent dies first, so that it cannot restart its children.
    """
    try:
        process = psutil.Process(pid)
        descendants = process.children(recursive=True)
        process.kill()
    except psutil.NoSuchProcess:
        return False
    for descendant in descendants:
        with contextlib.suppress(psutil.NoSuchProcess):
            descendant.kill()
    return True
