"""Processor time and memory of processes, from /proc."""

import os
import re
from contextlib import suppress
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")


def processor_seconds(process: int) -> float:
    """Return the user and system seconds of a process and its descendants, also of those that have exited."""
    descendants = 0.0
    for children in Path(f"/proc/{process}/task").glob("*/children"):
        for child in children.read_text(encoding="ascii").split():
            with suppress(FileNotFoundError, ProcessLookupError):  # its time is in its parent's now
                descendants += processor_seconds(int(child))
    fields = Path(f"/proc/{process}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()
    return descendants + sum(map(int, fields[11:15])) / _TICKS


def peak_mb(process: int) -> float:
    """Return the peak memory (VmHWM) of a process so far, in MB of 1,000,000 bytes."""
    status = Path(f"/proc/{process}/status").read_text(encoding="ascii")
    match = re.search(r"VmHWM:\s+([0-9]+) kB", status)
    if match is None:
        raise ValueError("no VmHWM")
    return int(match[1]) * 1024 / 1e6
