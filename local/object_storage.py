"""SeaweedFS from its wheel as S3 server on 127.0.0.1: command, identities with their policies, buckets."""

import contextlib
import os
import sysconfig
from collections.abc import Mapping
from pathlib import Path

from admin import identities
from admin.buckets import ensure_bucket
from admin.iam_policies import function_permissions
from admin.keys import KeyPair
from admin.s3 import admin_client
from local import credentials
from shared.config.settings import Settings
from shared.errors import Unavailable
from shared.storage.bucket import Bucket, client
from shared.storage.credentials import of_settings, static

ADMIN = "admin"
SERVERS = ("master", "volume", "filer", "s3")
PORTS = tuple(name for server in SERVERS for name in (server, f"{server}.grpc"))


def access_keys(data_dir: Path, identity: str) -> dict[str, str]:
    """Return the credentials of an identity, as settings."""
    return {
        "AWS_ACCESS_KEY_ID": identity,
        "AWS_SECRET_ACCESS_KEY": credentials.read_secret(data_dir, f"s3-{identity}"),
    }


def prepare(data_dir: Path, jobs_bucket: str, csv_bucket: str) -> None:
    """Create the folder of the objects, and write the identities with their policies for these buckets."""
    _objects(data_dir).mkdir(mode=0o700, parents=True, exist_ok=True)
    permissions = function_permissions(jobs_bucket, csv_bucket)
    users = {function: _key_pair(data_dir, function) for function in permissions}
    content = identities.configuration(permissions, users, _key_pair(data_dir, ADMIN))
    identities.write_file(_identities(data_dir), content)


def command(data_dir: Path, ports: Mapping[str, int]) -> list[str]:
    """Return the command of a server in the foreground; `ports` has a port for each of PORTS.

    The working directory must be `data_dir`: SeaweedFS splits paths at commas, so the command has relative paths.
    """
    weed = Path(sysconfig.get_path("scripts")) / "weed"
    options = {
        "dir": _objects(data_dir).relative_to(data_dir),
        "ip": "127.0.0.1",
        "ip.bind": "127.0.0.1",
        "filer": "true",
        "s3": "true",
        "s3.config": _identities(data_dir).relative_to(data_dir),
        "s3.iam": "false",
        "s3.port.iceberg": 0,
        "s3.port.lance": 0,
        "filer.localSocket": _socket("filer", ports["filer"]),
        "s3.localSocket": _socket("s3", ports["s3"]),
        "volume.max": 200,  # each bucket uses several
        "volume.preStopSeconds": 0,
        "master.telemetry": "false",
        # A single master need not wait for peers in its election: it is ready after 2 s instead of 18 s.
        "master.electionTimeout": "400ms",
        "master.heartbeatInterval": "100ms",
    }
    for server in SERVERS:
        options |= {f"{server}.port": ports[server], f"{server}.port.grpc": ports[f"{server}.grpc"]}
    return [str(weed), "-logtostderr=true", "server", *(f"-{name}={value}" for name, value in options.items())]


def environment() -> dict[str, str]:
    """Return the server's environment; HOME hides a configuration in the user's home directory."""
    return {"HOME": os.devnull}


def remove_sockets(ports: Mapping[str, int]) -> None:
    """Remove the sockets that the server leaves in /tmp; the path of some cannot be configured."""
    for server in SERVERS:
        for path in (_socket(server, ports[server]), Path(f"{_SOCKETS}{server}-grpc-{ports[f'{server}.grpc']}.sock")):
            path.unlink(missing_ok=True)


def create_buckets(settings: Settings, admin: Mapping[str, str] | None = None) -> str:
    """Create missing buckets; return "" on success, otherwise the cause of the failure.

    `admin` has the keys of the embedded server's administrator; without it, the settings or botocore have them. The
    embedded server also gets a test object, because it responds before it can store one.
    """
    keys = static(admin["AWS_ACCESS_KEY_ID"], admin["AWS_SECRET_ACCESS_KEY"]) if admin else of_settings(settings)
    try:
        with (
            contextlib.closing(admin_client(settings, keys, max_attempts=1)) as admin_s3,  # callers poll
            contextlib.closing(client(settings, keys)) as s3,
        ):
            for bucket in (settings.JOBS_BUCKET, settings.CSV_BUCKET):
                ensure_bucket(admin_s3, bucket, settings.AWS_REGION)
                if admin:
                    Bucket(s3, bucket).put("probe", b"test")
                    Bucket(s3, bucket).delete("probe")
    except Unavailable as exc:
        return exc.cause
    return ""


_SOCKETS = "/tmp/seaweedfs-"  # noqa: S108 - SeaweedFS's default


def _socket(server: str, port: int) -> Path:
    return Path(f"{_SOCKETS}{server}-{port}.sock")


def _objects(data_dir: Path) -> Path:
    return data_dir / "objects"


def _identities(data_dir: Path) -> Path:
    return credentials.secret_file(data_dir, f"s3-{ADMIN}").with_name("s3.json")


def _key_pair(data_dir: Path, identity: str) -> KeyPair:
    return KeyPair(*access_keys(data_dir, identity).values())
