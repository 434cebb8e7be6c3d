"""Process supervision: supervisord starts the components, restarts them, and stops them in order."""

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
# A program of supervisord that blocks on a FIFO and stops supervisord at end of file, that is when this process exits.
_WATCHDOG = "watchdog"


@dataclass(frozen=True)
class Component:
    """One supervised process, run in `folder`; it gets `stop_signal`, and SIGKILL after `stop_seconds`.

    The components of a `group` are stopped at the same time.
    """

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    stop_signal: str = "TERM"
    stop_seconds: int = 10
    group: str = ""
    folder: Path = _ROOT


class Supervisor:
    """A running supervisord and its components."""

    def __init__(self, process: "subprocess.Popen[bytes]", address: str, stop_timeout: float) -> None:
        self._process = process
        self._address = address
        self._stop_timeout = stop_timeout

    @property
    def is_running(self) -> bool:
        return self._process.poll() is None

    def pids(self) -> dict[str, int]:
        """Return the process id of each running component by name."""
        return {info["name"]: info["pid"] for info in self._processes() if info["pid"]}

    def start_times(self) -> dict[str, int]:
        """Return when each component was last started, in seconds since 1970; empty if supervisord is not reachable."""
        with contextlib.suppress(OSError, xmlrpc.client.Error):
            return {info["name"]: info["start"] for info in self._processes() if info["start"]}
        return {}

    def _processes(self) -> list[dict[str, Any]]:
        with xmlrpc.client.ServerProxy(f"http://{self._address}/RPC2") as rpc:
            processes = cast("list[dict[str, Any]]", rpc.supervisor.getAllProcessInfo())
        return [info for info in processes if info["name"] != _WATCHDOG]

    def stop(self) -> None:
        """Stop all components in reverse order of their start, then supervisord; kill what does not stop in time."""
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(self._stop_timeout)
        finally:
            self._process.kill()
            self._process.wait()


def write_configuration(components: Sequence[Component], data_dir: Path, port: int) -> None:
    """Write the files that `run_supervisor` starts from; raises OSError."""
    (data_dir / "logs").mkdir(exist_ok=True)
    run = data_dir / "run"
    run.mkdir(mode=0o700, exist_ok=True)
    fifo = run / "watchdog.fifo"
    if not fifo.exists():
        os.mkfifo(fifo, 0o600)
    for component in components:
        _write(run / f"{component.name}.sh", _script(component))
    _write(run / f"{_WATCHDOG}.sh", "#!/bin/sh\nread _ < run/watchdog.fifo\nkill -TERM $PPID\nexec sleep 60\n")
    password = credentials.read_secret(data_dir, "supervisor")
    _write(run / "supervisord.conf", _configuration(components, port, password))


@contextlib.contextmanager
def run_supervisor(
    components: Sequence[Component], data_dir: Path, port: int, environ: Mapping[str, str], inherited_fd: int
) -> Iterator[Supervisor]:
    """Run the components, in this order, for the duration of the block; `port` is for supervisord's own API.

    They stop as well if this process dies. supervisord inherits the file descriptor `inherited_fd`, a lock.
    """
    fifo = os.open(data_dir / "run" / "watchdog.fifo", os.O_RDWR)
    try:
        # The configuration has relative paths: supervisor would interpret special characters in the folder's name.
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "supervisor.supervisord", "--nodaemon", "-c", "run/supervisord.conf"],
            cwd=data_dir,
            env=dict(environ),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            process_group=0,  # the terminal sends Ctrl-C to this process only
            pass_fds=[inherited_fd],
        )
        stop_timeout = 10 + sum(2 + component.stop_seconds for component in components)
        password = credentials.read_secret(data_dir, "supervisor")
        supervisor = Supervisor(process, f"otel-worker:{password}@127.0.0.1:{port}", stop_timeout)
        try:
            yield supervisor
        finally:
            supervisor.stop()
    finally:
        os.close(fifo)


def _script(component: Component) -> str:
    """Return a shell script that sets the environment and runs the command; it can be run by hand too."""
    exports = [f"export {name}={shlex.quote(text)}" for name, text in component.environment.items()]
    return "\n".join(
        ["#!/bin/sh", f"cd {shlex.quote(str(component.folder))}", *exports, f"exec {shlex.join(component.command)}", ""]
    )


def _write(path: Path, text: str) -> None:
    with os.fdopen(os.open(path, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600), "w", encoding="utf-8") as file:
        file.write(text)


def _configuration(components: Sequence[Component], port: int, password: str) -> str:
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
    priorities = {"": 0}
    for component in [Component(_WATCHDOG, [], {}, stop_seconds=1), *components]:
        lines += [
            f"[program:{component.name}]",
            f"command=/bin/sh run/{component.name}.sh",
            f"priority={priorities.setdefault(component.group or component.name, len(priorities))}",
            "autorestart=true",
            "startretries=1000000",
            f"stopsignal={component.stop_signal}",
            f"stopwaitsecs={component.stop_seconds}",
            f"stopasgroup={'true' if component.name == _WATCHDOG else 'false'}",
            "killasgroup=true",
            f"stdout_logfile=logs/{component.name}.log",
            "stdout_logfile_maxbytes=10MB",
            "stdout_logfile_backups=1",
            "redirect_stderr=true",
        ]
    for group in filter(None, dict.fromkeys(component.group for component in components)):
        members = ",".join(component.name for component in components if component.group == group)
        lines += [f"[group:{group}]", f"programs={members}", f"priority={priorities[group]}"]
    return "\n".join(lines) + "\n"
