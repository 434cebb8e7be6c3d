"""A real S3 server (SeaweedFS from its wheel) on 127.0.0.1 alone: its identities with their rights, and the buckets."""

import contextlib
import os
import sysconfig
from collections.abc import Mapping
from pathlib import Path

from botocore.config import Config

from admin import buckets, identities
from admin.keys import Keys
from admin.rights import rights
from local import credentials
from shared.config.settings import Settings
from shared.errors import Unavailable
from shared.storage.bucket import Bucket, client
from shared.storage.client import CONFIG

ADMIN = "admin"
SERVERS = ("master", "volume", "filer", "s3")
PORTS = tuple(name for server in SERVERS for name in (server, f"{server}.grpc"))
_ONCE = CONFIG.merge(Config(retries={"total_max_attempts": 1}))  # who waits for a server asks again by itself


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
    users = {function: _pair(data_dir, function) for function in functions}
    identities.replace(_identities(data_dir), identities.document(functions, users, _pair(data_dir, ADMIN)))


def command(data_dir: Path, ports: Mapping[str, int]) -> list[str]:
    """What runs the server in the foreground, with a port of ours (`PORTS`) wherever it would open its own.

    It has to run in `data_dir`: paths are relative to it, for a comma in one would separate two folders.
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


def environment() -> dict[str, str]:
    """The server's own variables: it must not find the configuration of another one in the user's home directory."""
    return {"HOME": os.devnull}


def clear(ports: Mapping[str, int]) -> None:
    """Remove the sockets that the server leaves under /tmp, a place that it doesn't let us choose for all of them."""
    for server in SERVERS:
        for path in (_socket(server, ports[server]), Path(f"{_SOCKETS}{server}-grpc-{ports[f'{server}.grpc']}.sock")):
            path.unlink(missing_ok=True)


def furnished(settings: Settings, own: Mapping[str, str] | None = None) -> bool:
    """Whether `problem` finds none."""
    return not problem(settings, own)


def problem(settings: Settings, own: Mapping[str, str] | None = None) -> str:
    """Why the object storage of `settings` does not answer, or "": both buckets are there, made if they were missing.

    `own` has the keys of our own server's admin, else they are boto3's to find. An object is written to our own as
    well: a fresh server answers before it can take one.
    """
    pair = (own["AWS_ACCESS_KEY_ID"], own["AWS_SECRET_ACCESS_KEY"]) if own else None
    try:
        with contextlib.closing(client(settings, config=_ONCE, keys=pair)) as s3:
            for bucket in (settings.JOBS_BUCKET, settings.CSV_BUCKET):
                buckets.made(s3, bucket, settings.AWS_REGION)
                if own:
                    Bucket(s3, bucket).put("probe", b"a volume takes it")
                    Bucket(s3, bucket).delete("probe")
    except Unavailable as exc:
        return exc.cause
    return ""


_SOCKETS = "/tmp/seaweedfs-"  # noqa: S108 - the server's own choice


def _socket(server: str, port: int) -> Path:
    return Path(f"{_SOCKETS}{server}-{port}.sock")


def _objects(data_dir: Path) -> Path:
    return data_dir / "objects"


def _identities(data_dir: Path) -> Path:
    return credentials.kept(data_dir, f"s3-{ADMIN}").with_name("s3.json")


def _pair(data_dir: Path, identity: str) -> Keys:
    return Keys(*keys(data_dir, identity).values())
