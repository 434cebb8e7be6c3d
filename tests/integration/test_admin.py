"""`python -m admin buckets` on new servers: results, output, idempotence and failures."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import urllib3

from admin.__main__ import main
from local.options import STORAGE_TARGETS
from shared.config.settings import Settings
from tests.integration.storage_servers import SERVERS, admin_of, boto3_client, bucket_of, running

USERS = {function: (f"key-of-{function}", f"secret-of-{function}") for function in STORAGE_TARGETS}


@pytest.fixture(scope="module", params=SERVERS)
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Settings]]:
    with running(request.param, tmp_path_factory.mktemp(request.param)) as settings:
        yield request.param, settings


def of(*names: str) -> pytest.MarkDecorator:
    """Run the test on these servers only."""
    return pytest.mark.parametrize("server", names, indirect=True)


def environment(settings: Settings, **changed: str) -> dict[str, str]:
    access, secret = admin_of(settings)
    endpoint = settings.AWS_ENDPOINT_URL_S3 or ""
    settings_of = {"AWS_ENDPOINT_URL_S3": endpoint, "AWS_ACCESS_KEY_ID": access, "AWS_SECRET_ACCESS_KEY": secret}
    return {**settings_of, **changed}


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    for function, (access, secret) in USERS.items():
        (tmp_path / function).mkdir()
        (tmp_path / function / "AWS_ACCESS_KEY_ID").write_text(access)
        (tmp_path / function / "AWS_SECRET_ACCESS_KEY").write_text(f"{secret}\n")
    return tmp_path


RULE = {
    "SeaweedFS": "aborted after a day by a new rule",
    "MinIO": "not aborted, object storage rejected the rule (InvalidArgument)",
    "moto": "aborted after a day by a new rule",
}
CORS = {
    "SeaweedFS": "allowed by a new rule",
    "MinIO": "as the server is configured, object storage rejected the rule (NotImplemented)",
    "moto": "allowed by a new rule",
}


def test_both_buckets_are_created_once(server: tuple[str, Settings], capsys: pytest.CaptureFixture[str]) -> None:
    name, settings = server
    environ = environment(settings, JOBS_BUCKET="new-jobs", CSV_BUCKET="new-csv", AWS_REGION="us-east-1")

    assert main(["buckets"], environ) == 0
    first = capsys.readouterr().out.splitlines()
    assert main(["buckets"], environ) == 0
    second = capsys.readouterr().out.splitlines()

    assert first == [
        "bucket new-jobs: created",
        "bucket new-csv: created",
        f"incomplete uploads in new-csv: {RULE[name]}",
        f"pages of other origins that read new-csv: {CORS[name]}",
    ]
    assert second[:2] == ["bucket new-jobs: exists", "bucket new-csv: exists"]
    unchanged = RULE[name].replace("after a day by a new rule", "by an existing rule")
    pages = CORS[name].replace("a new rule", "an existing rule")
    assert second[2:] == [
        f"incomplete uploads in new-csv: {unchanged}",
        f"pages of other origins that read new-csv: {pages}",
    ]
    with bucket_of(settings, "new-csv") as bucket:
        bucket.put("csv/a")


def test_a_page_of_another_origin_may_read_a_presigned_url(server: tuple[str, Settings]) -> None:
    _, settings = server
    assert main(["buckets"], environment(settings)) == 0

    with bucket_of(settings, settings.CSV_BUCKET) as bucket:
        bucket.put("csv/a", b"1")
        url, _ = bucket.presign("csv/a", "a.csv", 60)
    response = urllib3.request("GET", url, headers={"Origin": "https://page.example"}, retries=False)

    assert (response.status, response.data) == (200, b"1")
    assert response.headers["Access-Control-Allow-Origin"] in ("*", "https://page.example")


@of("SeaweedFS", "moto")
def test_existing_cors_rules_are_kept(server: tuple[str, Settings]) -> None:
    _, settings = server
    upload: Any = {"ID": "upload", "AllowedMethods": ["PUT"], "AllowedOrigins": ["https://upload.example"]}
    download: Any = {"ID": "download", "AllowedMethods": ["GET"], "AllowedOrigins": ["https://page.example"]}
    cases = [([upload], ["upload", "otel-worker-downloads"]), ([upload, download], ["upload", "download"])]
    with boto3_client(settings) as s3:
        for existing, expected in cases:
            s3.put_bucket_cors(Bucket=settings.CSV_BUCKET, CORSConfiguration={"CORSRules": existing})
            assert main(["buckets"], environment(settings)) == 0
            rules = s3.get_bucket_cors(Bucket=settings.CSV_BUCKET)["CORSRules"]
            assert [rule["ID"] for rule in rules] == expected
        s3.delete_bucket_cors(Bucket=settings.CSV_BUCKET)


@of("SeaweedFS", "moto")
def test_existing_lifecycle_rules_are_kept(server: tuple[str, Settings]) -> None:
    _, settings = server
    existing: Any = {"ID": "existing", "Status": "Enabled", "Filter": {"Prefix": "csv/"}, "Expiration": {"Days": 30}}
    with boto3_client(settings) as s3:
        s3.put_bucket_lifecycle_configuration(
            Bucket=settings.CSV_BUCKET,
            LifecycleConfiguration={"Rules": [existing]},
        )
        assert main(["buckets"], environment(settings)) == 0
        rules = s3.get_bucket_lifecycle_configuration(Bucket=settings.CSV_BUCKET)["Rules"]
    assert {rule["ID"] for rule in rules} == {"existing", "otel-worker-unfinished-uploads"}


@of("SeaweedFS", "moto")
def test_creating_users_fails_on_other_servers_than_minio(
    server: tuple[str, Settings], keys: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["buckets", "--minio", "--keys", str(keys)], environment(server[1])) == 1
    assert capsys.readouterr().err == "AWS_ENDPOINT_URL_S3: the server there is not MinIO\n"


@of("MinIO")
def test_minio_users_are_created_once_and_updated_with_new_keys(
    server: tuple[str, Settings], keys: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, settings = server
    command = ["buckets", "--minio", "--keys", str(keys)]
    outputs = []
    for _ in range(2):
        assert main(command, environment(settings)) == 0
        outputs.append(capsys.readouterr().out.splitlines()[4:])
    (keys / "list" / "AWS_SECRET_ACCESS_KEY").write_text("another-secret")
    assert main(command, environment(settings)) == 0
    outputs.append(capsys.readouterr().out.splitlines()[4:])

    subjects = [
        subject for function in STORAGE_TARGETS for subject in (f"policy otel-worker-{function}", f"user of {function}")
    ]
    assert sorted(outputs[0]) == sorted(f"{subject}: updated" for subject in subjects)
    assert sorted(outputs[1]) == sorted(f"{subject}: unchanged" for subject in subjects)
    assert set(outputs[2]) - set(outputs[1]) == {"user of list: updated"}
    with bucket_of(settings, settings.JOBS_BUCKET, keys=("key-of-list", "another-secret")) as jobs:
        jobs.ping()


@of("MinIO")
def test_keys_that_minio_rejects_are_reported_with_its_error_code(
    server: tuple[str, Settings], keys: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, settings = server
    (keys / "submit" / "AWS_ACCESS_KEY_ID").write_text("x")
    assert main(["buckets", "--minio", "--keys", str(keys)], environment(settings)) == 1
    assert capsys.readouterr().err == "storage: XMinioAdminInvalidAccessKey\n"


def test_the_identities_file_has_the_functions_and_the_administrator(
    server: tuple[str, Settings], keys: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, settings = server
    command = ["buckets", "--identities", str(tmp_path / "s3.json"), "--keys", str(keys)]
    for state in ("updated", "unchanged"):
        assert main(command, environment(settings)) == 0
        assert capsys.readouterr().out.splitlines()[0] == f"identities in {tmp_path / 's3.json'}: {state}"
    pairs = {
        pair["accessKey"]
        for item in json.loads((tmp_path / "s3.json").read_text())["identities"]
        for pair in item["credentials"]
    }
    assert pairs == {admin_of(settings)[0], *(access for access, _ in USERS.values())}


def test_no_secret_is_printed(
    server: tuple[str, Settings], keys: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, settings = server
    main(["buckets", "--minio", "--identities", str(tmp_path / "f"), "--keys", str(keys)], environment(settings))
    main(["buckets", "--minio", "--keys", str(keys)], environment(settings, AWS_SECRET_ACCESS_KEY="wrong-secret"))
    outputs = capsys.readouterr()
    secrets = [secret for _, secret in USERS.values()]
    assert not [
        secret for secret in (*secrets, admin_of(settings)[1], "wrong-secret") if secret in outputs.out + outputs.err
    ]


@of("SeaweedFS", "MinIO")
def test_rejected_keys_are_reported_in_one_line(
    server: tuple[str, Settings], capsys: pytest.CaptureFixture[str]
) -> None:
    _, settings = server
    assert main(["buckets"], environment(settings, AWS_SECRET_ACCESS_KEY="wrong")) == 1
    refused = "AWS_ACCESS_KEY_ID: object storage rejected the administrator's keys (SignatureDoesNotMatch)\n"
    assert capsys.readouterr() == ("", refused)
