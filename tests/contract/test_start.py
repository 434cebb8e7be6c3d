"""What a function imports before its first request: nothing that it may never need."""

import ast
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from local.options import TARGETS

ROOT = Path(__file__).resolve().parents[2]
ENVIRON = {
    "PYTHONPATH": str(ROOT),
    "AWS_ACCESS_KEY_ID": "key",
    "AWS_SECRET_ACCESS_KEY": "secret",
    "AWS_ENDPOINT_URL_S3": "http://127.0.0.1:9",
    "K_SINK": "http://127.0.0.1:9",
    "POSTGRES_USER": "reader",
    "POSTGRES_PASSWORD": "p",
}
# Optional features that are not configured, and the documents of the API.
ALWAYS_ABSENT = {
    *("jwt", "limits", "redis", "cryptography", "sentry_sdk", "opentelemetry", "prometheus_client"),
    *("shared.config.opentelemetry", "shared.auth.jwt_bearer", "shared.auth.rate_limits", "shared.telemetry.export"),
    *("pydantic", "pydantic_core", "shared.openapi.document", "shared.openapi.asyncapi", "shared.openapi.html"),
}
ABSENT = {
    "submit": {"numpy", "psycopg"},
    "calculate": set[str](),
    "status": {"numpy", "psycopg", "cloudevents", "shared.events"},
    "list": {"psycopg", "cloudevents", "shared.events"},
    "web": {"numpy", "psycopg", "cloudevents", "shared.events", "urllib3"},
}
_IMPORT = """
import importlib, sys
importlib.import_module(sys.argv[1])
print(set(sys.modules))
"""
_SETTINGS = """
import os, sys
from shared.config import settings
settings.read(os.environ | {"OTEL_TRACES_EXPORTER": "none"}, sys.argv[1])
print(set(sys.modules))
"""
_GUNICORN = """
import gc, os, runpy
config = runpy.run_path("gunicorn.conf.py")
config["post_fork"](None, None)
during = gc.isenabled()
config["post_worker_init"](None)
print([during, gc.isenabled(), gc.get_freeze_count() > 0, os.environ["OPENBLAS_NUM_THREADS"]])
"""


def run(program: str, *arguments: str) -> Any:
    command = [sys.executable, "-c", program, *arguments]
    return ast.literal_eval(subprocess.check_output(command, cwd=ROOT, env=ENVIRON, text=True))


@pytest.mark.parametrize("target", TARGETS)
def test_function_imports_only_what_it_needs(target: str) -> None:
    module = TARGETS[target].removesuffix(".py").replace("/", ".")
    modules = run(_IMPORT, module)
    assert module in modules
    assert not (ALWAYS_ABSENT | ABSENT[target]) & modules


@pytest.mark.parametrize("target", TARGETS)
def test_settings_are_read_without_pydantic(target: str) -> None:
    modules = run(_SETTINGS, target)
    assert "shared.config.opentelemetry" in modules
    assert not {"pydantic", "pydantic_core", "shared.models"} & modules


def test_worker_collects_garbage_after_its_imports_only() -> None:
    assert run(_GUNICORN) == [False, True, True, "1"]
