"""`buckets`: create buckets, and users and policies for the functions; repeated runs change nothing."""

import json
from argparse import Namespace
from collections.abc import Mapping
from pathlib import Path

from admin import identities
from admin.buckets import ensure_bucket, ensure_cors, ensure_upload_expiry
from admin.iam_policies import Permissions, function_permissions, iam_policy
from admin.keys import KeyPair, read_key_files
from admin.minio_users import MinioUsers
from admin.s3 import admin_client
from shared.config.settings import Settings
from shared.errors import SettingsError
from shared.storage import credentials


def provision(arguments: Namespace, settings: Settings) -> None:
    """Create what is missing and report each item; raises SettingsError or Unavailable."""
    permissions = function_permissions(settings.JOBS_BUCKET, settings.CSV_BUCKET)
    users = read_key_files(arguments.keys, permissions) if arguments.keys else {}
    if arguments.policies:
        _write_policies(arguments.policies, permissions)
    if arguments.identities:
        changed = identities.update_file(arguments.identities, permissions, users, _admin_keys(settings))
        report(f"identities in {arguments.identities}", _state(changed=changed))
    s3 = admin_client(settings, credentials.of_settings(settings))
    for bucket in (settings.JOBS_BUCKET, settings.CSV_BUCKET):
        report(f"bucket {bucket}", "created" if ensure_bucket(s3, bucket, settings.AWS_REGION) else "exists")
    report(f"incomplete uploads in {settings.CSV_BUCKET}", ensure_upload_expiry(s3, settings.CSV_BUCKET))
    report(f"pages of other origins that read {settings.CSV_BUCKET}", ensure_cors(s3, settings.CSV_BUCKET))
    if arguments.minio:
        minio = MinioUsers(settings, _admin_keys(settings))
        for function, granted in permissions.items():
            name = f"otel-worker-{function}"
            report(f"policy {name}", _state(changed=minio.ensure_policy(name, granted)))
            report(f"user of {function}", _state(changed=minio.ensure_user(users[function], name)))


def _admin_keys(settings: Settings) -> KeyPair:
    if settings.AWS_ACCESS_KEY_ID is None or settings.AWS_SECRET_ACCESS_KEY is None:
        raise SettingsError("AWS_ACCESS_KEY_ID: --minio and --identities need it, and AWS_SECRET_ACCESS_KEY")
    return KeyPair(settings.AWS_ACCESS_KEY_ID, settings.AWS_SECRET_ACCESS_KEY.get_secret_value())


def _write_policies(folder: Path, permissions: Mapping[str, Permissions]) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for function, granted in permissions.items():
            (folder / f"{function}.json").write_text(json.dumps(iam_policy(granted), indent=1) + "\n", encoding="utf-8")
    except OSError as exc:
        raise SettingsError(f"{folder}: the policies cannot be written there") from exc
    report(f"policies in {folder}", ", ".join(f"{function}.json" for function in permissions))


def _state(*, changed: bool) -> str:
    return "updated" if changed else "unchanged"


def report(subject: str, state: str) -> None:
    """Print one line of progress."""
    print(f"{subject}: {state}")
