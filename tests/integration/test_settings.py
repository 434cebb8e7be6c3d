"""Settings of real processes: invalid ones stop the start with one line; white space and underscores work."""

import socket
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import urllib3

from admin.__main__ import main
from local.environment import NO_AWS_FILES
from local.options import TARGETS
from local.stack import Stack
from shared.config.settings import Settings
from tests.builders import JOB_ID
from tests.integration import storage_servers
from tests.integration.processes import COMMAND, ROOT, environment, function
from tests.integration.storage_servers import admin_of, bucket_of

HOST = "my_storage"
ENVIRON = {
    "AWS_ACCESS_KEY_ID": "key",
    "AWS_SECRET_ACCESS_KEY": "secret",
    "AWS_ENDPOINT_URL_S3": "http://127.0.0.1:9",
    "K_SINK": "http://127.0.0.1:9",
    "DATABASE_URL": "postgresql://u:p@127.0.0.1:9/x",
    "PORT": "8080",
}


@pytest.mark.parametrize(
    ("target", "name", "value"),
    [
        ("submit", "K_SINK", "http://user:hunter2@broker"),
        ("submit", "K_CE_OVERRIDES", '{"extensions": {"team": "h\u00e9"}}'),
        ("submit", "RATE_LIMIT_STORE", "redis://store?nonsense=hunter2"),
        ("submit", "PORT", "http"),
        ("calculate", "DATABASE_URL", "postgresql://u:hunter2@ss@db/x"),
        ("calculate", "DATABASE_URL", "postgresql://u:hunter2@db/x?sslmode=sometimes"),
        ("calculate", "GRACE_SECONDS", "25.0"),
        ("calculate", "BIND_HOST", "127.0.0.1:8080"),
        ("status", "AWS_REGION", "eu west"),
        ("status", "SENTRY_DSN", "https://hunter2@sentry.example"),
        ("status", "OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4318"),
        ("list", "LOG_LEVEL", "LOUD"),
        ("web", "SUBMIT_URL", "https://user:hunter2@submit.example"),
        ("web", "MAP_TILES_URL", "https://tiles.example/{z}/{x}.png"),
        ("list", "OTEL_EXPORTER_OTLP_HEADERS", "hunter2"),
    ],
)
def test_invalid_setting_stops_process_with_one_line(target: str, name: str, value: str) -> None:
    run = subprocess.run(
        COMMAND,
        cwd=ROOT,
        env=environment(target, ENVIRON | {name: value}),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert run.returncode == 2
    (line,) = (run.stdout + run.stderr).splitlines()
    assert line.startswith(f"{name}: ")
    assert "hunter2" not in line


def test_error_of_botocore_is_logged_with_its_variable() -> None:
    without_keys = {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": "", "AWS_PROFILE": "nobody", **NO_AWS_FILES}
    run = subprocess.run(
        COMMAND,
        cwd=ROOT,
        env=environment("list", ENVIRON | without_keys),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert run.returncode != 0
    assert "AWS_PROFILE: botocore does not accept its variables or files (ProfileNotFound)" in run.stdout
    assert "Traceback" not in run.stdout + run.stderr


@pytest.mark.parametrize("target", TARGETS)
def test_function_works_with_white_space_around_settings(stack: Stack, target: str, tmp_path: Path) -> None:
    telemetry = {"OTEL_TRACES_EXPORTER": "none", "OTEL_SERVICE_NAME": "odd", "LOG_LEVEL": "info"}
    settings = {
        "AWS_REGION": "us-east-1",
        "BIND_HOST": "127.0.0.1",
        **telemetry,
        **stack.plan.function_environment(target),
    }
    padded = {name: f"\t{text}\r\n" for name, text in settings.items() if text}
    with function(target, padded, tmp_path / "log") as running:
        ready = running.send_request("GET", "/readyz")
        assert ready.status == 200, ready
    assert '"service.name": "odd"' in (tmp_path / "log").read_text() or not (tmp_path / "log").read_text()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    with storage_servers.running("SeaweedFS", tmp_path_factory.mktemp("storage")) as settings:
        yield settings


@pytest.fixture
def underscore_host(server: Settings, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """The server under a host name with an underscore, which only this process resolves."""
    resolve: Any = socket.getaddrinfo
    monkeypatch.setattr(
        socket,
        "getaddrinfo",
        lambda host, *args, **kwargs: resolve("127.0.0.1" if host == HOST else host, *args, **kwargs),
    )
    for variable in ("no_proxy", "NO_PROXY"):  # a proxy cannot resolve the name
        monkeypatch.setenv(variable, "*")
    port = urlsplit(server.AWS_ENDPOINT_URL_S3 or "").port
    access, secret = admin_of(server)
    return Settings.parse(
        {
            "AWS_ENDPOINT_URL_S3": f"http://{HOST}:{port}",
            "AWS_ACCESS_KEY_ID": access,
            "AWS_SECRET_ACCESS_KEY": secret,
        }
    )


@pytest.mark.parametrize("path", ["", "/"])
def test_storage_with_underscore_in_host_name_works(underscore_host: Settings, path: str) -> None:
    settings = replace(underscore_host, AWS_ENDPOINT_URL_S3=f"{underscore_host.AWS_ENDPOINT_URL_S3}{path}")
    with bucket_of(settings, settings.CSV_BUCKET) as bucket:
        key = f"csv/{JOB_ID}/a b.csv"
        bucket.put(key, b"x")
        assert bucket.get(key).body == b"x"
        assert list(bucket.list_keys("csv/")) == [key]
        url, _ = bucket.presign(key, "a.csv", 60)
        assert urlsplit(url).netloc == urlsplit(underscore_host.AWS_ENDPOINT_URL_S3 or "").netloc
        assert urllib3.request("GET", url, retries=False).data == b"x"
        bucket.delete_many([key])


def test_public_endpoint_with_underscore_is_signed(server: Settings, underscore_host: Settings) -> None:
    with bucket_of(server, server.CSV_BUCKET) as bucket:
        bucket.put("csv/x", b"x")
    with bucket_of(server, server.CSV_BUCKET, endpoint=underscore_host.AWS_ENDPOINT_URL_S3) as public:
        url, _ = public.presign("csv/x", "x.csv", 60)
    assert urllib3.request("GET", url, retries=False).data == b"x"
    other = url.replace(HOST, "127.0.0.1")
    assert urllib3.request("GET", other, retries=False).status == 403


def test_admin_command_accepts_white_space_and_underscores(
    underscore_host: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    access, secret = admin_of(underscore_host)
    values = {"AWS_ACCESS_KEY_ID": access, "AWS_SECRET_ACCESS_KEY": secret, "JOBS_BUCKET": "other-jobs"}
    environ = values | {"AWS_ENDPOINT_URL_S3": underscore_host.AWS_ENDPOINT_URL_S3 or ""}
    assert main(["buckets"], {name: f" {text}\n" for name, text in environ.items()}) == 0
    assert "bucket other-jobs: created" in capsys.readouterr().out
