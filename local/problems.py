"""The parts' logs, read for what a person should see at once."""

import re
from pathlib import Path

_PROBLEM = re.compile(
    r'"level": "(ERROR|CRITICAL)"'  # ours
    r"|\] \[(ERROR|CRITICAL)\]"  # gunicorn's own
    r"|(FATAL|PANIC): "  # PostgreSQL
    r"|^F[0-9]{4} "  # SeaweedFS
    r"|(WARN|CRIT) exited"  # supervisord: a part died
    r"|^Traceback"
)


def is_problem(line: str) -> bool:
    """Whether a line of a log tells of a problem."""
    return bool(_PROBLEM.search(line))


class Problems:
    """Follows every log of a folder from where it ends now."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._read: dict[Path, int] = {path: path.stat().st_size for path in folder.glob("*.log")}

    def new(self) -> list[str]:
        """The lines since the last call that tell of a problem, each with the name of its part."""
        found = []
        for path in sorted(self._folder.glob("*.log")):
            offset = self._read.get(path, 0)
            if path.stat().st_size < offset:  # rotated
                offset = 0
            with path.open("rb") as file:
                file.seek(offset)
                text = file.read()
            whole = text[: text.rfind(b"\n") + 1]
            self._read[path] = offset + len(whole)
            lines = whole.decode(errors="replace").splitlines()
            found += [f"{path.stem}: {line}" for line in lines if is_problem(line)]
        return found
