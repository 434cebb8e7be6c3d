"""Keeping the parts alive: supervisord starts them, starts them again, and stops them in order."""

import contextlib
import os
import shlex
import signal
import subprocess
import sys
import xmlrpc.client
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from local import credentials

_ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Part:
    """One process that must run, in `folder`: `stop_signal` asks it to end, after `stop_seconds` it is killed.

    The parts of one `group` are stopped all at once.
    """

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    stop_signal: str = "TERM"
    stop_seconds: int = 10
    group: str = ""
    folder: Path = _ROOT


class Supervisor:
    """A running supervisord and its parts."""

    def __init__(self, process: "subprocess.Popen[bytes]", address: str, patience: float) -> None:
        self._process = process
        self._address = address
        self._patience = patience

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def pids(self) -> dict[str, int]:
        """The process of each part that runs, by name."""
        return {info["name"]: info["pid"] for info in self._processes() if info["pid"]}

    def starts(self) -> dict[str, int]:
        """When each part was last started, in seconds since 1970; parts that were not are left out."""
        with contextlib.suppress(OSError, xmlrpc.client.Error):  # supervisord does not listen yet, or no longer
            return {info["name"]: info["start"] for info in self._processes() if info["start"]}
        return {}

    def _processes(self) -> list[dict[str, Any]]:
        with xmlrpc.client.ServerProxy(f"http://{self._address}/RPC2") as rpc:
            answer = cast("list[dict[str, Any]]", rpc.supervisor.getAllProcessInfo())
        return [info for info in answer if info["name"] != _LIFELINE]

    def stop(self) -> None:
        """Every part has ended, the last one started first; what doesn't heed its signal is killed."""
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(self._patience)
        finally:
            self._process.kill()
            self._process.wait()


_LIFELINE = "lifeline"


def prepare(parts: Sequence[Part], data_dir: Path, port: int) -> None:
    """Write what `supervised` starts from; OSError where that is impossible."""
    (data_dir / "logs").mkdir(exist_ok=True)
    run = data_dir / "run"
    run.mkdir(mode=0o700, exist_ok=True)
    lifeline = run / "lifeline.fifo"
    if not lifeline.exists():
        os.mkfifo(lifeline, 0o600)
    for part in parts:
        _write(run / f"{part.name}.sh", _script(part))
    _write(run / f"{_LIFELINE}.sh", "#!/bin/sh\nread _ < run/lifeline.fifo\nkill -TERM $PPID\nexec sleep 60\n")
    _write(run / "supervisord.conf", _configuration(parts, port, credentials.secret(data_dir, "supervisor")))


@contextlib.contextmanager
def supervised(
    parts: Sequence[Part], data_dir: Path, port: int, environ: Mapping[str, str], keep_open: int
) -> Iterator[Supervisor]:
    """`parts`, which are prepared, run in this order for the time of the block; `port` is the supervisor's own.

    They all end as well if this process dies. `keep_open` is a file descriptor that supervisord keeps, a lock's.
    """
    # The reader of the lifeline meets the end of the file when we are gone.
    held = os.open(data_dir / "run" / "lifeline.fifo", os.O_RDWR)
    try:
        # Paths in the configuration are relative to this folder: its name may hold what supervisor would interpret.
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "supervisor.supervisord", "--nodaemon", "-c", "run/supervisord.conf"],
            cwd=data_dir,
            env=dict(environ),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            process_group=0,  # Ctrl-C is ours to pass on
            pass_fds=[keep_open],
        )
        patience = 10 + sum(2 + part.stop_seconds for part in parts)
        password = credentials.secret(data_dir, "supervisor")
        supervisor = Supervisor(process, f"otel-worker:{password}@127.0.0.1:{port}", patience)
        try:
            yield supervisor
        finally:
            supervisor.stop()
    finally:
        os.close(held)


def _script(part: Part) -> str:
    """The part as a shell script, which anyone may run by hand as well: its environment, then its command."""
    exports = [f"export {name}={shlex.quote(text)}" for name, text in part.environment.items()]
    return "\n".join(
        ["#!/bin/sh", f"cd {shlex.quote(str(part.folder))}", *exports, f"exec {shlex.join(part.command)}", ""]
    )


def _write(path: Path, text: str) -> None:
    with os.fdopen(os.open(path, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600), "w", encoding="utf-8") as file:
        file.write(text)


def _configuration(parts: Sequence[Part], port: int, password: str) -> str:
    lines = [
        "[supervisord]",
        "logfile=logs/supervisord.log",
        "pidfile=run/supervisord.pid",
        "silent=true",
        "[inet_http_server]",
        f"port=127.0.0.1:{port}",
        "username=otel-worker",
        f"password={password}",
        "[rpcinterface:supervisor]",
        "supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface",
    ]
    order = {"": 0}
    for part in [Part(_LIFELINE, [], {}, stop_seconds=1), *parts]:
        lines += [
            f"[program:{part.name}]",
            f"command=/bin/sh run/{part.name}.sh",
            f"priority={order.setdefault(part.group or part.name, len(order))}",
            "autorestart=true",
            "startretries=1000000",
            f"stopsignal={part.stop_signal}",
            f"stopwaitsecs={part.stop_seconds}",
            f"stopasgroup={'true' if part.name == _LIFELINE else 'false'}",
            "killasgroup=true",
            f"stdout_logfile=logs/{part.name}.log",
            "stdout_logfile_maxbytes=10MB",
            "stdout_logfile_backups=1",
            "redirect_stderr=true",
        ]
    for group in filter(None, dict.fromkeys(part.group for part in parts)):
        members = ",".join(part.name for part in parts if part.group == group)
        lines += [f"[group:{group}]", f"programs={members}", f"priority={order[group]}"]
    return "\n".join(lines) + "\n"
