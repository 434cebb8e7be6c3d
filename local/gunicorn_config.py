"""gunicorn's configuration for the broker and the gateway (`-c python:local.gunicorn_config`).

The functions use gunicorn.conf.py.
"""

import os
from typing import Any

from shared.http import socket_options
from shared.telemetry import logging_config

workers = 1
worker_class = "gthread"
threads = 40  # more than the 32 concurrent requests of gateway and broker, so that others get 503 at once
worker_connections = 1000
backlog = 1024
timeout = 0
graceful_timeout = 5
keepalive = 75
limit_request_line = 4094  # this and all below as in gunicorn.conf.py
limit_request_fields = 100
limit_request_field_size = 16_380
control_socket_disable = True
logconfig_dict = logging_config.configuration(os.environ.get("LOG_LEVEL", "INFO"), logging_config.service_name())


def when_ready(server: Any) -> None:
    """Set socket options that close idle connections before they occupy a thread."""
    socket_options.set_socket_options(server.LISTENERS)
