"""`buckets`: the buckets, and the users and policies of the functions; again changes nothing."""

import json
from argparse import Namespace
from collections.abc import Mapping
from pathlib import Path

from admin import buckets, identities, keys
from admin.minio_users import Users
from admin.rights import Rights, policy, rights
from shared.config.settings import Settings
from shared.errors import SettingsError
from shared.storage.bucket import client


def furnish(asked: Namespace, settings: Settings) -> None:
    """Make what `asked` names and what is missing, and say what was made; SettingsError or Unavailable."""
    granted = rights(settings.JOBS_BUCKET, settings.CSV_BUCKET)
    users = keys.read(asked.keys, granted) if asked.keys else {}
    admin = admin_keys(settings)
    if asked.policies:
        _write_policies(asked.policies, granted)
    if asked.identities:
        changed = identities.written(asked.identities, granted, users, _needed(admin))
        say(f"identities in {asked.identities}", "written" if changed else "as they were")
    s3 = client(settings)
    for bucket in (settings.JOBS_BUCKET, settings.CSV_BUCKET):
        say(f"bucket {bucket}", "made" if buckets.made(s3, bucket, settings.AWS_REGION) else "there already")
    say(f"unfinished uploads in {settings.CSV_BUCKET}", buckets.uploads_expire(s3, settings.CSV_BUCKET))
    if asked.minio:
        minio = Users(settings, _needed(admin))
        for function, place in granted.items():
            name = f"otel-worker-{function}"
            say(f"policy {name}", "written" if minio.policy(name, place) else "as it was")
            say(f"user of {function}", "written" if minio.user(users[function], name) else "as it was")


def admin_keys(settings: Settings) -> keys.Keys | None:
    """The settings' keys; None where boto3 finds others."""
    if settings.AWS_ACCESS_KEY_ID is None or settings.AWS_SECRET_ACCESS_KEY is None:
        return None
    return keys.Keys(settings.AWS_ACCESS_KEY_ID, settings.AWS_SECRET_ACCESS_KEY.get_secret_value())


def _needed(admin: keys.Keys | None) -> keys.Keys:
    if admin is None:
        raise SettingsError("AWS_ACCESS_KEY_ID: --minio and --identities need it, and AWS_SECRET_ACCESS_KEY")
    return admin


def _write_policies(folder: Path, granted: Mapping[str, Rights]) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for function, place in granted.items():
            (folder / f"{function}.json").write_text(json.dumps(policy(place), indent=1) + "\n", encoding="utf-8")
    except OSError as exc:
        raise SettingsError(f"{folder}: the policies cannot be written there") from exc
    say(f"policies in {folder}", ", ".join(f"{function}.json" for function in granted))


def say(subject: str, state: str) -> None:
    """One line on stdout."""
    print(f"{subject}: {state}")
