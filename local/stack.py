"""The whole system on one machine, for the time of a block."""

import contextlib
import fcntl
import http.client
import json
import os
import secrets
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg

from local import object_storage, postgres, sample_fixes
from local.options import TARGETS, Options
from local.parts import PORTS, Plan
from local.ports import chosen, is_free
from local.problems import Problems
from local.supervision import Supervisor, supervised
from shared.errors import SettingsError

_READY_WITHIN_SECONDS = 120
_LOOK_SECONDS = 0.1


class NotReady(Exception):
    """A part did not come up; the text names it."""


@dataclass(frozen=True)
class Stack:
    """A system that runs: how to reach it, what it consists of."""

    plan: Plan
    supervisor: Supervisor
    problems: Problems

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.plan.options.port}"


@contextlib.contextmanager
def running(options: Options, say: Callable[[str], None] = lambda _: None) -> Iterator[Stack]:
    """The system of `options`, every part answering; at the end of the block no process is left.

    SettingsError names a bad setting, a port or a folder that is taken, before anything has started; `say` is told
    what is being waited for.
    """
    data_dir = options.data_dir
    with _claimed(data_dir) as lock:
        if not is_free(options.port):
            raise SettingsError(f"PORT: 127.0.0.1:{options.port} is taken")
        plan = Plan(options, chosen(PORTS, options.port), secrets.token_hex(8))
        for target in TARGETS:
            plan.settings(target)
        say("preparing the data folder")
        parts = plan.parts()
        port = plan.ports["supervisor"]
        storage = {name: plan.ports[name] for name in object_storage.PORTS}
        try:
            with supervised(parts, data_dir, port, options.for_all(), lock) as supervisor:
                _until_ready(plan, supervisor, say)
                yield Stack(plan, supervisor, Problems(data_dir / "logs"))
        finally:
            object_storage.clear(storage)


@contextlib.contextmanager
def _claimed(data_dir: Path) -> Iterator[int]:
    """The folder is ours alone; the lock's file descriptor, inherited, keeps it so until the last part has gone."""
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        lock = os.open(data_dir / "lock", os.O_CREAT | os.O_RDWR, 0o600)
    except OSError as exc:
        raise SettingsError(f"DATA_DIR: {data_dir}: {exc.strerror}") from None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield lock
    except BlockingIOError:
        raise SettingsError(f"DATA_DIR: {data_dir} is in use by another running system") from None
    finally:
        os.close(lock)


def _until_ready(plan: Plan, supervisor: Supervisor, say: Callable[[str], None]) -> None:
    options, ports = plan.options, plan.ports
    cluster = postgres.Cluster(options.data_dir.resolve(), ())
    admin = object_storage.keys(options.data_dir, object_storage.ADMIN) if options.own_storage else None
    steps: list[tuple[str, Callable[[], bool]]] = [
        ("object storage", lambda: object_storage.furnished(plan.settings("calculate"), admin)),
        ("every part's answer", lambda: _answers(options.port, plan.instance)),
    ]
    if options.own_database:
        steps.insert(0, ("PostgreSQL", lambda: cluster.ready(ports["postgres"]) and _loaded(plan)))
    deadline = time.monotonic() + _READY_WITHIN_SECONDS
    for name, ready in steps:
        say(f"waiting for {name}")
        while not ready():
            if not supervisor.alive:
                raise NotReady(f"supervisord ended: {options.data_dir}/logs/supervisord.log says why")
            if time.monotonic() > deadline:
                raise NotReady(f"{name} did not come: {options.data_dir}/logs/ says why")
            time.sleep(_LOOK_SECONDS)


def _loaded(plan: Plan) -> bool:
    url = postgres.url(plan.options.data_dir, plan.ports["postgres"])
    with psycopg.connect(url) as connection:
        sample_fixes.load(connection)
    return True


def _answers(port: int, instance: str) -> bool:
    """Whether the gateway on `port` is ours, and finds every part ready."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=15)
    try:
        connection.request("GET", "/readyz")
        answer = connection.getresponse()
        return answer.status == 200 and json.loads(answer.read()).get("instance") == instance
    except (OSError, http.client.HTTPException, ValueError):
        return False
    finally:
        connection.close()
