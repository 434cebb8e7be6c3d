"""The whole system on one machine, for the time of a block."""

import contextlib
import fcntl
import os
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from local import object_storage, readiness
from local.options import TARGETS, Options
from local.parts import PORTS, Plan
from local.ports import chosen, is_free
from local.problems import Problems
from local.supervision import Supervisor, prepare, supervised
from shared.errors import SettingsError
from shared.storage.client import client


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
        with _writing(data_dir):
            for target in TARGETS:
                client(plan.settings(target)).close()
            say("preparing the data folder")
            parts = plan.parts()
            prepare(parts, data_dir, plan.ports["supervisor"])
        port = plan.ports["supervisor"]
        storage = {name: plan.ports[name] for name in object_storage.PORTS}
        try:
            with supervised(parts, data_dir, port, options.for_all(), lock) as supervisor:
                readiness.wait(plan, supervisor, say)
                yield Stack(plan, supervisor, Problems(data_dir / "logs"))
        finally:
            object_storage.clear(storage)


@contextlib.contextmanager
def _writing(data_dir: Path) -> Iterator[None]:
    """Turn a failure to write to the folder into a SettingsError that names it."""
    try:
        yield
    except OSError as exc:
        raise SettingsError(f"DATA_DIR: {data_dir}: {exc.strerror}") from None


@contextlib.contextmanager
def _claimed(data_dir: Path) -> Iterator[int]:
    """The folder is ours alone; the lock's file descriptor, inherited, keeps it so until the last part has gone."""
    with _writing(data_dir):
        data_dir.mkdir(parents=True, exist_ok=True)
        lock = os.open(data_dir / "lock", os.O_CREAT | os.O_RDWR, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield lock
    except BlockingIOError:
        raise SettingsError(f"DATA_DIR: {data_dir} is in use by another running system") from None
    finally:
        os.close(lock)
