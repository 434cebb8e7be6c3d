"""What `python -m admin` reads, writes and refuses before it asks a server."""

import json
from pathlib import Path
from typing import Any

import pytest

from admin import identities, keys
from admin.__main__ import main
from admin.keys import Keys
from admin.rights import policy, rights
from shared.errors import SettingsError

GRANTED = rights("jobs-bucket", "csv-bucket")
USERS = {function: Keys(function, f"secret-{function}") for function in GRANTED}
ADMIN = Keys("admin-key", "admin-secret")
ENVIRON = {
    "AWS_ENDPOINT_URL_S3": "http://127.0.0.1:1",
    "AWS_ACCESS_KEY_ID": ADMIN.access,
    "AWS_SECRET_ACCESS_KEY": ADMIN.secret,
}


def test_only_who_deletes_jobs_may_delete_a_csv_and_only_calculate_a_record() -> None:
    deleting = {
        (function, place) for function, rights in GRANTED.items() for place in rights if _deletes(rights[place])
    }
    assert {function for function, place in deleting if place.startswith("csv-bucket")} == {"calculate", "status"}
    assert {function for function, place in deleting if place == "jobs-bucket/jobs/"} == {"calculate"}


def _deletes(actions: Any) -> bool:
    return "s3:DeleteObject" in actions


def test_a_policy_allows_objects_and_listings_of_just_its_prefixes() -> None:
    assert policy({"jobs/t/": ["s3:GetObject", "s3:ListBucket"]}) == {
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


def given(folder: Path, **changed: str | None) -> Path:
    """Files of keys as their owner gives them; `function` with None has no secret."""
    for function in GRANTED:
        (folder / function).mkdir(parents=True)
        (folder / function / "AWS_ACCESS_KEY_ID").write_text(f"{changed.get(function) or function}\n")
        if changed.get(function, "") is not None:
            (folder / function / "AWS_SECRET_ACCESS_KEY").write_text(f"secret-{function}\n")
    return folder


def test_keys_are_read_from_a_folder_for_each_function(tmp_path: Path) -> None:
    assert keys.read(given(tmp_path), GRANTED) == USERS


def test_keys_that_are_missing_empty_or_shared_are_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"list/AWS_SECRET_ACCESS_KEY: this file cannot be read$"):
        keys.read(given(tmp_path / "missing", list=None), GRANTED)
    with pytest.raises(SettingsError, match=r": two functions have the same AWS_ACCESS_KEY_ID$"):
        keys.read(given(tmp_path / "shared", list="status"), GRANTED)
    (given(tmp_path / "empty") / "status" / "AWS_ACCESS_KEY_ID").write_text(" \n")
    with pytest.raises(SettingsError, match=r"status/AWS_ACCESS_KEY_ID: this file is empty$"):
        keys.read(tmp_path / "empty", GRANTED)


def test_a_file_of_identities_gets_the_functions_and_an_admin_and_keeps_the_others(tmp_path: Path) -> None:
    path = tmp_path / "s3.json"
    path.write_text(json.dumps({"identities": [{"name": "backup", "actions": ["Read"]}], "accounts": [1]}))

    assert identities.written(path, GRANTED, USERS, ADMIN)
    assert not identities.written(path, GRANTED, USERS, ADMIN)

    found = json.loads(path.read_text())
    assert found["accounts"] == [1]
    assert {one["name"] for one in found["identities"]} == {
        "backup",
        "admin",
        *(f"otel-worker-{name}" for name in USERS),
    }
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_new_secret_takes_the_place_of_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "s3.json"
    identities.written(path, GRANTED, USERS, ADMIN)
    assert identities.written(path, GRANTED, {**USERS, "list": Keys("list", "rotated")}, ADMIN)
    assert "rotated" in path.read_text()
    assert "secret-list" not in path.read_text()


@pytest.mark.parametrize("text", ["{", "[]", '{"identities": 1}', '{"identities": [1]}', "\x00"])
def test_a_file_that_holds_no_identities_is_left_alone(tmp_path: Path, text: str) -> None:
    path = tmp_path / "s3.json"
    path.write_text(text)
    with pytest.raises(SettingsError, match=r"s3.json: this is no file of identities$"):
        identities.written(path, GRANTED, USERS, ADMIN)
    assert path.read_text() == text


def test_the_policies_are_written_for_who_enters_them_by_hand(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["buckets", "--policies", str(tmp_path / "new")], {**ENVIRON, "JOBS_BUCKET": "x"}) == 1
    assert main(["buckets", "--policies", str(tmp_path / "new")], {**ENVIRON, "JOBS_BUCKET": "jobs-bucket"}) == 1
    submit = json.loads((tmp_path / "new" / "submit.json").read_text())
    assert submit == policy(rights("jobs-bucket", "otel-worker-csv")["submit"])
    assert capsys.readouterr().err.splitlines() == [
        (
            "JOBS_BUCKET: a bucket name is expected: 3 to 63 lower-case letters, digits, inner hyphens and "
            "single dots, no address"
        ),
        "AWS_ENDPOINT_URL_S3: no storage answers there (EndpointConnectionError)",
    ]


@pytest.mark.parametrize(
    ("arguments", "missing", "told"),
    [
        ([], "AWS_ACCESS_KEY_ID", "AWS_ACCESS_KEY_ID: this setting is missing"),
        (["--identities", "there/s3.json"], "", "there/s3.json: this file cannot be written"),
        (["--policies", "/dev/null/there"], "", "/dev/null/there: the policies cannot be written there"),
    ],
)
def test_what_is_missing_is_told_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], missing: str, told: str
) -> None:
    environ = {name: text for name, text in ENVIRON.items() if name != missing}
    assert main(["buckets", *arguments, "--keys", str(given(tmp_path))], environ) == 1
    assert capsys.readouterr().err.splitlines() == [told]


def test_users_need_keys(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["buckets", "--minio"], ENVIRON)
    assert capsys.readouterr().err.endswith("--minio and --identities need --keys\n")
