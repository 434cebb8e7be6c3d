"""A PostgreSQL and a MinIO that are there already, by the addresses in TEST_POSTGRES_URL and TEST_MINIO_URL."""

import contextlib
import json
import os
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from minio.credentials.providers import StaticProvider
from minio.minioadmin import MinioAdmin

from shared.config.settings import Settings
from shared.storage.bucket import Bucket, client

POSTGRES = os.environ.get("TEST_POSTGRES_URL")
MINIO = os.environ.get("TEST_MINIO_URL")


@contextlib.contextmanager
def minio(given: str) -> Iterator[tuple[str, dict[str, str]]]:
    """The address and root keys in `http://KEY:SECRET@HOST:PORT` for the time of the block; it ends as it began: empty.

    One that holds anything fails the test: it may be somebody's, and what the tests make they delete.
    """
    parts = urlsplit(given)
    url, access, secret = f"{parts.scheme}://{parts.hostname}:{parts.port}", parts.username or "", parts.password or ""
    settings = Settings.model_validate({"AWS_ENDPOINT_URL_S3": url})
    admin = MinioAdmin(
        endpoint=f"{parts.hostname}:{parts.port}",
        credentials=StaticProvider(access, secret),
        secure=parts.scheme == "https",
    )
    with contextlib.closing(client(settings, keys=(access, secret))) as s3:
        held = [found["Name"] for found in s3.list_buckets()["Buckets"]]
        if held or json.loads(admin.user_list()):
            pytest.fail("TEST_MINIO_URL: there is something in this MinIO, and the tests want one to themselves")
        try:
            yield url, {"AWS_ACCESS_KEY_ID": access, "AWS_SECRET_ACCESS_KEY": secret}
        finally:
            for name in (found["Name"] for found in s3.list_buckets()["Buckets"]):
                bucket = Bucket(s3, name)
                while page := bucket.list_page(""):
                    bucket.delete_many([listed.key for listed in page])
                s3.delete_bucket(Bucket=name)
            for user in json.loads(admin.user_list()):
                admin.user_remove(user)
            for policy in json.loads(admin.policy_list()):
                if policy.startswith("otel-worker-"):
                    admin.policy_remove(policy)
