"""The whole system on one machine, started and stopped as one."""

import contextlib
import fcntl
import os
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from local import object_storage, startup
from local.components import PORTS, Plan
from local.log_errors import ErrorLogFollower
from local.options import STORAGE_TARGETS, Options
from local.ports import assign_ports, is_free
from local.supervisor import Supervisor, run_supervisor, write_configuration
from shared.errors import SettingsError
from shared.storage.client import client


@dataclass(frozen=True)
class Stack:
    """A running system."""

    plan: Plan
    supervisor: Supervisor
    log_errors: ErrorLogFollower

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.plan.options.port}"


@contextlib.contextmanager
def run_stack(options: Options, report: Callable[[str], None] = lambda _: None) -> Iterator[Stack]:
    """Run the system for the duration of the block, once every component is ready; no process is left afterwards.

    `report` is called with the name of each step. Raises SettingsError for an invalid setting, or a port or data
    folder in use, before a component is started; PostgresUnavailable and StartupError afterwards.
    """
    data_dir = options.data_dir
    with _exclusive_lock(data_dir) as lock:
        if not is_free(options.port):
            raise SettingsError(f"PORT: 127.0.0.1:{options.port} is already in use")
        plan = Plan(options, assign_ports(PORTS, options.port), secrets.token_hex(8))
        with _data_dir_errors(data_dir):
            for target in STORAGE_TARGETS:
                client(plan.settings(target)).close()
            report("preparing the data folder")
            components = plan.components()
            write_configuration(components, data_dir, plan.ports["supervisor"])
        port = plan.ports["supervisor"]
        storage_ports = {name: plan.ports[name] for name in object_storage.PORTS}
        try:
            with run_supervisor(components, data_dir, port, options.common_environment(), lock) as supervisor:
                startup.wait_until_ready(plan, supervisor, report)
                yield Stack(plan, supervisor, ErrorLogFollower(data_dir / "logs"))
        finally:
            object_storage.remove_sockets(storage_ports)


@contextlib.contextmanager
def _data_dir_errors(data_dir: Path) -> Iterator[None]:
    """Convert OSError to a SettingsError that names the folder."""
    try:
        yield
    except OSError as exc:
        raise SettingsError(f"DATA_DIR: {data_dir}: {exc.strerror}") from None


@contextlib.contextmanager
def _exclusive_lock(data_dir: Path) -> Iterator[int]:
    """Lock the folder. The components inherit the descriptor, so the lock is held until the last of them exits."""
    with _data_dir_errors(data_dir):
        data_dir.mkdir(parents=True, exist_ok=True)
        lock = os.open(data_dir / "lock", os.O_CREAT | os.O_RDWR, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield lock
    except BlockingIOError:
        raise SettingsError(f"DATA_DIR: {data_dir} is in use by another running system") from None
    finally:
        os.close(lock)
