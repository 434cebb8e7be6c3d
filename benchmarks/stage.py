"""What is measured on: the local stack in a folder of its own, days of fixes in its table, functions beside it."""

import contextlib
import http.client
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import psycopg

from local import object_storage, options, postgres, stack
from local.ports import find_free_port
from shared.config import settings

_ROOT = Path(__file__).resolve().parent.parent
_READY_WITHIN_SECONDS = 30
_DAYS = {1_450: date(2025, 3, 3), 10_000: date(2025, 3, 4), 1_000_000: date(2025, 3, 5), 5_000_000: date(2025, 3, 6)}

# Two devices in turns, now and then away from home, spread over the day.
_LOAD = """
INSERT INTO public.locations (device_id, tid, latitude, longitude, accuracy, altitude, velocity, battery,
                              battery_status, connection_type, trigger, "timestamp", created_at)
SELECT CASE WHEN n %% 2 = 0 THEN 'iphone_stuart' ELSE 'garmin' END, 'xx',
       40.736097 + 0.02 * sin(n / 5000.0) + 1e-5 * (n %% 97), -74.039373 + 0.02 * cos(n / 7000.0) + 1e-5 * (n %% 89),
       4 + n %% 60, 12, n %% 110, CASE WHEN n %% 33 = 0 THEN NULL ELSE n %% 101 END, 1, 'm', 't',
       at - interval '700 milliseconds', at
FROM (SELECT n, %(day)s::timestamptz + n * (interval '86399 seconds' / %(count)s::int) AS at
      FROM generate_series(0, %(count)s::int - 1) n) fixes
"""


@dataclass(frozen=True)
class Stage:
    """A running stack, and what the parts of the benchmark need of it."""

    running: stack.Stack
    folder: Path

    @property
    def superuser(self) -> str:
        """The URL of the database, for loading and for psql."""
        return postgres.url(self.folder, self.running.plan.ports["postgres"])

    def port(self, part: str) -> int:
        return self.running.plan.ports[part]

    def environment(self, target: str, bucket: str | None = None) -> dict[str, str]:
        """The settings that the stack gives `target`; with `bucket`, jobs are kept there, out of the stack's sight."""
        environment = self.running.plan.function_environment(target)
        if bucket is None:
            return environment
        environment |= {"JOBS_BUCKET": bucket, **object_storage.access_keys(self.folder, object_storage.ADMIN)}
        return environment

    def settings(self, target: str, bucket: str | None = None) -> settings.Settings:
        """The same, read; the buckets are there."""
        made = settings.read(self.environment(target, bucket), target)
        admin = object_storage.access_keys(self.folder, object_storage.ADMIN)
        os.environ.update(admin)  # where boto3 looks for the keys of clients in this process
        deadline = time.monotonic() + _READY_WITHIN_SECONDS
        while object_storage.create_buckets(made, admin):
            if time.monotonic() > deadline:
                raise TimeoutError("object storage")
            time.sleep(0.05)
        return made

    def day(self, count: int) -> date:
        """A day with `count` fixes of two devices, loaded at the first call and ready to be read."""
        day = _DAYS[count]
        start = datetime(day.year, day.month, day.day, tzinfo=UTC)
        with psycopg.connect(self.superuser, autocommit=True) as connection:
            within = {"start": start, "end": start + timedelta(days=1)}
            query = "SELECT count(*) FROM public.locations WHERE created_at >= %(start)s AND created_at < %(end)s"
            found = connection.execute(query, within).fetchone()
            if found != (count,):
                connection.execute(_LOAD, {"day": start, "count": count})
                connection.execute("VACUUM ANALYZE public.locations")
        return day


@contextlib.contextmanager
def running() -> Iterator[Stage]:
    """A stack on free ports with its own folder, for the time of the block; no setting of the caller's reaches it."""
    ours = (*settings.Settings.model_fields, "SUBSCRIBER")
    environ = {name: text for name, text in os.environ.items() if name not in ours and not name.startswith("AWS_")}
    with tempfile.TemporaryDirectory(prefix="otel-worker-bench-") as folder:
        read = options.read({**environ, "PORT": str(find_free_port()), "DATA_DIR": folder})
        with stack.run_stack(read) as started:
            yield Stage(started, Path(folder))


@dataclass(frozen=True)
class Served:
    """A function in a gunicorn of its own: its port, and the process that answers."""

    port: int
    worker: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def peak_mb(self) -> float:
        """The worker's peak memory (VmHWM) so far, in MB of 1,000,000 bytes."""
        status = Path(f"/proc/{self.worker}/status").read_text(encoding="ascii")
        found = re.search(r"VmHWM:\s+([0-9]+) kB", status)
        if found is None:
            raise ValueError("no VmHWM")
        return int(found[1]) * 1024 / 1e6


@contextlib.contextmanager
def served(environment: dict[str, str], target: str, source: str) -> Iterator[Served]:
    """The function `target` of the file `source`, served exactly as in the image."""
    function = {"FUNCTION_TARGET": target, "FUNCTION_SOURCE": source}
    with gunicorn(["-c", "gunicorn.conf.py", "functions_framework:create_app()"], environment | function) as started:
        yield started


@contextlib.contextmanager
def gunicorn(words: list[str], environment: Mapping[str, str]) -> Iterator[Served]:
    """A gunicorn on a free port, answering, for the time of the block."""
    port = find_free_port()
    inherited = {name: text for name, text in os.environ.items() if name in ("PATH", "HOME", "LANG")}
    bound = {"BIND_HOST": "127.0.0.1", "PORT": str(port), "PYTHONPATH": str(_ROOT), "LOG_LEVEL": "WARNING"}
    command = [sys.executable, "-m", "gunicorn", "-b", f"127.0.0.1:{port}", *words]
    master = subprocess.Popen(command, cwd=_ROOT, env={**inherited, **environment, **bound}, stdin=subprocess.DEVNULL)
    try:
        _until_answering(port, master)
        (worker,) = Path(f"/proc/{master.pid}/task/{master.pid}/children").read_text(encoding="ascii").split()
        yield Served(port, int(worker))
    finally:
        master.terminate()
        try:
            master.wait(10)
        finally:
            master.kill()
            master.wait()


def _until_answering(port: int, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + _READY_WITHIN_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        try:
            connection.request("GET", "/healthz")
            connection.getresponse().read()
        except OSError:
            time.sleep(0.05)
        else:
            return
        finally:
            connection.close()
    raise TimeoutError(f"no answer on port {port}")
