"""How gunicorn serves the broker and the gateway (`-c python:local.serving`); the functions have a gunicorn.conf.py."""

import os
from typing import Any

from shared.http import socket_options
from shared.telemetry import logging_config

workers = 1
worker_class = "gthread"
threads = 40  # 32 requests are worked on (gateway.py, shared/http/service.py), the rest get 503 at once
worker_connections = 1000
backlog = 1024
timeout = 0
graceful_timeout = 5
keepalive = 75
limit_request_line = 4094  # this and all that follows as the functions'
limit_request_fields = 100
limit_request_field_size = 16_380
control_socket_disable = True
logconfig_dict = logging_config.configuration(os.environ.get("LOG_LEVEL", "INFO"), logging_config.service_name())


def when_ready(server: Any) -> None:
    """Keep silent clients from the threads."""
    socket_options.guard(server.LISTENERS)
