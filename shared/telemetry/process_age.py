"""How long ago this process began, as the kernel knows it: what came before our first line is part of a cold start."""

import os
import time
from pathlib import Path

_FORKED_AT_ONCE = 5  # seconds; a worker that gunicorn started later stands for itself


def age(proc: Path = Path("/proc"), now: float | None = None) -> float:
    """Seconds since the process began, gunicorn's own start included; 0 where the kernel doesn't tell (no Linux).

    `now` is in seconds since the boot (default: the clock's).
    """
    try:
        own, master = _began(proc / "self"), _began(proc / str(os.getppid()))
    except (OSError, ValueError, IndexError):
        return 0.0
    since_boot = time.clock_gettime(time.CLOCK_BOOTTIME) if now is None else now
    return max(since_boot - (master if own - master < _FORKED_AT_ONCE else own), 0.0)


def _began(process: Path) -> float:
    """Seconds from the boot to its start: field 22 of proc(5)'s stat, counted from the name, which may hold blanks."""
    stat = (process / "stat").read_text()
    return int(stat.rpartition(")")[2].split()[19]) / os.sysconf("SC_CLK_TCK")
