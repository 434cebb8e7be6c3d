"""A real S3 server (SeaweedFS from its wheel) on 127.0.0.1 alone: its identities with their rights, and the buckets."""

import contextlib
import json
import os
import sysconfig
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from local import credentials
from shared.settings import Settings

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

ADMIN = "admin"
SERVERS = ("master", "volume", "filer", "s3")
PORTS = tuple(name for server in SERVERS for name in (server, f"{server}.grpc"))

_READ, _WRITE, _DELETE = "s3:GetObject", "s3:PutObject", "s3:DeleteObject"
_LIST, _ABORT = "s3:ListBucket", "s3:AbortMultipartUpload"


def rights(jobs: str, csv: str) -> dict[str, list[tuple[list[str], str]]]:
    """What each function may do, as (actions, bucket/prefix); `jobs` and `csv` are the buckets' names."""
    return {
        "submit": [
            ([_READ, _WRITE], f"{jobs}/jobs/"),
            ([_READ, _WRITE, _DELETE, _LIST], f"{jobs}/t/"),
        ],
        "calculate": [
            ([_READ, _WRITE], f"{jobs}/jobs/"),
            ([_READ, _WRITE, _DELETE, _LIST], f"{jobs}/t/"),
            ([_READ, _WRITE, _DELETE, _LIST], f"{jobs}/x/"),
            ([_READ, _WRITE, _ABORT], f"{csv}/csv/"),
        ],
        "status": [
            ([_READ], f"{jobs}/jobs/"),
            ([_READ, _LIST], f"{jobs}/t/"),
            ([_READ], f"{csv}/csv/"),
        ],
        "list": [
            ([_READ, _LIST], f"{jobs}/t/"),
            ([_READ, _LIST], f"{jobs}/x/"),
        ],
    }


def keys(data_dir: Path, identity: str) -> dict[str, str]:
    """The credentials of `identity`, as the settings name them."""
    return {
        "AWS_ACCESS_KEY_ID": identity,
        "AWS_SECRET_ACCESS_KEY": credentials.secret(data_dir, f"s3-{identity}"),
    }


def prepare(data_dir: Path, jobs_bucket: str, csv_bucket: str) -> None:
    """The folder of the objects and the file of the identities, which follows the buckets' names."""
    _objects(data_dir).mkdir(mode=0o700, parents=True, exist_ok=True)
    functions = rights(jobs_bucket, csv_bucket)
    identities = [
        {"name": name, "credentials": [_key_pair(data_dir, name)], "policyNames": [name]} for name in functions
    ]
    admin = {"name": ADMIN, "credentials": [_key_pair(data_dir, ADMIN)], "actions": ["Admin"]}
    policies = [{"name": name, "content": json.dumps(_policy(granted))} for name, granted in functions.items()]
    unfinished = _identities(data_dir).with_suffix(".new")
    with os.fdopen(os.open(unfinished, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600), "w") as file:
        json.dump({"identities": [*identities, admin], "policies": policies}, file)
    unfinished.rename(_identities(data_dir))


def command(data_dir: Path, ports: Mapping[str, int]) -> list[str]:
    """What runs the server in the foreground, with a port of ours (`PORTS`) wherever it would open its own."""
    weed = Path(sysconfig.get_path("scripts")) / "weed"
    options = {
        "dir": _objects(data_dir),
        "ip": "127.0.0.1",
        "ip.bind": "127.0.0.1",
        "filer": "true",
        "s3": "true",
        "s3.config": _identities(data_dir),
        "s3.iam": "false",
        "s3.port.iceberg": 0,
        "s3.port.lance": 0,
        "filer.localSocket": _socket("filer", ports["filer"]),
        "s3.localSocket": _socket("s3", ports["s3"]),
        "volume.max": 200,  # every bucket takes several
        "volume.preStopSeconds": 0,
        "master.telemetry": "false",
        # Alone, it need not wait for others to answer an election: 2 s to a restart instead of 18.
        "master.electionTimeout": "400ms",
        "master.heartbeatInterval": "100ms",
    }
    for server in SERVERS:
        options |= {f"{server}.port": ports[server], f"{server}.port.grpc": ports[f"{server}.grpc"]}
    return [str(weed), "-logtostderr=true", "server", *(f"-{name}={value}" for name, value in options.items())]


def clear(ports: Mapping[str, int]) -> None:
    """Remove the sockets that the server leaves under /tmp, a place that it doesn't let us choose for all of them."""
    for server in SERVERS:
        for path in (_socket(server, ports[server]), Path(f"{_SOCKETS}{server}-grpc-{ports[f'{server}.grpc']}.sock")):
            path.unlink(missing_ok=True)


def furnished(settings: Settings, own: Mapping[str, str] | None = None) -> bool:
    """Whether the object storage of `settings` answers; both buckets are there then, made if they were missing.

    `own` has the keys of our own server's admin, else they are boto3's to find. An object is written to our own as
    well: a fresh server answers before it can take one.
    """
    with contextlib.closing(_client(settings, own)) as s3:
        return _furnish(s3, settings, probe=own is not None)


def _furnish(s3: "S3Client", settings: Settings, *, probe: bool) -> bool:
    try:
        for bucket in (settings.JOBS_BUCKET, settings.CSV_BUCKET):
            try:
                s3.head_bucket(Bucket=bucket)
            except ClientError as exc:
                if exc.response["ResponseMetadata"].get("HTTPStatusCode") != 404:
                    return False
                _make(s3, bucket, settings.AWS_REGION)
            if probe:
                s3.put_object(Bucket=bucket, Key="probe", Body=b"a volume takes it")
                s3.delete_object(Bucket=bucket, Key="probe")
    except (BotoCoreError, ClientError):
        return False
    return True


def _client(settings: Settings, own: Mapping[str, str] | None) -> "S3Client":
    given = own or {}
    session = boto3.session.Session(given.get("AWS_ACCESS_KEY_ID"), given.get("AWS_SECRET_ACCESS_KEY"))
    config = Config(
        signature_version="s3v4",
        s3={"addressing_style": "path"},
        connect_timeout=2,
        read_timeout=10,
        retries={"total_max_attempts": 1},
    )
    made: S3Client = session.client(
        "s3", region_name=settings.AWS_REGION, endpoint_url=settings.AWS_ENDPOINT_URL_S3, config=config
    )
    return made


def _make(s3: "S3Client", bucket: str, region: str) -> None:
    if region == "us-east-1":  # the one region that refuses its own name here
        s3.create_bucket(Bucket=bucket)
    else:
        place: Any = {"LocationConstraint": region}
        s3.create_bucket(Bucket=bucket, CreateBucketConfiguration=place)


_SOCKETS = "/tmp/seaweedfs-"  # noqa: S108 - the server's own choice


def _socket(server: str, port: int) -> Path:
    return Path(f"{_SOCKETS}{server}-{port}.sock")


def _objects(data_dir: Path) -> Path:
    return data_dir / "objects"


def _identities(data_dir: Path) -> Path:
    return credentials.kept(data_dir, f"s3-{ADMIN}").with_name("s3.json")


def _key_pair(data_dir: Path, identity: str) -> dict[str, str]:
    pair = keys(data_dir, identity)
    return {"accessKey": pair["AWS_ACCESS_KEY_ID"], "secretKey": pair["AWS_SECRET_ACCESS_KEY"]}


def _policy(granted: list[tuple[list[str], str]]) -> dict[str, object]:
    statements: list[dict[str, object]] = []
    for actions, place in granted:
        bucket, prefix = place.split("/", 1)
        on_objects = [action for action in actions if action != _LIST]
        statements.append({"Effect": "Allow", "Action": on_objects, "Resource": [f"arn:aws:s3:::{place}*"]})
        if _LIST in actions:
            only = {"StringLike": {"s3:prefix": [f"{prefix}*"]}}
            resource = [f"arn:aws:s3:::{bucket}"]
            statements.append({"Effect": "Allow", "Action": [_LIST], "Resource": resource, "Condition": only})
    return {"Version": "2012-10-17", "Statement": statements}
