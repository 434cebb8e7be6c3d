"""Non-critical health checks of a process: the event sink, disk space and memory."""

import shutil
import socket
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

from shared.errors import CheckFailed, Unavailable
from shared.http.health import Check

_CONNECT_TIMEOUT_SECONDS = 2
_MIN_FREE_BYTES = 16 << 20
_MAX_MEMORY_SHARE = 0.9  # of the limit at which the kernel kills the container
_CGROUP = Path("/sys/fs/cgroup")


def default_checks(sink: str | None = None, cgroup: Path = _CGROUP) -> dict[str, Check]:
    """The checks that apply to this process: `broker` with a sink, `memory` in a container with a memory limit."""
    checks = {"broker": Check(lambda: check_reachable(sink), critical=False)} if sink else {}
    checks["tmp"] = Check(lambda: check_disk_space("/tmp"), critical=False)  # noqa: S108 - only its free space is read
    if memory_usage(cgroup) is not None:
        checks["memory"] = Check(lambda: check_memory(cgroup), critical=False)
    return checks


def check_reachable(
    sink: str, connect: Callable[[tuple[str, int], float], socket.socket] = socket.create_connection
) -> None:
    """Raise Unavailable unless the sink accepts connections. Brokers differ in their responses to anything else."""
    parts = urlsplit(sink)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    try:
        connect((parts.hostname or "", port), _CONNECT_TIMEOUT_SECONDS).close()
    except OSError as exc:
        raise Unavailable("broker", type(exc).__name__) from exc


def check_disk_space(folder: str, min_free_bytes: int = _MIN_FREE_BYTES) -> None:
    """Raise CheckFailed if the file system of `folder` is nearly full."""
    try:
        free = shutil.disk_usage(folder).free
    except OSError as exc:
        raise CheckFailed("no such folder") from exc
    if free < min_free_bytes:
        raise CheckFailed("no space")


def check_memory(cgroup: Path = _CGROUP) -> None:
    """Raise CheckFailed if the container has nearly reached its memory limit."""
    if (memory_usage(cgroup) or 0) > _MAX_MEMORY_SHARE:
        raise CheckFailed("little memory")


def memory_usage(cgroup: Path = _CGROUP) -> float | None:
    """The share of its memory limit that the container uses, without reclaimable cache; None without a limit."""
    try:
        limit = int((cgroup / "memory.max").read_text(encoding="ascii"))
        used = int((cgroup / "memory.current").read_text(encoding="ascii"))
        lines = (cgroup / "memory.stat").read_text(encoding="ascii").splitlines()
        cached = next((int(line.split()[1]) for line in lines if line.startswith("inactive_file ")), 0)
    except (OSError, ValueError):  # no cgroup v2, or no limit ("max")
        return None
    return max(used - cached, 0) / limit if limit else None
