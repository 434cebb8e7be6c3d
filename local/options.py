"""What the caller of `make up` and `make demo` may set: the only reader of their environment."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from local import environment
from shared.config.libpq import security_variables
from shared.config.settings import Settings
from shared.errors import SettingsError

TARGETS = {
    "submit": "functions/calculate/submit.py",
    "calculate": "functions/calculate/main.py",
    "status": "functions/status/main.py",
    "list": "functions/list/main.py",
}
_DATABASE = ("DATABASE_URL", *(name for name in Settings.model_fields if name.startswith("POSTGRES_")))
_KEYS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
_LONGEST_PATH = 450  # SQLite takes 512, symbolic links followed, for a file below it, and PostgreSQL 1,023
_OF_CALLERS = ("API_KEYS", "AUTH_", "RATE_LIMIT_")


@dataclass(frozen=True)
class Options:
    """`environ` has what the commands heed; beside the other fields it holds the settings of the functions."""

    port: int
    data_dir: Path
    subscriber: str | None
    environ: Mapping[str, str]

    @property
    def own_database(self) -> bool:
        return not any(self.environ.get(name) for name in ("DATABASE_URL", "POSTGRES_HOST"))

    @property
    def own_storage(self) -> bool:
        return not self.environ.get("AWS_ENDPOINT_URL_S3")

    def for_all(self) -> dict[str, str]:
        """What every part inherits: the machine's variables and OpenTelemetry's, no setting and no secret."""
        return environment.of_parts(self.environ)

    def for_function(self, target: str) -> dict[str, str]:
        """The settings that the caller gave, as they are, without those that are another function's."""
        names = [name for name in Settings.model_fields if name not in (*_DATABASE, *_KEYS, "K_SINK")]
        names += _DATABASE if target == "calculate" and not self.own_database else ()
        if target == "calculate":  # the broker's: callers never reach it
            names = [name for name in names if not name.startswith(_OF_CALLERS)]
        names += ["K_SINK"] if target in ("submit", "calculate") else []
        if not self.own_storage:
            names += [name for name in self.environ if name.startswith("AWS_")]
        if target == "calculate":  # none is there without a database of the caller's
            names += security_variables(self.environ)
        return {name: self.environ[name] for name in names if self.environ.get(name)}


def open_door(environ: Mapping[str, str]) -> dict[str, str]:
    """The same without what asks callers who they are: for a system that is asked by whoever has started it."""
    return {name: text for name, text in environ.items() if not name.startswith(_OF_CALLERS)}


def read(environ: Mapping[str, str]) -> Options:
    """The options of `environ`, or SettingsError with one line that names the bad one."""
    environ = environment.of_command(environ)
    port = environ.get("PORT", "").strip() or "8080"
    if not re.fullmatch(r"[0-9]{1,5}", port) or not 1 <= int(port) <= 65535:
        raise SettingsError("PORT: a number from 1 to 65535 is expected")
    subscriber = environ.get("SUBSCRIBER", "").strip() or None
    if subscriber is not None and not _is_web_url(subscriber):
        raise SettingsError("SUBSCRIBER: an http or https URL is expected")
    data_dir = _data_dir(environ.get("DATA_DIR", "").strip() or ".local")
    return Options(int(port), data_dir, subscriber, environ)


def _data_dir(text: str) -> Path:
    if not text.isprintable():  # PostgreSQL refuses line breaks; what is not UTF-8 is no text in the parts' scripts
        raise SettingsError("DATA_DIR: printable characters in UTF-8 are expected")
    try:
        path = Path(text).expanduser().absolute()
    except RuntimeError:  # ~ of nobody
        raise SettingsError(f"DATA_DIR: {text}: there is no such home directory") from None
    if max(len(os.fsencode(path)), len(os.fsencode(os.path.realpath(path)))) > _LONGEST_PATH:
        raise SettingsError(f"DATA_DIR: at most {_LONGEST_PATH} bytes are expected, as an absolute path")
    return path


def _is_web_url(text: str) -> bool:
    try:
        parts = urlsplit(text)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        return False
