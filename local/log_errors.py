"""Detection of errors in the components' log files."""

import re
from pathlib import Path

_ERROR = re.compile(
    r'"level": "(ERROR|CRITICAL)"'  # the functions, broker and gateway
    r"|\] \[(ERROR|CRITICAL)\]"  # gunicorn
    r"|(FATAL|PANIC): "  # PostgreSQL
    r"|^F[0-9]{4} "  # SeaweedFS
    r"|(WARN|CRIT) exited"  # supervisord: a component exited
    r"|^Traceback"
)


def is_error(line: str) -> bool:
    """Return whether a log line reports an error."""
    return bool(_ERROR.search(line))


class ErrorLogFollower:
    """Follows all log files of a folder, from their current ends."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._offsets: dict[Path, int] = {path: path.stat().st_size for path in folder.glob("*.log")}

    def new_errors(self) -> list[str]:
        """Return the error lines since the last call, each after the name of its component."""
        errors = []
        for path in sorted(self._folder.glob("*.log")):
            offset = self._offsets.get(path, 0)
            if path.stat().st_size < offset:  # rotated
                offset = 0
            with path.open("rb") as file:
                file.seek(offset)
                text = file.read()
            complete = text[: text.rfind(b"\n") + 1]
            self._offsets[path] = offset + len(complete)
            lines = complete.decode(errors="replace").splitlines()
            errors += [f"{path.stem}: {line}" for line in lines if is_error(line)]
        return errors
