"""`python -m admin buckets`: the buckets, and the users and policies of the functions; again changes nothing."""

import argparse
import json
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from admin import buckets, identities, keys
from admin.minio_users import Users
from admin.rights import Rights, policy, rights
from shared.errors import SettingsError, Unavailable
from shared.settings import Settings, read
from shared.storage import client

_AWAY = {"EndpointConnectionError", "ConnectTimeoutError", "ReadTimeoutError", "ConnectionClosedError", "SSLError"}
_REFUSED = {"InvalidAccessKeyId", "SignatureDoesNotMatch", "AccessDenied"}


def main(arguments: Sequence[str], environ: Mapping[str, str]) -> int:
    """Do what is asked; 1 with one line that names what is wrong, when it can't be done."""
    asked = _arguments(arguments)
    try:
        settings = read(environ, "admin")
        _run(asked, settings, rights(settings.JOBS_BUCKET, settings.CSV_BUCKET))
    except SettingsError as exc:
        print(exc, file=sys.stderr)
    except Unavailable as exc:
        print(_told(exc), file=sys.stderr)
    else:
        return 0
    return 1


def _arguments(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m admin", description="Settings and keys: docs/storage.md.")
    made = parser.add_subparsers(required=True, metavar="COMMAND").add_parser("buckets", help="make what is missing")
    made.add_argument("--minio", action="store_true", help="users and policies on MinIO")
    made.add_argument("--identities", type=Path, metavar="FILE", help="users and policies in a file for SeaweedFS")
    made.add_argument("--policies", type=Path, metavar="FOLDER", help="a policy document for each function")
    made.add_argument("--keys", type=Path, metavar="FOLDER", help="FUNCTION/AWS_ACCESS_KEY_ID and the like")
    found = parser.parse_args(arguments)
    if (found.minio or found.identities) and not found.keys:
        parser.error("--minio and --identities need --keys")
    return found


def _run(asked: argparse.Namespace, settings: Settings, granted: Mapping[str, Rights]) -> None:
    users = keys.read(asked.keys, granted) if asked.keys else {}
    admin = _admin(settings)
    if asked.policies:
        _write_policies(asked.policies, granted)
    if asked.identities:
        changed = identities.written(asked.identities, granted, users, _needed(admin))
        _say(f"identities in {asked.identities}", "written" if changed else "as they were")
    s3 = client(settings, keys=(admin.access, admin.secret) if admin else None)
    for bucket in (settings.JOBS_BUCKET, settings.CSV_BUCKET):
        _say(f"bucket {bucket}", "made" if buckets.made(s3, bucket, settings.AWS_REGION) else "there already")
    _say(f"unfinished uploads in {settings.CSV_BUCKET}", buckets.uploads_expire(s3, settings.CSV_BUCKET))
    if asked.minio:
        minio = Users(settings, _needed(admin))
        for function, place in granted.items():
            name = f"otel-worker-{function}"
            _say(f"policy {name}", "written" if minio.policy(name, place) else "as it was")
            _say(f"user of {function}", "written" if minio.user(users[function], name) else "as it was")


def _admin(settings: Settings) -> keys.Keys | None:
    """The settings' keys; None leaves it to boto3 to find others."""
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
    _say(f"policies in {folder}", ", ".join(f"{function}.json" for function in granted))


def _told(failed: Unavailable) -> str:
    if failed.cause in _AWAY:
        return f"AWS_ENDPOINT_URL_S3: no storage answers there ({failed.cause})"
    if failed.cause in _REFUSED:
        return f"AWS_ACCESS_KEY_ID: the storage refuses the admin's keys ({failed.cause})"
    return str(failed)


def _say(subject: str, state: str) -> None:
    print(f"{subject}: {state}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))
