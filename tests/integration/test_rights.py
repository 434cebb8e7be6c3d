"""The storage user of each function has exactly its permissions, on both servers that support users."""

import secrets
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from admin.__main__ import main
from local import object_storage
from local.options import STORAGE_TARGETS
from shared.config.settings import Settings
from shared.errors import Unavailable
from shared.storage.bucket import Bucket, ObjectMissing
from tests.integration.storage_servers import admin_of, boto3_client, bucket_of, running

# The permissions of each function by prefix; "missing" is to get a 404 for a missing object.
_READ_WRITE = "read missing write list delete"
PERMISSIONS = {
    "submit": {"jobs/": "read missing write list", "t/": _READ_WRITE},
    "calculate": {
        **dict.fromkeys(("jobs/", "t/", "x/", "d/"), _READ_WRITE),
        "csv/": f"{_READ_WRITE} abort",
    },
    "status": {
        "jobs/": "read missing write list",
        "t/": _READ_WRITE,
        "x/": "read missing list",
        "d/": "write",
        "csv/": "read missing list delete abort",
    },
    "list": dict.fromkeys(("jobs/", "t/", "x/"), "read missing list"),
}
PREFIXES = ("jobs/", "t/", "x/", "d/", "csv/", "else/")


def _upload(bucket: Bucket, key: str) -> None:
    upload = bucket.start_upload(key, "text/csv")
    bucket.complete_upload(key, upload, [bucket.upload_part(key, upload, 1, b"1")])


# Calls that need a permission, with `existing`, the key of an object, and `new`, an unused key.
CALLS: dict[str, list[Callable[[Bucket, str, str], object]]] = {
    "read": [
        lambda b, existing, new: b.get(existing),
        lambda b, existing, new: b.get_if_modified(existing, '"another"'),
    ],
    "missing": [lambda b, existing, new: b.get(new), lambda b, existing, new: b.get_if_modified(new, '"another"')],
    "write": [
        lambda b, existing, new: b.put(f"{new}1"),
        lambda b, existing, new: b.create(f"{new}2", b"1"),
        lambda b, existing, new: b.replace(f"{new}3", b"1", b.create(f"{new}3", b"0")),
        lambda b, existing, new: _upload(b, f"{new}4"),
    ],
    "list": [
        lambda b, existing, new: list(b.list_keys(existing[:-1])),
        lambda b, existing, new: b.list_page(existing[:-1], after=existing),
    ],
    "delete": [lambda b, existing, new: b.delete(new), lambda b, existing, new: b.delete_many([new, f"{new}1"])],
    "abort": [lambda b, existing, new: b.abort_uploads(existing)],
}


@pytest.fixture(scope="module", params=["SeaweedFS", "MinIO"])
def installation(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Settings, dict[str, tuple[str, str]]]]:
    """Run a server that is configured like `admin buckets` does, and yield its settings and each function's keys."""
    folder = tmp_path_factory.mktemp(request.param)
    with running(request.param, folder) as settings:
        if request.param == "SeaweedFS":
            users = {function: _pair(object_storage.access_keys(folder, function)) for function in STORAGE_TARGETS}
        else:
            users = {function: (f"key-of-{function}", secrets.token_hex(10)) for function in STORAGE_TARGETS}
            command = ["buckets", "--minio", "--keys", str(_write_key_files(users, folder / "keys"))]
            assert main(command, _environment(settings)) == 0
        yield settings, users


def _pair(keys: dict[str, str]) -> tuple[str, str]:
    return keys["AWS_ACCESS_KEY_ID"], keys["AWS_SECRET_ACCESS_KEY"]


def _write_key_files(users: dict[str, tuple[str, str]], folder: Path) -> Path:
    for function, (access, secret) in users.items():
        (folder / function).mkdir(parents=True)
        (folder / function / "AWS_ACCESS_KEY_ID").write_text(access)
        (folder / function / "AWS_SECRET_ACCESS_KEY").write_text(f"{secret}\n")
    return folder


def _environment(settings: Settings) -> dict[str, str]:
    access, secret = admin_of(settings)
    endpoint = settings.AWS_ENDPOINT_URL_S3 or ""
    return {"AWS_ENDPOINT_URL_S3": endpoint, "AWS_ACCESS_KEY_ID": access, "AWS_SECRET_ACCESS_KEY": secret}


def is_permitted(call: Callable[[], object]) -> bool:
    """Return whether the storage permits the call. Errors other than AccessDenied are raised."""
    try:
        call()
    except ObjectMissing:
        return True
    except Unavailable as exc:
        if exc.cause != "AccessDenied":
            raise
        return False
    return True


@pytest.mark.parametrize("function", STORAGE_TARGETS)
@pytest.mark.parametrize("prefix", PREFIXES)
def test_function_has_exactly_its_permissions(
    installation: tuple[Settings, dict[str, tuple[str, str]]], function: str, prefix: str
) -> None:
    settings, users = installation
    name = settings.CSV_BUCKET if prefix == "csv/" else settings.JOBS_BUCKET
    existing, new = f"{prefix}{function}-existing", f"{prefix}{function}-new"
    permitted = {}
    with bucket_of(settings, name) as admin, bucket_of(settings, name, keys=users[function]) as user:
        admin.put(existing, b"1")
        for permission, calls in CALLS.items():
            permitted[permission] = {is_permitted(lambda call=call: call(user, existing, new)) for call in calls}  # type: ignore[misc]
    expected = PERMISSIONS[function].get(prefix, "").split()
    assert permitted == {permission: {permission in expected} for permission in CALLS}


@pytest.mark.parametrize("function", STORAGE_TARGETS)
def test_function_cannot_change_or_list_whole_buckets(
    installation: tuple[Settings, dict[str, tuple[str, str]]], function: str
) -> None:
    settings, users = installation
    name = settings.JOBS_BUCKET
    with bucket_of(settings, name, keys=users[function]) as jobs, boto3_client(settings, users[function]) as s3:
        jobs.ping()
        for call in (
            lambda: s3.list_objects_v2(Bucket=name),
            lambda: s3.list_objects_v2(Bucket=settings.CSV_BUCKET),
            lambda: s3.list_multipart_uploads(Bucket=name),
            lambda: s3.create_bucket(Bucket="another"),
            lambda: s3.delete_bucket(Bucket=name),
            lambda: s3.put_bucket_policy(Bucket=name, Policy="{}"),
            lambda: s3.delete_bucket_lifecycle(Bucket=settings.CSV_BUCKET),
        ):
            with pytest.raises(s3.exceptions.ClientError, match="AccessDenied"):
                call()  # type: ignore[no-untyped-call] # the return types differ
