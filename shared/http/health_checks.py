"""Checks of what a process has around it: the sink of its events, space, memory. None of them is critical."""

import shutil
import socket
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

from shared.errors import Unavailable
from shared.http.health import Check, CheckFailed

_CONNECT_SECONDS = 2
_LEAST_SPACE = 16 << 20
_LARGEST_SHARE = 0.9  # of the memory that the kernel gives us before it kills
_CGROUP = Path("/sys/fs/cgroup")


def around(sink: str | None = None, cgroup: Path = _CGROUP) -> dict[str, Check]:
    """The checks that apply here: of a process that publishes to `sink`, in a container whose memory has a limit."""
    checks = {"broker": Check(lambda: reach(sink), critical=False)} if sink else {}
    checks["tmp"] = Check(lambda: has_space("/tmp"), critical=False)  # noqa: S108 - nothing is written there
    if memory_share(cgroup) is not None:
        checks["memory"] = Check(lambda: has_memory(cgroup), critical=False)
    return checks


def reach(sink: str, connect: Callable[[tuple[str, int], float], socket.socket] = socket.create_connection) -> None:
    """Nothing, or Unavailable: somebody listens there. What brokers answer to anything but an event differs."""
    parts = urlsplit(sink)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    try:
        connect((parts.hostname or "", port), _CONNECT_SECONDS).close()
    except OSError as exc:
        raise Unavailable("broker", type(exc).__name__) from exc


def has_space(folder: str, least_bytes: int = _LEAST_SPACE) -> None:
    """Nothing, or Failing: there is room for a few files."""
    try:
        free = shutil.disk_usage(folder).free
    except OSError as exc:
        raise CheckFailed("no such folder") from exc
    if free < least_bytes:
        raise CheckFailed("no space")


def has_memory(cgroup: Path = _CGROUP) -> None:
    """Nothing, or Failing: the kernel is about to kill the process."""
    if (memory_share(cgroup) or 0) > _LARGEST_SHARE:
        raise CheckFailed("little memory")


def memory_share(cgroup: Path = _CGROUP) -> float | None:
    """How much of its memory the container uses, without what the kernel can take back; None where it has no limit."""
    try:
        limit = int((cgroup / "memory.max").read_text(encoding="ascii"))
        used = int((cgroup / "memory.current").read_text(encoding="ascii"))
        lines = (cgroup / "memory.stat").read_text(encoding="ascii").splitlines()
        cached = next((int(line.split()[1]) for line in lines if line.startswith("inactive_file ")), 0)
    except (OSError, ValueError):  # no cgroups of version 2, or "max"
        return None
    return max(used - cached, 0) / limit if limit else None
