"""`python -m admin buckets` on fresh servers: what it makes, says, leaves alone and refuses."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from admin.__main__ import main
from local.options import TARGETS
from shared.config.settings import Settings
from tests.integration.storage_servers import SERVERS, admin_of, bucket_of, running

USERS = {function: (f"key-of-{function}", f"secret-of-{function}") for function in TARGETS}


@pytest.fixture(scope="module", params=SERVERS)
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Settings]]:
    with running(request.param, tmp_path_factory.mktemp(request.param)) as settings:
        yield request.param, settings


def of(*names: str) -> pytest.MarkDecorator:
    """Just these servers."""
    return pytest.mark.parametrize("server", names, indirect=True)


def environment(settings: Settings, **changed: str) -> dict[str, str]:
    access, secret = admin_of(settings)
    endpoint = settings.AWS_ENDPOINT_URL_S3 or ""
    given = {"AWS_ENDPOINT_URL_S3": endpoint, "AWS_ACCESS_KEY_ID": access, "AWS_SECRET_ACCESS_KEY": secret}
    return {**given, **changed}


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    for function, (access, secret) in USERS.items():
        (tmp_path / function).mkdir()
        (tmp_path / function / "AWS_ACCESS_KEY_ID").write_text(access)
        (tmp_path / function / "AWS_SECRET_ACCESS_KEY").write_text(f"{secret}\n")
    return tmp_path


RULE = {
    "SeaweedFS": "aborted after a day, by a new rule",
    "MinIO": "the storage takes no rule for them (InvalidArgument)",
    "moto": "aborted after a day, by a new rule",
}


def test_both_buckets_are_made_once(server: tuple[str, Settings], capsys: pytest.CaptureFixture[str]) -> None:
    name, settings = server
    environ = environment(settings, JOBS_BUCKET="new-jobs", CSV_BUCKET="new-csv", AWS_REGION="us-east-1")

    assert main(["buckets"], environ) == 0
    first = capsys.readouterr().out.splitlines()
    assert main(["buckets"], environ) == 0
    second = capsys.readouterr().out.splitlines()

    assert first == ["bucket new-jobs: made", "bucket new-csv: made", f"unfinished uploads in new-csv: {RULE[name]}"]
    assert second[:2] == ["bucket new-jobs: there already", "bucket new-csv: there already"]
    again = RULE[name].replace("after a day, by a new rule", "by a rule that is there already")
    assert second[2:] == [f"unfinished uploads in new-csv: {again}"]
    with bucket_of(settings, "new-csv") as bucket:
        bucket.put("csv/a")


@of("SeaweedFS", "moto")
def test_the_rules_that_a_bucket_has_stay(server: tuple[str, Settings]) -> None:
    _, settings = server
    theirs: Any = {"ID": "theirs", "Status": "Enabled", "Filter": {"Prefix": "csv/"}, "Expiration": {"Days": 30}}
    with bucket_of(settings, settings.CSV_BUCKET) as csvs:
        csvs._s3.put_bucket_lifecycle_configuration(
            Bucket=settings.CSV_BUCKET,
            LifecycleConfiguration={"Rules": [theirs]},
        )
        assert main(["buckets"], environment(settings)) == 0
        rules = csvs._s3.get_bucket_lifecycle_configuration(Bucket=settings.CSV_BUCKET)["Rules"]
    assert {rule["ID"] for rule in rules} == {"theirs", "otel-worker-unfinished-uploads"}


@of("SeaweedFS", "moto")
def test_users_are_not_made_on_what_is_no_minio(
    server: tuple[str, Settings], keys: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["buckets", "--minio", "--keys", str(keys)], environment(server[1])) == 1
    assert capsys.readouterr().err == "AWS_ENDPOINT_URL_S3: what answers there is no MinIO\n"


@of("MinIO")
def test_users_are_made_on_minio_once_and_follow_their_keys(
    server: tuple[str, Settings], keys: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, settings = server
    command = ["buckets", "--minio", "--keys", str(keys)]
    said = []
    for _ in range(2):
        assert main(command, environment(settings)) == 0
        said.append(capsys.readouterr().out.splitlines()[3:])
    (keys / "list" / "AWS_SECRET_ACCESS_KEY").write_text("another-secret")
    assert main(command, environment(settings)) == 0
    said.append(capsys.readouterr().out.splitlines()[3:])

    subjects = [
        subject for function in TARGETS for subject in (f"policy otel-worker-{function}", f"user of {function}")
    ]
    assert sorted(said[0]) == sorted(f"{subject}: written" for subject in subjects)
    assert sorted(said[1]) == sorted(f"{subject}: as it was" for subject in subjects)
    assert set(said[2]) - set(said[1]) == {"user of list: written"}
    with bucket_of(settings, settings.JOBS_BUCKET, keys=("key-of-list", "another-secret")) as jobs:
        jobs.ping()


@of("MinIO")
def test_keys_that_minio_does_not_take_are_told_by_its_code(
    server: tuple[str, Settings], keys: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, settings = server
    (keys / "submit" / "AWS_ACCESS_KEY_ID").write_text("x")
    assert main(["buckets", "--minio", "--keys", str(keys)], environment(settings)) == 1
    assert capsys.readouterr().err == "storage: XMinioAdminInvalidAccessKey\n"


def test_a_file_of_identities_lets_the_functions_in_at_the_servers_next_start(
    server: tuple[str, Settings], keys: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, settings = server
    command = ["buckets", "--identities", str(tmp_path / "s3.json"), "--keys", str(keys)]
    for state in ("written", "as they were"):
        assert main(command, environment(settings)) == 0
        assert capsys.readouterr().out.splitlines()[0] == f"identities in {tmp_path / 's3.json'}: {state}"
    pairs = {
        pair["accessKey"]
        for one in json.loads((tmp_path / "s3.json").read_text())["identities"]
        for pair in one["credentials"]
    }
    assert pairs == {admin_of(settings)[0], *(access for access, _ in USERS.values())}


def test_no_secret_is_ever_said(
    server: tuple[str, Settings], keys: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, settings = server
    main(["buckets", "--minio", "--identities", str(tmp_path / "f"), "--keys", str(keys)], environment(settings))
    main(["buckets", "--minio", "--keys", str(keys)], environment(settings, AWS_SECRET_ACCESS_KEY="wrong-secret"))
    said = capsys.readouterr()
    secrets = [secret for _, secret in USERS.values()]
    assert not [secret for secret in (*secrets, admin_of(settings)[1], "wrong-secret") if secret in said.out + said.err]


@of("SeaweedFS", "MinIO")
def test_refused_keys_are_told_in_one_line(server: tuple[str, Settings], capsys: pytest.CaptureFixture[str]) -> None:
    _, settings = server
    assert main(["buckets"], environment(settings, AWS_SECRET_ACCESS_KEY="wrong")) == 1
    refused = "AWS_ACCESS_KEY_ID: the storage refuses the admin's keys (SignatureDoesNotMatch)\n"
    assert capsys.readouterr() == ("", refused)
