"""Processor time of processes, from /proc."""

import os
from contextlib import suppress
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")


def of_tree(process: int) -> float:
    """Return the user and system seconds of a process and its descendants, also of those that have exited."""
    descendants = 0.0
    for children in Path(f"/proc/{process}/task").glob("*/children"):
        for child in children.read_text(encoding="ascii").split():
            with suppress(FileNotFoundError, ProcessLookupError):  # its time is in its parent's now
                descendants += of_tree(int(child))
    fields = Path(f"/proc/{process}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()
    return descendants + sum(map(int, fields[11:15])) / _TICKS
