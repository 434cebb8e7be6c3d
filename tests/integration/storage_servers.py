"""The S3 servers of the storage tests, each started fresh, and the abilities that each lacks."""

import contextlib
import dataclasses
import os
import shutil
import subprocess
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from admin.s3 import admin_client
from local import object_storage
from local.ports import assign_ports
from shared.config.settings import Settings
from shared.storage.bucket import Bucket, client
from shared.storage.connection import Timeouts
from shared.storage.credentials import static
from tests.integration import external_servers, moto_server
from tests.integration.ports import free_port

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

MINIO = {"AWS_ACCESS_KEY_ID": "minioadmin", "AWS_SECRET_ACCESS_KEY": "minioadmin"}
IMPATIENT = Timeouts(connect=0.5, read=0.5)
SERVERS = ("SeaweedFS", "MinIO", "moto")

# The requirements of docs/reference/storage.md, each with the servers that lack it; moto is for tests only.
UNSUPPORTED: dict[str, tuple[str, ...]] = {
    "one of twenty concurrent creations with If-None-Match succeeds": (),
    "one of twenty concurrent replacements with If-Match succeeds": (),
    "a replacement of a deleted object is refused": (),
    "a conditional GET of an unchanged object returns 304": (),
    "keys are listed in order, 1,000 per page, after any key": (),
    "a key is listed immediately after its put": (),
    "one request deletes a thousand keys": (),
    "a multipart upload is visible completely or not at all": (),
    "the unfinished uploads of a key are listed and aborted": (),
    "a part of an aborted upload is refused": ("moto",),
    "a presigned URL sets file name and content type": (),
    "a URL presigned for HEAD responds like GET without a body": ("moto",),
    "a presigned URL expires, and is valid for one object and host": ("moto",),
    "a missing bucket is reported": (),
    "wrong keys are refused": ("moto",),
}
# Abilities that the functions do not require.
OPTIONAL: dict[str, tuple[str, ...]] = {
    "a repeated completion has the same response": ("MinIO",),
    "unfinished uploads are listed by prefix": ("MinIO",),
    "a lifecycle rule aborts unfinished uploads": ("MinIO",),
    "a deletion respects If-Match": ("MinIO",),
}


@contextlib.contextmanager
def running(server: str, folder: Path) -> Iterator[Settings]:
    """Run `server` with both buckets for the duration of the block. The settings contain its administrator's keys."""
    starters = {"SeaweedFS": _seaweedfs, "MinIO": _minio, "moto": _moto}
    with starters[server](folder) as (url, keys):
        settings = Settings.parse({"AWS_ENDPOINT_URL_S3": url, **keys})
        deadline = time.monotonic() + 60
        while object_storage.create_buckets(settings, keys):
            assert time.monotonic() < deadline, folder
            time.sleep(0.2)
        yield settings


@contextlib.contextmanager
def bucket_of(
    settings: Settings,
    name: str,
    timeouts: Timeouts = Timeouts(),  # noqa: B008 - immutable
    keys: tuple[str, str] | None = None,
    *,
    endpoint: str | None = None,
    **other: Any,
) -> Iterator[Bucket]:
    """Open the bucket with `keys` (default: those of the settings) for the duration of the block."""
    if endpoint is not None:
        settings = dataclasses.replace(settings, AWS_ENDPOINT_URL_S3=endpoint)
    with contextlib.closing(client(settings, static(*(keys or admin_of(settings))), timeouts)) as s3:
        yield Bucket(s3, name, **other)


@contextlib.contextmanager
def boto3_client(settings: Settings, keys: tuple[str, str] | None = None) -> Iterator["S3Client"]:
    """Open boto3's client with `keys` (default: those of the settings), for what shared/storage cannot do."""
    with contextlib.closing(admin_client(settings, static(*(keys or admin_of(settings))))) as s3:
        yield s3


def admin_of(settings: Settings) -> tuple[str, str]:
    assert settings.AWS_ACCESS_KEY_ID
    assert settings.AWS_SECRET_ACCESS_KEY
    return settings.AWS_ACCESS_KEY_ID, settings.AWS_SECRET_ACCESS_KEY.get_secret_value()


Started = Iterator[tuple[str, dict[str, str]]]


@contextlib.contextmanager
def _seaweedfs(folder: Path) -> Started:
    object_storage.prepare(folder, "otel-worker-jobs", "otel-worker-csv")
    ports = assign_ports(object_storage.PORTS, free_port())
    try:
        with _process(object_storage.command(folder, ports), folder, object_storage.environment()):
            yield f"http://127.0.0.1:{ports['s3']}", object_storage.access_keys(folder, object_storage.ADMIN)
    finally:
        object_storage.remove_sockets(ports)


@contextlib.contextmanager
def _minio(folder: Path) -> Started:
    if external_servers.MINIO:
        with external_servers.minio(external_servers.MINIO) as server:
            yield server
        return
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
def _process(command: list[str], folder: Path, environment: Mapping[str, str] | None = None) -> Iterator[None]:
    env = {**os.environ, **(environment or {})}
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, cwd=folder, env=env, stdout=log, stderr=log, process_group=0)
    try:
        yield
    finally:
        process.kill()  # its folder is deleted, so no orderly shutdown is needed
        process.wait()
