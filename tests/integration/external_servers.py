"""Uses running servers, PostgreSQL at TEST_POSTGRES_URL and MinIO at TEST_MINIO_URL, instead of starting them."""

import contextlib
import fcntl
import json
import os
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from minio.credentials.providers import StaticProvider
from minio.minioadmin import MinioAdmin

from admin.s3 import admin_client
from shared.config.settings import Settings
from shared.storage.bucket import Bucket, client
from shared.storage.credentials import static

POSTGRES = os.environ.get("TEST_POSTGRES_URL")
MINIO = os.environ.get("TEST_MINIO_URL")


@contextlib.contextmanager
def minio(server_url: str) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield the address and the root keys of `http://KEY:SECRET@HOST:PORT`, and delete everything after the block.

    The test fails if the server is not empty, because its content may belong to a user. Test processes take turns.
    """
    parts = urlsplit(server_url)
    url, access, secret = f"{parts.scheme}://{parts.hostname}:{parts.port}", parts.username or "", parts.password or ""
    settings = Settings.parse({"AWS_ENDPOINT_URL_S3": url})
    admin = MinioAdmin(
        endpoint=f"{parts.hostname}:{parts.port}",
        credentials=StaticProvider(access, secret),
        secure=parts.scheme == "https",
    )
    keys = static(access, secret)
    with (
        _turn(url),
        contextlib.closing(admin_client(settings, keys)) as s3,
        contextlib.closing(client(settings, keys)) as objects,
    ):
        names = [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]]
        if names or json.loads(admin.user_list()):
            pytest.fail("TEST_MINIO_URL: this MinIO is not empty")
        try:
            yield url, {"AWS_ACCESS_KEY_ID": access, "AWS_SECRET_ACCESS_KEY": secret}
        finally:
            for name in (entry["Name"] for entry in s3.list_buckets()["Buckets"]):
                bucket = Bucket(objects, name)
                while page := bucket.list_page(""):
                    bucket.delete_many([listed.key for listed in page])
                s3.delete_bucket(Bucket=name)
            for user in json.loads(admin.user_list()):
                admin.user_remove(user)
            for policy in json.loads(admin.policy_list()):
                if policy.startswith("otel-worker-"):
                    admin.policy_remove(policy)


@contextlib.contextmanager
def _turn(url: str) -> Iterator[None]:
    """Lock the server at `url` against the other test processes of this machine for the duration of the block."""
    name = re.sub(r"\W+", "-", f"otel-worker-tests-{url}")
    with (Path(tempfile.gettempdir()) / name).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
