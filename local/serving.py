"""How gunicorn serves the broker and the gateway (`-c python:local.serving`); the functions have a gunicorn.conf.py."""

import os

from shared import logs

workers = 1
worker_class = "gthread"
threads = 32
timeout = 0
graceful_timeout = 5
keepalive = 75
limit_request_field_size = 16_380  # as the functions'
control_socket_disable = True
logconfig_dict = logs.configuration(os.environ.get("LOG_LEVEL", "INFO"))
