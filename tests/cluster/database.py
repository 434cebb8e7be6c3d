"""A small PostgreSQL in the namespace, with the sample fixes and a read-only role."""

import csv
import io
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from local import sample_fixes
from tests.cluster.caller import container_security_context, pod_security_context
from tests.cluster.kubectl import Kubectl, Resource, wait_until
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
    """Return a Deployment of one pod without a persistent volume, and its Service."""
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
        "securityContext": container_security_context(),
        "volumeMounts": [{"name": "data", "mountPath": "/data"}, {"name": "tmp", "mountPath": "/tmp"}],
    }
    spec = {
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": 5,
        "securityContext": pod_security_context(999),
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
    """Client of the PostgreSQL in the namespace, with the rights of its superuser."""

    def __init__(self, kubectl: Kubectl) -> None:
        self._kubectl = kubectl

    def initialize(self, password: str) -> None:
        """Create the reader's role and the table with the sample fixes."""
        wait_until("PostgreSQL ready", self._is_ready, 180)
        rows = io.StringIO()
        writer = csv.writer(rows)
        for row in sample_fixes.rows():
            writer.writerow(["" if value is None else value for value in row])
        role = f"CREATE ROLE {READER} LOGIN PASSWORD '{password}'; CREATE DATABASE owntracks;"
        self.execute(role, "postgres")
        copy = f"\\copy public.locations ({sample_fixes.COLUMNS}) FROM pstdin WITH (FORMAT csv)"
        self.execute(_SCHEMA.read_text(encoding="utf-8") + f"GRANT SELECT ON public.locations TO {READER};")
        self._psql("owntracks", "-c", copy, stdin=rows.getvalue())
        self.execute("ANALYZE public.locations;")

    def execute(self, sql: str, database: str = "owntracks") -> str:
        """Execute statements and return what psql prints."""
        return self._psql(database, stdin=sql)

    def count_sessions(self) -> int:
        """Return the number of the functions' sessions."""
        return int(self.execute("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'otel-worker';"))

    def stop(self) -> None:
        """Stop the server, which deletes its data. While it shuts down, it serves sessions that are open."""
        self._kubectl.run("scale", f"deployment/{NAME}", "--replicas=0")
        self._kubectl.run("wait", "pod", "-l", f"app.kubernetes.io/name={NAME}", "--for=delete", "--timeout=60s")

    def start(self, password: str) -> None:
        """Start the server and initialize it."""
        self._kubectl.run("scale", f"deployment/{NAME}", "--replicas=1")
        self.initialize(password)

    @contextmanager
    def lock_table(self) -> Iterator[None]:
        """Lock the table. Jobs that start meanwhile wait for up to 30 s."""
        command = [find_kubectl(), "--namespace", self._kubectl.namespace, "exec", "-i", f"deploy/{NAME}", "--"]
        command += ["psql", "-h", "/tmp", "-U", "postgres", "-d", "owntracks", "-qAt"]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as session:
            if session.stdin is None or session.stdout is None:
                raise AssertionError("stdin and stdout are pipes")
            session.stdin.write("BEGIN;\nLOCK TABLE public.locations IN ACCESS EXCLUSIVE MODE;\nSELECT 'locked';\n")
            session.stdin.flush()
            if session.stdout.readline().strip() != "locked":
                raise AssertionError("psql did not lock the table")
            try:
                yield
            finally:
                session.stdin.close()  # ends psql and its transaction
                session.wait(30)

    def _is_ready(self) -> bool:
        deployment = self._kubectl.get("deployment", NAME) or {}
        return bool(deployment.get("status", {}).get("readyReplicas") == 1)

    def _psql(self, database: str, *arguments: str, stdin: str) -> str:
        options = ["-h", "/tmp", "-U", "postgres", "-d", database, "-qAt", "-v", "ON_ERROR_STOP=1"]
        return self._kubectl.execute(f"deploy/{NAME}", "psql", *options, *arguments, stdin=stdin)
