"""A small PostgreSQL in the namespace, with the sample fixes and a role that may only read them."""

import csv
import io
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from local import sample_fixes
from tests.cluster.caller import restricted, restricted_pod
from tests.cluster.kubectl import Kubectl, Resource, until
from tools.manifests.rendering import find_kubectl

NAME = "postgres"
READER = "otel_worker"
_SCHEMA = Path(sample_fixes.__file__).with_name("schema.sql")
_START = """\
test -s "$PGDATA/PG_VERSION" || initdb --username=postgres --auth=trust --no-sync --locale=C --encoding=UTF8
echo 'local all all trust' > "$PGDATA/pg_hba.conf"
echo 'host owntracks otel_worker all scram-sha-256' >> "$PGDATA/pg_hba.conf"
exec postgres -c listen_addresses='*' -c unix_socket_directories=/tmp -c fsync=off
"""


def resources(image: str) -> list[Resource]:
    """A Deployment of one pod, whose data go with it, and its Service."""
    labels = {"app.kubernetes.io/name": NAME}
    probe = {"exec": {"command": ["pg_isready", "-h", "/tmp"]}, "periodSeconds": 2}
    container = {
        "name": NAME,
        "image": image,
        "command": ["/bin/sh", "-ec", _START],
        "env": [{"name": "PGDATA", "value": "/data/pg"}, {"name": "HOME", "value": "/tmp"}],
        "ports": [{"containerPort": 5432}],
        "readinessProbe": probe,
        "resources": {"requests": {"cpu": "100m", "memory": "128Mi"}},
        "securityContext": restricted(),
        "volumeMounts": [{"name": "data", "mountPath": "/data"}, {"name": "tmp", "mountPath": "/tmp"}],
    }
    spec = {
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": 5,
        "securityContext": restricted_pod(999),
        "containers": [container],
        "volumes": [{"name": "data", "emptyDir": {}}, {"name": "tmp", "emptyDir": {}}],
    }
    return [
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": NAME},
            "spec": {
                "replicas": 1,
                "strategy": {"type": "Recreate"},
                "selector": {"matchLabels": labels},
                "template": {"metadata": {"labels": labels}, "spec": spec},
            },
        },
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": NAME},
            "spec": {"selector": labels, "ports": [{"port": 5432}]},
        },
    ]


class Database:
    """The PostgreSQL of the namespace, by its own superuser."""

    def __init__(self, kubectl: Kubectl) -> None:
        self._kubectl = kubectl

    def filled(self, password: str) -> int:
        """How many fixes the table has; it is made, with the reader's role."""
        until("PostgreSQL ready", self._ready, 180)
        rows = io.StringIO()
        written = csv.writer(rows)
        count = 0
        for row in sample_fixes.rows():
            written.writerow(["" if value is None else value for value in row])
            count += 1
        role = f"CREATE ROLE {READER} LOGIN PASSWORD '{password}'; CREATE DATABASE owntracks;"
        self.runs(role, "postgres")
        copy = f"\\copy public.locations ({sample_fixes.COLUMNS}) FROM pstdin WITH (FORMAT csv)"
        self.runs(_SCHEMA.read_text(encoding="utf-8") + f"GRANT SELECT ON public.locations TO {READER};")
        self._psql("owntracks", "-c", copy, given=rows.getvalue())
        self.runs("ANALYZE public.locations;")
        return count

    def runs(self, sql: str, database: str = "owntracks") -> str:
        """What psql prints for some statements."""
        return self._psql(database, given=sql)

    def sessions(self) -> int:
        """How many sessions of the functions the server has."""
        return int(self.runs("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'otel-worker';"))

    def stop(self) -> None:
        """Take the server away; its data go too."""
        self._kubectl.run("scale", f"deployment/{NAME}", "--replicas=0")

    def start(self, password: str) -> None:
        """The server is back with its fixes."""
        self._kubectl.run("scale", f"deployment/{NAME}", "--replicas=1")
        self.filled(password)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Nobody reads a fix meanwhile: jobs that begin now wait, for 30 s at most."""
        command = [find_kubectl(), "--namespace", self._kubectl.namespace, "exec", "-i", f"deploy/{NAME}", "--"]
        command += ["psql", "-h", "/tmp", "-U", "postgres", "-d", "owntracks", "-qAt"]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as session:
            if session.stdin is None or session.stdout is None:
                raise AssertionError("both are pipes")
            session.stdin.write("BEGIN;\nLOCK TABLE public.locations IN ACCESS EXCLUSIVE MODE;\nSELECT 'locked';\n")
            session.stdin.flush()
            if session.stdout.readline().strip() != "locked":
                raise AssertionError("psql has not locked the table")
            try:
                yield
            finally:
                session.stdin.close()  # psql ends, and its transaction with it
                session.wait(30)

    def _ready(self) -> bool:
        found = self._kubectl.get("deployment", NAME) or {}
        return bool(found.get("status", {}).get("readyReplicas") == 1)

    def _psql(self, database: str, *words: str, given: str) -> str:
        options = ["-h", "/tmp", "-U", "postgres", "-d", database, "-qAt", "-v", "ON_ERROR_STOP=1"]
        return self._kubectl.execute(f"deploy/{NAME}", "psql", *options, *words, given=given)
