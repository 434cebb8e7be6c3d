"""`python -m admin COMMAND`: administrative commands for an installation."""

import argparse
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from admin.api import ApiClient
from admin.delete_jobs import JobFilter, delete_jobs
from admin.nightly import NIGHTS, last_days, submit_days
from admin.provisioning import provision, report
from admin.rebuild_index import rebuild_index
from admin.smoke import Services, run_smoke_test
from shared.config.settings import read, strip_environment
from shared.days import time_zones
from shared.errors import SettingsError, Unavailable
from shared.storage.bucket import Bucket, client

_CONNECTION_ERRORS = {
    *("EndpointConnectionError", "ConnectTimeoutError", "ReadTimeoutError", "ConnectionClosedError", "SSLError"),
}
_AUTHENTICATION_ERRORS = {"InvalidAccessKeyId", "SignatureDoesNotMatch", "AccessDenied"}

Command = Callable[[argparse.Namespace, Mapping[str, str]], None]


def main(arguments: Sequence[str], environ: Mapping[str, str]) -> int:
    """Run a command; return 0, or 1 after one line on stderr with the cause."""
    parsed = _parse(arguments)
    run: Command = parsed.run
    try:
        run(parsed, {name: text.strip() for name, text in environ.items()})
    except SettingsError as exc:
        print(exc, file=sys.stderr)
    except Unavailable as exc:
        print(_message(exc), file=sys.stderr)
    else:
        return 0
    return 1


def make_parser() -> argparse.ArgumentParser:
    """Return the parser of all commands, from which docs/reference/cli.md is generated."""
    parser = argparse.ArgumentParser(prog="python -m admin", description="Administration of an installation.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    buckets = commands.add_parser("buckets", help="create missing buckets, users and policies")
    buckets.add_argument("--minio", action="store_true", help="create users and policies on MinIO")
    buckets.add_argument("--identities", type=Path, metavar="FILE", help="write users and policies for SeaweedFS")
    buckets.add_argument("--policies", type=Path, metavar="FOLDER", help="write a policy document for each function")
    buckets.add_argument("--keys", type=Path, metavar="FOLDER", help="FUNCTION/AWS_ACCESS_KEY_ID and the secret keys")
    buckets.set_defaults(run=_buckets)

    forget = commands.add_parser("forget", help="delete all jobs of a device, of a range of dates, or both")
    forget.add_argument("--url", default="http://127.0.0.1:8080", help="URL of the API (default: that of `make up`)")
    forget.add_argument("--device", metavar="ID", help="jobs of this device")
    forget.add_argument("--every-device", action="store_true", help="with --device: jobs over all devices too")
    forget.add_argument("--from", dest="first", type=date.fromisoformat, metavar="DATE", help="first date")
    forget.add_argument("--to", dest="last", type=date.fromisoformat, metavar="DATE", help="last date")
    forget.add_argument("--count", action="store_true", help="print the number of jobs and delete none")
    forget.set_defaults(run=_forget)

    relist = commands.add_parser("relist", help="rebuild the index from the job records, after x/ or t/ was lost")
    relist.set_defaults(run=_relist)

    smoke = commands.add_parser("smoke", help="run one job through every function, delete it, and load the page")
    location = smoke.add_mutually_exclusive_group(required=True)
    location.add_argument("--namespace", metavar="NAME", help="namespace of the installation, from within the cluster")
    location.add_argument("--url", help="URL of a gateway for all functions")
    yesterday = datetime.now(UTC).date() - timedelta(days=1)
    smoke.add_argument("--date", type=date.fromisoformat, default=yesterday, help="default: yesterday")
    smoke.add_argument("--device", default="", metavar="ID", help="default: all devices")
    smoke.set_defaults(run=_smoke)

    nightly = commands.add_parser(
        "nightly", help="submit the latest complete days; a run that is repeated on the same day adds no jobs"
    )
    location = nightly.add_mutually_exclusive_group(required=True)
    location.add_argument("--namespace", metavar="NAME", help="namespace of the installation, from within the cluster")
    location.add_argument("--url", help="URL of the API")
    nightly.add_argument(
        "--days",
        type=int,
        default=1,
        metavar="N",
        help=f"number of days until yesterday (default: 1); each is calculated on up to {NIGHTS} nights",
    )
    nightly.add_argument(
        "--device", action="append", metavar="ID", help="repeatable (default: one job for all devices)"
    )
    nightly.set_defaults(run=_nightly)
    return parser


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = make_parser()
    parsed = parser.parse_args(arguments)
    if parsed.run is _nightly and parsed.days < 1:
        parser.error("--days: 1 or more is expected")
    if parsed.run is _buckets and (parsed.minio or parsed.identities) and not parsed.keys:
        parser.error("--minio and --identities need --keys")
    if parsed.run is _forget and not (parsed.device or parsed.first or parsed.last):
        parser.error("one of --device, --from and --to is needed")
    return parsed


def _buckets(arguments: argparse.Namespace, environ: Mapping[str, str]) -> None:
    provision(arguments, read(environ, "admin"))


def _api(environ: Mapping[str, str], name: str = "API") -> ApiClient:
    return ApiClient(environ.get("API_KEYS", ""), name)


def _forget(arguments: argparse.Namespace, environ: Mapping[str, str]) -> None:
    job_filter = JobFilter(arguments.device, arguments.first, arguments.last, arguments.every_device)
    url, dry_run = arguments.url.rstrip("/"), arguments.count
    result = delete_jobs(_api(environ), url, job_filter, lambda job_id: report(job_id, "deleted"), dry_run=dry_run)
    report("jobs", f"{result.deleted} {'would be' if dry_run else 'were'} deleted")
    if arguments.device and result.remaining:
        reason = f"may contain fixes of {arguments.device}; --every-device deletes them"
        report("jobs over all devices", f"{result.remaining} remain and {reason}")


def _relist(_: argparse.Namespace, environ: Mapping[str, str]) -> None:
    settings = read(environ, "admin")
    count = rebuild_index(Bucket(client(settings), settings.JOBS_BUCKET))
    report("jobs", f"{count} have a marker; each sweep adds up to 10,000 of them to the index")


def _smoke(arguments: argparse.Namespace, environ: Mapping[str, str]) -> None:
    services = (
        Services.behind_gateway(arguments.url.rstrip("/"))
        if arguments.url
        else Services.in_namespace(arguments.namespace)
    )
    run_smoke_test(_api(environ, "the functions"), services, arguments.date, arguments.device, report)


def _nightly(arguments: argparse.Namespace, environ: Mapping[str, str]) -> None:
    zone = environ.get("DAY_TIMEZONE") or "UTC"
    if zone not in time_zones():
        raise SettingsError("DAY_TIMEZONE: an IANA name is expected")
    url = arguments.url.rstrip("/") if arguments.url else Services.in_namespace(arguments.namespace).submit
    days = last_days(datetime.now(UTC), zone, arguments.days)
    submit_days(_api(environ), url, days, arguments.device or [""], report)


def _message(error: Unavailable) -> str:
    if error.dependency == "API":
        return f"--url: the API request failed ({error.cause})"
    if error.cause in _CONNECTION_ERRORS:
        return f"AWS_ENDPOINT_URL_S3: object storage is unavailable ({error.cause})"
    if error.cause in _AUTHENTICATION_ERRORS:
        return f"AWS_ACCESS_KEY_ID: object storage rejected the administrator's keys ({error.cause})"
    return str(error)


if __name__ == "__main__":
    strip_environment()
    sys.exit(main(sys.argv[1:], os.environ))
