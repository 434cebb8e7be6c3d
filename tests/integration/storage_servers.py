"""The S3 servers that our store is tried on, each fresh in a folder and on a port of its own, and what each can't."""

import contextlib
import os
import shutil
import subprocess
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from botocore.config import Config

from local import object_storage
from local.ports import chosen
from shared.settings import Settings
from shared.storage_client import CONFIG
from tests.integration import moto_server
from tests.integration.conftest import free_port

MINIO = {"AWS_ACCESS_KEY_ID": "minioadmin", "AWS_SECRET_ACCESS_KEY": "minioadmin"}
IMPATIENT = CONFIG.merge(Config(connect_timeout=0.5, read_timeout=0.5))
SERVERS = ("SeaweedFS", "MinIO", "moto")


@contextlib.contextmanager
def running(server: str, folder: Path) -> Iterator[Settings]:
    """`server` with both buckets for the time of the block, and its admin's keys in settings and environment."""
    starters = {"SeaweedFS": _seaweedfs, "MinIO": _minio, "moto": _moto}
    with starters[server](folder) as (url, keys), keys_of(keys):
        settings = Settings.model_validate({"AWS_ENDPOINT_URL_S3": url, **keys})
        deadline = time.monotonic() + 60
        while not object_storage.furnished(settings, keys):
            assert time.monotonic() < deadline, folder
            time.sleep(0.2)
        yield settings


@contextlib.contextmanager
def keys_of(keys: Mapping[str, str]) -> Iterator[None]:
    """Clients that are made within the block sign with these: boto3 finds its keys in the environment."""
    before = {name: os.environ.get(name) for name in keys}
    os.environ.update(keys)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


Started = Iterator[tuple[str, dict[str, str]]]


@contextlib.contextmanager
def _seaweedfs(folder: Path) -> Started:
    object_storage.prepare(folder, "otel-worker-jobs", "otel-worker-csv")
    ports = chosen(object_storage.PORTS, free_port())
    try:
        with _process(object_storage.command(folder, ports), folder):
            yield f"http://127.0.0.1:{ports['s3']}", object_storage.keys(folder, object_storage.ADMIN)
    finally:
        object_storage.clear(ports)


@contextlib.contextmanager
def _minio(folder: Path) -> Started:
    program = shutil.which("minio")
    if program is None:
        pytest.skip("no minio on this machine (`go install github.com/minio/minio` builds it)")
    port = free_port()
    with _process([program, "server", "--quiet", "--address", f"127.0.0.1:{port}", str(folder / "objects")], folder):
        yield f"http://127.0.0.1:{port}", MINIO


@contextlib.contextmanager
def _moto(_: Path) -> Started:
    with moto_server.running() as url:
        yield url, {"AWS_ACCESS_KEY_ID": "any", "AWS_SECRET_ACCESS_KEY": "any"}


@contextlib.contextmanager
def _process(command: list[str], folder: Path) -> Iterator[None]:
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, process_group=0)
    try:
        yield
    finally:
        process.kill()  # its folder goes with it: no need for the order of its own end
        process.wait()
