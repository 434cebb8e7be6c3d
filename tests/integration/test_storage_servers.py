"""What we ask of object storage, asked of the servers that users run: SeaweedFS, and MinIO where its binary is."""

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import urllib3

from local import object_storage
from local.ports import chosen
from shared.errors import Unavailable
from shared.jobs import Jobs
from shared.models import Status
from shared.settings import Settings
from shared.storage import Bucket, ObjectChanged, ObjectMissing, client
from shared.uploads import Upload
from tests.builders import JOB_ID, record, result
from tests.integration.conftest import free_port

HTTP = urllib3.PoolManager(retries=False)


@pytest.fixture(scope="module", params=["seaweedfs", "minio"])
def settings(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """A server with both buckets, and a user who may do everything."""
    folder = tmp_path_factory.mktemp(request.param)
    environment = dict(os.environ)
    sockets: dict[str, int] = {}
    if request.param == "seaweedfs":
        object_storage.prepare(folder, "otel-worker-jobs", "otel-worker-csv")
        sockets = chosen(object_storage.PORTS, free_port())
        command, keys, port = (
            object_storage.command(folder, sockets),
            object_storage.keys(folder, "admin"),
            sockets["s3"],
        )
    else:
        program = shutil.which("minio")
        if program is None:
            pytest.skip("no minio on this machine (`go install github.com/minio/minio` builds it)")
        port = free_port()
        command = [program, "server", "--quiet", "--address", f"127.0.0.1:{port}", str(folder)]
        keys = {"AWS_ACCESS_KEY_ID": "minioadmin", "AWS_SECRET_ACCESS_KEY": "minioadmin"}
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(command, env=environment, stdout=log, stderr=log, process_group=0)
    os.environ.update(keys)
    try:
        found = Settings.model_validate({"AWS_ENDPOINT_URL_S3": f"http://127.0.0.1:{port}", **keys})
        deadline = time.monotonic() + 60
        while not object_storage.furnished(found, keys):
            assert server.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.2)
        yield found
    finally:
        for name in keys:
            del os.environ[name]
        server.kill()  # its folder goes with it: no need for the order of its own end
        server.wait()
        if sockets:
            object_storage.clear(sockets)


@pytest.fixture
def bucket(settings: Settings) -> Bucket:
    return Bucket(client(settings), settings.JOBS_BUCKET)


@pytest.fixture
def key(request: pytest.FixtureRequest) -> str:
    return f"{request.node.originalname}/a"


def test_of_twenty_creations_at_once_one_wins(bucket: Bucket, key: str) -> None:
    def create(number: int) -> bool:
        try:
            bucket.create(key, b"%d" % number)
        except ObjectChanged:
            return False
        return True

    with ThreadPoolExecutor(20) as pool:
        assert sum(pool.map(create, range(20))) == 1


def test_of_twenty_replacements_at_once_one_wins(bucket: Bucket, key: str) -> None:
    etag = bucket.create(key, b"0")

    def replace(number: int) -> bool:
        try:
            bucket.replace(key, b"%d" % number, etag)
        except ObjectChanged:
            return False
        return True

    with ThreadPoolExecutor(20) as pool:
        assert sum(pool.map(replace, range(1, 21))) == 1


def test_replacing_what_is_gone_is_refused(bucket: Bucket, key: str) -> None:
    etag = bucket.create(key, b"0")
    bucket.delete(key)
    with pytest.raises(ObjectChanged):
        bucket.replace(key, b"1", etag)
    with pytest.raises(ObjectMissing):
        bucket.get(key)


def test_keys_come_in_order_over_pages(bucket: Bucket) -> None:
    wanted = [f"many/{number:05d}~2026-01-25~a.b_c-d~" for number in range(1100)]
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(bucket.put, wanted))
    assert list(bucket.keys("many/")) == wanted


def test_a_key_is_seen_as_soon_as_it_was_put(bucket: Bucket, key: str) -> None:
    for number in range(20):
        bucket.put(f"{key}{number:02d}")
        assert len(list(bucket.keys(key))) == number + 1


@pytest.mark.parametrize("size", [0, 100, 20 << 20])
def test_an_upload_is_what_was_written_whole_or_nothing(bucket: Bucket, key: str, size: int) -> None:
    key, data = f"{key}{size}", os.urandom(size)
    with Upload(bucket, key, "text/csv") as upload:
        for at in range(0, size, 1 << 20):
            upload.write(data[at : at + (1 << 20)])
        with pytest.raises(ObjectMissing):
            bucket.get(key)
    assert bucket.get(key).body == data

    def failing() -> None:
        with Upload(bucket, f"{key}-failed", "text/csv") as broken:
            broken.write(data)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        failing()
    with pytest.raises(ObjectMissing):
        bucket.get(f"{key}-failed")


def test_a_presigned_url_downloads_the_csv_as_a_file(bucket: Bucket, key: str) -> None:
    bucket.put(key, b"a,b\n", "text/csv")
    url, _ = bucket.presigned(key, "distance_20260125.csv", 60)
    answer = HTTP.request("GET", url)
    assert (answer.status, answer.data) == (200, b"a,b\n")
    assert answer.headers["Content-Type"] == "text/csv"
    assert answer.headers["Content-Disposition"] == 'attachment; filename="distance_20260125.csv"'


def test_a_presigned_url_is_good_for_one_object_and_host_until_its_end(bucket: Bucket, key: str) -> None:
    bucket.put(key, b"1")
    bucket.put(f"{key}-other", b"2")
    url, _ = bucket.presigned(key, "a.csv", 1)
    assert HTTP.request("GET", url.replace("/a?", "/a-other?")).status == 403
    assert HTTP.request("GET", url.replace("127.0.0.1", "localhost")).status == 403
    assert HTTP.request("GET", url.split("?")[0]).status == 403
    deadline = time.monotonic() + 10
    while HTTP.request("GET", url).status != 403:
        assert time.monotonic() < deadline
        time.sleep(0.2)


def test_a_job_lives_its_life(settings: Settings, bucket: Bucket) -> None:
    jobs = Jobs(bucket)
    jobs.create(record())
    assert jobs.complete(jobs.claim(JOB_ID), result()) == jobs.get(JOB_ID)
    assert jobs.get(JOB_ID).status is Status.COMPLETED
    assert len(list(bucket.keys("t/"))) == 1


def test_a_bucket_that_is_missing_is_told(settings: Settings) -> None:
    with pytest.raises(Unavailable, match="NoSuchBucket"):
        Bucket(client(settings), "otel-worker-none").get("a")


def test_wrong_keys_are_told(settings: Settings) -> None:
    os.environ["AWS_SECRET_ACCESS_KEY"], kept = "wrong", os.environ["AWS_SECRET_ACCESS_KEY"]
    try:
        wrong = Bucket(client(settings), settings.JOBS_BUCKET)
    finally:
        os.environ["AWS_SECRET_ACCESS_KEY"] = kept
    with pytest.raises(Unavailable, match="SignatureDoesNotMatch"):
        wrong.get("a")


def test_a_server_that_is_away_is_told_without_its_address(settings: Settings) -> None:
    away = settings.model_copy(update={"AWS_ENDPOINT_URL_S3": f"http://127.0.0.1:{free_port()}"})
    with pytest.raises(Unavailable, match=r"^storage: EndpointConnectionError$"):
        Bucket(client(away), "jobs").get("a")
