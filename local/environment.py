"""An allow-list of environment variables for the commands and the components that they start.

Shells often export variables for other projects: libpq's PG*, boto3's AWS_*, options of servers and frameworks.
None of them changes what a command does. docs/contributing/development.md documents the allowed variables.
"""

import os
import re
import time
from collections.abc import Mapping

from shared.config.libpq import security_variables
from shared.config.settings import SETTING_NAMES

# For every process. The tests set COVERAGE_ variables to measure the components too.
_PROCESS = (
    r"PATH|HOME|USER|LOGNAME|LANG|LANGUAGE|LC_[A-Z]+|TMPDIR|LD_LIBRARY_PATH|SSL_CERT_(FILE|DIR)"
    r"|(HTTP|HTTPS|ALL)_PROXY|(http|https|all)_proxy|COVERAGE_[A-Z_]+"
)
# Each component sets its own service name; OTEL_PYTHON_ replaces parts of the SDK; OTEL_WORKER_ is the client's.
_TELEMETRY = r"OTEL_(?!SERVICE_NAME$|PYTHON_|WORKER_)[A-Z0-9_]+"
_TERMINAL = r"TERM|COLORTERM|COLUMNS|LINES|NO_COLOR|FORCE_COLOR"
_OPTIONS = r"PORT|DATA_DIR|SUBSCRIBER|ONCE"
_COMPONENT = re.compile(f"{_PROCESS}|{_TELEMETRY}")
_COMMAND = re.compile("|".join([_PROCESS, _TELEMETRY, _TERMINAL, _OPTIONS, *SETTING_NAMES]))
_STORAGE = re.compile(r"AWS_\w+")
_LOOPBACK = ("127.0.0.1", "localhost", "::1")
# For the embedded storage: ~/.aws may name another region or profile, or be unreadable.
NO_AWS_FILES = {"AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull}


def command_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that a command uses: settings, and those of any process.

    boto3's variables are included only if AWS_ENDPOINT_URL_S3 is set, libpq's for TLS only if a database is set.
    """
    external_storage = bool(environ.get("AWS_ENDPOINT_URL_S3"))
    allowed = {
        name: text
        for name, text in environ.items()
        if (external_storage if _STORAGE.fullmatch(name) else _COMMAND.fullmatch(name))
    }
    if environ.get("DATABASE_URL") or environ.get("POSTGRES_HOST"):
        allowed |= security_variables(environ)
    return {**allowed, **({} if external_storage else NO_AWS_FILES), **_no_proxy(environ), "PYTHONUTF8": "1"}


def component_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that every component inherits: no settings and no secrets."""
    allowed = {name: text for name, text in environ.items() if _COMPONENT.fullmatch(name)}
    return {**allowed, **_no_proxy(environ), "PYTHONUTF8": "1"}


def restrict_process_environment() -> Mapping[str, str]:
    """Return the command's environment, and remove all other variables from this process.

    OTEL_ variables are removed from the process too: only the components export telemetry.
    """
    allowed = command_environment(os.environ)
    os.environ.clear()
    os.environ.update({name: text for name, text in allowed.items() if not name.startswith("OTEL_")})
    time.tzset()
    return allowed


def _no_proxy(environ: Mapping[str, str]) -> dict[str, str]:
    """Return NO_PROXY and no_proxy with the hosts of both and the loopback addresses: libraries read either one."""
    configured = [host.strip() for name in ("no_proxy", "NO_PROXY") for host in environ.get(name, "").split(",")]
    hosts = "*" if "*" in configured else ",".join(dict.fromkeys([*filter(None, configured), *_LOOPBACK]))
    return {"NO_PROXY": hosts, "no_proxy": hosts}
