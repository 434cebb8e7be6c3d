"""The environment that the commands and their parts run in: an allow-list, whatever the shell has exported.

A shell is often set up for other projects: proxies, libpq's PG*, boto3's AWS_*, options of servers and frameworks.
None of that may change what `make up` does. What is allowed is documented in docs/development.md.
"""

import os
import re
import time
from collections.abc import Mapping

from shared.config.libpq import security_variables
from shared.config.settings import Settings

# For every process. The COVERAGE variables are set by the tests, which measure the parts as well.
_PROCESS = (
    r"PATH|HOME|USER|LOGNAME|LANG|LANGUAGE|LC_[A-Z]+|TMPDIR|LD_LIBRARY_PATH|SSL_CERT_(FILE|DIR)"
    r"|(HTTP|HTTPS|ALL)_PROXY|(http|https|all)_proxy|COVERAGE_[A-Z_]+"
)
# Each part has a name of its own; OTEL_PYTHON_ variables replace what the SDK is made of, OTEL_WORKER_ is the client's.
_TELEMETRY = r"OTEL_(?!SERVICE_NAME$|PYTHON_|WORKER_)[A-Z0-9_]+"
_TERMINAL = r"TERM|COLORTERM|COLUMNS|LINES|NO_COLOR|FORCE_COLOR"
_OPTIONS = r"PORT|DATA_DIR|SUBSCRIBER|ONCE"
_PARTS = re.compile(f"{_PROCESS}|{_TELEMETRY}")
_COMMANDS = re.compile("|".join([_PROCESS, _TELEMETRY, _TERMINAL, _OPTIONS, *Settings.model_fields]))
_STORAGE = re.compile(r"AWS_\w+")
_LOOPBACK = ("127.0.0.1", "localhost", "::1")
# Without a storage of the caller's, ~/.aws leads elsewhere or can't be read at all.
NO_AWS_FILES = {"AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull}


def of_command(environ: Mapping[str, str]) -> dict[str, str]:
    """The variables of `environ` that a command heeds: settings, and what any process needs.

    boto3's variables count only where AWS_ENDPOINT_URL_S3 is set, libpq's for TLS only where a database is given.
    """
    storage = bool(environ.get("AWS_ENDPOINT_URL_S3"))
    kept = {
        name: text
        for name, text in environ.items()
        if (storage if _STORAGE.fullmatch(name) else _COMMANDS.fullmatch(name))
    }
    if environ.get("DATABASE_URL") or environ.get("POSTGRES_HOST"):
        kept |= security_variables(environ)
    return {**kept, **({} if storage else NO_AWS_FILES), **_no_proxy(environ), "PYTHONUTF8": "1"}


def of_parts(environ: Mapping[str, str]) -> dict[str, str]:
    """The variables that every part inherits: no setting and no secret."""
    kept = {name: text for name, text in environ.items() if _PARTS.fullmatch(name)}
    return {**kept, **_no_proxy(environ), "PYTHONUTF8": "1"}


def apply() -> Mapping[str, str]:
    """Return what a command heeds, and reduce this process's environment to it, for the libraries that read it.

    Telemetry is for the parts alone.
    """
    kept = of_command(os.environ)
    os.environ.clear()
    os.environ.update({name: text for name, text in kept.items() if not name.startswith("OTEL_")})
    time.tzset()
    return kept


def _no_proxy(environ: Mapping[str, str]) -> dict[str, str]:
    """Both spellings of NO_PROXY with the hosts of both, and this machine: libraries differ in which they read."""
    given = [host.strip() for name in ("no_proxy", "NO_PROXY") for host in environ.get(name, "").split(",")]
    hosts = "*" if "*" in given else ",".join(dict.fromkeys([*filter(None, given), *_LOOPBACK]))
    return {"NO_PROXY": hosts, "no_proxy": hosts}
