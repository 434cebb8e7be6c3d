"""Key files, identities and policies of `python -m admin buckets`."""

import json
from pathlib import Path
from typing import Any

import pytest

from admin import identities
from admin.__main__ import main
from admin.iam_policies import function_permissions, iam_policy
from admin.keys import KeyPair, read_key_files
from shared.errors import SettingsError

PERMISSIONS = function_permissions("jobs-bucket", "csv-bucket")
USERS = {function: KeyPair(function, f"secret-{function}") for function in PERMISSIONS}
ADMIN = KeyPair("admin-key", "admin-secret")
ENVIRON = {
    "AWS_ENDPOINT_URL_S3": "http://127.0.0.1:1",
    "AWS_ACCESS_KEY_ID": ADMIN.access,
    "AWS_SECRET_ACCESS_KEY": ADMIN.secret,
}


def test_only_calculate_and_status_may_delete_csvs_and_only_calculate_records() -> None:
    may_delete = {
        (function, prefix)
        for function, permissions in PERMISSIONS.items()
        for prefix in permissions
        if _deletes(permissions[prefix])
    }
    assert {function for function, prefix in may_delete if prefix.startswith("csv-bucket")} == {"calculate", "status"}
    assert {function for function, prefix in may_delete if prefix == "jobs-bucket/jobs/"} == {"calculate"}


def _deletes(actions: Any) -> bool:
    return "s3:DeleteObject" in actions


def test_a_policy_is_limited_to_its_prefixes() -> None:
    assert iam_policy({"jobs/t/": ["s3:GetObject", "s3:ListBucket"]}) == {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Action": ["s3:GetObject"], "Resource": ["arn:aws:s3:::jobs/t/*"]},
            {
                "Effect": "Allow",
                "Action": ["s3:ListBucket"],
                "Resource": ["arn:aws:s3:::jobs"],
                "Condition": {"StringLike": {"s3:prefix": ["t/*"]}},
            },
        ],
    }


def write_key_files(folder: Path, **changed: str | None) -> Path:
    """Write a folder of key files; a function changed to None has no secret."""
    for function in PERMISSIONS:
        (folder / function).mkdir(parents=True)
        (folder / function / "AWS_ACCESS_KEY_ID").write_text(f"{changed.get(function) or function}\n")
        if changed.get(function, "") is not None:
            (folder / function / "AWS_SECRET_ACCESS_KEY").write_text(f"secret-{function}\n")
    return folder


def test_keys_are_read_from_one_folder_per_function(tmp_path: Path) -> None:
    assert read_key_files(write_key_files(tmp_path), PERMISSIONS) == USERS


def test_missing_empty_or_shared_keys_are_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"list/AWS_SECRET_ACCESS_KEY: this file cannot be read$"):
        read_key_files(write_key_files(tmp_path / "missing", list=None), PERMISSIONS)
    with pytest.raises(SettingsError, match=r": two functions have the same AWS_ACCESS_KEY_ID$"):
        read_key_files(write_key_files(tmp_path / "shared", list="status"), PERMISSIONS)
    (write_key_files(tmp_path / "empty") / "status" / "AWS_ACCESS_KEY_ID").write_text(" \n")
    with pytest.raises(SettingsError, match=r"status/AWS_ACCESS_KEY_ID: this file is empty$"):
        read_key_files(tmp_path / "empty", PERMISSIONS)


def test_updating_identities_adds_functions_and_admin_and_keeps_the_others(tmp_path: Path) -> None:
    path = tmp_path / "s3.json"
    path.write_text(json.dumps({"identities": [{"name": "backup", "actions": ["Read"]}], "accounts": [1]}))

    assert identities.update_file(path, PERMISSIONS, USERS, ADMIN)
    assert not identities.update_file(path, PERMISSIONS, USERS, ADMIN)

    content = json.loads(path.read_text())
    assert content["accounts"] == [1]
    assert {item["name"] for item in content["identities"]} == {
        "backup",
        "admin",
        *(f"otel-worker-{name}" for name in USERS),
    }
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_new_secret_replaces_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "s3.json"
    identities.update_file(path, PERMISSIONS, USERS, ADMIN)
    assert identities.update_file(path, PERMISSIONS, {**USERS, "list": KeyPair("list", "rotated")}, ADMIN)
    assert "rotated" in path.read_text()
    assert "secret-list" not in path.read_text()


@pytest.mark.parametrize("text", ["{", "[]", '{"identities": 1}', '{"identities": [1]}', "\x00"])
def test_a_file_without_identities_is_not_changed(tmp_path: Path, text: str) -> None:
    path = tmp_path / "s3.json"
    path.write_text(text)
    with pytest.raises(SettingsError, match=r"s3.json: this is not a file of identities$"):
        identities.update_file(path, PERMISSIONS, USERS, ADMIN)
    assert path.read_text() == text


def test_policy_documents_are_written_to_a_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["buckets", "--policies", str(tmp_path / "new")], {**ENVIRON, "JOBS_BUCKET": "x"}) == 1
    assert main(["buckets", "--policies", str(tmp_path / "new")], {**ENVIRON, "JOBS_BUCKET": "jobs-bucket"}) == 1
    submit = json.loads((tmp_path / "new" / "submit.json").read_text())
    assert submit == iam_policy(function_permissions("jobs-bucket", "otel-worker-csv")["submit"])
    assert capsys.readouterr().err.splitlines() == [
        (
            "JOBS_BUCKET: expected a bucket name: 3 to 63 lower-case letters, digits, inner hyphens and "
            "single dots, no IP address"
        ),
        "AWS_ENDPOINT_URL_S3: object storage is unavailable (EndpointConnectionError)",
    ]


@pytest.mark.parametrize(
    ("arguments", "missing", "message"),
    [
        ([], "AWS_ACCESS_KEY_ID", "AWS_ACCESS_KEY_ID: this setting is missing"),
        (["--identities", "missing/s3.json"], "", "missing/s3.json: this file cannot be written"),
        (["--policies", "/dev/null/missing"], "", "/dev/null/missing: the policies cannot be written there"),
    ],
)
def test_failures_are_reported_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], missing: str, message: str
) -> None:
    environ = {name: text for name, text in ENVIRON.items() if name != missing}
    assert main(["buckets", *arguments, "--keys", str(write_key_files(tmp_path))], environ) == 1
    assert capsys.readouterr().err.splitlines() == [message]


def test_users_require_keys(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["buckets", "--minio"], ENVIRON)
    assert capsys.readouterr().err.endswith("--minio and --identities need --keys\n")
