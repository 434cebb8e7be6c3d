"""How long ago this process began, as the kernel knows it: what came before our first line is part of a cold start."""

import os
import time
from pathlib import Path

_FORKED_AT_ONCE = 5  # seconds; a worker that gunicorn started later stands for itself


def age() -> float:
    """Seconds since the process began, gunicorn's own start included; 0 where the kernel doesn't tell (no Linux)."""
    try:
        own, master = _began("self"), _began(str(os.getppid()))
    except (OSError, ValueError, IndexError):
        return 0.0
    return max(time.clock_gettime(time.CLOCK_BOOTTIME) - (master if own - master < _FORKED_AT_ONCE else own), 0.0)


def _began(process: str) -> float:
    """Seconds from the boot to its start: field 22 of proc(5)'s stat, counted from the name, which may hold blanks."""
    stat = Path("/proc", process, "stat").read_text()
    return int(stat.rpartition(")")[2].split()[19]) / os.sysconf("SC_CLK_TCK")
