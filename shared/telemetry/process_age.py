"""The age of this process, from the kernel. A cold start includes the time before Python runs."""

import os
import time
from pathlib import Path

_MAX_FORK_DELAY_SECONDS = 5  # a worker that starts later replaces another one


def age(proc: Path = Path("/proc"), now: float | None = None) -> float:
    """Return the seconds since the process started, including the start of gunicorn's master; 0 without procfs.

    `now` is in seconds since boot.
    """
    try:
        own, master = _start_time(proc / "self"), _start_time(proc / str(os.getppid()))
    except (OSError, ValueError, IndexError):
        return 0.0
    since_boot = time.clock_gettime(time.CLOCK_BOOTTIME) if now is None else now
    return max(since_boot - (master if own - master < _MAX_FORK_DELAY_SECONDS else own), 0.0)


def _start_time(process: Path) -> float:
    """Return the start in seconds since boot: field 22 of stat in proc(5). The name before it may contain spaces."""
    stat = (process / "stat").read_text()
    return int(stat.rpartition(")")[2].split()[19]) / os.sysconf("SC_CLK_TCK")
