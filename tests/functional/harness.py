"""Services under the real functions-framework, without a socket."""

from collections.abc import Callable
from contextvars import ContextVar
from pathlib import Path
from typing import Any

from flask.testing import FlaskClient
from functions_framework import create_app

from shared.http.service import Service

service_factory: ContextVar[Callable[[], Service]] = ContextVar("service_factory")


def service_client(make: Callable[[], Service]) -> FlaskClient:
    """Return a client of the service that `make` creates while the framework loads it."""
    service_factory.set(make)
    app: Any = create_app("hosted", str(Path(__file__).with_name("hosted.py")), "http")
    client: FlaskClient = app.test_client()
    return client
