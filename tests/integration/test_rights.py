"""Each function's user may do all that the function does, and nothing else, on both servers that have users."""

import secrets
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from admin.__main__ import main
from local import object_storage
from local.options import TARGETS
from shared.config.settings import Settings
from shared.errors import Unavailable
from shared.storage.bucket import Bucket, ObjectMissing
from tests.integration.storage_servers import admin_of, bucket_of, running

# What a function does at a place; "missing" is to be told that an object isn't there.
_CHANGES = "read missing write list delete"
DOES = {
    "submit": {"jobs/": "read missing write list", "t/": _CHANGES},
    "calculate": {
        **dict.fromkeys(("jobs/", "t/", "x/", "d/"), _CHANGES),
        "csv/": f"{_CHANGES} abort",
    },
    "status": {
        "jobs/": "read missing write list",
        "t/": _CHANGES,
        "x/": "read missing list",
        "d/": "write",
        "csv/": "read missing list delete abort",
    },
    "list": dict.fromkeys(("jobs/", "t/", "x/"), "read missing list"),
}
PLACES = ("jobs/", "t/", "x/", "d/", "csv/", "else/")


def _uploaded(bucket: Bucket, key: str) -> None:
    upload = bucket.start_upload(key, "text/csv")
    bucket.complete_upload(key, upload, [bucket.upload_part(key, upload, 1, b"1")])


# Each on `there`, an object that is, and `new`, a key that isn't.
CALLS: dict[str, list[Callable[[Bucket, str, str], object]]] = {
    "read": [lambda b, there, new: b.get(there), lambda b, there, new: b.get_if_modified(there, '"another"')],
    "missing": [lambda b, there, new: b.get(new), lambda b, there, new: b.get_if_modified(new, '"another"')],
    "write": [
        lambda b, there, new: b.put(f"{new}1"),
        lambda b, there, new: b.create(f"{new}2", b"1"),
        lambda b, there, new: b.replace(f"{new}3", b"1", b.create(f"{new}3", b"0")),
        lambda b, there, new: _uploaded(b, f"{new}4"),
    ],
    "list": [
        lambda b, there, new: list(b.list_keys(there[:-1])),
        lambda b, there, new: b.list_page(there[:-1], after=there),
    ],
    "delete": [lambda b, there, new: b.delete(new), lambda b, there, new: b.delete_many([new, f"{new}1"])],
    "abort": [lambda b, there, new: b.abort_uploads(there)],
}


@pytest.fixture(scope="module", params=["SeaweedFS", "MinIO"])
def installation(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Settings, dict[str, tuple[str, str]]]]:
    """A server as `admin buckets` leaves it, and each function's keys."""
    folder = tmp_path_factory.mktemp(request.param)
    with running(request.param, folder) as settings:
        if request.param == "SeaweedFS":
            users = {function: _pair(object_storage.access_keys(folder, function)) for function in TARGETS}
        else:
            users = {function: (f"key-of-{function}", secrets.token_hex(10)) for function in TARGETS}
            command = ["buckets", "--minio", "--keys", str(_given(users, folder / "keys"))]
            assert main(command, _environment(settings)) == 0
        yield settings, users


def _pair(keys: dict[str, str]) -> tuple[str, str]:
    return keys["AWS_ACCESS_KEY_ID"], keys["AWS_SECRET_ACCESS_KEY"]


def _given(users: dict[str, tuple[str, str]], folder: Path) -> Path:
    for function, (access, secret) in users.items():
        (folder / function).mkdir(parents=True)
        (folder / function / "AWS_ACCESS_KEY_ID").write_text(access)
        (folder / function / "AWS_SECRET_ACCESS_KEY").write_text(f"{secret}\n")
    return folder


def _environment(settings: Settings) -> dict[str, str]:
    access, secret = admin_of(settings)
    endpoint = settings.AWS_ENDPOINT_URL_S3 or ""
    return {"AWS_ENDPOINT_URL_S3": endpoint, "AWS_ACCESS_KEY_ID": access, "AWS_SECRET_ACCESS_KEY": secret}


def done(call: Callable[[], object]) -> bool:
    """Whether the storage did it; anything but a refusal for want of a right is an error."""
    try:
        call()
    except ObjectMissing:
        return True
    except Unavailable as exc:
        if exc.cause != "AccessDenied":
            raise
        return False
    return True


@pytest.mark.parametrize("function", list(TARGETS))
@pytest.mark.parametrize("place", PLACES)
def test_a_function_may_do_what_it_does_and_no_more(
    installation: tuple[Settings, dict[str, tuple[str, str]]], function: str, place: str
) -> None:
    settings, users = installation
    name = settings.CSV_BUCKET if place == "csv/" else settings.JOBS_BUCKET
    there, new = f"{place}{function}-there", f"{place}{function}-new"
    may = {}
    with bucket_of(settings, name) as admin, bucket_of(settings, name, keys=users[function]) as user:
        admin.put(there, b"1")
        for deed, calls in CALLS.items():
            may[deed] = {done(lambda call=call: call(user, there, new)) for call in calls}  # type: ignore[misc]
    does = DOES[function].get(place, "").split()
    assert may == {deed: {deed in does} for deed in CALLS}


@pytest.mark.parametrize("function", list(TARGETS))
def test_a_function_has_no_say_over_whole_buckets(
    installation: tuple[Settings, dict[str, tuple[str, str]]], function: str
) -> None:
    settings, users = installation
    with bucket_of(settings, settings.JOBS_BUCKET, keys=users[function]) as jobs:
        jobs.ping()
        s3, name = jobs._s3, settings.JOBS_BUCKET
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
                call()  # type: ignore[no-untyped-call] # each answers in another type
