"""Who is killed, and when: SIGKILL for a part and all its processes, as when memory runs out."""

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
_SHARES = {"calculate": 3}  # of what is killed; the others have one each
_SECONDS = (1.0, 3.0)
_TWO_AT_ONCE = 0.25
SECONDS_A_KILL = sum(_SECONDS) / 2 / (1 + _TWO_AT_ONCE)
_RISEN_WITHIN_SECONDS = 20
_LOOK_SECONDS = 0.05


def plan(seed: int, parts: Sequence[str]) -> Iterator[tuple[float, list[str]]]:
    """Without end: how many seconds to wait, and who is killed then, at once; every part has its turns."""
    chance = random.Random(f"{seed} kills")
    turns: list[str] = []
    while True:
        while len(turns) < 2:
            shares = [part for part in parts for _ in range(_SHARES.get(part, 1))]
            turns += chance.sample(shares, len(shares))
        victims = {turns.pop(0)}
        if chance.random() < _TWO_AT_ONCE:
            victims.add(turns.pop(0))
        yield chance.uniform(*_SECONDS), sorted(victims)


class Killer:
    """Kills as planned until stopped; a part that is still down is waited for, so that the order is the seed's."""

    def __init__(
        self, supervisor: Supervisor, planned: Iterator[tuple[float, list[str]]], ports: Mapping[str, int]
    ) -> None:
        self.kills: Counter[str] = Counter()
        self.at_work: Counter[str] = Counter()  # those of functions that met a request
        self.absent: Counter[str] = Counter()  # those that had not been started again in time
        self._supervisor = supervisor
        self._planned = planned
        self._ports = ports
        self._ended = threading.Event()
        self._thread = ThreadPoolExecutor(1, "kills")

    def start(self) -> None:
        self._running = self._thread.submit(self._run)

    def stop(self) -> None:
        """Kill nothing more; what broke the killing is raised."""
        self._ended.set()
        self._thread.shutdown()
        self._running.result()

    def _run(self) -> None:
        for pause, victims in self._planned:
            if self._ended.wait(pause):
                return
            pids = self._pids(victims)
            for part in victims:
                if part not in pids:
                    self.absent[part] += 1
                    continue
                working = part in TARGETS and at_work(pids[part], self._ports[part])
                if killed(pids[part]):
                    self.kills[part] += 1
                    self.at_work[part] += working

    def _pids(self, victims: list[str]) -> dict[str, int]:
        deadline = time.monotonic() + _RISEN_WITHIN_SECONDS
        while True:
            pids = self._supervisor.pids()
            if set(victims) <= set(pids) or time.monotonic() > deadline or self._ended.is_set():
                return pids
            time.sleep(_LOOK_SECONDS)


def at_work(pid: int, port: int) -> bool:
    """Whether a function is answering a request: its callers, gateway and broker, keep no connection without one."""
    try:
        processes = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
        connections = [found for process in processes for found in process.net_connections("tcp4")]
    except psutil.Error:
        return False
    return any(found.laddr.port == port and found.status == psutil.CONN_ESTABLISHED for found in connections)


def killed(pid: int) -> bool:
    """SIGKILL for the process, then for all below it: none is left that would start another. False: it was gone."""
    try:
        part = psutil.Process(pid)
        below = part.children(recursive=True)
        part.kill()
    except psutil.NoSuchProcess:
        return False
    for process in below:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    return True
