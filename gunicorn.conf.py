"""gunicorn configuration of all functions: one worker for each pod, threads for concurrency, graceful shutdown.

The runner of functions-framework ignores GUNICORN_CMD_ARGS and aborts requests after 30 s, so the functions run as
`gunicorn -c gunicorn.conf.py 'functions_framework:create_app()'` with FUNCTION_TARGET and FUNCTION_SOURCE set.
"""

import gc
import os
import sys
from typing import Any

gc.disable()  # imports create many objects and no garbage

from shared.config import settings  # noqa: E402 - after gc.disable()
from shared.errors import SettingsError  # noqa: E402 - as above
from shared.http import socket_options  # noqa: E402 - as above
from shared.telemetry import logging_config, provider  # noqa: E402 - as above


def _load() -> tuple[str, settings.Settings]:
    """Return the address and the settings. A missing or invalid setting exits with one line before a worker starts."""
    target = os.environ.get("FUNCTION_TARGET")
    try:
        address = socket_options.bind_address(os.environ)
        loaded = settings.load(target) if target else settings.Settings()
        if target in ("submit", "status", "list"):  # the functions with public routes
            from shared.auth.authenticator import authenticator  # noqa: PLC0415 - calculate does not need it

            authenticator(loaded)
    except SettingsError as exc:
        sys.stderr.write(f"{exc}\n")
        sys.exit(2)
    return address, loaded


settings.strip_environment()
# numpy's OpenBLAS starts a thread per core when it is imported. No function does linear algebra.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
# Huge pages would fill the histograms of the analysis, large arrays of which little is used, with memory.
os.environ.setdefault("NUMPY_MADVISE_HUGEPAGE", "0")
bind, _settings = _load()
workers = 1
worker_class = "gthread"
threads = 40  # started on demand: 32 requests are handled (shared/http/service.py), others get 503 immediately
worker_connections = 1000  # maximum of open connections, including those that wait for a thread
backlog = 1024  # further connections wait in the kernel
timeout = 0  # Knative's timeoutSeconds applies instead
graceful_timeout = _settings.GRACE_SECONDS  # for running jobs
keepalive = 75  # longer than queue-proxy keeps a connection
limit_request_line = 4094
limit_request_fields = 100
limit_request_field_size = 16_380
control_socket_disable = True
worker_tmp_dir = "/dev/shm" if os.path.isdir("/dev/shm") else None  # noqa: PTH112, S108 - the heartbeat file must not wait for a disk
loglevel = "warning"
logconfig_dict = logging_config.configuration(_settings.LOG_LEVEL, logging_config.service_name())
gc.freeze()  # so that collections leave the memory shared with the worker untouched
gc.enable()


def when_ready(server: Any) -> None:
    """Set socket options, so that idle clients do not occupy threads."""
    socket_options.set_socket_options(server.LISTENERS)


def post_fork(server: Any, worker: Any) -> None:  # noqa: ARG001 - gunicorn's signature
    """Collect no garbage while the worker imports the function."""
    gc.disable()


def post_worker_init(worker: Any) -> None:  # noqa: ARG001 - gunicorn's signature
    """Collect garbage from here on, without the objects of the imports, which live as long as the process."""
    gc.freeze()
    gc.enable()


def worker_exit(server: Any, worker: Any) -> None:  # noqa: ARG001 - gunicorn's signature
    """Export remaining telemetry. A worker that exits on SIGTERM does not run atexit handlers."""
    provider.stop()
