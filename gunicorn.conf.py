"""How every function is served: one worker a pod, threads for its concurrency, an orderly end.

functions-framework's own runner ignores GUNICORN_CMD_ARGS and cuts requests after 30 s, so the functions run as
`gunicorn -c gunicorn.conf.py 'functions_framework:create_app()'` with FUNCTION_TARGET and FUNCTION_SOURCE set.
"""

import os
import sys
from typing import Any

from shared.config import settings
from shared.errors import SettingsError
from shared.http import socket_options
from shared.telemetry import logging_config, provider


def _checked() -> tuple[str, settings.Settings]:
    """The address and the settings; a missing or bad one ends the process, before a worker starts, with one line."""
    target = os.environ.get("FUNCTION_TARGET")
    try:
        address = socket_options.address(os.environ)
        found = settings.load(target) if target else settings.Settings()
        if target in ("submit", "status", "list"):  # what callers reach
            from shared.auth.authenticator import authenticator  # noqa: PLC0415 - calculate does without

            authenticator(found)
    except SettingsError as exc:
        sys.stderr.write(f"{exc}\n")
        sys.exit(2)
    return address, found


settings.strip_environment()
bind, _settings = _checked()
workers = 1
worker_class = "gthread"
threads = 40  # started as they are needed: 32 requests are worked on (shared/http/service.py), the rest get 503 at once
worker_connections = 1000  # open or waiting for a thread; then nothing is accepted
backlog = 1024  # and the kernel holds so many more
timeout = 0  # Knative's timeoutSeconds decides
graceful_timeout = _settings.GRACE_SECONDS  # a job in flight is finished
keepalive = 75  # longer than queue-proxy keeps a connection
limit_request_line = 4094
limit_request_fields = 100
limit_request_field_size = 16_380
control_socket_disable = True
worker_tmp_dir = "/dev/shm" if os.path.isdir("/dev/shm") else None  # noqa: PTH112, S108 - a heartbeat file must not wait for a disk
loglevel = "warning"
logconfig_dict = logging_config.configuration(_settings.LOG_LEVEL, logging_config.service_name())


def when_ready(server: Any) -> None:
    """Keep silent clients from the threads."""
    socket_options.guard(server.LISTENERS)


def worker_exit(server: Any, worker: Any) -> None:  # noqa: ARG001 - gunicorn's signature
    """Send what is left to tell: SIGTERM ends a worker without Python's own end."""
    provider.stop()
