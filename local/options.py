"""The options of `make up`, `make demo` and `make observe`, parsed from their environment."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from local import environment
from shared.config.libpq import security_variables
from shared.config.settings import SETTING_NAMES
from shared.errors import SettingsError

TARGETS = {
    "submit": "functions/calculate/submit.py",
    "calculate": "functions/calculate/main.py",
    "status": "functions/status/main.py",
    "list": "functions/list/main.py",
    "web": "functions/web/main.py",
}
STORAGE_TARGETS = tuple(target for target in TARGETS if target != "web")  # those with a user of the object storage
_DATABASE = ("DATABASE_URL", *(name for name in SETTING_NAMES if name.startswith("POSTGRES_")))
_KEYS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
# SQLite allows 512 for a file in the folder, after symbolic links are resolved; PostgreSQL allows 1,023.
_MAX_PATH_BYTES = 450
_AUTH_PREFIXES = ("API_KEYS", "AUTH_", "RATE_LIMIT_")


@dataclass(frozen=True)
class Options:
    """Parsed options. `environ` is the command's environment, with the settings of the functions."""

    port: int
    data_dir: Path
    subscriber: str | None
    environ: Mapping[str, str]

    @property
    def embedded_database(self) -> bool:
        return not any(self.environ.get(name) for name in ("DATABASE_URL", "POSTGRES_HOST"))

    @property
    def embedded_storage(self) -> bool:
        return not self.environ.get("AWS_ENDPOINT_URL_S3")

    def common_environment(self) -> dict[str, str]:
        """Return the variables that every component inherits: those of any process, and OpenTelemetry's."""
        return environment.component_environment(self.environ)

    def function_environment(self, target: str) -> dict[str, str]:
        """Return the caller's settings for a function, unchanged, without those of other functions."""
        names = [name for name in SETTING_NAMES if name not in (*_DATABASE, *_KEYS, "K_SINK")]
        names += _DATABASE if target == "calculate" and not self.embedded_database else ()
        if target in ("calculate", "web"):  # calculate is reachable by the broker only, the page is public
            names = [name for name in names if not name.startswith(_AUTH_PREFIXES)]
        names += ["K_SINK"] if target in ("submit", "calculate") else []
        if target == "web":
            names.remove("AWS_SESSION_TOKEN")
        elif not self.embedded_storage:
            names += [name for name in self.environ if name.startswith("AWS_")]
        if target == "calculate":  # empty unless the caller configures a database
            names += security_variables(self.environ)
        return {name: self.environ[name] for name in names if self.environ.get(name)}


def without_authentication(environ: Mapping[str, str]) -> dict[str, str]:
    """Return `environ` without authentication and rate limits, for a command that is the system's only client."""
    return {name: text for name, text in environ.items() if not name.startswith(_AUTH_PREFIXES)}


def read(environ: Mapping[str, str]) -> Options:
    """Return the options; SettingsError names the invalid one."""
    environ = environment.command_environment(environ)
    port = environ.get("PORT", "").strip() or "8080"
    if not re.fullmatch(r"[0-9]{1,5}", port) or not 1 <= int(port) <= 65535:
        raise SettingsError("PORT: a number from 1 to 65535 is expected")
    subscriber = environ.get("SUBSCRIBER", "").strip() or None
    if subscriber is not None and not _is_web_url(subscriber):
        raise SettingsError("SUBSCRIBER: an http or https URL is expected")
    data_dir = _data_dir(environ.get("DATA_DIR", "").strip() or ".local")
    return Options(int(port), data_dir, subscriber, environ)


def _data_dir(text: str) -> Path:
    if not text.isprintable():  # PostgreSQL rejects line breaks, and the components' scripts are UTF-8
        raise SettingsError("DATA_DIR: printable characters in UTF-8 are expected")
    try:
        path = Path(text).expanduser().absolute()
    except RuntimeError:  # unknown user after ~
        raise SettingsError(f"DATA_DIR: {text}: there is no such home directory") from None
    if max(len(os.fsencode(path)), len(os.fsencode(os.path.realpath(path)))) > _MAX_PATH_BYTES:
        raise SettingsError(f"DATA_DIR: at most {_MAX_PATH_BYTES} bytes are expected, as an absolute path")
    return path


def _is_web_url(text: str) -> bool:
    try:
        parts = urlsplit(text)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        return False
