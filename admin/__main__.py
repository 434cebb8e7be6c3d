"""`python -m admin buckets` and other commands: what people do to an installation, not requests."""

import argparse
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from admin.api import Api
from admin.forget import Forgotten, forget
from admin.furnishing import furnish, say
from admin.nightly import ended, nightly
from admin.relisting import relist
from admin.smoke import Services, smoke
from shared.config.settings import read, strip_environment
from shared.days import time_zones
from shared.errors import SettingsError, Unavailable
from shared.storage.bucket import Bucket, client

_AWAY = {"EndpointConnectionError", "ConnectTimeoutError", "ReadTimeoutError", "ConnectionClosedError", "SSLError"}
_REFUSED = {"InvalidAccessKeyId", "SignatureDoesNotMatch", "AccessDenied"}

Command = Callable[[argparse.Namespace, Mapping[str, str]], None]


def main(arguments: Sequence[str], environ: Mapping[str, str]) -> int:
    """Do what is asked; 1 with one line that names what is wrong, when it can't be done."""
    asked = _arguments(arguments)
    run: Command = asked.run
    given = {name: text.strip() for name, text in environ.items()}
    try:
        run(asked, given)
    except SettingsError as exc:
        print(exc, file=sys.stderr)
    except Unavailable as exc:
        print(_told(exc), file=sys.stderr)
    else:
        return 0
    return 1


def _arguments(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m admin", description="Settings and keys: docs/storage.md.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    made = commands.add_parser("buckets", help="make what is missing")
    made.add_argument("--minio", action="store_true", help="users and policies on MinIO")
    made.add_argument("--identities", type=Path, metavar="FILE", help="users and policies in a file for SeaweedFS")
    made.add_argument("--policies", type=Path, metavar="FOLDER", help="a policy document for each function")
    made.add_argument("--keys", type=Path, metavar="FOLDER", help="FUNCTION/AWS_ACCESS_KEY_ID and the like")
    made.set_defaults(run=_buckets)

    gone = commands.add_parser("forget", help="delete all jobs of a device, of some dates, or both, through the API")
    gone.add_argument("--url", default="http://127.0.0.1:8080", help="where the API is (default: that of `make up`)")
    gone.add_argument("--device", metavar="ID", help="the jobs of this device")
    gone.add_argument("--every-device", action="store_true", help="with --device: also jobs over every device")
    gone.add_argument("--from", dest="first", type=date.fromisoformat, metavar="DATE", help="of this date and later")
    gone.add_argument("--to", dest="last", type=date.fromisoformat, metavar="DATE", help="of this date and earlier")
    gone.add_argument("--count", action="store_true", help="only say how many they are")
    gone.set_defaults(run=_forget)

    shown = commands.add_parser("relist", help="list every job that has a record: after x/ or t/ was lost")
    shown.set_defaults(run=_relist)

    tried = commands.add_parser("smoke", help="one job through every function; nothing of it stays")
    where = tried.add_mutually_exclusive_group(required=True)
    where.add_argument("--namespace", metavar="NAME", help="of the installation, from within its cluster")
    where.add_argument("--url", help="one address of all functions")
    yesterday = datetime.now(UTC).date() - timedelta(days=1)
    tried.add_argument("--date", type=date.fromisoformat, default=yesterday, help="default: yesterday")
    tried.add_argument("--device", default="", metavar="ID", help="default: every device")
    tried.set_defaults(run=_smoke)

    each = commands.add_parser("nightly", help="submit the days that have ended, each one once")
    at = each.add_mutually_exclusive_group(required=True)
    at.add_argument("--namespace", metavar="NAME", help="of the installation, from within its cluster")
    at.add_argument("--url", help="where the API is")
    each.add_argument("--days", type=int, default=1, metavar="N", help="that many, up to yesterday (default: 1)")
    each.add_argument("--device", action="append", metavar="ID", help="a job for each of these (default: for all)")
    each.set_defaults(run=_nightly)

    found = parser.parse_args(arguments)
    if found.run is _nightly and found.days < 1:
        parser.error("--days: 1 or more is expected")
    if found.run is _buckets and (found.minio or found.identities) and not found.keys:
        parser.error("--minio and --identities need --keys")
    if found.run is _forget and not (found.device or found.first or found.last):
        parser.error("one of --device, --from and --to is needed")
    return found


def _buckets(asked: argparse.Namespace, environ: Mapping[str, str]) -> None:
    furnish(asked, read(environ, "admin"))


def _api(environ: Mapping[str, str], name: str = "API") -> Api:
    return Api(environ.get("API_KEYS", ""), name)


def _forget(asked: argparse.Namespace, environ: Mapping[str, str]) -> None:
    url, wanted = asked.url.rstrip("/"), Forgotten(asked.device, asked.first, asked.last, asked.every_device)
    found = forget(_api(environ), url, wanted, lambda job_id: say(job_id, "deleted"), only_count=asked.count)
    say("jobs", f"{found.deleted} {'would be' if asked.count else 'were'} deleted")
    if asked.device and found.left:
        say("jobs over every device", f"{found.left} stay, and may hold fixes of {asked.device} (--every-device)")


def _relist(_: argparse.Namespace, environ: Mapping[str, str]) -> None:
    settings = read(environ, "admin")
    count = relist(Bucket(client(settings), settings.JOBS_BUCKET))
    say("jobs", f"{count} have a marker; a sweep takes in 10,000 a minute")


def _smoke(asked: argparse.Namespace, environ: Mapping[str, str]) -> None:
    services = Services.at(asked.url.rstrip("/")) if asked.url else Services.of_namespace(asked.namespace)
    smoke(_api(environ, "the functions"), services, asked.date, asked.device, say)


def _nightly(asked: argparse.Namespace, environ: Mapping[str, str]) -> None:
    zone = environ.get("DAY_TIMEZONE") or "UTC"  # yesterday is the jobs' own
    if zone not in time_zones():
        raise SettingsError("DAY_TIMEZONE: an IANA name is expected")
    url = asked.url.rstrip("/") if asked.url else Services.of_namespace(asked.namespace).submit
    nightly(_api(environ), url, ended(datetime.now(UTC), zone, asked.days), asked.device or [""], say)


def _told(failed: Unavailable) -> str:
    if failed.dependency == "API":
        return f"--url: the API does not do it ({failed.cause})"
    if failed.cause in _AWAY:
        return f"AWS_ENDPOINT_URL_S3: no storage answers there ({failed.cause})"
    if failed.cause in _REFUSED:
        return f"AWS_ACCESS_KEY_ID: the storage refuses the admin's keys ({failed.cause})"
    return str(failed)


if __name__ == "__main__":
    strip_environment()
    sys.exit(main(sys.argv[1:], os.environ))
